"""Comparison of JSON-like values, and the sentinel for a value that was not found."""

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
    """Check whether a value is a finite number; a boolean does not count."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return isinstance(value, int) or math.isfinite(value)


def equals(actual: Any, expected: Any) -> bool:
    """Compare deeply with JSON's types: numbers by value, a boolean is never a number, NaN equals nothing."""
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
    """Return the indexes of the first two equal elements, or None; takes time proportional to the list."""
    seen: dict[Any, int] = {}
    for index, value in enumerate(values):
        key = _hashable(value)
        if key in seen:
            return seen[key], index
        seen[key] = index
    return None


def _hashable(value: Any) -> Any:
    """Return a hashable key that is equal for two values exactly when `equals` holds."""
    if isinstance(value, dict):
        return "map", frozenset((key, _hashable(item)) for key, item in value.items())
    if isinstance(value, list):
        return ("list", *map(_hashable, value))
    if isinstance(value, float) and not math.isfinite(value):
        return object()
    return ("boolean", value) if isinstance(value, bool) else value


def to_fraction(number: Any) -> Any:
    """Convert a number to a fraction of its decimal digits.

    So 3.13 is within 0.01 of 3.14, which is not true of the binary numbers.
    """
    from fractions import Fraction  # takes 5 ms to import, and few plans need it

    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))
