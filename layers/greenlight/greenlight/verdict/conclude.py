"""The verdict on a gate from the findings of its checks, which come from a process that ran plugins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight.core.finding import Cause, ExcuseReason, Finding, Outcome
from greenlight.core.verdict import Reason, Status, Verdict
from greenlight.verdict.evidence import EvidenceRule
from greenlight.verdict.judge import excuse_for, judge

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from greenlight.plan.model import Check

_STRICTEST = EvidenceRule()


def apply_plan(checks: Sequence[Check], findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return the findings of the plan's checks with the severity that the plan gives each.

    The worker that sent them ran plugins, so the plan alone says which checks exist, which of them block, and what is
    tolerated; findings for other names are dropped.
    """
    planned = {check.name: check for check in checks}
    return tuple(
        replace(
            finding,
            severity=planned[finding.name].severity,
            on_inconclusive=planned[finding.name].on_inconclusive,
            flaky=finding.flaky and finding.outcome is Outcome.PASS,
            excused=ExcuseReason.NONE,
        )
        for finding in findings
        if finding.name in planned
    )


def with_excuses(findings: Sequence[Finding], overridden: Container[str] = ()) -> tuple[Finding, ...]:
    """Return the findings, each with the excuse for which it does not fail the gate, if it has one."""
    return tuple(replace(finding, excused=excuse_for(finding, overridden)) for finding in findings)


def decide_verdict(
    checks: Sequence[Check],
    findings: Sequence[Finding],
    overridden: Container[str] = (),
    rule: EvidenceRule = _STRICTEST,
) -> Verdict:
    """Return the verdict on a gate; a check without a finding is a gate error, whatever its severity.

    Args:
        checks: Checks of the plan at this stage.
        findings: Findings from `apply_plan`.
        overridden: Names of the checks that an applied override names.
        rule: The weakest evidence that suffices.
    """
    verdict = judge(findings, overridden, rule)
    names = {finding.name for finding in findings}
    missing = tuple(
        Reason(cause=Cause.GATE_ERROR, check=check.name, message="the check returned no finding")
        for check in checks
        if check.name not in names
    )
    if not missing:
        return verdict
    reasons = (reason for reason in verdict.reasons if reason.check)
    return Verdict(status=Status.FAILED, reasons=(*reasons, *missing))
