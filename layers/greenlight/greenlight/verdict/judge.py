"""Judge of findings, which fails closed.

The verdict is Succeeded only if every blocking finding is PASS, SKIPPED because the plan says so, or excused, and at
least one blocking finding is a PASS that is evidence of green (`verdict.evidence`). An excuse is never evidence.
Everything else is Failed, also outcomes and severities that this module does not know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight.core.finding import Cause, ExcuseReason, Finding, OnInconclusive, Outcome, Severity
from greenlight.core.verdict import Reason, ShadowedVerdict, Status, Verdict
from greenlight.verdict.evidence import EvidenceRule

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

_STRICTEST = EvidenceRule()

_CAUSE = {
    Outcome.FAIL: Cause.RELEASE_FAILED,
    Outcome.ERROR: Cause.GATE_ERROR,
    Outcome.INCONCLUSIVE: Cause.NO_EVIDENCE,
}


def judge(findings: Sequence[Finding], overridden: Container[str] = (), rule: EvidenceRule = _STRICTEST) -> Verdict:
    """Judge one gate.

    Args:
        findings: One for every check of the plan at this stage, in any order.
        overridden: Names of the checks for which an override applies to this gate.
        rule: The weakest evidence that suffices.

    Returns:
        The verdict; it has no reasons if and only if it is Succeeded.
    """
    blocking = [finding for finding in findings if finding.severity is not Severity.ADVISORY]
    reasons = tuple(
        Reason(cause=_cause(finding), check=finding.name, message=finding.message, root=finding.root)
        for finding in blocking
        if finding.outcome not in (Outcome.PASS, Outcome.SKIPPED) and not excuse_for(finding, overridden)
    )
    if not reasons and not any(finding.outcome is Outcome.PASS and rule.allows(finding) for finding in blocking):
        message = f"{_describe_no_evidence(blocking, rule)}, so nothing shows that green works"
        reasons = (Reason(cause=Cause.NO_EVIDENCE, message=message),)
    return Verdict(status=Status.FAILED if reasons else Status.SUCCEEDED, reasons=reasons)


def excuse_for(finding: Finding, overridden: Container[str] = ()) -> ExcuseReason:
    """Return why a finding other than PASS does not close the gate; `NONE` if it does, or needs no excuse."""
    if finding.severity is Severity.ADVISORY:
        return ExcuseReason.NONE
    if _is_tolerable(finding):
        return ExcuseReason.TOLERATED
    return ExcuseReason.OVERRIDDEN if can_be_overridden(finding) and finding.name in overridden else ExcuseReason.NONE


def can_be_overridden(finding: Finding) -> bool:
    """Return whether a finding closes the gate and an override could change that."""
    return (
        finding.severity is Severity.REQUIRED_WITH_OVERRIDE
        and finding.outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE)
        and not _is_tolerable(finding)
    )


def shadow_verdict(verdict: Verdict, until: str, why: str) -> Verdict:
    """Return a Succeeded verdict for CodeDeploy that records the original verdict and its reasons.

    Args:
        verdict: Verdict of a gate whose plan is valid.
        until: Last day of the shadow, ISO 8601. The caller has checked that the shadow is in force.
        why: The plan's reason for the shadow.
    """
    return replace(
        verdict,
        status=Status.SUCCEEDED,
        shadow=ShadowedVerdict(would_have_been=verdict.status, until=until, why=why),
    )


def failed_verdict(cause: Cause, message: str) -> Verdict:
    """Return the verdict of a gate that could not be run."""
    return Verdict(status=Status.FAILED, reasons=(Reason(cause=cause, message=message),))


def _is_tolerable(finding: Finding) -> bool:
    """Return whether the plan tolerates this INCONCLUSIVE, which was measured and hides no failure or error."""
    return (
        finding.on_inconclusive is OnInconclusive.TOLERATE
        and finding.outcome is Outcome.INCONCLUSIVE
        and finding.cause in (None, Cause.NO_EVIDENCE)
        and finding.attempts > 0
    )


def _describe_no_evidence(blocking: Sequence[Finding], rule: EvidenceRule) -> str:
    if passes := [finding for finding in blocking if finding.outcome is Outcome.PASS]:
        return rule.describe_shortfall(passes)
    if not blocking:
        return "there is no blocking check"
    if all(finding.outcome is Outcome.SKIPPED for finding in blocking):
        return "every blocking check was skipped"
    return "every blocking check was skipped, tolerated or overridden"


def _cause(finding: Finding) -> Cause:
    return finding.cause or _CAUSE.get(finding.outcome, Cause.GATE_ERROR)
