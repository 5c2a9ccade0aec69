"""The Lambda handler of a hook: prepare the gate, run its checks in a worker, answer CodeDeploy, then publish.

The handler process never imports a validator and reads answers of targets only as typed findings. Every error
before the answer becomes a Failed with its cause; an error after the answer changes nothing. If CodeDeploy did not
accept the answer, the handler raises, so that Lambda's OnFailure destination calls the last resort.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from greenlight.aws.deadline import run_with_deadline
from greenlight.core import settings as settings_module
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import GreenlightError, PlanError
from greenlight.core.finding import Cause
from greenlight.gate.codedeploy import Execution, Reporter, parse
from greenlight.gate.processes import deny_inspection
from greenlight.gate.result import GateResult, failed_result, rejected_plan_result
from greenlight.gate.run_state import RunState
from greenlight.gate.shadow import apply_shadow
from greenlight.gate.supervise import run_gate
from greenlight.gate.telemetry import GateLog, report_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.gate.prepare import Prepared

RESERVE_S = 30.0
"""Time kept for answering and publishing; a quarter of the whole where the whole is short."""


class NotToldError(GreenlightError):
    """CodeDeploy did not accept the answer; raised so that Lambda calls the last resort."""


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
        event: Event of the hook as CodeDeploy sent it.
        context: Lambda's context; its remaining time is read once, because a clock may be set while a gate runs.
        stage: Lifecycle event of this hook.
        make_reporter: Makes the reporter that answers.

    Raises:
        EventError: The event lacks an id, so no answer is possible.
        NotToldError: CodeDeploy did not accept the answer.
    """
    started, started_at = time.monotonic(), time.time()
    deny_inspection()
    remaining_s = context.get_remaining_time_in_millis() / 1000
    execution = parse(event)
    reporter = make_reporter(execution)
    reserve_s = min(RESERVE_S, remaining_s / 4)
    state = RunState(Deployment(id=execution.deployment_id, platform=Platform.ECS, stage=stage), started)
    log = GateLog(execution, stage)

    result = _run_fail_closed(state, log, started + remaining_s - reserve_s)
    duration_ms = (time.monotonic() - started) * 1000
    delivery = reporter.answer(result.verdict.status, started + remaining_s - time.monotonic() - reserve_s / 3)
    bucket = state.settings.report_bucket if state.settings else ""
    report = result.report(started_at, duration_ms, bucket=bucket)
    log.best_effort(lambda: report_run(log, state, report, delivery, started + remaining_s - reserve_s / 10))
    if not delivery.told:
        raise NotToldError(f"CodeDeploy did not accept {result.verdict.status.value}: {delivery.error}")
    return {"verdict": result.verdict.status.value, "told": True}


def _run_fail_closed(state: RunState, log: GateLog, deadline: float) -> GateResult:
    """Run the gate and turn every error into a Failed with its cause.

    A shadow applies to all of them once the plan has been read, but not to a rejected plan, whose shadow is as
    doubtful as the rest of it.
    """
    from greenlight.discovery.deployment import DeploymentEndedError

    try:
        result = _run(state, log, deadline)
    except PlanError as error:
        return rejected_plan_result(error, state.deployment)
    except DeploymentEndedError as error:
        return failed_result(Cause.SUPERSEDED, str(error), state.deployment)
    except GreenlightError as error:
        result = failed_result(error.cause, str(error), state.deployment)
    except BaseException as error:  # noqa: BLE001 - any unanswered error would stall the deployment for an hour
        log.best_effort(lambda: log.logger.exception("the gate crashed"))
        message = " ".join(str(error).split())[:300]
        crash = f"the gate crashed: {type(error).__name__}: {message}"
        result = failed_result(Cause.GATE_ERROR, crash, state.deployment)
    return apply_shadow(result, state.shadow, state.settings)


def _run(state: RunState, log: GateLog, deadline: float) -> GateResult:
    from greenlight.aws.client import Aws

    log.started()
    settings = state.settings = settings_module.read(os.environ)
    aws = state.aws = Aws()
    prepared = run_with_deadline(
        deadline, lambda: _prepare(state), "the deployment and its plan could not be determined"
    )
    memory_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    return run_gate(
        prepared,
        settings,
        aws,
        deadline,
        log.finding,
        memory_mb=int(memory_mb) if memory_mb.isdecimal() else 0,
        started=state.started,
    )


def _prepare(state: RunState) -> Prepared:
    """Discover the deployment and load its plan and secrets; record in `state` each fact as soon as it is known."""
    from greenlight.discovery.deployment import discover
    from greenlight.gate.prepare import prepare, with_secrets

    if state.aws is None or state.settings is None:
        raise AssertionError("settings and AWS clients come first")
    discovered = discover(state.aws, state.deployment.id, state.deployment.stage)
    state.deployment = discovered.deployment
    prepared = prepare(state.aws, state.settings, discovered.deployment, discovered.tags)
    state.deployment, state.shadow = prepared.deployment, prepared.plan.shadow
    return with_secrets(prepared, state.aws)
