"""The finding of all samples: differences beyond blue's noise, and the times of both sides."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from greenlight.api import (
    DurationExpectation,
    Evidence,
    Expectation,
    Outcome,
    Params,
    check_value,
    count_differences,
    failed,
    finding_from,
    inconclusive,
    sample_series,
)

if TYPE_CHECKING:
    from greenlight.api import DifferenceCount, Finding

    from .samples import Samples

MINIMUM_FOR_LATENCY = 5
MAX_PLACES = 40


class Latency(Params, frozen=True, kw_only=True):
    """Expectations of green's median time; each side needs at least 5 answers.

    Attributes:
        slower: Green's median time divided by blue's.
        by: Green's median time minus blue's, with a unit.
    """

    slower: Expectation | None = None
    by: DurationExpectation | None = None


class Limits(NamedTuple):
    """The plan's limits: Diffy's two thresholds in percent, and the expectations of times."""

    samples: int
    relative: float
    absolute: float
    latency: Latency

    def is_exceeded(self, place: DifferenceCount) -> bool:
        """Return whether green differs at a place more often than blue's noise explains."""
        return place.raw > place.noise and place.relative > self.relative and place.absolute > self.absolute


def judge(samples: Samples, limits: Limits) -> Finding:
    """Return the finding of all samples, with the times of both sides as series."""
    finding = _judge(samples, limits)
    if finding.outcome is Outcome.PASS and not samples.has_working_answer:
        reason = "blue answers every request with 400 or above, so no working answer was compared"
        finding = inconclusive(f"{reason}; {finding.message}", *finding.evidence)
    series = (
        sample_series("time to answer", samples.blue_ms, "blue"),
        sample_series("time to answer", samples.green_ms, "green"),
    )
    return msgspec.structs.replace(finding, series=series)


def _judge(samples: Samples, limits: Limits) -> Finding:
    places = count_differences(samples.raw, samples.noise)
    new_differences = [place for place in places if limits.is_exceeded(place)]
    times, is_enough = check_latency(samples.blue_ms, samples.green_ms, limits.latency)
    results = [*(_place_evidence(place, limits) for place in new_differences[:MAX_PLACES]), *times]
    summary = _summarize(samples, len(places) - len(new_differences))
    if any(not item.passed for item in results):
        first = finding_from(results, summary).message
        if new_differences:
            summary = f"{_count_kinds(len(new_differences))} in {summary}"
        return failed(f"{first}; {summary}", *results)
    if samples.is_cut:
        reason = "a pair of answers has too many differences or levels, and a part of it was not compared"
        return inconclusive(f"{reason}; add the places that may differ to `ignore`; {summary}", *results)
    if not is_enough:
        reason = f"{len(samples.green_ms)} are too few to compare times; raise samples"
        return inconclusive(f"{summary}; {reason}", *results)
    results.append(Evidence(query="differences beyond noise", expected=0, actual=0, passed=True))
    return finding_from(results, summary)


def check_latency(blue_ms: list[float], green_ms: list[float], latency: Latency) -> tuple[list[Evidence], bool]:
    """Compare green's median time with blue's; also return whether there are enough answers to do so."""
    if latency.slower is None and latency.by is None:
        return [], True
    if len(green_ms) < MINIMUM_FOR_LATENCY:
        return [], False
    blue, green = statistics.median(blue_ms), statistics.median(green_ms)
    results = []
    if latency.slower is not None:
        ratio = green / blue if blue > 0 else 1.0
        results.append(check_value("green's median time / blue's", latency.slower, round(ratio, 3)))
    if latency.by is not None:
        results.append(check_value("green's median time minus blue's (ms)", latency.by, round(green - blue, 3)))
    return results, True


def _place_evidence(place: DifferenceCount, limits: Limits) -> Evidence:
    return Evidence(
        query=f"{place.path}: {place.kind}",
        expected=place.example.blue,
        actual=place.example.green,
        where=f"in {place.raw} of {limits.samples} (blue and blue: {place.noise})",
        baseline_is_blue=True,
    )


def _summarize(samples: Samples, noise_count: int) -> str:
    blue_ms, green_ms = statistics.median(samples.blue_ms), statistics.median(samples.green_ms)
    summary = f"{samples.count} answers compared, median {green_ms:.0f} ms on green and {blue_ms:.0f} ms on blue"
    if not noise_count:
        return summary
    return f"{summary}; {_count_kinds(noise_count)} {'is' if noise_count == 1 else 'are'} noise"


def _count_kinds(number: int) -> str:
    return f"{number} kind{'' if number == 1 else 's'} of difference"
