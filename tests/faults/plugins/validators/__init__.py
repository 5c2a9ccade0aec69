"""Validators that misbehave. Only the fault tests put this folder on the path of the hooks."""
