"""Series for plots are bounded and finite, and have the limits of their expectations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.api import DurationExpectation, sample_series, time_series
from greenlight.assertions.expectation import parse
from greenlight.checks.series import MAX_PLOTTED
from greenlight.core.units import Duration


def latency(raw: object) -> DurationExpectation:
    parsed = parse(raw, lambda value: Duration.parse(value) * 1000)
    return DurationExpectation(parsed.raw, parsed.predicates)


def test_sample_without_values_is_empty() -> None:
    assert (sample_series("s", []).values, sample_series("s", []).count) == ((), 0)


def test_values_that_are_not_finite_are_left_out() -> None:
    assert sample_series("s", [1.0, float("nan"), float("inf"), 2.0]).values == (1.0, 2.0)
    assert time_series("s", [(0.0, 1.0), (float("nan"), 2.0), (1.0, float("nan"))], parse(1)).values == (1.0,)


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=3000))
def test_large_sample_is_reduced_and_keeps_its_extremes(values: list[float]) -> None:
    series = sample_series("s", values)

    assert len(series.values) == min(len(values), MAX_PLOTTED)
    assert (series.values[0], series.values[-1], series.count) == (
        round(min(values), 3),
        round(max(values), 3),
        len(values),
    )
    assert list(series.values) == sorted(series.values)


def test_limits_of_a_sample_are_in_milliseconds_and_named_after_their_figure() -> None:
    limits = {"p95": latency({"lte": "300ms"}), "p99": None, "slowest": latency({"gt": "1ms", "lt": "2s"})}

    assert sample_series("s", [1.0], limits=limits).limits == {
        "p95 lte": 300.0,
        "slowest gt": 1.0,
        "slowest lt": 2000.0,
    }


@pytest.mark.parametrize("raw", ["text", True, {"in": [1, 2]}, {"exists": True}, 10**400])
def test_expectation_without_a_numeric_bound_has_no_limit(raw: object) -> None:
    assert time_series("s", [(0.0, 1.0)], parse(raw)).limits == {}


def test_points_are_sorted_by_time_and_the_latest_are_kept() -> None:
    series = time_series("s", ((float(-at), at) for at in range(MAX_PLOTTED + 50)), parse({"lt": 1}))

    assert series.at_s == tuple(float(at) for at in range(1 - MAX_PLOTTED, 1))
    assert (series.count, series.limits) == (MAX_PLOTTED + 50, {"lt": 1.0})
