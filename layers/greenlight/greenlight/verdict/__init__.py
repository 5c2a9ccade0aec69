"""From findings to a verdict, with overrides and shadow; no I/O."""
