"""Functions that build a validator's finding and truncate its values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.core.display import display_value
from greenlight.core.finding import Cause, Evidence, Finding, Outcome
from greenlight.core.json_values import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.assertions.expectation import Expectation

MAX_VALUE_LENGTH = 5000
"""Maximum length of an observed value in a validator's finding. The runner truncates further, but only after redaction,
because a truncated secret would not be recognized."""


def passed(message: str, *evidence: Evidence) -> Finding:
    """Return a PASS: green is right, and the evidence shows it."""
    return Finding(outcome=Outcome.PASS, message=message, evidence=evidence)


def failed(message: str, *evidence: Evidence) -> Finding:
    """Return a FAIL: green is wrong."""
    return Finding(outcome=Outcome.FAIL, message=message, evidence=evidence)


def error(message: str, *evidence: Evidence) -> Finding:
    """Return an ERROR: the check could not be carried out; green may be right or wrong."""
    return Finding(outcome=Outcome.ERROR, message=message, evidence=evidence)


def inconclusive(message: str, *evidence: Evidence) -> Finding:
    """Return an INCONCLUSIVE: the check ran, but does not show whether green is right or wrong."""
    return Finding(outcome=Outcome.INCONCLUSIVE, message=message, evidence=evidence)


def out_of_time(message: str, *, ends_with_gate: bool) -> Finding:
    """Return that green's work did not end in time: a FAIL, or an ERROR with DEADLINE if the gate's own time was over.

    Args:
        message: The work that did not end.
        ends_with_gate: `context.ends_with_gate`.
    """
    if ends_with_gate:
        return Finding(
            outcome=Outcome.ERROR,
            cause=Cause.DEADLINE,
            message=f"{message}, which ended with the gate's, before the check's `timeout`; give the gate more time",
        )
    return Finding(outcome=Outcome.FAIL, message=f"{message}; give it a longer timeout")


def check_value(query: str, expectation: Expectation, actual: Any, location: str = "") -> Evidence:
    """Compare a value with an expectation and return both as evidence.

    Args:
        query: Name of the value for the report, such as `status` or `header x-ready`.
        expectation: The expectation of the plan.
        actual: The value; `MISSING` if nothing was found.
        location: Where the value was found, such as a URL.
    """
    passed = expectation.holds(actual)
    return Evidence(
        query=query,
        expected=expectation.raw,
        actual=limit_value(actual),
        passed=passed,
        where=location,
        why="" if passed else expectation.why(actual)[:MAX_VALUE_LENGTH],
    )


def finding_from(evidence: Sequence[Evidence], message: str) -> Finding:
    """Return PASS with `message` if all evidence passed, otherwise FAIL with a message about the first mismatch.

    Without evidence the finding is INCONCLUSIVE.
    """
    if not evidence:
        return inconclusive("nothing was checked")
    mismatches = [item for item in evidence if not item.passed]
    if not mismatches:
        return passed(message, *evidence)
    first = mismatches[0]
    location = f"{first.where}: " if first.where else ""
    reason = f": {first.why}" if first.why else ""
    more = f" (and {len(mismatches) - 1} more)" if len(mismatches) > 1 else ""
    comparison = f"{first.query} is {display_value(first.actual)}, expected {display_value(first.expected)}"
    return failed(f"{location}{comparison}{reason}{more}", *evidence)


def limit_value(value: Any) -> Any:
    """Return an observed value truncated to `MAX_VALUE_LENGTH`, as text if it is not plain data."""
    if value is MISSING:
        return repr(MISSING)
    if isinstance(value, str):
        if len(value) <= MAX_VALUE_LENGTH:
            return value
        return f"{value[:MAX_VALUE_LENGTH]}… ({len(value)} characters)"
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return round(value, 3) if value == value and abs(value) < 1e300 else repr(value)
    text = display_value(value)
    return value if len(text) <= MAX_VALUE_LENGTH and isinstance(value, (list, dict)) else limit_value(text)
