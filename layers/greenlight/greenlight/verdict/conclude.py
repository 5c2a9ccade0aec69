"""Third step: judge the findings, make the report, and, once CodeDeploy has its answer, publish it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight import __version__
from greenlight.core.finding import Cause, Finding, Outcome
from greenlight.core.report import Clock, PlanSource, Report
from greenlight.core.verdict import Reason, Status, Verdict
from greenlight.verdict.judge import excuse_for, judge

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from greenlight.core.deployment import Deployment
    from greenlight.core.verdict import AppliedOverride
    from greenlight.plan.model import Check


def decide_verdict(
    checks: Sequence[Check], findings: Sequence[Finding], waived: str = "", overridden: Container[str] = ()
) -> Verdict:
    """Judge a gate: its plan may be waived, and every check must have its finding.

    Args:
        checks: What the plan has at this stage.
        findings: What was found; a check without a finding is a gate error, whatever its severity.
        waived: Why nothing had to be checked; "" where something had.
        overridden: The checks that an honoured override names.
    """
    if waived:
        return Verdict(status=Status.SUCCEEDED)
    known = apply_plan(checks, findings)
    named = {finding.name for finding in known}
    missing = tuple(
        Reason(cause=Cause.GATE_ERROR, check=check.name, message="the check gave no finding")
        for check in checks
        if check.name not in named
    )
    if missing:
        shown = [reason for reason in judge(known, overridden).reasons if reason.check]
        return Verdict(status=Status.FAILED, reasons=(*shown, *missing))
    return judge(known, overridden)


def apply_plan(
    checks: Sequence[Check], findings: Sequence[Finding], overridden: Container[str] = ()
) -> tuple[Finding, ...]:
    """Give the findings of the plan's checks, with what the plan and the judgement say of each.

    They come from a process that ran plugins: the plan says which checks there are, which decide, and what is borne.
    """
    planned = {check.name: check for check in checks}
    known = [
        replace(
            finding,
            severity=planned[finding.name].severity,
            on_inconclusive=planned[finding.name].on_inconclusive,
            flaky=finding.flaky and finding.outcome is Outcome.PASS,
        )
        for finding in findings
        if finding.name in planned
    ]
    return tuple(replace(finding, excused=excuse_for(finding, overridden)) for finding in known)


def build_report(
    verdict: Verdict,
    findings: Sequence[Finding],
    deployment: Deployment,
    plan: PlanSource,
    started_at: float,
    duration_ms: float,
    output: str = "",
    overrides: Sequence[AppliedOverride] = (),
    clock: Clock | None = None,
    bucket: str = "",
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
        shadow=verdict.shadow,
        overrides=tuple(overrides),
        clock=clock or Clock(),
        bucket=bucket,
    )
