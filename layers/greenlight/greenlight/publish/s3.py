"""Reports in an S3 bucket, under application/group/deployment/stage: the JSON document, and the page for people."""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING

from greenlight.report import json

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.report import Report


def report_key(report: Report, ending: str = "json") -> str:
    """Give the object's key; what could not be found out is called `unknown`."""
    deployment = report.deployment
    parts = (deployment.application or "unknown", deployment.group or "unknown", deployment.id, deployment.stage)
    return "/".join(urllib.parse.quote(part, safe=" ") for part in parts) + f".{ending}"


def store(aws: Aws, bucket: str, report: Report) -> str:
    """Store a report and give its URI.

    Raises:
        AwsError: S3 refused or did not answer.
    """
    return _put(aws, bucket, report_key(report), json.render(report), "application/json")


def store_page(aws: Aws, bucket: str, report: Report) -> str:
    """Store a report's page beside it and give its URI.

    Raises:
        AwsError: S3 refused or did not answer.
    """
    from greenlight.report import html  # nothing of it is needed before CodeDeploy has its answer

    return _put(aws, bucket, report_key(report, "html"), html.render(report), "text/html; charset=utf-8")


def _put(aws: Aws, bucket: str, key: str, document: str, kind: str) -> str:
    aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=document.encode(), ContentType=kind)
    return f"s3://{bucket}/{key}"
