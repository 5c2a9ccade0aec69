"""Third step: judge the findings, make the report, and, once CodeDeploy has its answer, publish it."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

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
        findings: What was found; a check without a finding is a gate error.
        waived: Why nothing had to be checked; "" where something had.
    """
    if waived:
        return Verdict(status=Status.SUCCEEDED)
    missing = {check.name for check in checks} - {finding.name for finding in findings}
    if missing:
        reasons = tuple(
            Reason(cause=Cause.GATE_ERROR, check=name, message="the check gave no finding") for name in sorted(missing)
        )
        return Verdict(status=Status.FAILED, reasons=reasons)
    return judge(findings)


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
