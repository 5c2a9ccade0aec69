"""metrics: CloudWatch metrics, and metric math over them, stay within their thresholds in the window before the check.

Every data point of the window is compared with its expectation; a `period` as long as the window gives one total. Too
few samples are INCONCLUSIVE, and so is a window without data unless `no_data` says otherwise. Where no data is good
news, use metric math: `FILL(errors, 0)`.

Example:
    checks:
      - name: fewer than one in a hundred fails
        timeout: 2m
        metrics:
          settle: 1m
          queries:
            errors: {metric: AWS/Lambda/Errors, dimensions: {FunctionName: orders}, stat: Sum}
            calls: {metric: AWS/Lambda/Invocations, dimensions: {FunctionName: orders}, stat: Sum}
            rate: {expression: 100 * errors / calls}
          minimum_samples: {calls: 50}
          expect: {rate: {lt: 1}}

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec

from greenlight.api import (
    Context,
    Duration,
    Evidence,
    Expectation,
    Finding,
    Params,
    error,
    failed,
    field_default,
    finding_from,
    inconclusive,
    time_series,
    validator,
)

from ._metric_data import Query, read_points

_ID = re.compile(r"[a-z][a-zA-Z0-9_]{0,200}", re.ASCII)


class Metrics(Params, frozen=True, kw_only=True):
    """Queries of CloudWatch, and thresholds for their data points.

    Attributes:
        queries: Metrics and expressions by id.
        expect: Thresholds by the id of their query.
        window: How far back data points are read.
        period: Time that one data point covers.
        settle: Wait before the query, because CloudWatch receives data late.
        minimum_samples: Minimum number of samples, by the id of a metric.
        no_data: Outcome of an expected series without data points.
    """

    queries: Annotated[dict[str, Query], msgspec.Meta(min_length=1)]
    expect: Annotated[dict[str, Expectation], msgspec.Meta(min_length=1)]
    window: Duration = field_default(Duration(300))
    period: Duration = field_default(Duration(60))
    settle: Duration = field_default(Duration(0))
    minimum_samples: dict[str, Annotated[int, msgspec.Meta(ge=1)]] = {}
    no_data: Literal["inconclusive", "pass", "fail"] = "inconclusive"

    def __post_init__(self) -> None:
        """Reject malformed and unknown ids, and times that CloudWatch does not support."""
        for name in self.queries:
            if not _ID.fullmatch(name):
                raise ValueError(f"{name!r} is not a valid id; write a lowercase letter, then letters, digits or _")
        for name in (*self.expect, *self.minimum_samples):
            if name not in self.queries:
                raise ValueError(f"there is no query {name!r}; there are {', '.join(self.queries)}")
        for name in self.minimum_samples:
            if not self.queries[name].metric:
                raise ValueError(f"{name!r} is an expression and has no samples; name the metrics it is made of")
        seconds = float(self.period)
        if not (seconds in (1, 5, 10, 20, 30) or (seconds >= 60 and seconds % 60 == 0)):
            raise ValueError(f"CloudWatch has no period of {self.period}; write 60s or a multiple of it")
        if self.window < self.period:
            raise ValueError(f"the window {self.window} is shorter than the period {self.period}")


@validator(
    Metrics,
    iam=("cloudwatch:GetMetricData",),
    remediation=(
        "Open the metric in CloudWatch with the same statistic, period and dimensions. If it is over the threshold, "
        "look at what changed with green. If there is no data, compare the dimensions' names with `aws cloudwatch "
        "list-metrics --namespace NAME`, and give the service time with `settle`."
    ),
    cost="One GetMetricData request for each page, billed by the metrics requested; no load on green.",
)
def metrics(params: Metrics, context: Context) -> Finding:
    """CloudWatch metrics stay within their thresholds."""
    end = context.clock.now_utc()
    if params.settle >= context.remaining_s():
        return error(f"settling for {params.settle} does not fit into the check's time; give it a longer timeout")
    if params.settle:
        context.sleep(params.settle)
    queries = [query.to_aws(name, params.period) for name, query in params.queries.items()]
    queries += [
        params.queries[name].count_samples().to_aws(f"samples_{name}", params.period) for name in params.minimum_samples
    ]
    points = read_points(queries, end, params.window, context)
    plots = [time_series(name, points[name], limit) for name, limit in params.expect.items() if points.get(name)]
    values = {name: [value for _, value in series] for name, series in points.items()}
    return msgspec.structs.replace(_decide_finding(params, values), series=tuple(plots))


def _decide_finding(params: Metrics, values: dict[str, list[float]]) -> Finding:
    counts = {name: sum(values.get(f"samples_{name}", [])) for name in params.minimum_samples}
    too_few = [
        f"{name} has {counts[name]:.0f} samples, fewer than {least}"
        for name, least in params.minimum_samples.items()
        if counts[name] < least
    ]
    results = [_check_series(name, limit, values[name]) for name, limit in params.expect.items() if values.get(name)]
    empty = [name for name in params.expect if not values.get(name)]
    finding = finding_from(results, f"{', '.join(params.expect)} within thresholds for {params.window}")
    if too_few:
        return inconclusive("; ".join(too_few), *results)
    if not empty or finding.outcome == "FAIL":
        return finding
    message = f"{', '.join(empty)}: no data in the {params.window} before the check"
    if params.no_data != "pass":
        return failed(message, *results) if params.no_data == "fail" else inconclusive(message, *results)
    results += [Evidence(query=name, expected="within thresholds", actual="no data", passed=True) for name in empty]
    return finding_from(results, f"{message}, which the plan accepts; not covered: {', '.join(empty)}")


def _check_series(name: str, limit: Expectation, values: list[float]) -> Evidence:
    violations = [value for value in values if not limit.holds(value)]
    place = f"{len(violations)} of {len(values)} data points" if violations else ""
    actual: Any = round(violations[0], 6) if violations else [round(value, 6) for value in values[:100]]
    return Evidence(query=name, expected=limit.raw, actual=actual, passed=not violations, where=place)
