"""metrics: CloudWatch metrics, and maths over them, keep within their thresholds over the window before the check.

Every data point of the window is held against its expectation, so a `period` as long as the window asks for one total.
Too few samples, or no data, shows neither and is inconclusive unless the plan says what no data means; where silence is
good news, write it into the maths: `FILL(errors, 0)`. moto computes sums and averages, neither maths nor percentiles.

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

import datetime
import itertools
import math
import re
from typing import Annotated, Any, Literal

import msgspec

from greenlight.api import (
    Context,
    Duration,
    Evidence,
    Expectation,
    Finding,
    GreenlightError,
    Params,
    error,
    failed,
    finding_from,
    inconclusive,
    struct_default,
    time_series,
    validator,
)

_ID = re.compile(r"[a-z][a-zA-Z0-9_]{0,200}", re.ASCII)
_STAT = re.compile(
    r"(SampleCount|Average|Sum|Minimum|Maximum|IQM|(p|tm|wm|tc|ts)\d{1,2}(\.\d+)?|(PR|TM|WM|TC|TS)\(.+\))", re.ASCII
)


class Query(Params, frozen=True, kw_only=True):
    """A `metric` (NAMESPACE/NAME) with `dimensions` and `stat`, or an `expression` over the others.

    An ARN as the dimension TargetGroup or LoadBalancer is cut to what CloudWatch wants.
    """

    metric: str = ""
    dimensions: dict[str, str] = {}
    stat: str = "Average"
    expression: str = ""

    def __post_init__(self) -> None:
        """Refuse both, neither, and what cannot be asked."""
        if bool(self.metric) == bool(self.expression):
            raise ValueError("a query has exactly one of metric and expression")
        if self.metric and not all(self.metric.rpartition("/")[::2]):
            raise ValueError(f"{self.metric!r} is no metric; write NAMESPACE/NAME, such as AWS/Lambda/Errors")
        if not _STAT.fullmatch(self.stat):
            raise ValueError(f"{self.stat!r} is no statistic; write Sum, Average, SampleCount, p99 or the like")


class Metrics(Params, frozen=True, kw_only=True):
    """`queries` by id, `expect` by their ids; the `window` ends when the check begins, in points of `period`.

    `settle` is waited first, for CloudWatch gets data late; `minimum_samples` of a metric make it count; `no_data` says
    what an expected series without data points is.
    """

    queries: Annotated[dict[str, Query], msgspec.Meta(min_length=1)]
    expect: Annotated[dict[str, Expectation], msgspec.Meta(min_length=1)]
    window: Duration = struct_default(Duration(300))
    period: Duration = struct_default(Duration(60))
    settle: Duration = struct_default(Duration(0))
    minimum_samples: dict[str, Annotated[int, msgspec.Meta(ge=1)]] = {}
    no_data: Literal["inconclusive", "pass", "fail"] = "inconclusive"

    def __post_init__(self) -> None:
        """Refuse ids that are none, or are nobody's, and times CloudWatch does not have."""
        for name in self.queries:
            if not _ID.fullmatch(name):
                raise ValueError(f"{name!r} is no id; begin with a small letter, then letters, digits and _")
        for name in (*self.expect, *self.minimum_samples):
            if name not in self.queries:
                raise ValueError(f"there is no query {name!r}; there are {', '.join(self.queries)}")
        for name in self.minimum_samples:
            if not self.queries[name].metric:
                raise ValueError(f"{name!r} is an expression and has no samples; name the metrics it is made of")
        seconds = float(self.period)
        if not (seconds in (1, 5, 10, 20, 30) or (seconds >= 60 and seconds % 60 == 0)):
            raise ValueError(f"the period {self.period} is none of CloudWatch's; write 60s or a multiple of it")
        if self.window < self.period:
            raise ValueError(f"the window {self.window} is shorter than the period {self.period}")


@validator(
    Metrics,
    iam=("cloudwatch:GetMetricData",),
    remediation=(
        "Open the metric in CloudWatch with the same statistic, period and dimensions. Over the threshold, look "
        "at what changed with green; without data, compare the dimensions' names with `aws cloudwatch "
        "list-metrics --namespace NAME`, and give the service time with `settle`."
    ),
    cost="One GetMetricData request for each page, billed by the metric asked for; no load on green.",
)
def metrics(params: Metrics, context: Context) -> Finding:
    """CloudWatch metrics keep within their thresholds."""
    end = datetime.datetime.now(datetime.UTC)
    if params.settle >= context.remaining_s():
        return error(f"settling for {params.settle} does not fit into the check's time; give it a longer timeout")
    if params.settle:
        context.sleep(params.settle)
    try:
        series = _series(params, end, context)
    except GreenlightError as problem:
        return error(str(problem))
    plots = tuple(
        time_series(name, series[name], expectation) for name, expectation in params.expect.items() if series.get(name)
    )
    values = {name: [value for _, value in points] for name, points in series.items()}
    return msgspec.structs.replace(_judged(params, values), series=plots)


