"""Third step: judge the findings, make the report, and, once CodeDeploy has its answer, publish it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import msgspec

from greenlight import __version__
from greenlight.judge import judge
from greenlight.model import Cause, Finding, PlanSource, Reason, Report, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.model import Deployment
    from greenlight.plan import Check


def verdict_of(checks: Sequence[Check], findings: Sequence[Finding], waived: str = "") -> Verdict:
    """Judge a gate: its plan may be waived, and every check must have its finding.

    Args:
        checks: What the plan has at this stage.
        findings: What was found; a check without a finding is a gate error, whatever its severity.
        waived: Why nothing had to be checked; "" where something had.
    """
    if waived:
        return Verdict(status=Status.SUCCEEDED)
    severities = {check.name: check.severity for check in checks}
    # The findings come from a process that ran plugins: the plan says which checks there are and which decide.
    known = [
        msgspec.structs.replace(finding, severity=severities[finding.name])
        for finding in findings
        if finding.name in severities
    ]
    named = {finding.name for finding in known}
    missing = tuple(
        Reason(cause=Cause.GATE_ERROR, check=check.name, message="the check gave no finding")
        for check in checks
        if check.name not in named
    )
    if missing:
        shown = [reason for reason in judge(known).reasons if reason.check]
        return Verdict(status=Status.FAILED, reasons=(*shown, *missing))
    return judge(known)


def report_of(
    verdict: Verdict,
    findings: Sequence[Finding],
    deployment: Deployment,
    plan: PlanSource,
    started_at: float,
    duration_ms: float,
    output: str = "",
) -> Report:
    """Make the record of a gate run; `started_at` is a Unix time in seconds."""
    return Report(
        verdict=verdict.status,
        reasons=verdict.reasons,
        checks=tuple(findings),
        deployment=deployment,
        plan=plan,
        started_at=datetime.datetime.fromtimestamp(started_at, datetime.UTC).isoformat(timespec="milliseconds"),
        duration_ms=round(duration_ms, 3),
        greenlight=__version__,
        output=output,
    )
