"""The path of a value in a plan: its keys and list indexes from the root of the document."""

from __future__ import annotations


class KeyStep(str):
    """The last step of a path that means the key itself and not the value under it."""

    __slots__ = ()


PlanPath = tuple["str | int", ...]
