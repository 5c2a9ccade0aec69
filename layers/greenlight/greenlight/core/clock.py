"""Clock, which code that waits or needs the date takes as an argument, so that tests can pass another clock."""

from __future__ import annotations

import datetime
import time
from typing import Protocol


class Clock(Protocol):
    """Source of time."""

    def monotonic(self) -> float:
        """Return seconds since an arbitrary moment; they never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait; a number below zero is zero."""

    def now_utc(self) -> datetime.datetime:
        """Return the date and time in UTC."""


class SystemClock:
    """Clock of the operating system."""

    def monotonic(self) -> float:
        """Return `time.monotonic()`."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Block the calling thread; a number below zero is zero."""
        time.sleep(max(0.0, seconds))

    def now_utc(self) -> datetime.datetime:
        """Return the date and time in UTC."""
        return datetime.datetime.now(datetime.UTC)


SYSTEM_CLOCK = SystemClock()
"""Default wherever a clock is an argument."""
