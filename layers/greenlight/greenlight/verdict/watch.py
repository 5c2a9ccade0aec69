"""Decisions of the watcher of a traffic shift: the outcome of a round, the next action, and the verdict at the end.

The watcher can stop a deployment and never hurries it. Only rounds that are bad, more in a row than the plan tolerates,
stop it, and only while its traffic shifts.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from greenlight.core.display import truncate
from greenlight.core.finding import Cause, ExcuseReason, Finding, Outcome, Severity
from greenlight.core.frozen import FrozenStruct
from greenlight.core.verdict import Reason, Status, Verdict
from greenlight.core.watch import Round, RoundOutcome, ShiftWatch, WatchEnd, format_rounds, format_share

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_CHECKS = 3
"""Most names of checks that a round keeps."""

MAX_MESSAGE_LENGTH = 300


class Action(StrEnum):
    """Next action of the watcher."""

    WAIT = "wait"
    PREPARE = "prepare"
    PROBE = "probe"
    STOP = "stop"
    RENEW = "renew"
    REPORT = "report"


class Situation(FrozenStruct, frozen=True, kw_only=True):
    """Facts on which the next action depends.

    Attributes:
        is_before: The shift has not begun.
        is_during: Traffic shifts now.
        has_ended: The deployment has ended.
        is_prepared: The plan and its checks are known.
        is_due: The wait since the last round is over.
        is_rollback: The deployment goes back to an earlier release.
        is_shadowed: The plan's shadow is in force, so the deployment is never stopped.
        has_asked_to_stop: The watcher has asked CodeDeploy to stop the deployment.
        is_unanswered: CodeDeploy has not stopped it, though it has had the time.
        is_long: The execution of the state machine has so many events that another one has to go on.
        bad_in_a_row: Bad rounds since the last good one.
        tolerate: Number of them that do not stop the deployment yet.
    """

    is_before: bool = False
    is_during: bool = False
    has_ended: bool = False
    is_prepared: bool = False
    is_due: bool = False
    is_rollback: bool = False
    is_shadowed: bool = False
    has_asked_to_stop: bool = False
    is_unanswered: bool = False
    is_long: bool = False
    bad_in_a_row: int = 0
    tolerate: int = 1

    @property
    def is_over_tolerance(self) -> bool:
        """Whether the rounds are worse than the plan tolerates."""
        return self.bad_in_a_row > self.tolerate


def decide(situation: Situation) -> Action:
    """Return the next action."""
    if situation.has_asked_to_stop:
        return Action.REPORT if situation.has_ended or situation.is_unanswered else Action.WAIT
    if situation.has_ended or situation.is_rollback or not (situation.is_before or situation.is_during):
        return Action.REPORT
    if situation.is_during and situation.is_over_tolerance and not situation.is_shadowed:
        return Action.STOP
    if situation.is_long:
        return Action.RENEW
    if situation.is_before:
        return Action.WAIT
    if not situation.is_prepared:
        return Action.PREPARE
    return Action.PROBE if situation.is_due else Action.WAIT


def judge_round(findings: Sequence[Finding], verdict: Verdict, stop_on: Iterable[Outcome]) -> tuple[RoundOutcome, str]:
    """Return the outcome of a round, and a message for a round that is not good.

    Args:
        findings: Findings of the round, with their excuses.
        verdict: Verdict on them, as at any other stage.
        stop_on: Outcomes of a blocking check that make a round bad.
    """
    if failing := bad_findings(findings, stop_on):
        return RoundOutcome.BAD, failing[0].message
    if verdict.status is Status.SUCCEEDED:
        return RoundOutcome.GOOD, ""
    return RoundOutcome.UNKNOWN, verdict.reasons[0].message if verdict.reasons else ""


def bad_findings(findings: Iterable[Finding], stop_on: Iterable[Outcome]) -> list[Finding]:
    """Return the findings that make a round bad."""
    outcomes = frozenset(stop_on)
    return [
        finding
        for finding in findings
        if finding.severity is not Severity.ADVISORY
        and finding.excused is ExcuseReason.NONE
        and finding.outcome in outcomes
    ]


def make_round(
    number: int, at_ms: float, findings: Sequence[Finding], verdict: Verdict, stop_on: Sequence[Outcome]
) -> Round:
    """Return the record of a round, without green's share of the traffic, which is read after it."""
    outcome, message = judge_round(findings, verdict, stop_on)
    names: list[str] = []
    if outcome is RoundOutcome.BAD:
        names = [finding.name for finding in bad_findings(findings, stop_on)]
    elif outcome is RoundOutcome.UNKNOWN:
        names = [reason.check for reason in verdict.reasons if reason.check]
    return Round(
        number=number,
        at_ms=round(at_ms, 3),
        outcome=outcome,
        checks=tuple(names[:MAX_CHECKS]),
        message=truncate(message, MAX_MESSAGE_LENGTH),
    )


