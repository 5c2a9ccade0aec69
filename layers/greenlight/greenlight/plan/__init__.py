"""The plan language: from a YAML text to typed, validated plans; no I/O."""
