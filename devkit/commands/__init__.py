"""What the `greenlight` command does, one file for each: `add_arguments` and `run`."""
