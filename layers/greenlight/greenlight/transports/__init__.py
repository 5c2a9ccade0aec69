"""How a gate is asked and how it answers; one file for each service that calls hooks."""
