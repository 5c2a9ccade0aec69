"""Stores of plans and overrides, one module for each kind."""
