"""Parser, usage examples and shared arguments of the command line."""
