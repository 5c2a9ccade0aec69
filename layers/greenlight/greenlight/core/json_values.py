"""JSON-like values: what is the same, what is a number, how one is written. Pure."""

from __future__ import annotations

import math
from typing import Any


class Missing:
    """Type of `MISSING`."""

    def __repr__(self) -> str:
        """Return the text that evidence shows."""
        return "(nothing found)"


MISSING = Missing()
"""Sentinel for "the query matched nothing"; a null that was found is None."""


def is_number(value: Any) -> bool:
    """Tell whether a value is a number, and finite."""
    return (
        isinstance(value, (int, float))
        and not isinstance(value, bool)
        and (isinstance(value, int) or math.isfinite(value))
    )


def equals(actual: Any, expected: Any) -> bool:
    """Deep equality with JSON's types: numbers by value, a boolean is never a number, NaN equals nothing."""
    if isinstance(actual, bool) or isinstance(expected, bool):
        return isinstance(actual, bool) and isinstance(expected, bool) and actual is expected
    if isinstance(actual, (int, float)) and isinstance(expected, (int, float)):
        return actual == expected
    if isinstance(actual, dict) and isinstance(expected, dict):
        return actual.keys() == expected.keys() and all(equals(actual[key], expected[key]) for key in expected)
    if isinstance(actual, list) and isinstance(expected, list):
        return len(actual) == len(expected) and all(map(equals, actual, expected))
    return type(actual) is type(expected) and bool(actual == expected)


def first_duplicate(values: list[Any]) -> tuple[int, int] | None:
    """Give the places of the first two elements that are the same, or None; in time proportional to the list."""
    seen: dict[Any, int] = {}
    for index, value in enumerate(values):
        key = _frozen(value)
        if key in seen:
            return seen[key], index
        seen[key] = index
    return None


def _frozen(value: Any) -> Any:
    """Give something that can be looked up, and is equal where `same` says so."""
    if isinstance(value, dict):
        return "map", frozenset((key, _frozen(each)) for key, each in value.items())
    if isinstance(value, list):
        return ("list", *map(_frozen, value))
    if isinstance(value, float) and not math.isfinite(value):
        return object()
    return ("boolean", value) if isinstance(value, bool) else value


def to_fraction(number: Any) -> Any:
    """Give a number as a fraction, as it is written: 3.13 is within 0.01 of 3.14, though not so in binary."""
    from fractions import Fraction  # 5 ms, and few plans need it

    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))
