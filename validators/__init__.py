"""Validators: one module each, named like its key in plans, found without registration.

Modules and packages whose names begin with an underscore are helpers that validators share.
"""
