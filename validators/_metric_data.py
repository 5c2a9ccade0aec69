"""CloudWatch metric data: the queries of a plan, and their data points; for `metrics`."""

from __future__ import annotations

import datetime
import itertools
import math
import re
from typing import Any

import msgspec

from greenlight.api import Context, Duration, GreenlightError, Params

Points = dict[str, list[tuple[float, float]]]
"""Data points by the id of their query: seconds from the end of the window, and the value."""

_STAT = re.compile(
    r"(SampleCount|Average|Sum|Minimum|Maximum|IQM|(p|tm|wm|tc|ts)\d{1,2}(\.\d+)?|(PR|TM|WM|TC|TS)\(.+\))", re.ASCII
)


class Query(Params, frozen=True, kw_only=True):
    """A metric, or an expression over other queries.

    Attributes:
        metric: Namespace and name, as in AWS/Lambda/Errors.
        dimensions: Dimensions of the metric; an ARN of a target group or load balancer is shortened for CloudWatch.
        stat: Statistic of the metric.
        expression: Metric math over the ids of other queries.
    """

    metric: str = ""
    dimensions: dict[str, str] = {}
    stat: str = "Average"
    expression: str = ""

    def __post_init__(self) -> None:
        """Reject a query with both or neither, and malformed metrics and statistics."""
        if bool(self.metric) == bool(self.expression):
            raise ValueError("a query has exactly one of metric and expression")
        if self.metric and not all(self.metric.rpartition("/")[::2]):
            raise ValueError(f"{self.metric!r} is not a valid metric; write NAMESPACE/NAME, such as AWS/Lambda/Errors")
        if not _STAT.fullmatch(self.stat):
            raise ValueError(
                f"{self.stat!r} is not a valid statistic; write Sum, Average, SampleCount, p99 or the like"
            )

    def to_aws(self, query_id: str, period: Duration) -> dict[str, Any]:
        """Return the query as GetMetricData expects it."""
        if self.expression:
            return {"Id": query_id, "Expression": self.expression, "Period": int(period)}
        namespace, _, name = self.metric.rpartition("/")
        dimensions = [{"Name": key, "Value": _dimension(key, value)} for key, value in self.dimensions.items()]
        metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
        return {"Id": query_id, "MetricStat": {"Metric": metric, "Period": int(period), "Stat": self.stat}}

    def count_samples(self) -> Query:
        """Return a query for the number of samples of the same metric."""
        return msgspec.structs.replace(self, stat="SampleCount")


def read_points(queries: list[dict[str, Any]], end: datetime.datetime, window: Duration, context: Context) -> Points:
    """Return the data points of all queries over the whole window.

    Raises:
        GreenlightError: CloudWatch could not compute a query, or returned only a part of the data.
    """
    points: Points = {}
    times = {"StartTime": end - datetime.timedelta(seconds=window), "EndTime": end}
    page: dict[str, Any] = {}
    for page in context.aws_pages("cloudwatch", "get_metric_data", MetricDataQueries=queries, **times):
        for result in page.get("MetricDataResults", []):
            if result.get("StatusCode", "Complete") not in ("Complete", "PartialData"):
                raise GreenlightError(f"CloudWatch could not compute {result.get('Id')}: {result.get('StatusCode')}")
            known_times = [(timestamp - end).total_seconds() for timestamp in result.get("Timestamps", [])]
            at_s = itertools.chain(known_times, itertools.repeat(math.nan))  # a value counts even without a timestamp
            points.setdefault(result["Id"], []).extend(zip(at_s, result.get("Values", []), strict=False))
    # On an earlier page, "PartialData" only means that the next page continues the series.
    partial = [
        result["Id"] for result in page.get("MetricDataResults", []) if result.get("StatusCode") == "PartialData"
    ]
    if partial:
        raise GreenlightError(f"CloudWatch returned only a part of {', '.join(partial)}")
    return points


def _dimension(key: str, value: str) -> str:
    if value.startswith("arn:") and key in ("TargetGroup", "LoadBalancer"):
        return value.rpartition(":")[2].removeprefix("loadbalancer/")
    return value
