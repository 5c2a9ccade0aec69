"""First plans from existing traffic: requests from curl commands and access logs, expectations from responses."""
