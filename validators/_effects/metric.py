"""Metrics of CloudWatch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from .base import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.api import Context, IamRequirement


class Metric(Place, frozen=True, kw_only=True):
    """A metric since the cause, as `value`: the sum, or the largest, smallest or mean of its minutes.

    Attributes:
        namespace: The metric's namespace.
        name: The metric's name.
        dimensions: All of its dimensions.
        statistic: The statistic of each minute.
    """

    namespace: str
    name: str
    dimensions: dict[str, str] = {}
    statistic: Literal["Sum", "SampleCount", "Maximum", "Minimum", "Average"] = "Sum"

    def find(self, context: Context, start: float) -> list[Any]:
        """Read the metric's whole minutes, from the one of `start` on."""
        points = context.aws_call(
            "cloudwatch",
            "get_metric_statistics",
            Namespace=self.namespace,
            MetricName=self.name,
            Dimensions=[{"Name": name, "Value": value} for name, value in self.dimensions.items()],
            StartTime=start - start % 60,
            EndTime=context.clock.now_utc().timestamp() + 60,
            Period=60,
            Statistics=[self.statistic],
        ).get("Datapoints", [])
        values = [float(point[self.statistic]) for point in points]
        return [{"value": self._combine(values)}] if values else []

    def _combine(self, values: list[float]) -> float:
        if self.statistic == "Maximum":
            return max(values)
        if self.statistic == "Minimum":
            return min(values)
        return sum(values) / len(values) if self.statistic == "Average" else sum(values)

    def required_iam(self) -> Iterator[IamRequirement]:
        """Yield the action that `find` needs."""
        yield "cloudwatch:GetMetricStatistics"
