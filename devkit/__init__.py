"""The `greenlight` command and the rehearsal; never part of a Lambda layer."""