def count_bad_in_a_row(before: int, outcome: RoundOutcome) -> int:
    """Return the number of bad rounds since the last good one; a round without an answer does not change it."""
    if outcome is RoundOutcome.BAD:
        return before + 1
    return 0 if outcome is RoundOutcome.GOOD else before


def watch_verdict(watch: ShiftWatch, bad: Sequence[Finding], trouble: str = "") -> Verdict:
    """Return the verdict on a shift for its report; CodeDeploy never gets it.

    Args:
        watch: The watch.
        bad: Findings that made the round bad after which the watcher decided to stop.
        trouble: CodeDeploy's reason for the end of the deployment, or the error that ended the watch.
    """
    if watch.end in (WatchEnd.STOPPED, WatchEnd.NOT_STOPPED):
        return Verdict(status=Status.FAILED, reasons=_stop_reasons(watch, bad, trouble))
    if watch.end is WatchEnd.ABANDONED:
        return _failed(Cause.GATE_ERROR, f"the shift was not watched to its end: {trouble}")
    if watch.end is WatchEnd.ENDED:
        return _failed(Cause.SUPERSEDED, f"the deployment ended during the shift, not by the watcher: {trouble}")
    if watch.is_over:  # a shadow was in force
        return Verdict(status=Status.FAILED, reasons=_stop_reasons(watch, bad, trouble))
    if watch.good:
        return Verdict(status=Status.SUCCEEDED)
    if not watch.total:
        return _failed(Cause.NO_EVIDENCE, "all traffic was on green before the first round of checks had ended")
    last = watch.rounds[-1].message if watch.rounds else ""
    message = f"all traffic is on green, and none of {format_rounds(watch.total)} showed that it works: {last}"
    return _failed(Cause.NO_EVIDENCE, message)


def _stop_reasons(watch: ShiftWatch, bad: Sequence[Finding], trouble: str) -> tuple[Reason, ...]:
    verb = {WatchEnd.STOPPED: "stopped", WatchEnd.NOT_STOPPED: "could not be stopped"}.get(
        watch.end, "would have been stopped"
    )
    beginning = f"{verb}{format_share(watch.stopped_percent)}, {watch.bad} of {format_rounds(watch.total)} bad"
    reasons = [
        Reason(cause=finding.cause or Cause.RELEASE_FAILED, check=finding.name, message=finding.message)
        for finding in bad
    ] or [Reason(cause=Cause.RELEASE_FAILED, message="the last round was bad")]
    reasons[0] = Reason(cause=reasons[0].cause, check=reasons[0].check, message=f"{beginning}: {reasons[0].message}")
    if watch.end is WatchEnd.NOT_STOPPED:
        message = f"CodeDeploy did not accept the request to stop the deployment: {trouble}"
        reasons.append(Reason(cause=Cause.GATE_ERROR, message=message))
    return tuple(reasons)


def _failed(cause: Cause, message: str) -> Verdict:
    return Verdict(status=Status.FAILED, reasons=(Reason(cause=cause, message=message),))
