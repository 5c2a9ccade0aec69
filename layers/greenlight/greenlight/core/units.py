"""Durations and sizes as plans write them: a number and its unit, never a bare number."""

from __future__ import annotations

import re
from typing import Any, TypeVar

import msgspec

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
        """Read a duration.

        Raises:
            ValueError: It has no unit, is negative or is no duration at all.
        """
        if isinstance(value, Duration):
            return value
        match = _DURATION.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValueError(f"{_shown(value)} is no duration; write a number with its unit, such as 500ms, 5s or 10m")
        return cls(float(match[1]) * DURATION_UNITS[match[2]])

    def __str__(self) -> str:
        """Show it in the unit a person would choose."""
        if self < 1:
            return f"{self * 1000:g}ms"
        return f"{float(self):g}s" if self < 120 else f"{self / 60:g}m"


class Size(int):
    """A number of bytes, written `200B`, `64KiB`, `1MB`."""

    @classmethod
    def parse(cls, value: Any) -> Size:
        """Read a size.

        Raises:
            ValueError: It has no unit, is negative or is no size at all.
        """
        if isinstance(value, Size):
            return value
        match = _SIZE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            raise ValueError(f"{_shown(value)} is no size; write a number with its unit, such as 200B, 64KiB or 1MB")
        return cls(float(match[1]) * SIZE_UNITS[match[2]])


def field_default(value: T) -> T:
    """Give `value` as the default of a struct's field; the way for durations and sizes, also inside other structs.

    A schema shows plain defaults as JSON, and these have no JSON form of their own.
    """
    field: T = msgspec.field(default_factory=lambda: value)
    return field


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
