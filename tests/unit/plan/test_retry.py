"""`retry`: the waits between attempts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.field_types import MAX_S
from greenlight.core.units import Duration
from greenlight.plan.model import Check
from greenlight.plan.retry import Retry


def test_waits_grow_by_backoff() -> None:
    retry = Retry(attempts=4, interval=Duration(2), backoff=3)

    assert [retry.wait_s(attempt) for attempt in (1, 2, 3)] == [2.0, 6.0, 18.0]


@pytest.mark.parametrize(("interval", "wait"), [(1.0, MAX_S), (0.0, 0.0)])
def test_a_thousand_growing_waits_do_not_overflow(interval: float, wait: float) -> None:
    retry = Retry(attempts=1000, interval=Duration(interval), backoff=10)

    assert retry.wait_s(999) == wait
    assert Check(name="x", validator="http", params={}, retry=retry).worst_case_s() <= 1000 * (MAX_S + 10)


def test_max_interval_limits_backoff() -> None:
    retry = Retry(attempts=5, interval=Duration(1), backoff=2, max_interval=Duration(3))

    assert [retry.wait_s(attempt) for attempt in (1, 2, 3, 999)] == [1.0, 2.0, 3.0, 3.0]


@given(st.floats(0, 3600), st.floats(1, 10), st.floats(0, 1), st.floats(0, 1), st.integers(1, 1000), st.floats(0, 3600))
def test_jitter_only_shortens_a_wait(
    interval_s: float, backoff: float, jitter: float, chance: float, attempt: int, longest_s: float
) -> None:
    longest = Duration(max(interval_s, longest_s))
    retry = Retry(interval=Duration(interval_s), backoff=backoff, jitter=jitter, max_interval=longest)

    wait_s = retry.wait_s(attempt, chance)

    whole_s = retry.wait_s(attempt)
    assert whole_s * (1 - jitter) <= wait_s + 1e-9 <= whole_s + 2e-9
    assert whole_s <= longest
