"""Findings in, verdict out: one pure function that fails closed.

Succeeded only if every blocking finding is PASS, or SKIPPED because the plan says so, and at least one
blocking finding is a PASS. Everything else, also what this module has never heard of, is Failed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.model import Cause, Finding, Outcome, Reason, Severity, Status, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

_CAUSE = {
    Outcome.FAIL: Cause.RELEASE_FAILED,
    Outcome.ERROR: Cause.GATE_ERROR,
    Outcome.INCONCLUSIVE: Cause.NO_EVIDENCE,
}


def judge(findings: Sequence[Finding]) -> Verdict:
    """Judge one gate.

    Args:
        findings: One for every check the plan has at this stage, in any order.

    Returns:
        The verdict; the reasons are empty exactly when it is Succeeded.
    """
    blocking = [finding for finding in findings if finding.severity is not Severity.ADVISORY]
    reasons = tuple(
        Reason(cause=_cause(finding), check=finding.name, message=finding.message)
        for finding in blocking
        if finding.outcome not in (Outcome.PASS, Outcome.SKIPPED)
    )
    if not reasons and not any(finding.outcome is Outcome.PASS for finding in blocking):
        what = "every blocking check was skipped" if blocking else "there is no blocking check"
        reasons = (Reason(cause=Cause.NO_EVIDENCE, message=f"{what}, so nothing shows that green works"),)
    return Verdict(status=Status.FAILED if reasons else Status.SUCCEEDED, reasons=reasons)


def failed(cause: Cause, message: str) -> Verdict:
    """Give the verdict of a gate that could not be run."""
    return Verdict(status=Status.FAILED, reasons=(Reason(cause=cause, message=message),))


def _cause(finding: Finding) -> Cause:
    return finding.cause or _CAUSE.get(finding.outcome, Cause.GATE_ERROR)
