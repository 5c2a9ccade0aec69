"""Validators, and the binding and running of checks."""
