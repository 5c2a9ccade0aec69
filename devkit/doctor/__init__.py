"""Rules that find what will go wrong in the next deployment, in an account or in a template."""
