"""Plan files outside the engine: scaffolds, includes, remote copies, differences, IAM policies."""