def _judged(params: Metrics, series: dict[str, list[float]]) -> Finding:
    few = []
    for name, least in params.minimum_samples.items():
        count = sum(series.get(f"samples_{name}", []))
        if count < least:
            few.append(f"{name} has {count:.0f} samples, fewer than {least}")
    found = [_held(name, expectation, series[name]) for name, expectation in params.expect.items() if series.get(name)]
    empty = [name for name in params.expect if not series.get(name)]
    finding = finding_from(found, f"{', '.join(params.expect)} within thresholds for {params.window}")
    if few:
        return inconclusive("; ".join(few), *found)
    if empty and finding.outcome != "FAIL":
        said = f"{', '.join(empty)}: no data in the {params.window} before the check"
        by_policy = {"fail": failed, "inconclusive": inconclusive}.get(params.no_data)
        if by_policy:
            return by_policy(said, *found)
        shown = [Evidence(query=name, expected="within thresholds", actual="no data", passed=True) for name in empty]
        return finding_from([*found, *shown], f"{said}, which the plan calls fine")
    return finding


def _series(params: Metrics, end: datetime.datetime, context: Context) -> dict[str, list[tuple[float, float]]]:
    """Give the points of all queries by id, of the whole window: seconds from its end, and the value.

    Raises:
        GreenlightError: Not all of it could be had.
    """
    asked = [_asked(name, query, int(params.period)) for name, query in params.queries.items()]
    for name in params.minimum_samples:
        counting = msgspec.structs.replace(params.queries[name], stat="SampleCount")
        asked.append(_asked(f"samples_{name}", counting, int(params.period)))
    found: dict[str, list[tuple[float, float]]] = {}
    answer: dict[str, Any] = {}
    for answer in context.aws_pages(
        "cloudwatch",
        "get_metric_data",
        MetricDataQueries=asked,
        StartTime=end - datetime.timedelta(seconds=params.window),
        EndTime=end,
    ):
        for each in answer.get("MetricDataResults", []):
            if each.get("StatusCode", "Complete") not in ("Complete", "PartialData"):
                raise GreenlightError(f"CloudWatch could not compute {each.get('Id')}: {each.get('StatusCode')}")
            stamps = [(stamp - end).total_seconds() for stamp in each.get("Timestamps", [])]
            at_s = itertools.chain(stamps, itertools.repeat(math.nan))  # a value counts also where its time is unknown
            found.setdefault(each["Id"], []).extend(zip(at_s, each.get("Values", []), strict=False))
    partial = [each["Id"] for each in answer.get("MetricDataResults", []) if each.get("StatusCode") == "PartialData"]
    if partial:
        raise GreenlightError(f"CloudWatch gave only a part of {', '.join(partial)}")
    return found


def _asked(name: str, query: Query, period: int) -> dict[str, Any]:
    if query.expression:
        return {"Id": name, "Expression": query.expression, "Period": period}
    namespace, _, metric = query.metric.rpartition("/")
    dimensions = [{"Name": key, "Value": _value(key, value)} for key, value in query.dimensions.items()]
    which = {"Namespace": namespace, "MetricName": metric, "Dimensions": dimensions}
    return {"Id": name, "MetricStat": {"Metric": which, "Period": period, "Stat": query.stat}}


def _value(key: str, value: str) -> str:
    if value.startswith("arn:") and key in ("TargetGroup", "LoadBalancer"):
        return value.rpartition(":")[2].removeprefix("loadbalancer/")
    return value


def _held(name: str, expectation: Expectation, values: list[float]) -> Evidence:
    wrong = [value for value in values if not expectation.holds(value)]
    rounded = [round(value, 6) for value in values[:100]]
    where = f"{len(wrong)} of {len(values)} data points" if wrong else ""
    actual: Any = round(wrong[0], 6) if wrong else rounded
    return Evidence(query=name, expected=expectation.raw, actual=actual, passed=not wrong, where=where)
