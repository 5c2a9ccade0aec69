"""Documentation and JSON Schema generated from the code."""
