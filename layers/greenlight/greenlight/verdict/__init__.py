"""The verdict of a gate: findings, overrides and the shadow; no I/O."""
