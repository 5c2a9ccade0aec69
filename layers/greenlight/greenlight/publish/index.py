"""The index of the report bucket: one small object for each gate, written once, so that history needs no other writer.

`index/APPLICATION/GROUP/ORDER-TIME-DEPLOYMENT-STAGE.json`: S3 lists keys in ascending order, and ORDER falls as time
goes on, so the newest N of a deployment group are one ListObjectsV2 (docs/decisions/0020).
Source: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
"""

from __future__ import annotations

import datetime
import re
import urllib.parse
from typing import TYPE_CHECKING

import msgspec

from greenlight.core.display import truncate
from greenlight.core.finding import ExcuseReason, Outcome, Severity
from greenlight.core.frozen import FrozenStruct
from greenlight.core.report import PlanSource, Report
from greenlight.core.verdict import Reason, Status

if TYPE_CHECKING:
    from greenlight.aws.client import Aws

SCHEMA = "greenlight.index/1"
FOLDER = "index/"
MAX_REASONS = 10
MAX_CHECKS = 500
MESSAGE_LENGTH = 300

_END_OF_TIME_MS = 10**13 - 1
"""A little after the year 2286; thirteen digits, so that the order of texts is the order of numbers."""

_NAME = re.compile(r"(\d{13})-\d{8}T\d{6}Z-.+-[A-Z][A-Za-z]+\.json", re.ASCII | re.DOTALL)


class Checked(FrozenStruct, frozen=True, kw_only=True):
    """What became of one check."""

    name: str
    outcome: Outcome
    severity: Severity = Severity.BLOCKING
    flaky: bool = False
    excused: ExcuseReason = ExcuseReason.NONE


class Entry(FrozenStruct, frozen=True, kw_only=True):
    """What history keeps of a gate.

    Attributes:
        hidden: The gate would have said Failed, and its plan's shadow hid that from CodeDeploy.
        overrides: How many overrides were honoured.
        reasons: The first ten, each cut short; `checks` has at most 500.
        left_out: How many checks are not among `checks`.
        started_at: ISO 8601, UTC.
        duration_ms: From the call of the hook to the verdict.
        report: Where the whole report is.
    """

    schema: str = SCHEMA
    verdict: Status
    deployment: str
    platform: str
    application: str
    group: str
    stage: str
    creator: str
    started_at: str
    duration_ms: float
    reasons: tuple[Reason, ...] = ()
    checks: tuple[Checked, ...] = ()
    left_out: int = 0
    hidden: bool = False
    overrides: int = 0
    plan: PlanSource = PlanSource()
    report: str = ""
    greenlight: str = ""

    @property
    def let_through(self) -> bool:
        """Nothing was judged: a rollback, or a stage for which the operator wants no plan."""
        return self.verdict is Status.SUCCEEDED and not self.checks


def entry(report: Report, uri: str) -> Entry:
    """Make the entry of a report that is stored at `uri`."""
    deployment = report.deployment
    return Entry(
        verdict=report.verdict,
        deployment=deployment.id,
        platform=deployment.platform.value,
        application=deployment.application,
        group=deployment.group,
        stage=deployment.stage,
        creator=deployment.creator,
        started_at=report.started_at,
        duration_ms=report.duration_ms,
        reasons=tuple(
            Reason(cause=each.cause, check=each.check, message=truncate(each.message, MESSAGE_LENGTH))
            for each in report.reasons[:MAX_REASONS]
        ),
        checks=tuple(
            Checked(
                name=each.name,
                outcome=each.outcome,
                severity=each.severity,
                flaky=each.flaky,
                excused=each.excused,
            )
            for each in report.checks[:MAX_CHECKS]
        ),
        left_out=max(0, len(report.checks) - MAX_CHECKS),
        hidden=bool(report.shadow and report.shadow.would_have_been is Status.FAILED),
        overrides=len(report.overrides),
        plan=report.plan,
        report=uri,
        greenlight=report.greenlight,
    )


def folder(application: str, group: str = "") -> str:
    """Give the prefix of an application's entries, or of a group's; what has no name is called `unknown`."""
    return FOLDER + "".join(f"{urllib.parse.quote(part, safe=' ')}/" for part in (application, group) if part)


def key_of(report: Report) -> str:
    """Give the key of a report's entry; the same run always has the same."""
    deployment = report.deployment
    at = datetime.datetime.fromisoformat(report.started_at)
    order = _END_OF_TIME_MS - round(at.timestamp() * 1000)
    place = folder(deployment.application or "unknown", deployment.group or "unknown")
    about = urllib.parse.quote(f"{deployment.id}-{deployment.stage}", safe=" ")
    return f"{place}{order:013d}-{at.astimezone(datetime.UTC):%Y%m%dT%H%M%SZ}-{about}.json"


def time_of(key: str) -> float | None:
    """Give the time a key names, as a Unix time in seconds; None for a key that is no entry's."""
    name = _NAME.fullmatch(key.rpartition("/")[2])
    return (_END_OF_TIME_MS - int(name[1])) / 1000 if name else None


def store(aws: Aws, bucket: str, report: Report, uri: str) -> str:
    """Store the entry of a report that is stored at `uri`, and give the entry's URI.

    Raises:
        AwsError: S3 refused or did not answer.
    """
    key, body = key_of(report), msgspec.json.encode(entry(report, uri))
    aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=body, ContentType="application/json")
    return f"s3://{bucket}/{key}"
