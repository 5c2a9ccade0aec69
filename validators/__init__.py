"""Validators: one file each, named like the key that plans use. A file put here is found by itself."""
