"""Validators as bad as they come; only the fault tests put this folder where the hooks look."""
