"""Index of the report bucket: one small object for each gate, from which `greenlight history` reads.

Keys are `index/APPLICATION/GROUP/ORDER-TIME-DEPLOYMENT-STAGE.json`, and `…-STAGE.last-resort.json` for reports that the
last resort wrote. S3 lists keys in ascending order, and ORDER
decreases over time, so one ListObjectsV2 returns the newest entries of a deployment group (docs/decisions/0020).
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
from greenlight.core.hold import HoldDecision
from greenlight.core.report import Answer, Author, PlanSource, Report
from greenlight.core.verdict import Reason, Status

if TYPE_CHECKING:
    from greenlight.aws.client import Aws

SCHEMA = "greenlight.index/1"
FOLDER = "index/"
MAX_REASONS = 10
MAX_CHECKS = 500
MESSAGE_LENGTH = 300

_LAST_RESORT = f".{Author.LAST_RESORT.value}"

_END_OF_TIME_MS = 10**13 - 1
"""In the year 2286; it has 13 digits, so that keys sort like numbers."""

_NAME = re.compile(r"(\d{13})-\d{8}T\d{6}Z-.+-[A-Z][A-Za-z]+(?:\.last-resort|\.caller)?\.json", re.ASCII | re.DOTALL)


class CheckSummary(FrozenStruct, frozen=True, kw_only=True):
    """Outcome of a check."""

    name: str
    outcome: Outcome
    severity: Severity = Severity.BLOCKING
    flaky: bool = False
    excused: ExcuseReason = ExcuseReason.NONE


class Entry(FrozenStruct, frozen=True, kw_only=True):
    """Summary of a gate for the history.

    Attributes:
        hidden: The verdict was Failed, and the plan's shadow mode hid it from CodeDeploy.
        overrides: Number of overrides that were honoured.
        hold: How the wait for an approval ended; null if the gate did not wait for one.
        decided_by: ARN of the principal that decided it; "" for none.
        reasons: The first 10, with truncated messages.
        checks: The first 500.
        left_out: Number of checks that are not in `checks`.
        started_at: ISO 8601, UTC.
        duration_ms: From the invocation of the hook to the verdict.
        report: URI of the report.
        answer: Answer to CodeDeploy; null in entries of versions that did not store it.
        written_by: Function that wrote the report.
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
    checks: tuple[CheckSummary, ...] = ()
    left_out: int = 0
    hidden: bool = False
    overrides: int = 0
    hold: HoldDecision | None = None
    decided_by: str = ""
    plan: PlanSource = PlanSource()
    report: str = ""
    greenlight: str = ""
    answer: Answer | None = None
    written_by: Author = Author.HOOK

    @property
    def let_through(self) -> bool:
        """Whether the gate ran no check: for a rollback, or a stage that needs no plan."""
        return self.verdict is Status.SUCCEEDED and not self.checks


def build_entry(report: Report, uri: str) -> Entry:
    """Build the entry of a report that is stored at `uri`."""
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
            Reason(
                cause=reason.cause,
                check=reason.check,
                message=truncate(reason.message, MESSAGE_LENGTH),
                root=truncate(reason.root, MESSAGE_LENGTH),
            )
            for reason in report.reasons[:MAX_REASONS]
        ),
        checks=tuple(
            CheckSummary(
                name=finding.name,
                outcome=finding.outcome,
                severity=finding.severity,
                flaky=finding.flaky,
                excused=finding.excused,
            )
            for finding in report.checks[:MAX_CHECKS]
        ),
        left_out=max(0, len(report.checks) - MAX_CHECKS),
        hidden=bool(report.shadow and report.shadow.would_have_been is Status.FAILED),
        overrides=len(report.overrides),
        hold=report.hold.decision if report.hold else None,
        decided_by=report.hold.who if report.hold else "",
        plan=report.plan,
        report=uri,
        greenlight=report.greenlight,
        answer=report.answer,
        written_by=report.written_by,
    )


def entry_prefix(application: str, group: str = "") -> str:
    """Return the key prefix of the entries of an application, or of one of its deployment groups."""
    return FOLDER + "".join(f"{urllib.parse.quote(part, safe=' ')}/" for part in (application, group) if part)


def entry_key(report: Report) -> str:
    """Return the key of a report's entry; the same run always has the same key."""
    deployment = report.deployment
    started_at = datetime.datetime.fromisoformat(report.started_at)
    order = _END_OF_TIME_MS - round(started_at.timestamp() * 1000)
    prefix = entry_prefix(deployment.application or "unknown", deployment.group or "unknown")
    name = urllib.parse.quote(f"{deployment.id}-{report.name}", safe=" ")
    return f"{prefix}{order:013d}-{started_at.astimezone(datetime.UTC):%Y%m%dT%H%M%SZ}-{name}.json"


def parse_key_time(key: str) -> float | None:
    """Parse the Unix time in seconds from a key; return None if the key is not the key of an entry."""
    name = _NAME.fullmatch(key.rpartition("/")[2])
    return (_END_OF_TIME_MS - int(name[1])) / 1000 if name else None


def gate_key(key: str) -> str:
    """Return the key of the entry of a gate's hook, for the key of an entry of the hook or the last resort."""
    return key.removesuffix(f"{_LAST_RESORT}.json") + ".json" if key.endswith(f"{_LAST_RESORT}.json") else key


def store(aws: Aws, bucket: str, report: Report, uri: str) -> str:
    """Store the entry of a report, which is stored at `uri`; return the entry's URI.

    Raises:
        AwsError: S3 denied the call or did not respond.
    """
    key, body = entry_key(report), msgspec.json.encode(build_entry(report, uri))
    aws.call("s3", "put_object", Bucket=bucket, Key=key, Body=body, ContentType="application/json")
    return f"s3://{bucket}/{key}"
