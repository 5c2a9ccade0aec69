"""The Lambda handler of a hook: claim and prepare the gate, run its checks in a worker, log, answer, publish.

The handler process never imports a validator, and sees responses of targets only as typed findings. Every error before
the answer becomes Failed with a cause; an error after the answer changes nothing. If CodeDeploy does not accept the
answer, the handler raises, so that Lambda's OnFailure destination invokes the last resort.
"""

from __future__ import annotations

import functools
import os
import time
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.aws.deadline import OverdueError, run_with_deadline
from greenlight.core import settings as settings_module
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import SettingsError
from greenlight.gate.codedeploy import AnswerNotAcceptedError, Execution, Reporter, parse
from greenlight.gate.conductor import MachineStarted, choose_machine, start_machine
from greenlight.gate.duplicate import UnansweredError, plan_schedule, wait_for_turn
from greenlight.gate.fail_closed import run_fail_closed
from greenlight.gate.processes import deny_inspection
from greenlight.gate.run_state import RunState, discover_and_prepare, discover_deployment
from greenlight.gate.shadow import apply_shadow
from greenlight.gate.spooler import Spooler
from greenlight.gate.supervise import run_gate
from greenlight.gate.telemetry import GateLog, report_run
from greenlight.gate.watcher import watch_after_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.gate.prepare import Prepared
    from greenlight.gate.result import GateResult

RESERVE_S = 30.0
"""Time kept for answering and publishing; a quarter of the whole where the whole is short."""

SPOOL_S = 1.0
"""Longest wait for the partial report, before the answer and at the end; part of the reserve if that is shorter."""

UNKNOWN_REMAINING_S = 20.0
"""Time for answering and publishing if Lambda reports none, because the clock of the environment is wrong."""

NAMES_S = 10.0
"""Longest time to discover a deployment that no check will test, for its names."""

READ_SHARE = 1 / 3
"""Share of the whole in which reads of deployment, plan and secrets are repeated after transient errors."""


def hook(stage: str) -> Callable[[Any, Any], dict[str, Any]]:
    """Return the Lambda handler for a stage."""

    def handler(event: Any, context: Any) -> dict[str, Any]:
        return handle(event, context, stage)

    return handler


def handle(
    event: Any, context: Any, stage: str, make_reporter: Callable[[Execution], Reporter] = Reporter
) -> dict[str, Any]:
    """Run one gate and answer CodeDeploy.

    Args:
        event: The hook's event as CodeDeploy sent it.
        context: Lambda's context; its remaining time is read once, because the system clock may be set during a gate.
        stage: Lifecycle event of this hook.
        make_reporter: Creates the reporter that answers.

    Returns:
        The answer; for a duplicate the request id of the invocation that claimed the gate; or the name of the state
        machine's execution that conducts the gate and answers.

    Raises:
        EventError: The event lacks an id, so no answer is possible.
        AnswerNotAcceptedError: CodeDeploy did not accept the answer; Lambda then invokes the last resort.
    """
    started, started_at = time.monotonic(), time.time()
    deny_inspection()
    reported_s = context.get_remaining_time_in_millis() / 1000
    remaining_s = reported_s if reported_s > 0 else UNKNOWN_REMAINING_S
    execution = parse(event)
    reporter = make_reporter(execution)
    reserve_s = min(RESERVE_S, remaining_s / 4)
    log = GateLog(execution, stage)
    spooler = Spooler(execution, started, log.failed)
    deployment = Deployment(id=execution.deployment_id, platform=Platform.ECS, stage=stage)
    state = RunState(deployment, started, spooler, remaining_s=reported_s)

    turn = state.turn = wait_for_turn(state, execution, context, plan_schedule(started, remaining_s, reserve_s), log)
    if turn.is_answered:
        return {"duplicate_of": turn.holder}
    state.read_until = time.monotonic() + (started + remaining_s - time.monotonic()) * READ_SHARE
    outcome = run_fail_closed(
        state, log, lambda: _run(state, spooler, execution, log, started + remaining_s - reserve_s)
    )
    if isinstance(outcome, MachineStarted):
        log.info("state machine started", state_machine=outcome.name, reason=outcome.reason)
        return {"conducted_by": outcome.name}
    result = outcome.with_notes(*turn.notes)
    duration_ms = (time.monotonic() - started) * 1000
    bucket = state.settings.report_bucket if state.settings else ""
    make_report = functools.partial(result.report, started_at, duration_ms, bucket=bucket)
    log.best_effort(lambda: log.verdict(make_report()))  # a hook that is killed while it answers has logged its reasons
    log.best_effort(lambda: spooler.store_verdict(make_report(), min(SPOOL_S, reserve_s / 10)))
    delivery = reporter.answer(result.verdict.status, started + remaining_s - time.monotonic() - reserve_s / 3)
    published_by = started + remaining_s - reserve_s / 10
    if note := watch_after_answer(log, state, result.verdict.status, delivery, published_by):
        make_report = functools.partial(result.with_notes(note).report, started_at, duration_ms, bucket=bucket)
    log.best_effort(lambda: report_run(log, state, make_report(), delivery, published_by))
    log.best_effort(lambda: spooler.close(min(SPOOL_S, reserve_s / 20)))
    if not delivery.told:
        raise AnswerNotAcceptedError(f"CodeDeploy did not accept {result.verdict.status.value}: {delivery.error}")
    return {"verdict": result.verdict.status.value, "told": True}


