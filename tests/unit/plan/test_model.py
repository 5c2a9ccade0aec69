"""Checks: their worst case."""

from __future__ import annotations

from greenlight.core.units import Duration
from greenlight.plan.model import Check
from greenlight.plan.repeat import Repeat
from greenlight.plan.retry import Retry


def test_the_worst_case_counts_attempts_and_the_waits_between() -> None:
    check = Check(
        name="x", validator="http", params={}, timeout_s=5.0, retry=Retry(attempts=3, interval=Duration(1), backoff=2)
    )

    assert check.worst_case_s() == 18.0


def test_the_worst_case_counts_measurements_and_the_waits_between() -> None:
    check = Check(name="x", validator="http", params={}, timeout_s=5.0, repeat=Repeat(count=3, interval=Duration(10)))

    assert check.worst_case_s() == 35.0
