"""Numbers that a validator keeps for a plot. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from greenlight.core.finding import Series

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from greenlight.assertions.expectation import Expectation

PLOTTED = 200
"""Numbers of one series that a plot gets; a screen shows no more."""


def sample_series(
    name: str, values: Iterable[float], side: str = "", limits: Mapping[str, Expectation | None] | None = None
) -> Series:
    """Keep measured durations (milliseconds) for a plot; of many their quantiles, the least and the largest among them.

    Args:
        name: What was measured.
        values: As they came.
        side: "blue" or "green" where that means something.
        limits: What figures of them are held against, by the figures' names; None where nothing is expected.
    """
    ordered = sorted(value for value in values if math.isfinite(value))
    last, kept = len(ordered) - 1, ordered
    if len(ordered) > PLOTTED:
        kept = [ordered[round(step * last / (PLOTTED - 1))] for step in range(PLOTTED)]
    return Series(
        name=name,
        unit="ms",
        side=side,
        values=tuple(round(value, 3) for value in kept),
        count=len(ordered),
        limits={
            f"{figure} {key}".strip(): number
            for figure, expectation in (limits or {}).items()
            if expectation is not None
            for key, number in _bounds(expectation)
        },
    )


def time_series(name: str, points: Iterable[tuple[float, float]], limit: Expectation, unit: str = "") -> Series:
    """Keep values over time for a plot: pairs of seconds from the check's start and the value; of many the latest."""
    kept = sorted(each for each in points if all(map(math.isfinite, each)))
    return Series(
        name=name,
        unit=unit,
        at_s=tuple(round(at, 3) for at, _ in kept[-PLOTTED:]),
        values=tuple(round(value, 6) for _, value in kept[-PLOTTED:]),
        count=len(kept),
        limits=dict(_bounds(limit)),
    )


def _bounds(expectation: Expectation) -> Iterator[tuple[str, float]]:
    for key, number in expectation.predicates:
        plain = isinstance(number, (int, float)) and not isinstance(number, bool)
        if key in ("lt", "lte", "gt", "gte", "eq") and plain and -1e15 < number < 1e15:
            yield key, float(number)
