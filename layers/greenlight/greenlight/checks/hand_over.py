"""Hand-over of checks that wait: a run ends between two attempts, and a later run goes on with the next one.

A function's invocation ends after fifteen minutes, and a waiting invocation costs as much as a working one. The state
machine therefore waits in its place, and a new invocation gets the state of the checks that have not finished.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight.core.finding import Asked, AttemptRecord, Finding, Outcome
from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Sequence

WAIT_S = 60.0
"""Shortest wait that is handed over; shorter ones are waited for in the run."""


class PastAttempt(FrozenStruct, frozen=True, kw_only=True, omit_defaults=True):
    """Outcome of an earlier attempt, and whom it asked."""

    outcome: Outcome
    asked: Asked = Asked()


class WaitingCheck(FrozenStruct, frozen=True, kw_only=True):
    """A check between two attempts.

    Attributes:
        name: Name of the check.
        number: Number of its next attempt, counted from 1.
        at: Unix time of the next attempt, in seconds.
        attempts: The earlier attempts.
        findings: Complete findings of the earlier attempts, the last one of each outcome.
        records: The earlier attempts for the report.
    """

    name: str
    number: int
    at: float
    attempts: tuple[PastAttempt, ...] = ()
    findings: tuple[Finding, ...] = ()
    records: tuple[AttemptRecord, ...] = ()

    def attempt_findings(self) -> list[Finding]:
        """Return one finding for each earlier attempt; only the last one of each outcome is complete."""
        findings = [Finding(outcome=past.outcome, message="", asked=past.asked) for past in self.attempts]
        for finding in self.findings:
            last = max(index for index, past in enumerate(self.attempts) if past.outcome is finding.outcome)
            findings[last] = finding
        return findings


class RunPart(FrozenStruct, frozen=True, kw_only=True):
    """The part of a stage's checks that one run has; by default all of them, from the start to the end.

    Attributes:
        names: Names of the checks to run; None for all.
        findings: Findings of earlier runs: of checks that others need, and of those that are finished.
        waiting: Checks to go on with.
        may_hand_over: The run may end before all checks have finished.
        is_last: The run's deadline is that of the gate, so there is no time for a later run.
    """

    names: tuple[str, ...] | None = None
    findings: tuple[Finding, ...] = ()
    waiting: tuple[WaitingCheck, ...] = ()
    may_hand_over: bool = False
    is_last: bool = False


WHOLE_STAGE = RunPart()


class RunEnd(FrozenStruct, frozen=True, kw_only=True):
    """The end of a run.

    Attributes:
        findings: Findings of the checks that have finished.
        waiting: Checks that a later run has to go on with.
        has_ended: Whether all checks have finished. Checks that have not been started are in neither list.
    """

    findings: tuple[Finding, ...] = ()
    waiting: tuple[WaitingCheck, ...] = ()
    has_ended: bool = True


def waiting_check(
    name: str, number: int, at: float, findings: Sequence[Finding], records: Sequence[AttemptRecord]
) -> WaitingCheck:
    """Build the state of a check between two attempts from the findings of its earlier attempts."""
    last = {finding.outcome: finding for finding in findings}
    return WaitingCheck(
        name=name,
        number=number,
        at=at,
        attempts=tuple(PastAttempt(outcome=finding.outcome, asked=finding.asked) for finding in findings),
        findings=tuple(replace(finding, tries=()) for finding in last.values()),
        records=tuple(records),
    )
