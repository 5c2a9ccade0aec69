"""Documentation and JSON Schema made from the code."""
