"""The command line: its parser, usage examples and shared arguments."""
