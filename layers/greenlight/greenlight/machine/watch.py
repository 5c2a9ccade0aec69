"""The step Look of the watcher: judge the last round, read the state of the shift, and decide what comes next.

No code of a plugin runs here. The request that stops a deployment is a state of machine/watch.asl.json.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from greenlight.core.deployment import Deployment
from greenlight.core.errors import GreenlightError
from greenlight.core.finding import Cause, Finding
from greenlight.core.frozen import FrozenStruct
from greenlight.core.watch import RoundOutcome, ShiftWatch, WatchEnd
from greenlight.discovery.deployment import ENDED
from greenlight.discovery.shift import Shift, ShiftState, read_shift
from greenlight.gate.result import failed_result
from greenlight.gate.shadow import is_shadowed
from greenlight.gate.supervise import conclude_gate
from greenlight.machine.documents import GateDocument, Reference
from greenlight.machine.judge import collect_findings
from greenlight.machine.step import Step, restore
from greenlight.plan.duration import longest_duration_s
from greenlight.plan.model import Watch
from greenlight.verdict.watch import Action, Situation, bad_findings, count_bad_in_a_row, decide, make_round

if TYPE_CHECKING:
    from greenlight.gate.prepare import Prepared
    from greenlight.gate.result import GateResult

WATCH, ROUND = "watch", "round"
"""Names of the documents with the state of the watch, and with the gate of one round."""

MAX_ROUNDS = 1000
"""Rounds that the document keeps; of a longer watch, which lasts hours, the last ones."""

MAX_LOOKS = 1000
"""Looks of one execution: each has about fifteen events, with repetitions more, and an execution at most 25,000.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
"""

ROUND_S = 840.0
"""Longest round: the timeout of the function that runs it, less the time for its results."""

MIN_ROUND_S, ROUND_MARGIN_S = 60.0, 5.0
START_POLL_S, POLL_S, SOON_S = 5, 30, 120.0
"""Pause before the next look while the shift has not begun: short at first, because it usually begins at once."""

STOP_POLL_S, MAX_STOP_LOOKS = 5, 24
"""Pause before the next look at a deployment that has to stop, and most of these looks."""

ROLLBACK_LOOKS = 3
"""Looks at a stopped deployment until its rollback is shown, which CodeDeploy starts a moment later."""

MAX_PREPARATIONS = 3
_MAX_ERROR_LENGTH = 300


class WatchDocument(FrozenStruct, frozen=True, kw_only=True):
    """State of a watch between two looks.

    Attributes:
        started_at: Unix time of the first look.
        began_at: Unix time at which the shift was first seen; 0 until then.
        executions: Executions of the state machine so far.
        looks: Looks of this execution.
        preparations: Attempts to prepare the checks.
        round_began_at: Unix time of the begin of the last round.
        is_due: The pause before the next round is over.
        bad_in_a_row: Bad rounds since the last good one.
        watch: The watch for its report.
        findings: Findings of the last round.
        over_findings: Findings that made the round bad after which the watcher decided to stop.
        output: Last lines that validators printed in the last round.
        is_stopping: The watcher decided to stop.
        stop_looks: Looks since then.
        trouble: CodeDeploy's reason for the end of the deployment, or the error that ended the watch.
        deployment: The deployment as far as it is known before the checks are prepared.
        is_silent: There is nothing to report, such as for a deployment without a shift.
    """

    started_at: float
    began_at: float = 0.0
    executions: int = 1
    looks: int = 0
    preparations: int = 0
    round_began_at: float = 0.0
    is_due: bool = True
    bad_in_a_row: int = 0
    watch: ShiftWatch = ShiftWatch(every_s=0.0, tolerate=0, stop_on=(), end=WatchEnd.ABANDONED)
    findings: tuple[Finding, ...] = ()
    over_findings: tuple[Finding, ...] = ()
    output: str = ""
    is_stopping: bool = False
    stop_looks: int = 0
    trouble: str = ""
    deployment: Deployment | None = None
    is_silent: bool = False


class _Look(msgspec.Struct, kw_only=True):
    """One look while it works; `gate` and `prepared` are None until the checks are known."""

    step: Step
    work: dict[str, Any]
    document: WatchDocument
    gate: GateDocument | None = None
    prepared: Prepared | None = None

    @property
    def settings(self) -> Watch:
        """How the plan watches the shift."""
        return self.prepared.plan.stages[self.step.gate.stage].watch if self.prepared else Watch()


def look(step: Step, work: dict[str, Any]) -> dict[str, Any]:
    """Judge the round that has ended, if there is one, and return the next action of the state machine.

    The state of the shift is read after the round, so that only a shift that goes on is stopped.

    Raises:
        AwsError: A document could not be read or written, or CodeDeploy did not respond.
        DocumentError: A document is not the one that was written.
    """
    state = _begin(step, work)
    if work.get("earlier") and state.prepared is not None:
        _judge(state, state.prepared)
    shift = read_shift(step.aws.repeating(step.state.read_until), step.gate.deployment)
    _note_shift(state, shift)
    action = _decide(state, shift)
    pause_s = _act(state, action, shift)
    round_reference = _write_round(state) if action is Action.PROBE else None
    reference = step.documents.write(WATCH, state.document)
    return {
        "action": action.value,
        "pause_s": pause_s,
        "watch": msgspec.to_builtins(reference),
        "prepared": work.get("prepared"),
        "probe": work.get("probe") or "",
        "round": msgspec.to_builtins(round_reference),
        "next_name": f"{step.gate.name}-{state.document.executions}",
    }


def _begin(step: Step, work: dict[str, Any]) -> _Look:
    document = WatchDocument(started_at=step.started_at or time.time())
    if work.get("watch"):
        document = step.documents.read(msgspec.convert(work["watch"], Reference), WatchDocument)
    state = _Look(step=step, work=work, document=replace(document, looks=document.looks + 1))
    if work.get("prepared"):
        state.gate = step.documents.read(msgspec.convert(work["prepared"], Reference), GateDocument)
        step.state.deployment, step.state.shadow = state.gate.deployment, state.gate.shadow
        if state.gate.result is None:
            state.prepared = restore(state.gate)
            settings = state.settings
            watch = replace(
                state.document.watch,
                every_s=settings.every_s,
                tolerate=settings.tolerate,
                stop_on=settings.stop_on,
            )
            state.document = replace(state.document, watch=watch)
    return state


def _judge(state: _Look, prepared: Prepared) -> None:
    """Add the round whose checks have ended."""
    document, watch = state.document, state.document.watch
    result = _conclude(state, prepared)
    at_ms = (time.time() - document.began_at) * 1000
    item = make_round(watch.total + 1, at_ms, result.findings, result.verdict, watch.stop_on)
    watch = replace(
        watch,
        rounds=(*watch.rounds, item)[-MAX_ROUNDS:],
        total=watch.total + 1,
        bad=watch.bad + (item.outcome is RoundOutcome.BAD),
        unknown=watch.unknown + (item.outcome is RoundOutcome.UNKNOWN),
    )
    state.document = replace(
        document,
        watch=watch,
        bad_in_a_row=count_bad_in_a_row(document.bad_in_a_row, item.outcome),
        findings=result.findings,
        output=result.output,
    )


def _conclude(state: _Look, prepared: Prepared) -> GateResult:
    step = state.step
    if state.gate is None:
        raise AssertionError("a round has a gate")
    try:
        findings, output = collect_findings(step, state.gate, prepared, state.work)
    except GreenlightError as error:  # such as a secret that could not be read: a round without an answer
        return failed_result(error.cause, str(error), prepared.deployment)
    return conclude_gate(prepared, step.settings, step.aws, findings, step.deadline, output=output)


def _note_shift(state: _Look, shift: Shift) -> None:
    """Add to the watch what CodeDeploy shows: the begin of the shift, and green's share of the traffic."""
    document, watch = state.document, state.document.watch
    is_during = shift.state is ShiftState.DURING
    if document.deployment is None:
        document = replace(document, deployment=_describe_deployment(state, shift))
    if is_during and not document.began_at:
        document = replace(document, began_at=time.time())
    if watch.rounds and state.work.get("earlier"):
        last = replace(watch.rounds[-1], green_percent=shift.green_percent)
        watch = replace(watch, rounds=(*watch.rounds[:-1], last))
    if is_during and not watch.is_over and document.bad_in_a_row > watch.tolerate and state.prepared is not None:
        # Under a shadow the deployment goes on, and the report shows where it would have been stopped.
        watch = replace(watch, is_over=True, stopped_percent=shift.green_percent)
        findings = tuple(bad_findings(document.findings, watch.stop_on))
        document = replace(document, over_findings=findings)
    state.document = replace(document, watch=watch)


