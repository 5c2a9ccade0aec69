"""Reports in an S3 bucket, under application/group/deployment/stage: the JSON document and the HTML page.

A hook's report replaces an earlier one of its stage. The last resort writes under a name of its own,
`STAGE.last-resort.json`, and only once: Lambda may invoke it several times for one hook.
Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

import urllib.parse
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.aws.client import DENIED
from greenlight.core.errors import AwsError
from greenlight.core.report import Author, Report
from greenlight.report import json

if TYPE_CHECKING:
    from greenlight.aws.client import Aws

MAX_BYTES = 64 * 1024 * 1024
_REFUSED = ("PreconditionFailed", "ConditionalRequestConflict")
_MISSING = ("NoSuchKey", "404", "NotFound", *DENIED)
"""Without s3:ListBucket, S3 denies access to a key that does not exist."""


class AlreadyStoredError(AwsError):
    """The bucket has this report from another invocation of the last resort."""


def report_key(report: Report, extension: str = "json") -> str:
    """Return the object's key; a part that discovery did not determine is `unknown`."""
    deployment = report.deployment
    parts = (deployment.application or "unknown", deployment.group or "unknown", deployment.id, report.name)
    return "/".join(urllib.parse.quote(part, safe=" ") for part in parts) + f".{extension}"


def report_uri(bucket: str, report: Report) -> str:
    """Return the URI of a report in its bucket."""
    return f"s3://{bucket}/{report_key(report)}"


def store(aws: Aws, bucket: str, report: Report) -> str:
    """Store a report and return its URI.

    Raises:
        AlreadyStoredError: The last resort has stored its report of this gate before.
        AwsError: S3 denied the call or did not respond.
    """
    key, document = report_key(report), json.render(report)
    if report.written_by is not Author.LAST_RESORT:
        return _put(aws, bucket, key, document, "application/json")
    try:
        return _put(aws, bucket, key, document, "application/json", IfNoneMatch="*")
    except AwsError as error:
        if error.code not in _REFUSED:
            raise
    return _replace_unanswered(aws, bucket, report, document)


def _replace_unanswered(aws: Aws, bucket: str, report: Report, document: str) -> str:
    """Replace the report of an invocation that could not answer by that of one that could.

    Raises:
        AlreadyStoredError: The stored report is as good as this one.
        AwsError: S3 denied the call or did not respond.
    """
    key = report_key(report)
    data, response = aws.read_object(bucket, key, MAX_BYTES)
    if data == document.encode():  # the response to an earlier attempt of this call was lost
        return f"s3://{bucket}/{key}"
    if is_answered(_decode(data)) or not is_answered(report):
        raise AlreadyStoredError(f"s3://{bucket}/{key} was stored by an earlier invocation")
    return _put(aws, bucket, key, document, "application/json", IfMatch=response["ETag"])


def store_page(aws: Aws, bucket: str, report: Report) -> str:
    """Store a report's page next to it and return the page's URI.

    Raises:
        AwsError: S3 denied the call or did not respond.
    """
    from greenlight.report import html  # imported late: CodeDeploy has its answer by then

    return _put(aws, bucket, report_key(report, "html"), html.render(report), "text/html; charset=utf-8")


def fetch(aws: Aws, bucket: str, key: str) -> Report | None:
    """Fetch a report; return None if it does not exist or is not valid.

    Raises:
        AwsError: S3 did not respond.
    """
    try:
        data, _ = aws.read_object(bucket, key, MAX_BYTES)
    except AwsError as error:
        if error.code in _MISSING:
            return None
        raise
    return _decode(data)


def is_answered(report: Report | None) -> bool:
    """Return whether a report says that CodeDeploy has its answer."""
    return report is not None and report.answer is not None and report.answer.told


def _decode(data: bytes) -> Report | None:
    try:
        return msgspec.json.decode(data, type=Report)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None


def _put(aws: Aws, bucket: str, key: str, document: str, content_type: str, **conditions: Any) -> str:
    aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=document.encode(), ContentType=content_type, **conditions)
    return f"s3://{bucket}/{key}"
