"""What validators keep for plots: bounded, finite, with what it is held against."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.api import DurationExpectation, sample_series, time_series
from greenlight.assertions.expectation import parse
from greenlight.checks.series import PLOTTED
from greenlight.core.units import Duration


def latency(written: object) -> DurationExpectation:
    read = parse(written, lambda value: Duration.parse(value) * 1000)
    return DurationExpectation(read.raw, read.predicates)


def test_nothing_measured_is_an_empty_sample() -> None:
    assert (sample_series("s", []).values, sample_series("s", []).count) == ((), 0)


def test_what_is_no_number_is_left_out() -> None:
    assert sample_series("s", [1.0, float("nan"), float("inf"), 2.0]).values == (1.0, 2.0)
    assert time_series("s", [(0.0, 1.0), (float("nan"), 2.0), (1.0, float("nan"))], parse(1)).values == (1.0,)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=3000))
def test_a_sample_is_bounded_and_keeps_its_ends(values: list[float]) -> None:
    kept = sample_series("s", values)

    assert len(kept.values) == min(len(values), PLOTTED)
    assert (kept.values[0], kept.values[-1], kept.count) == (round(min(values), 3), round(max(values), 3), len(values))
    assert list(kept.values) == sorted(kept.values)


def test_the_limits_of_a_sample_are_in_milliseconds_and_named_by_their_figure() -> None:
    limits = {"p95": latency({"lte": "300ms"}), "p99": None, "slowest": latency({"gt": "1ms", "lt": "2s"})}

    assert sample_series("s", [1.0], limits=limits).limits == {
        "p95 lte": 300.0,
        "slowest gt": 1.0,
        "slowest lt": 2000.0,
    }


@pytest.mark.parametrize("written", ["text", True, {"in": [1, 2]}, {"exists": True}, 10**400])
def test_an_expectation_without_a_number_to_draw_gives_no_limit(written: object) -> None:
    assert time_series("s", [(0.0, 1.0)], parse(written)).limits == {}


def test_points_come_in_the_order_of_time_and_the_latest_are_kept() -> None:
    kept = time_series("s", ((float(-at), at) for at in range(PLOTTED + 50)), parse({"lt": 1}))

    assert kept.at_s == tuple(float(at) for at in range(1 - PLOTTED, 1))
    assert (kept.count, kept.limits) == (PLOTTED + 50, {"lt": 1.0})
