"""A first plan from what a service does already: requests from curl lines and access logs, expectations from answers."""
