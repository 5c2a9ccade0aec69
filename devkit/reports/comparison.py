"""Comparison of the checks of two reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from greenlight.core.finding import Finding


class CheckComparison(FrozenStruct, frozen=True, kw_only=True):
    """One check in an old and a new run.

    Attributes:
        then: Outcome in the old run; "" if the plan did not have the check.
        now: Outcome in the new run; "" if the plan no longer has the check.
        message_then: Message in the old run.
        message_now: Message in the new run.
        differs: The outcomes are different.
        left_out: Why the check was not run now, or "".
    """

    name: str
    then: str = ""
    now: str = ""
    message_then: str = msgspec.field(default="", name="said_then")
    message_now: str = msgspec.field(default="", name="said_now")
    differs: bool = False
    left_out: str = ""


def compare_checks(
    then: Sequence[Finding], now: Sequence[Finding], left_out: Mapping[str, str]
) -> list[CheckComparison]:
    """Compare the checks of two runs, in the order of the new run. Checks that only the old run has come last.

    Args:
        then: Findings of the old run.
        now: Findings of the new run.
        left_out: By name, why a check was not run now. It has no new outcome, so it does not count as different.
    """
    old_findings = {finding.name: finding for finding in then}
    new_findings = {finding.name: finding for finding in now}
    comparisons = []
    for name in dict.fromkeys((*new_findings, *old_findings)):
        old, new = old_findings.get(name), new_findings.get(name)
        outcomes = (old.outcome.value if old else "", new.outcome.value if new else "")
        comparisons.append(
            CheckComparison(
                name=name,
                then=outcomes[0],
                now=outcomes[1],
                message_then=old.message if old else "",
                message_now=new.message if new else "",
                differs=name not in left_out and outcomes[0] != outcomes[1],
                left_out=left_out.get(name, ""),
            )
        )
    return comparisons
