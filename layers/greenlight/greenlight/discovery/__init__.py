"""What is being deployed, found out from the deployment id alone."""
