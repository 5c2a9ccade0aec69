"""Lambda handlers: one module for each hook, and the last resort."""