def _describe_deployment(state: _Look, shift: Shift) -> Deployment:
    return replace(
        state.step.state.deployment,
        platform=shift.platform,
        application=shift.application,
        group=shift.group,
        config=shift.config,
        creator=shift.creator,
    )


def _decide(state: _Look, shift: Shift) -> Action:
    document = state.document
    if state.gate is not None and state.gate.result is not None and not _may_prepare_again(state):
        return Action.REPORT
    has_rollback = bool(shift.rollback) or document.stop_looks >= ROLLBACK_LOOKS
    return decide(
        Situation(
            is_before=shift.state is ShiftState.BEFORE,
            is_during=shift.state is ShiftState.DURING,
            has_ended=shift.status in ENDED and (has_rollback or not document.is_stopping),
            is_prepared=state.prepared is not None,
            is_due=document.is_due,
            is_rollback=shift.is_rollback,
            is_shadowed=is_shadowed(state.step.state.shadow, state.step.settings),
            has_asked_to_stop=document.is_stopping,
            is_unanswered=document.stop_looks >= MAX_STOP_LOOKS or "stop_error" in state.work,
            is_long=document.looks >= MAX_LOOKS,
            bad_in_a_row=document.bad_in_a_row,
            tolerate=document.watch.tolerate,
        )
    )


