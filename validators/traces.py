"""traces: what X-Ray recorded of the time before the check has few enough faults and errors, and is quick enough.

`faults` (5xx), `errors` (4xx) and `throttles` are percent of the traces that `filter` finds. X-Ray keeps a sample only,
so fewer traces than `minimum_samples` show neither and are inconclusive. moto's summaries have no annotations, by which
green is told apart, so the tests use answers written down.

Example:
    checks:
      - name: traces of the release are clean
        traces:
          filter: service("orders") AND annotation.version = "7"
          expect: {faults: {lt: 1}, latency: {p99: {lt: 800ms}}}

Source: https://docs.aws.amazon.com/xray/latest/api/API_GetTraceSummaries.html
"""

from __future__ import annotations

import datetime
import math
import re
from typing import Annotated, Any

import msgspec

from greenlight.api import (
    Context,
    Duration,
    DurationExpectation,
    Expectation,
    Finding,
    GreenlightError,
    Params,
    check_value,
    error,
    field_default,
    finding_from,
    inconclusive,
    validator,
)

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?|100)", re.ASCII)
_FLAGS = {"faults": "HasFault", "errors": "HasError", "throttles": "HasThrottle"}


class Expect(Params, frozen=True, kw_only=True):
    """`faults`, `errors` and `throttles` in percent of the traces; `latency` by percentile, such as p99."""

    faults: Expectation | None = None
    errors: Expectation | None = None
    throttles: Expectation | None = None
    latency: dict[str, DurationExpectation] = {}

    def __post_init__(self) -> None:
        """Refuse an expectation of nothing, and percentiles that are none."""
        if not (self.faults or self.errors or self.throttles or self.latency):
            raise ValueError("expect is empty; write faults: {lt: 1}, in percent")
        for name in self.latency:
            if not _PERCENTILE.fullmatch(name):
                raise ValueError(f"{name!r} is no percentile; write p50, p99 or p99.9")


class Traces(Params, frozen=True, kw_only=True):
    """`filter` is X-Ray's filter expression, `window` how far to look back, `minimum_samples` how many traces count.

    Attributes:
        expect: What to expect of the traces.
    """

    filter: str
    expect: Expect
    window: Duration = field_default(Duration(300))
    minimum_samples: Annotated[int, msgspec.Meta(ge=1)] = 10


@validator(
    Traces,
    iam=("xray:GetTraceSummaries",),
    remediation=(
        "Open X-Ray with the same filter and window and look at the slowest and the faulty traces; the segment "
        "that is red says which service. Too few traces: lengthen `window`, or raise the sampling rule for the "
        "service."
    ),
    cost="One GetTraceSummaries request for each page, 50 at most, billed by the traces scanned; no load on green.",
)
def traces(params: Traces, context: Context) -> Finding:
    """X-Ray's traces have few enough faults and errors, and are quick enough."""
    try:
        found = _summaries(params, context)
    except GreenlightError as problem:
        return error(str(problem))
    if len(found) < params.minimum_samples:
        return inconclusive(
            f"{len(found)} traces in the last {params.window}, expected at least {params.minimum_samples}"
        )
    seen = []
    for name, flag in _FLAGS.items():
        expectation = getattr(params.expect, name)
        if expectation is not None:
            share = 100 * sum(each.get(flag) is True for each in found) / len(found)
            seen.append(check_value(f"{name} (%)", expectation, share))
    durations = sorted(each["ResponseTime"] * 1000 for each in found if "ResponseTime" in each)
    if params.expect.latency and len(durations) < params.minimum_samples:
        return inconclusive(f"only {len(durations)} traces say how long they took", *seen)
    for name, bound in params.expect.latency.items():
        seen.append(check_value(f"latency {name} (ms)", bound, _percentile(durations, float(name[1:]))))
    return finding_from(seen, f"{len(found)} traces are as expected")


def _summaries(params: Traces, context: Context) -> list[dict[str, Any]]:
    """Give the summaries of all traces that are complete."""
    end = datetime.datetime.now(datetime.UTC)
    pages = context.aws_pages(
        "xray",
        "get_trace_summaries",
        StartTime=end - datetime.timedelta(seconds=params.window),
        EndTime=end,
        FilterExpression=params.filter,
    )
    return [each for page in pages for each in page.get("TraceSummaries", []) if not each.get("IsPartial")]


def _percentile(ordered: list[float], percent: float) -> float:
    """Give the smallest value that so many percent do not exceed."""
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]
