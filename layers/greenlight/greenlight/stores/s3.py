"""Plans in an S3 bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.aws.client import call_aws
from greenlight.core.errors import AwsError, PlanError, Problem
from greenlight.plan.yaml_reader import MAX_BYTES

if TYPE_CHECKING:
    from greenlight.aws.client import Aws

_NOT_THERE = ("NoSuchKey", "404", "NotFound")


def read(aws: Aws, place: str) -> tuple[str, str] | None:
    """Read `BUCKET/KEY`: text and version id; None when there is no such key.

    Raises:
        PlanError: It is too large or not UTF-8.
        AwsError: S3 refused. Without s3:ListBucket S3 says "denied" of a key that does not exist.
    """
    bucket, _, key = place.partition("/")
    try:
        answer = aws.call("s3", "get_object", Bucket=bucket, Key=key)
        data: bytes = call_aws("s3", "get_object", lambda: answer["Body"].read(MAX_BYTES + 1))
    except AwsError as error:
        if error.code in _NOT_THERE:
            return None
        raise
    version = answer.get("VersionId") or ""
    return decode_plan(data, f"s3://{place}"), "" if version == "null" else version


def decode_plan(data: bytes, uri: str) -> str:
    """Decode a plan's bytes.

    Raises:
        PlanError: They are too many, or not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise PlanError([Problem(f"the file is larger than {MAX_BYTES // 1024} KiB")], uri)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PlanError([Problem(f"not UTF-8 text: {error.reason} at byte {error.start}")], uri) from error
