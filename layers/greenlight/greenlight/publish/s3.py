"""Reports in an S3 bucket, under application/group/deployment/stage: the JSON document and the HTML page."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING

from greenlight.report import json

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.report import Report


def report_key(report: Report, extension: str = "json") -> str:
    """Return the object's key; a part that discovery did not determine is `unknown`."""
    deployment = report.deployment
    parts = (deployment.application or "unknown", deployment.group or "unknown", deployment.id, deployment.stage)
    return "/".join(urllib.parse.quote(part, safe=" ") for part in parts) + f".{extension}"


def report_uri(bucket: str, report: Report) -> str:
    """Return the URI of a report in its bucket."""
    return f"s3://{bucket}/{report_key(report)}"


def store(aws: Aws, bucket: str, report: Report) -> str:
    """Store a report and return its URI.

    Raises:
        AwsError: S3 denied the call or did not respond.
    """
    return _put(aws, bucket, report_key(report), json.render(report), "application/json")


def store_page(aws: Aws, bucket: str, report: Report) -> str:
    """Store a report's page next to it and return the page's URI.

    Raises:
        AwsError: S3 denied the call or did not respond.
    """
    from greenlight.report import html  # imported late: CodeDeploy has its answer by then

    return _put(aws, bucket, report_key(report, "html"), html.render(report), "text/html; charset=utf-8")


def _put(aws: Aws, bucket: str, key: str, document: str, content_type: str) -> str:
    aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=document.encode(), ContentType=content_type)
    return f"s3://{bucket}/{key}"
