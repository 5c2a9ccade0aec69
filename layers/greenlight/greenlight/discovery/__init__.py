"""From a deployment id to what is being deployed."""
