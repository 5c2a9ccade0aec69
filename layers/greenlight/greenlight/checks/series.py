"""Series of numbers that a validator adds to its finding for a plot."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from greenlight.core.finding import Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from greenlight.assertions.expectation import Expectation

MAX_PLOTTED = 200
"""Maximum number of values in a plot; a screen cannot show more."""

_BOUND_PREDICATES = ("lt", "lte", "gt", "gte", "eq")


def sample_series(
    name: str, values: Iterable[float], side: str = "", limits: Mapping[str, Expectation | None] | None = None
) -> Series:
    """Build the series of a sample of durations in milliseconds; a large sample is reduced to its quantiles.

    Args:
        name: Name of the measured value.
        values: Measured durations in any order.
        side: "blue" or "green" if there are both.
        limits: Expectation of each figure of the sample, such as `p95`; None if nothing is expected of it.
    """
    ordered = sorted(value for value in values if math.isfinite(value))
    plotted = ordered
    if len(ordered) > MAX_PLOTTED:
        last = len(ordered) - 1
        plotted = [ordered[round(step * last / (MAX_PLOTTED - 1))] for step in range(MAX_PLOTTED)]
    return Series(
        name=name,
        unit="ms",
        side=side,
        values=tuple(round(value, 3) for value in plotted),
        count=len(ordered),
        limits={
            f"{figure} {predicate}".strip(): number
            for figure, expectation in (limits or {}).items()
            if expectation is not None
            for predicate, number in _bounds(expectation)
        },
    )


def time_series(name: str, points: Iterable[tuple[float, float]], limit: Expectation, unit: str = "") -> Series:
    """Build the series of values over time; of many points the latest are kept.

    Args:
        name: Name of the value.
        points: Pairs of seconds since the check's start and the value.
        limit: Expectation of every value.
        unit: Unit of the values.
    """
    ordered = sorted(point for point in points if all(map(math.isfinite, point)))
    latest = ordered[-MAX_PLOTTED:]
    return Series(
        name=name,
        unit=unit,
        at_s=tuple(round(seconds, 3) for seconds, _ in latest),
        values=tuple(round(value, 6) for _, value in latest),
        count=len(ordered),
        limits=dict(_bounds(limit)),
    )


def _bounds(expectation: Expectation) -> Iterator[tuple[str, float]]:
    for predicate, argument in expectation.predicates:
        is_number = isinstance(argument, (int, float)) and not isinstance(argument, bool)
        if predicate in _BOUND_PREDICATES and is_number and -1e15 < argument < 1e15:
            yield predicate, float(argument)
