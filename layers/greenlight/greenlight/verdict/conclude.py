"""Third step: judge the findings, make the report, and, once CodeDeploy has its answer, publish it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight import __version__
from greenlight.core.model import Cause, Clock, Finding, Outcome, PlanSource, Reason, Report, Status, Verdict
from greenlight.verdict.judge import excuse, judge

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from greenlight.core.model import Deployment, Overridden
    from greenlight.plan.parser import Check


def verdict_of(
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
    known = as_planned(checks, findings)
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


def as_planned(
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
    return tuple(replace(finding, excused=excuse(finding, overridden)) for finding in known)


def report_of(
    verdict: Verdict,
    findings: Sequence[Finding],
    deployment: Deployment,
    plan: PlanSource,
    started_at: float,
    duration_ms: float,
    output: str = "",
    overrides: Sequence[Overridden] = (),
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
