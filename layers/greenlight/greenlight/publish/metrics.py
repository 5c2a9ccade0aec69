"""Metrics of a gate, in CloudWatch's embedded metric format on standard output.

One record a call, dimension `stage` beside `service`. A log line is all it takes, so nothing here can hang.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def emit(stage: str, values: Mapping[str, float]) -> None:
    """Write metrics; a name ending in `Duration` is in milliseconds, all others are counts."""
    from aws_lambda_powertools.metrics import MetricUnit
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

    # The installation's name, so that two of them in one account do not share their alarms.
    service = os.environ.get("POWERTOOLS_SERVICE_NAME", "greenlight")
    metrics = AmazonCloudWatchEMFProvider(namespace="greenlight", service=service)
    metrics.add_dimension(name="stage", value=stage)
    for name, value in values.items():
        metrics.add_metric(
            name=name, unit=MetricUnit.Milliseconds if name.endswith("Duration") else MetricUnit.Count, value=value
        )
    metrics.flush_metrics()
