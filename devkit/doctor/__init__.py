"""Checks that find mistakes in the setup of deployments, in an account or in a template."""
