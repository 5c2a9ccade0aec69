"""Where plans and overrides are kept, one module for each kind of store."""
