"""Findings in, verdict out: pure functions that fail closed.

Succeeded only if every blocking finding is PASS, SKIPPED because the plan says so, or excused, and at least one
blocking finding is a PASS. An excuse is never evidence. Everything else, also what this module has never heard of,
is Failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight.core.finding import Cause, ExcuseReason, Finding, OnInconclusive, Outcome, Severity
from greenlight.core.verdict import Reason, ShadowedVerdict, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

_CAUSE = {
    Outcome.FAIL: Cause.RELEASE_FAILED,
    Outcome.ERROR: Cause.GATE_ERROR,
    Outcome.INCONCLUSIVE: Cause.NO_EVIDENCE,
}


def judge(findings: Sequence[Finding], overridden: Container[str] = ()) -> Verdict:
    """Judge one gate.

    Args:
        findings: One for every check the plan has at this stage, in any order.
        overridden: The checks that an override, honoured for this very gate, names.

    Returns:
        The verdict; the reasons are empty exactly when it is Succeeded.
    """
    blocking = [finding for finding in findings if finding.severity is not Severity.ADVISORY]
    reasons = tuple(
        Reason(cause=_cause(finding), check=finding.name, message=finding.message)
        for finding in blocking
        if finding.outcome not in (Outcome.PASS, Outcome.SKIPPED) and not excuse_for(finding, overridden)
    )
    if not reasons and not any(finding.outcome is Outcome.PASS for finding in blocking):
        reasons = (Reason(cause=Cause.NO_EVIDENCE, message=f"{_nothing(blocking)}, so nothing shows that green works"),)
    return Verdict(status=Status.FAILED if reasons else Status.SUCCEEDED, reasons=reasons)


def excuse_for(finding: Finding, overridden: Container[str] = ()) -> ExcuseReason:
    """Say why a finding that is no PASS does not close the gate; `Excuse.NONE` for one that does, or needs no excuse."""
    if finding.severity is Severity.ADVISORY:
        return ExcuseReason.NONE
    if _tolerable(finding):
        return ExcuseReason.TOLERATED
    return ExcuseReason.OVERRIDDEN if can_be_overridden(finding) and finding.name in overridden else ExcuseReason.NONE


def can_be_overridden(finding: Finding) -> bool:
    """Say whether a finding closes the gate, and an override could change that."""
    return (
        finding.severity is Severity.REQUIRED_WITH_OVERRIDE
        and finding.outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE)
        and not _tolerable(finding)
    )


def shadow_verdict(verdict: Verdict, until: str, why: str) -> Verdict:
    """Let CodeDeploy hear Succeeded, whatever the verdict, and keep what it would have been and the reasons for it.

    Args:
        verdict: Of a gate whose plan was read and fits its validators.
        until: The shadow's last day, ISO 8601; that the shadow is in force today is the caller's to know.
        why: The plan's reason for having one.
    """
    return replace(
        verdict,
        status=Status.SUCCEEDED,
        shadow=ShadowedVerdict(would_have_been=verdict.status, until=until, why=why),
    )


def failed_verdict(cause: Cause, message: str) -> Verdict:
    """Give the verdict of a gate that could not be run."""
    return Verdict(status=Status.FAILED, reasons=(Reason(cause=cause, message=message),))


def _tolerable(finding: Finding) -> bool:
    """Say whether the plan bears an INCONCLUSIVE: one that was measured, and that hides neither a failure nor an error."""
    return (
        finding.on_inconclusive is OnInconclusive.TOLERATE
        and finding.outcome is Outcome.INCONCLUSIVE
        and finding.cause in (None, Cause.NO_EVIDENCE)
        and finding.attempts > 0
    )


def _nothing(blocking: Sequence[Finding]) -> str:
    if not blocking:
        return "there is no blocking check"
    if all(finding.outcome is Outcome.SKIPPED for finding in blocking):
        return "every blocking check was skipped"
    return "every blocking check was skipped, tolerated or overridden"


def _cause(finding: Finding) -> Cause:
    return finding.cause or _CAUSE.get(finding.outcome, Cause.GATE_ERROR)
