"""Where a report goes once CodeDeploy has its answer; nothing here can change a verdict."""
