"""Metrics of a gate, in CloudWatch's embedded metric format on standard output.

Every call writes one log line with the dimensions `service` and `stage`, so it cannot block on the network.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


def emit(stage: str, values: Mapping[str, float]) -> None:
    """Write metrics; names that end in `Duration` are in milliseconds, all others are counts."""
    from aws_lambda_powertools.metrics import MetricUnit
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import AmazonCloudWatchEMFProvider

    # The name of the installation: two installations in one account must not share their alarms.
    service = os.environ.get("POWERTOOLS_SERVICE_NAME", "greenlight")
    metrics = AmazonCloudWatchEMFProvider(namespace="greenlight", service=service)
    metrics.add_dimension(name="stage", value=stage)
    for name, value in values.items():
        unit = MetricUnit.Milliseconds if name.endswith("Duration") else MetricUnit.Count
        metrics.add_metric(name=name, unit=unit, value=value)
    metrics.flush_metrics()
