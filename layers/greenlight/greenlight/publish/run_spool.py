"""Partial report of a running gate in the report bucket, for a report if the hook is killed.

The last resort reads it. The key is `runs/DIGEST.partial.json`. DIGEST is the SHA-256 of the execution id, which only
the hook and the last resort know. A lifecycle rule of the bucket removes the object after a few days.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from greenlight.aws.client import DENIED
from greenlight.core.errors import AwsError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.redaction import MASK
from greenlight.core.report import Report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.aws.client import Aws
    from greenlight.core.finding import Finding

SCHEMA = "greenlight.run/1"
MAX_BYTES = 4 * 1024 * 1024
_FEW_REASONS = 100
_MIN_ID_LENGTH = 16
"""A shorter text is not an execution id of CodeDeploy, and may be a word of the document."""
_MISSING = ("NoSuchKey", "404", "NotFound", *DENIED)
"""Without s3:ListBucket, S3 denies access to a key that does not exist."""


class PartialRun(FrozenStruct, frozen=True, kw_only=True):
    """A gate as far as it got.

    Attributes:
        report: Before the verdict, the report of the findings so far, in which a check without one is an ERROR; then
            the report of the verdict.
        judged: The report has the gate's verdict.
    """

    schema: str = SCHEMA
    report: Report
    judged: bool = False


def spool_key(digest: str) -> str:
    """Return the key of the partial report of the execution with this digest."""
    return f"runs/{digest}.partial.json"


def encode(run: PartialRun, execution_id: str, max_bytes: int = MAX_BYTES) -> bytes:
    """Encode a run without the execution id, in at most `max_bytes`: the largest findings lose their details first."""
    data = _encode(run, execution_id)
    if len(data) <= max_bytes:
        return data
    report = replace(run.report, checks=_shorten(run.report.checks, len(data) - max_bytes))
    data = _encode(replace(run, report=report), execution_id)
    if len(data) <= max_bytes:
        return data
    note = f"the {len(report.checks)} checks of this gate are not in its partial report, which would be too large"
    deployment = replace(report.deployment, notes=(*report.deployment.notes, note))
    report = replace(report, checks=(), reasons=report.reasons[:_FEW_REASONS], output="", deployment=deployment)
    return _encode(replace(run, report=report), execution_id)


def _shorten(findings: Sequence[Finding], excess_bytes: int) -> tuple[Finding, ...]:
    """Return the findings without the details of the largest ones, so that they take `excess_bytes` less."""
    shortened = list(findings)
    sizes = [_size_bytes(finding) for finding in findings]
    for position in sorted(range(len(sizes)), key=lambda position: -sizes[position]):
        if excess_bytes <= 0:
            break
        shortened[position] = _without_details(findings[position])
        excess_bytes -= sizes[position] - _size_bytes(shortened[position])
    return tuple(shortened)


def _size_bytes(finding: Finding) -> int:
    return len(msgspec.json.encode(finding, enc_hook=repr))


def store(aws: Aws, bucket: str, digest: str, data: bytes) -> str:
    """Store an encoded run and return its URI.

    Raises:
        AwsError: S3 denied the call or did not respond.
    """
    key = spool_key(digest)
    aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=data, ContentType="application/json")
    return f"s3://{bucket}/{key}"


def fetch(aws: Aws, bucket: str, digest: str) -> PartialRun | None:
    """Fetch a run; return None if it does not exist or is not valid.

    Raises:
        AwsError: S3 did not respond.
    """
    try:
        data, _ = aws.read_object(bucket, spool_key(digest), MAX_BYTES)
    except AwsError as error:
        if error.code in _MISSING:
            return None
        raise
    try:
        run = msgspec.json.decode(data, type=PartialRun)
        has_zone = datetime.datetime.fromisoformat(run.report.started_at).tzinfo is not None
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return run if run.schema == SCHEMA and has_zone else None


def _encode(run: PartialRun, execution_id: str) -> bytes:
    """Encode a run; its findings were redacted in the worker, which knows the secrets but not the execution id."""
    data = msgspec.json.encode(run, enc_hook=repr)
    return data.replace(execution_id.encode(), MASK.encode()) if len(execution_id) >= _MIN_ID_LENGTH else data


def _without_details(finding: Finding) -> Finding:
    message = f"{finding.message[:1000]} (evidence is not in the partial report)"
    return replace(finding, message=message, evidence=(), series=(), tries=())
