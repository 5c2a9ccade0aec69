"""traces: X-Ray's traces of the time before the check have few faults and errors, and are fast enough.

`faults` (5xx), `errors` (4xx) and `throttles` are percentages of the traces that match `filter`. X-Ray records only a
sample, so fewer traces than `minimum_samples` are INCONCLUSIVE.

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
import re
from typing import Annotated, Any

import msgspec

from greenlight.api import (
    Context,
    Duration,
    DurationExpectation,
    Expectation,
    Finding,
    Params,
    check_value,
    field_default,
    finding_from,
    inconclusive,
    percentile,
    validator,
)

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?|100)", re.ASCII)
_FLAGS = {"faults": "HasFault", "errors": "HasError", "throttles": "HasThrottle"}


class Expect(Params, frozen=True, kw_only=True):
    """Limits for the traces.

    Attributes:
        faults: Percentage of traces with a fault (5xx).
        errors: Percentage of traces with an error (4xx).
        throttles: Percentage of throttled traces.
        latency: Response time by percentile, such as p99.
    """

    faults: Expectation | None = None
    errors: Expectation | None = None
    throttles: Expectation | None = None
    latency: dict[str, DurationExpectation] = {}

    def __post_init__(self) -> None:
        """Reject an empty expectation and malformed percentiles."""
        if not (self.faults or self.errors or self.throttles or self.latency):
            raise ValueError("expect is empty; write faults: {lt: 1}, in percent")
        for name in self.latency:
            if not _PERCENTILE.fullmatch(name):
                raise ValueError(f"{name!r} is not a valid percentile; write p50, p99 or p99.9")


class Traces(Params, frozen=True, kw_only=True):
    """The traces that are read, and limits for them.

    Attributes:
        filter: X-Ray's filter expression.
        expect: Limits for the traces.
        window: How far back traces are read.
        minimum_samples: Minimum number of traces.
    """

    filter: str
    expect: Expect
    window: Duration = field_default(Duration(300))
    minimum_samples: Annotated[int, msgspec.Meta(ge=1)] = 10


@validator(
    Traces,
    iam=("xray:GetTraceSummaries",),
    remediation=(
        "Open X-Ray with the same filter and window and look at the slowest and the faulty traces; a red segment "
        "shows which service is at fault. If there are too few traces, lengthen `window`, or raise the service's "
        "sampling rate."
    ),
    cost="One GetTraceSummaries request for each page, 50 at most, billed by the traces scanned; no load on green.",
)
def traces(params: Traces, context: Context) -> Finding:
    """X-Ray's traces have few enough faults and errors, and are fast enough."""
    expect, minimum = params.expect, params.minimum_samples
    summaries = _read_summaries(params, context)
    if len(summaries) < minimum:
        return inconclusive(f"{len(summaries)} traces in the last {params.window}, expected at least {minimum}")
    results = []
    for name, flag in _FLAGS.items():
        if (expectation := getattr(expect, name)) is not None:
            share = 100 * sum(summary.get(flag) is True for summary in summaries) / len(summaries)
            results.append(check_value(f"{name} (%)", expectation, share))
    durations_ms = [summary["ResponseTime"] * 1000 for summary in summaries if "ResponseTime" in summary]
    if expect.latency and len(durations_ms) < minimum:
        return inconclusive(f"only {len(durations_ms)} traces have a response time", *results)
    for name, limit in expect.latency.items():
        results.append(check_value(f"latency {name} (ms)", limit, percentile(durations_ms, float(name[1:]))))
    return finding_from(results, f"{len(summaries)} traces are as expected")


def _read_summaries(params: Traces, context: Context) -> list[dict[str, Any]]:
    """Return the summaries of all complete traces."""
    end = context.clock.now_utc()
    start = end - datetime.timedelta(seconds=params.window)
    query = {"StartTime": start, "EndTime": end, "FilterExpression": params.filter}
    pages = context.aws_pages("xray", "get_trace_summaries", **query)
    return [summary for page in pages for summary in page.get("TraceSummaries", []) if not summary.get("IsPartial")]
