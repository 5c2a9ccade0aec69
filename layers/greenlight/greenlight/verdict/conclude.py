"""Verdict of a stage: the findings of its checks, completed from the plan and judged.

Findings come from the worker, a process that runs plugins. The plan, and not a finding, therefore decides which checks
exist, which of them block, and what is tolerated.
"""

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
    """Judge the findings of a stage.

    Args:
        checks: The checks of the plan at this stage.
        findings: Their findings. A check without a finding is a gate error, whatever its severity.
        waived: Reason why nothing had to be checked; "" if something had.
        overridden: Names of the checks for which an override applies.
    """
    if waived:
        return Verdict(status=Status.SUCCEEDED)
    planned_findings = apply_plan(checks, findings)
    verdict = judge(planned_findings, overridden)
    finished = {finding.name for finding in planned_findings}
    missing = tuple(
        Reason(cause=Cause.GATE_ERROR, check=check.name, message="the check gave no finding")
        for check in checks
        if check.name not in finished
    )
    if not missing:
        return verdict
    # A reason without a check is about missing evidence, which the missing findings explain better.
    reasons_of_checks = [reason for reason in verdict.reasons if reason.check]
    return Verdict(status=Status.FAILED, reasons=(*reasons_of_checks, *missing))


def apply_plan(
    checks: Sequence[Check], findings: Sequence[Finding], overridden: Container[str] = ()
) -> tuple[Finding, ...]:
    """Return the findings of the plan's checks, with the attributes that the plan and the judge decide.

    Findings of other checks are dropped. `severity` and `on_inconclusive` come from the plan, only a PASS is flaky,
    and `excused` comes from the judge.
    """
    planned = {check.name: check for check in checks}
    completed = [
        replace(
            finding,
            severity=planned[finding.name].severity,
            on_inconclusive=planned[finding.name].on_inconclusive,
            flaky=finding.flaky and finding.outcome is Outcome.PASS,
        )
        for finding in findings
        if finding.name in planned
    ]
    return tuple(replace(finding, excused=excuse_for(finding, overridden)) for finding in completed)


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
