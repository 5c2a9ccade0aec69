"""Campaign against the state machines of a gate: random failures, and the answer that CodeDeploy must get."""
