"""Overrides in the plan bucket, under overrides/APPLICATION/GROUP/; IAM decides who may write there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.aws.client import member_of
from greenlight.core.errors import AwsError
from greenlight.verdict.override import StoredOverride

if TYPE_CHECKING:
    from greenlight.aws.client import Aws

MAX_OBJECTS = 20
MAX_BYTES = 16 * 1024


def read_overrides(aws: Aws, bucket: str, folder: str) -> tuple[tuple[StoredOverride, ...], tuple[str, ...]]:
    """Read a folder of overrides, newest first.

    Args:
        aws: The account.
        bucket: The plan bucket.
        folder: From `greenlight.verdict.override.override_prefix`.

    Returns:
        The overrides, and notes about those that were not read: too many, too large, not readable.

    Raises:
        AwsError: S3 denied listing the folder or did not respond.
    """
    listing = aws.call("s3", "list_objects_v2", Bucket=bucket, Prefix=folder, Delimiter="/")
    entries = [entry for entry in listing.get("Contents", []) if not entry["Key"].endswith("/")]
    entries.sort(key=lambda entry: entry["LastModified"], reverse=True)
    overrides: list[StoredOverride] = []
    notes: list[str] = []
    if listing.get("IsTruncated") or len(entries) > MAX_OBJECTS:
        notes.append(f"s3://{bucket}/{folder} contains more than {MAX_OBJECTS} overrides; the others were not read")
    for entry in entries[:MAX_OBJECTS]:
        uri = f"s3://{bucket}/{entry['Key']}"
        try:
            overrides.append(_read_override(aws, bucket, entry["Key"], uri))
        except AwsError as error:
            notes.append(f"the override {uri} is not honoured: {error}")
    return tuple(overrides), tuple(notes)


def _read_override(aws: Aws, bucket: str, key: str, uri: str) -> StoredOverride:
    data, stored = aws.read_object(bucket, key, MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise AwsError(f"it is larger than {MAX_BYTES // 1024} KiB")
    version = stored.get("VersionId") or ""
    return StoredOverride(
        uri=uri,
        data=data,
        stored_at=member_of(stored, "s3", "get_object", "LastModified"),
        version_id="" if version == "null" else version,
    )
