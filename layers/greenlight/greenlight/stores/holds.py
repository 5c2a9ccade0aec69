"""Holds in the report bucket, as holds/DEPLOYMENT/STAGE/hold.json.

Only the function of `machine/conclude.py` may write them. The key ends unlike that of a report, which hooks may write.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from greenlight.aws.repeat import repeat_transient
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.display import truncate
from greenlight.core.errors import GreenlightError
from greenlight.core.hold import HOLD_SCHEMA, HoldRecord

if TYPE_CHECKING:
    from greenlight.aws.client import Aws

FOLDER = "holds/"
MAX_BYTES = 256 * 1024
WRITE_S = 20.0
"""Time in which a write is repeated after transient errors."""


def hold_key(deployment: str, stage: str) -> str:
    """Return the key of a hold."""
    return f"{FOLDER}{deployment}/{stage}/hold.json"


def store_hold(aws: Aws, bucket: str, record: HoldRecord) -> None:
    """Store a hold, or its new state.

    Raises:
        AwsError: S3 denied the call or did not respond.
    """
    key, body = hold_key(record.deployment, record.stage), msgspec.json.encode(record)

    def put() -> None:
        aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=body, ContentType="application/json")

    repeat_transient(put, time.monotonic() + WRITE_S, SYSTEM_CLOCK)


def read_holds(aws: Aws, bucket: str, deployment: str) -> tuple[HoldRecord, ...]:
    """Read the holds of a deployment, one for each stage that has or had one.

    Raises:
        AwsError: S3 denied a call or did not respond.
        GreenlightError: An object is not a hold.
    """
    entries = aws.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=f"{FOLDER}{deployment}/")
    return tuple(read_hold(aws, bucket, str(entry["Key"])) for entry in entries)


def read_hold(aws: Aws, bucket: str, key: str) -> HoldRecord:
    """Read one hold.

    Raises:
        AwsError: S3 denied the call or did not respond, or there is no such object.
        GreenlightError: The object is not a hold.
    """
    data, _ = aws.read_object(bucket, key, MAX_BYTES)
    try:
        record = msgspec.json.decode(data, type=HoldRecord)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise GreenlightError(f"s3://{bucket}/{key} is not a valid hold: {truncate(str(error), 200)}") from error
    if record.schema != HOLD_SCHEMA:
        raise GreenlightError(f"s3://{bucket}/{key} has the schema {record.schema!r}; this version reads {HOLD_SCHEMA}")
    if hold_key(record.deployment, record.stage) != key:
        raise GreenlightError(
            f"s3://{bucket}/{key} is the hold of {record.deployment} at {record.stage}; do not decide about it"
        )
    return record
