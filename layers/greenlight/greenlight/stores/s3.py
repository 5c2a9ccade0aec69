"""Plans in an S3 bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.core.errors import AwsError, PlanError, Problem
from greenlight.plan.yaml_reader import MAX_BYTES

if TYPE_CHECKING:
    from greenlight.aws.client import Aws

_NOT_FOUND = ("NoSuchKey", "404", "NotFound")


def read(aws: Aws, location: str) -> tuple[str, str] | None:
    """Read the object `BUCKET/KEY`; return its text and version id, or None if it does not exist.

    Raises:
        PlanError: The object is too large or not UTF-8.
        AwsError: S3 denied the call or did not respond. Without s3:ListBucket S3 denies access to a missing key, too.
    """
    bucket, _, key = location.partition("/")
    try:
        data, response = aws.read_object(bucket, key, MAX_BYTES)
    except AwsError as error:
        if error.code in _NOT_FOUND:
            return None
        raise
    version = response.get("VersionId") or ""
    return decode_plan(data, f"s3://{location}"), "" if version == "null" else version


def decode_plan(data: bytes, uri: str) -> str:
    """Decode a plan's bytes.

    Raises:
        PlanError: The plan is too large or not UTF-8.
    """
    if len(data) > MAX_BYTES:
        raise PlanError([Problem(f"the file is larger than {MAX_BYTES // 1024} KiB")], uri)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise PlanError([Problem(f"not UTF-8 text: {error.reason} at byte {error.start}")], uri) from error
