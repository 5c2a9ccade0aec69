"""Path of a value in a plan: keys and list indexes from the root of the document."""

from __future__ import annotations


class KeyStep(str):
    """The last step of a path that refers to the key itself and not to its value."""

    __slots__ = ()


PlanPath = tuple["str | int", ...]
