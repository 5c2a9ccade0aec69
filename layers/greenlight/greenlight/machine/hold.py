"""The steps Ask and Decide: wait for the approval of a person, and check the decision.

Until a valid approval arrives, the state machine carries the status Failed, so that a fault on the way cannot open the
gate. The result of the checks is in a document of its own, and only `decide` makes it the result of the gate.
"""

from __future__ import annotations

import datetime
import math
import time
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.aws.deadline import OverdueError, run_with_deadline
from greenlight.core.hold import HoldRecord
from greenlight.gate.hold import (
    OpenHold,
    RejectedDecisionError,
    end_unanswered,
    end_undecided,
    with_rejected,
)
from greenlight.gate.hold import decide as check_decision
from greenlight.machine.callers import confirm
from greenlight.machine.documents import RESULT, HeldDocument, JudgedDocument, Reference
from greenlight.machine.step import write_judged
from greenlight.publish.hold_request import request_approval
from greenlight.stores.holds import store_hold

if TYPE_CHECKING:
    from greenlight.gate.result import GateResult
    from greenlight.machine.step import Step

CHECK_S = 30.0
"""Longest check of a decision: half of the time-out of its step, so that the gate can ask again."""

_INTERRUPTED = "the state machine ended before the hold was decided"
_TIME_OUT = "States.Timeout"
_TASK_FAILED = "the hold could not be asked, or was ended from outside"


def hold_back(step: Step, result: GateResult) -> dict[str, Any]:
    """Begin the hold of a gate whose checks have passed, and return the state in which it waits.

    Raises:
        AwsError: A document could not be written.
    """
    if result.hold is None:
        raise AssertionError("the result has no hold")
    asked_at, until = (
        datetime.datetime.fromisoformat(moment).timestamp() for moment in (result.hold.asked_at, result.hold.until)
    )
    held = OpenHold(gate=step.gate.name, result=result, started_at=step.started_at, asked_at=asked_at, until=until)
    return _wait(step, held)


def _wait(step: Step, held: OpenHold) -> dict[str, Any]:
    """Return the state of a hold that waits, or its end if no time is left."""
    now = time.time()
    wait_s = math.floor(held.until - now)
    if wait_s < 1:
        return _end(step, held, end_unanswered(held, now))
    # The guardian reports this result if the state machine dies before it is replaced.
    interrupted = JudgedDocument(
        result=end_undecided(held, _INTERRUPTED, now),
        started_at=step.started_at,
        duration_ms=(now - step.started_at) * 1000,
    )
    result = step.documents.write(RESULT, interrupted)
    reference = step.documents.write("held", HeldDocument(held=held, is_watched=step.state.is_watched))
    return {
        "status": interrupted.result.verdict.status.value,
        "result": msgspec.to_builtins(result),
        "wait_s": wait_s,
        "held": msgspec.to_builtins(reference),
    }


def ask(step: Step, work: dict[str, Any], token: str) -> dict[str, Any]:
    """Store the hold with the token that ends it, and send the request; the state machine waits for the decision.

    Raises:
        AwsError: The hold could not be stored, so a decision is not possible.
    """
    held = _read_held(step, work)
    record = _record(held, token)
    store_hold(step.aws, step.settings.report_bucket, record)
    step.log.info("approval asked", asked=held.hold.asked, until=held.hold.until, round=held.round)
    if not held.round:
        request_approval(step.aws, step.settings, record, step.deadline, step.log)
    return {"until": held.hold.until}


def decide(step: Step, work: dict[str, Any]) -> dict[str, Any]:
    """Check the decision of a person, or the end of the wait, and return the verdict; or the state of further waiting.

    Raises:
        AwsError: A document could not be read or written.
        DocumentError: A document is not the one that was written.
    """
    now = time.time()
    held = _read_held(step, work)
    if "unanswered" in work:
        error = str(work["unanswered"].get("Error", "unknown"))
        if error == _TIME_OUT:
            return _end(step, held, end_unanswered(held, now))
        return _end(step, held, end_undecided(held, f"{_TASK_FAILED} ({error})", now))
    try:
        if now >= held.until:
            raise RejectedDecisionError("it came after the end of the hold")
        decided = _check(step, held, work.get("decision"), now)
    except RejectedDecisionError as error:
        step.log.info("decision rejected", reason=str(error), who=error.who, round=held.round)
        return _wait(step, with_rejected(held, error, now))
    return _end(step, held, confirm(step, decided))


def _check(step: Step, held: OpenHold, decision: Any, now: float) -> GateResult:
    until = min(step.deadline, time.monotonic() + CHECK_S)
    try:
        return run_with_deadline(
            until, lambda: check_decision(step.aws, held, decision, now), "the decision could not be checked"
        )
    except OverdueError as error:
        raise RejectedDecisionError(str(error)) from error


def _end(step: Step, held: OpenHold, result: GateResult) -> dict[str, Any]:
    """Write the result of a hold that has ended; its record is for people only, so it may fail."""
    state = write_judged(step, result)
    ended = msgspec.structs.replace(held, result=result)
    step.log.best_effort(lambda: store_hold(step.aws, step.settings.report_bucket, _record(ended, "")))
    return state


def _read_held(step: Step, work: dict[str, Any]) -> OpenHold:
    reference = msgspec.convert(work["judged"]["held"], Reference)
    document = step.documents.read(reference, HeldDocument)
    step.state.deployment, step.state.is_watched = document.held.result.deployment, document.is_watched
    return document.held


def _record(held: OpenHold, token: str) -> HoldRecord:
    deployment = held.result.deployment
    return HoldRecord(
        gate=held.gate,
        deployment=deployment.id,
        stage=deployment.stage,
        application=deployment.application,
        group=deployment.group,
        region=deployment.region,
        round=held.round,
        hold=held.hold,
        token=token,
    )
