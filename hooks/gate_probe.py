"""Step Probe of the state machine: run the checks of one shard."""

from greenlight.machine.probe import handler

__all__ = ["handler"]
