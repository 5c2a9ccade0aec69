"""Steps Judge and Publish of the state machine: decide the verdict and publish its report."""

from greenlight.machine.conclude import handler

__all__ = ["handler"]
