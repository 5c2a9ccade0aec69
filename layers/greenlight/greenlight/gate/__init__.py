"""One gate, from the hook's event to the answer to CodeDeploy."""