def _may_prepare_again(state: _Look) -> bool:
    """Return whether the checks could not be prepared because of an error that may pass."""
    result = state.gate.result if state.gate else None
    has_error = result is not None and any(reason.cause is Cause.GATE_ERROR for reason in result.verdict.reasons)
    return has_error and state.document.preparations < MAX_PREPARATIONS


def _act(state: _Look, action: Action, shift: Shift) -> int:
    """Record an action in the document, and return the pause before the next look, in seconds."""
    document, pause_s = state.document, 0
    if action is Action.STOP:
        document = replace(document, is_stopping=True)
    elif action is Action.RENEW:
        document = replace(document, looks=0, executions=document.executions + 1)
    elif action is Action.PREPARE:
        document = replace(document, preparations=document.preparations + 1)
    elif action is Action.PROBE:
        document = replace(document, is_due=False, round_began_at=time.time())
    elif action is Action.WAIT:
        document, pause_s = _wait(state, shift)
    else:
        document = _end(state, shift)
    state.document = document
    return pause_s


def _wait(state: _Look, shift: Shift) -> tuple[WatchDocument, int]:
    """Return the document during a pause, and the pause."""
    document = state.document
    if document.is_stopping:
        return replace(document, stop_looks=document.stop_looks + 1), STOP_POLL_S
    if shift.state is ShiftState.BEFORE:
        return document, START_POLL_S if time.time() - document.started_at < SOON_S else POLL_S
    pause_s = document.round_began_at + state.settings.every_s - time.time()
    return replace(document, is_due=True), max(0, math.ceil(pause_s))


def _write_round(state: _Look) -> Reference:
    """Write the gate of the next round, which ends in time whatever its checks do."""
    if state.gate is None or state.prepared is None:
        raise AssertionError("a round has a plan")
    stage = state.prepared.plan.stages[state.step.gate.stage]
    longest_s = longest_duration_s(stage, state.step.settings.concurrency)
    limit_s = min(ROUND_S, max(stage.watch.every_s, longest_s + ROUND_MARGIN_S, MIN_ROUND_S))
    began_at = state.document.round_began_at
    return state.step.documents.write(ROUND, replace(state.gate, started_at=began_at, until=began_at + limit_s))


def _end(state: _Look, shift: Shift) -> WatchDocument:
    """Return the document with the end of the watch."""
    document, result = state.document, state.gate.result if state.gate else None
    end, trouble = WatchEnd.ENDED, shift.error or f"its status is {shift.status or 'unknown'}"
    if document.is_stopping:
        end, trouble = _end_of_stop(state, shift, trouble)
    elif shift.state is ShiftState.AFTER:
        end, trouble = WatchEnd.SHIFTED, ""
    elif shift.state is ShiftState.DURING and result is not None and result.verdict.reasons:
        end, trouble = WatchEnd.ABANDONED, result.verdict.reasons[0].message
    # A deployment that ended before its shift, a rollback, and a plan without the stage have nothing to report.
    is_waived = result is not None and not result.verdict.reasons
    is_silent = shift.is_rollback or is_waived or (not document.began_at and end is WatchEnd.ENDED)
    watch = replace(document.watch, end=end, rollback=shift.rollback)
    return replace(document, watch=watch, trouble=trouble, is_silent=is_silent)


def _end_of_stop(state: _Look, shift: Shift, trouble: str) -> tuple[WatchEnd, str]:
    """Return how a watch ended that asked CodeDeploy to stop the deployment."""
    error = state.work.get("stop_error")
    if shift.status in ("Stopped", "Failed"):
        return (WatchEnd.ENDED if error else WatchEnd.STOPPED), trouble
    if error:
        data = error if isinstance(error, dict) else {}
        return WatchEnd.NOT_STOPPED, " ".join(f"{data.get('Error')}: {data.get('Cause')}".split())[:_MAX_ERROR_LENGTH]
    return WatchEnd.NOT_STOPPED, f"it accepted the request to stop, and the deployment is {shift.status}"
