"""Subcommands of `greenlight`, one module each, with the functions `add_arguments` and `run`."""
