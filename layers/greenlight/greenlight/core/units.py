"""Durations and sizes in plans: a number with its unit, never a bare number."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from greenlight.core.display import truncate

if TYPE_CHECKING:
    from collections.abc import Mapping

T = TypeVar("T")

DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
"""Seconds of each unit."""
SIZE_UNITS = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
"""Bytes of each unit."""
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)(ms|s|m|h)", re.ASCII)
_SIZE = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,6})?)(B|KB|MB|GB|KiB|MiB|GiB)", re.ASCII)

DURATION_PATTERN = f"^{_DURATION.pattern}$"
SIZE_PATTERN = f"^{_SIZE.pattern}$"


class Duration(float):
    """A time span in seconds, written `500ms`, `5s`, `10m` or `1h`."""

    @classmethod
    def parse(cls, value: Any) -> Duration:
        """Parse a duration.

        Raises:
            ValueError: The value has no unit, is negative or is not a duration at all.
        """
        if isinstance(value, Duration):
            return value
        return cls(_parse_quantity(value, _DURATION, DURATION_UNITS, "duration", "500ms, 5s or 10m"))

    def __str__(self) -> str:
        """Return the duration in the unit that is easiest to read."""
        if self < 1:
            return f"{self * 1000:g}ms"
        return f"{float(self):g}s" if self < 120 else f"{self / 60:g}m"


class Size(int):
    """A number of bytes, written `200B`, `64KiB`, `1MB`."""

    @classmethod
    def parse(cls, value: Any) -> Size:
        """Parse a size.

        Raises:
            ValueError: The value has no unit, is negative or is not a size at all.
        """
        if isinstance(value, Size):
            return value
        return cls(_parse_quantity(value, _SIZE, SIZE_UNITS, "size", "200B, 64KiB or 1MB"))


def _parse_quantity(
    value: Any, pattern: re.Pattern[str], units: Mapping[str, float], noun: str, examples: str
) -> float:
    match = pattern.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        shown = truncate(repr(value), 60)
        raise ValueError(f"{shown} is not a valid {noun}; write a number with its unit, such as {examples}")
    return float(match[1]) * units[match[2]]


def struct_default(value: T) -> T:
    """Return a struct field whose default is `value`: use it for durations and sizes, also inside other structs.

    A JSON Schema shows plain defaults as JSON, and durations and sizes have no JSON form of their own.
    """
    field: T = msgspec.field(default_factory=lambda: value)
    return field
