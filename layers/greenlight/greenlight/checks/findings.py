"""What a validator tells: an outcome with the evidence that shows it, of a length that people read. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.core.display import display_value
from greenlight.core.finding import Evidence, Finding, Outcome
from greenlight.core.json_values import MISSING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.assertions.expectation import Expectation

KEPT_LENGTH = 5000
"""Characters of one observed value that a validator hands on. The runner cuts further, after secrets are
taken out: a secret cut in half would no longer be found."""


def passed(message: str, *found: Evidence) -> Finding:
    """Green is right, and this shows it."""
    return Finding(outcome=Outcome.PASS, message=message, evidence=found)


def failed(message: str, *found: Evidence) -> Finding:
    """Green is wrong."""
    return Finding(outcome=Outcome.FAIL, message=message, evidence=found)


def error(message: str, *found: Evidence) -> Finding:
    """The check could not be carried out; green may be right or wrong."""
    return Finding(outcome=Outcome.ERROR, message=message, evidence=found)


def inconclusive(message: str, *found: Evidence) -> Finding:
    """The check was carried out and shows neither."""
    return Finding(outcome=Outcome.INCONCLUSIVE, message=message, evidence=found)


def evidence(query: str, expectation: Expectation, actual: Any, where: str = "") -> Evidence:
    """Hold `actual` against an expectation and keep both for the report."""
    passed = expectation.holds(actual)
    return Evidence(
        query=query,
        expected=expectation.raw,
        actual=shown(actual),
        passed=passed,
        where=where,
        why="" if passed else expectation.why(actual)[:KEPT_LENGTH],
    )


def finding_from(found: Sequence[Evidence], message: str) -> Finding:
    """Make a finding of evidence: PASS with `message` if all of it passed, else FAIL with the first that did not.

    No evidence at all is INCONCLUSIVE: a check that looked at nothing shows nothing.
    """
    if not found:
        return inconclusive("nothing was looked at")
    wrong = [each for each in found if not each.passed]
    if not wrong:
        return passed(message, *found)
    first = wrong[0]
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    place = f"{first.where}: " if first.where else ""
    why = f": {first.why}" if first.why else ""
    said = f"{place}{first.query} is {display_value(first.actual)}, expected {display_value(first.expected)}{why}{more}"
    return failed(said, *found)


def shown(value: Any) -> Any:
    """Cut an observed value to a length people read; what is not plain data becomes text."""
    if value is MISSING:
        return repr(MISSING)
    if isinstance(value, str):
        return value if len(value) <= KEPT_LENGTH else f"{value[:KEPT_LENGTH]}… ({len(value)} characters)"
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return round(value, 3) if value == value and abs(value) < 1e300 else repr(value)
    text = display_value(value)
    return value if len(text) <= KEPT_LENGTH and isinstance(value, (list, dict)) else shown(text)
