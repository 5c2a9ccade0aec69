"""Overrides in the plan bucket, under overrides/APPLICATION/GROUP/; who may write there is IAM's to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.aws.client import call_aws
from greenlight.core.errors import AwsError
from greenlight.verdict.override import StoredOverride

if TYPE_CHECKING:
    from typing import Any

    from greenlight.aws.client import Aws

MAX_OBJECTS = 20
MAX_BYTES = 16 * 1024


def read_overrides(aws: Aws, bucket: str, folder: str) -> tuple[tuple[StoredOverride, ...], tuple[str, ...]]:
    """Read a folder of overrides, the newest first.

    Args:
        aws: The account.
        bucket: The plan bucket.
        folder: From `greenlight.override.folder`.

    Returns:
        What was found, and notes about what was not read: too much, too large, not readable.

    Raises:
        AwsError: The folder cannot be listed.
    """
    answer = aws.call("s3", "list_objects_v2", Bucket=bucket, Prefix=folder, Delimiter="/")
    keys = [each for each in answer.get("Contents", []) if not each["Key"].endswith("/")]
    keys.sort(key=lambda each: each["LastModified"], reverse=True)
    found: list[StoredOverride] = []
    notes: list[str] = []
    if answer.get("IsTruncated") or len(keys) > MAX_OBJECTS:
        notes.append(f"s3://{bucket}/{folder} holds more than {MAX_OBJECTS} overrides; the others were not read")
    for each in keys[:MAX_OBJECTS]:
        uri = f"s3://{bucket}/{each['Key']}"
        try:
            found.append(_read(aws, bucket, each["Key"], uri))
        except AwsError as error:
            notes.append(f"the override {uri} is not honoured: {error}")
    return tuple(found), tuple(notes)


def _read(aws: Aws, bucket: str, key: str, uri: str) -> StoredOverride:
    answer: dict[str, Any] = aws.call("s3", "get_object", Bucket=bucket, Key=key)
    data: bytes = call_aws("s3", "get_object", lambda: answer["Body"].read(MAX_BYTES + 1))
    if len(data) > MAX_BYTES:
        raise AwsError(f"it is larger than {MAX_BYTES // 1024} KiB")
    version = answer.get("VersionId") or ""
    return StoredOverride(
        uri=uri, data=data, stored_at=answer["LastModified"], version_id="" if version == "null" else version
    )
