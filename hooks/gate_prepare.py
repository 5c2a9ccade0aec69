"""Step Prepare of the state machine: find the deployment and its plan."""

from greenlight.machine.prepare import handler

__all__ = ["handler"]
