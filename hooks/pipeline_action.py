"""Action of CodePipeline: starts a gate, and passes on its verdict."""

from greenlight.machine.pipeline import handler

__all__ = ["handler"]
