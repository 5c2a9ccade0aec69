"""Validators: each file is named like the key that plans use, and is found without registration.

Files and folders whose names begin with an underscore are not validators but helpers of the validators beside them.
"""