def _run(
    state: RunState, spooler: Spooler, execution: Execution, log: GateLog, deadline: float
) -> GateResult | MachineStarted:
    from greenlight.aws.client import Aws

    if not state.turn.holder:  # a gate that was started by the holder of its claim is counted once
        log.started()
    if state.turn.failure:
        raise UnansweredError(state.turn.failure)
    aws = state.aws = state.aws or Aws()
    try:
        settings = state.settings = state.settings or settings_module.read(os.environ)
    except SettingsError as error:
        settings = state.settings = error.partial
        # The report and the commands in it need the names of the application and the deployment group.
        until = min(deadline, time.monotonic() + NAMES_S)
        log.best_effort(
            lambda: run_with_deadline(until, lambda: discover_deployment(state, aws, settings), "no names are known")
        )
        raise
    spooler.open(aws, "" if settings.conductor == "machine" else settings.report_bucket)
    if state.remaining_s <= 0:
        raise OverdueError(
            f"Lambda reported {state.remaining_s:.0f} s of remaining time when the gate started, so the clock of the "
            "execution environment is wrong and no check was run; start the deployment again"
        )
    prepared = run_with_deadline(
        deadline, lambda: _prepare(state, execution), "the deployment and its plan could not be determined"
    )
    if isinstance(prepared, MachineStarted):
        return prepared
    memory_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    result = run_gate(
        prepared,
        settings,
        aws,
        deadline,
        spooler.listen(prepared, log.finding),
        memory_mb=int(memory_mb) if memory_mb.isdecimal() else 0,
        started=state.started,
    )
    return apply_shadow(result, state.shadow, settings)


def _prepare(state: RunState, execution: Execution) -> Prepared | MachineStarted:
    """Prepare the gate with its secrets, or start the state machine if it has to conduct the gate."""
    from greenlight.gate.prepare import with_secrets

    if state.aws is None or state.settings is None:
        raise AssertionError("settings and AWS clients come first")
    aws, settings = state.aws.repeating(state.read_until), state.settings
    if settings.conductor == "machine":
        reason = "the installation leaves every gate to the state machine"
    else:
        prepared = discover_and_prepare(state, aws)
        reason = choose_machine(prepared, settings, state.remaining_s)
        if not reason:
            return with_secrets(msgspec.structs.replace(prepared, earlier_run=state.turn.holder), aws, settings)
    return start_machine(aws, settings.machine, execution, state.deployment.stage, reason)
