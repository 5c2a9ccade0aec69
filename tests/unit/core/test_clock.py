"""The system's clock waits for real and knows the date in UTC."""

from __future__ import annotations

import datetime
import time

import pytest

from greenlight.core.clock import SYSTEM_CLOCK


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_sleep_of_no_time_returns_at_once(seconds: float) -> None:
    began = time.monotonic()
    SYSTEM_CLOCK.sleep(seconds)

    assert time.monotonic() - began < 1.0


def test_sleep_moves_the_monotonic_time_forward() -> None:
    began = SYSTEM_CLOCK.monotonic()
    SYSTEM_CLOCK.sleep(0.02)

    assert SYSTEM_CLOCK.monotonic() - began >= 0.015


def test_date_is_in_utc() -> None:
    assert SYSTEM_CLOCK.now_utc().utcoffset() == datetime.timedelta(0)
