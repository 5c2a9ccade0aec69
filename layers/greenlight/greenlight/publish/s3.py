"""Reports in an S3 bucket, under application/group/deployment/stage."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING

from greenlight.report import json

if TYPE_CHECKING:
    from greenlight.aws import Aws
    from greenlight.model import Report


def key_of(report: Report) -> str:
    """Give the object's key; what could not be found out is called `unknown`."""
    deployment = report.deployment
    parts = (deployment.application or "unknown", deployment.group or "unknown", deployment.id, deployment.stage)
    return "/".join(urllib.parse.quote(part, safe=" ") for part in parts) + ".json"


def store(aws: Aws, bucket: str, report: Report) -> str:
    """Store a report and give its URI.

    Raises:
        AwsError: S3 refused or did not answer.
    """
    key = key_of(report)
    aws.call(
        "s3", "put_object", Bucket=bucket, Key=key, Body=json.render(report).encode(), ContentType="application/json"
    )
    return f"s3://{bucket}/{key}"
