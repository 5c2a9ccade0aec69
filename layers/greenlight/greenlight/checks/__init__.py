"""Validators, and how the checks of a plan are bound to them and run."""
