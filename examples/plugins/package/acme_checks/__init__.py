"""Validators of ACME, one in each file."""
