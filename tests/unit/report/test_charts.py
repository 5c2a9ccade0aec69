"""Charts of a report: scales, limits and descriptions."""

from __future__ import annotations

import re

import pytest

from greenlight.core.finding import Outcome, Series
from greenlight.core.report import TrafficShare
from greenlight.report.charts import compute_percentiles, describe_series, format_limit, format_offset
from greenlight.report.html import render
from tests.support.report_samples import attempts_of, check, closed


@pytest.mark.parametrize("value", [1e308, -1e308, 0.0, 5e-324])
def test_extreme_numbers_are_drawn_inside_the_chart(value: float) -> None:
    plots = (
        Series(name="a", values=(value, 1.0), limits={"lt": value}),
        Series(name="b", values=(value, -value), at_s=(value, -value), limits={"lt": -value}),
    )
    finding = check("c", "v", Outcome.FAIL, "m", series=plots, tries=attempts_of((value, value, Outcome.FAIL, "m")))
    report = closed(checks=(finding,), traffic=(TrafficShare(at_ms=value, green_percent=value),))

    rendered = re.sub(r"<style>.*?</style>", "", render(report), flags=re.S)
    shares = [float(share) for share in re.findall(r'"(-?[0-9.]+)%"', rendered)]
    assert not re.search(r'="(nan|-?inf)', rendered)
    assert shares
    assert all(0 <= share <= 100 for share in shares)


@pytest.mark.parametrize("plot", [Series(name="empty", values=()), Series(name="odd", values=(1.0,), at_s=(1.0, 2.0))])
def test_invalid_series_is_not_drawn(plot: Series) -> None:
    assert "<figure>" not in render(closed(checks=(check("c", "v", Outcome.PASS, "m", series=(plot,)),)))


@pytest.mark.parametrize(
    ("count", "percentiles"),
    [(1, [("p50", 1), ("slowest", 1)]), (19, [("p50", 10), ("slowest", 19)]),
     (100, [("p50", 50), ("p95", 95), ("p99", 99)])],
)  # fmt: skip
def test_percentiles_need_enough_values(count: int, percentiles: list[tuple[str, float]]) -> None:
    sample = Series(name="latency", values=tuple(range(count, 0, -1)))

    assert compute_percentiles(sample) == percentiles


@pytest.mark.parametrize(
    ("label", "text"), [("p95 lte", "p95 ≤ 300 ms"), ("lt", "< 300 ms"), ("mean near", "mean near 300 ms")]
)
def test_limit_is_written_with_its_sign_and_unit(label: str, text: str) -> None:
    assert format_limit(label, 300.0, "ms") == text


def test_offset_is_relative_to_the_start_of_the_check() -> None:
    assert [format_offset(seconds) for seconds in (-60, 0, 0.5)] == ["1 min before", "check's start", "500 ms after"]


def test_series_is_described_with_its_values_and_limits() -> None:
    over_time = Series(name="rate", at_s=(-60, 0), values=(0.1, 0.7), count=2, limits={"lt": 1.0})

    assert describe_series(over_time) == "rate: 2 points from 0.1 to 0.7, limit < 1"
