"""One Lambda function does it all: it prepares, supervises a worker that probes, answers, and then publishes.

The handler never imports a validator and never reads what a target said, except as typed findings. Whatever
goes wrong before the answer becomes a Failed with its cause; whatever goes wrong after it changes nothing.
If CodeDeploy could not be told, the handler raises, and Lambda's OnFailure destination calls the last resort.
"""

from __future__ import annotations

import datetime
import os
import time
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from greenlight.core import settings as settings_module
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import GreenlightError, PlanError
from greenlight.core.finding import Cause, Finding, Severity
from greenlight.core.frozen import FrozenStruct
from greenlight.core.report import Clock, PlanSource
from greenlight.core.verdict import AppliedOverride, Reason, Status, Verdict
from greenlight.gate.codedeploy import Execution, Reporter, parse
from greenlight.gate.deadline import run_with_deadline
from greenlight.gate.telemetry import Log, publish
from greenlight.verdict.conclude import apply_plan, decide_verdict
from greenlight.verdict.judge import can_be_overridden, failed_verdict, shadow_verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.aws.client import Aws
    from greenlight.core.errors import Problem
    from greenlight.core.settings import Settings
    from greenlight.gate.prepare import Prepared

T = TypeVar("T")

RESERVE_S = 30.0
"""Kept back for answering and publishing; a quarter of the time where the whole is short."""


OVERRIDES_S = 5.0
"""Kept back for reading overrides where a plan allows them; a tenth of the time where the whole is short."""


class NotToldError(GreenlightError):
    """CodeDeploy could not be told; raised so that the last resort is called."""


class Gate(FrozenStruct, frozen=True, kw_only=True):
    """What a gate run gave, whatever became of it."""

    verdict: Verdict
    deployment: Deployment
    findings: tuple[Finding, ...] = ()
    plan: PlanSource = PlanSource()
    output: str = ""
    clock: Clock = Clock()
    overrides: tuple[AppliedOverride, ...] = ()


def hook(stage: str) -> Callable[[Any, Any], dict[str, Any]]:
    """Make the Lambda handler for a stage."""

    def handler(event: Any, context: Any) -> dict[str, Any]:
        return handle(event, context, stage)

    return handler


def handle(
    event: Any, context: Any, stage: str, make_reporter: Callable[[Execution], Reporter] = Reporter
) -> dict[str, Any]:
    """Run one gate and answer CodeDeploy.

    Args:
        event: What CodeDeploy sent.
        context: Lambda's context; only its remaining time is read, once, since a clock may be set while a gate runs.
        stage: Which hook this is.
        make_reporter: Makes the latch that answers.

    Raises:
        EventError: Nobody can be answered.
        NotToldError: CodeDeploy could not be told.
    """
    began, started_at = time.monotonic(), time.time()
    remaining_s = context.get_remaining_time_in_millis() / 1000
    execution = parse(event)
    reporter = make_reporter(execution)
    reserve_s = min(RESERVE_S, remaining_s / 4)
    log = Log(execution, stage, began)
    gate = _run_whatever_happens(execution.deployment_id, stage, began + remaining_s - reserve_s, log)
    duration_ms = (time.monotonic() - began) * 1000
    answer = reporter.answer(gate.verdict.status, began + remaining_s - time.monotonic() - reserve_s / 3)
    end = began + remaining_s - reserve_s / 10
    log.best_effort(lambda: publish(log, gate, answer, stage, started_at, duration_ms, end))
    if not answer.told:
        raise NotToldError(f"CodeDeploy could not be told {gate.verdict.status.value}: {answer.error}")
    return {"verdict": gate.verdict.status.value, "told": True}


def run_in_worker(
    prepared: Prepared,
    settings: Settings,
    aws: Aws,
    deadline: float,
    on_finding: Callable[[Finding], None],
    memory_mb: int = 0,
    began: float | None = None,
) -> Gate:
    """Probe in a worker and judge what came back; the part that the command line shares with the hooks.

    Args:
        prepared: From `prepare`, or made by hand.
        settings: The operator's choices.
        aws: For validators.
        deadline: `time.monotonic()` by which the worker is gone.
        on_finding: Called with each finding as it becomes final.
        memory_mb: The function's memory; 0 for no limit.
        began: `time.monotonic()` of the gate's start; now, unless said.

    Raises:
        PlanError: The plan does not fit its validators.
    """
    from greenlight.aws.client import own_secrets
    from greenlight.checks.runner import unfinished
    from greenlight.core.redaction import Redactor
    from greenlight.gate.worker import OUTPUT_CHARACTERS, supervise

    if prepared.plan.waived:
        return Gate(
            verdict=decide_verdict((), (), prepared.plan.waived),
            deployment=_noted(prepared.deployment, prepared.plan.waived),
            plan=prepared.plan.source,
        )
    reading_by = deadline
    if settings.plan_bucket and any(check.severity is Severity.REQUIRED_WITH_OVERRIDE for check in prepared.checks):
        deadline -= min(OVERRIDES_S, (deadline - time.monotonic()) / 10)
    now = time.monotonic()
    began = now if began is None else began
    # The worker ends by itself a little earlier, so that what it had not finished is named and not lost.
    soft = deadline - min(2.0, (deadline - now) / 10)

    def work(emit: Callable[..., None]) -> None:
        from greenlight.gate.run_checks import run_checks

        run_checks(prepared, settings, aws, soft, emit, began)

    try:
        end = supervise(work, deadline, on_finding, memory_mb)
    except PlanError as error:
        plan = prepared.plan.source
        raise PlanError(error.problems, plan.uri, plan=plan) from error  # the pipe carries problems, not their plan
    found = {finding.name: finding for finding in end.findings}
    findings = tuple(
        found.get(check.name) or unfinished(check, f"not finished: {end.died or 'it gave no finding'}", end.cause)
        for check in prepared.checks
    )
    findings = apply_plan(prepared.checks, findings)
    overrides, notes = _overridden(prepared, settings, aws, findings, reading_by)
    overridden = [each.check for each in overrides]
    return Gate(
        verdict=decide_verdict(prepared.checks, findings, overridden=overridden),
        deployment=_noted(prepared.deployment, *notes),
        findings=apply_plan(prepared.checks, findings, overridden),
        plan=prepared.plan.source,
        output=Redactor((*prepared.secrets.values(), *own_secrets(os.environ))).text(end.output)[-OUTPUT_CHARACTERS:],
        clock=_clock(prepared, began, now, soft),
        overrides=overrides,
    )


def _clock(prepared: Prepared, began: float, now: float, soft: float) -> Clock:
    baked = min(now + prepared.bake_s, soft) if prepared.bake_s else began
    prepared_ms, baked_ms, deadline_ms = (round((each - began) * 1000, 3) for each in (now, baked, soft))
    return Clock(prepared_ms=prepared_ms, baked_ms=baked_ms, deadline_ms=deadline_ms)


def _overridden(
    prepared: Prepared, settings: Settings, aws: Aws, findings: tuple[Finding, ...], until: float
) -> tuple[tuple[AppliedOverride, ...], tuple[str, ...]]:
    """Give the overrides that this gate honours, and notes; read only where one could change the verdict.

    What cannot be read by `until` (monotonic) is no override.
    """
    from greenlight.stores import overrides
    from greenlight.verdict import override

    deployment = prepared.deployment
    folder = override.override_prefix(deployment.application, deployment.group)
    if not (settings.plan_bucket and folder and any(map(can_be_overridden, findings))):
        return (), ()
    try:
        late = "the overrides were not read"
        kept, notes = run_with_deadline(
            until, lambda: overrides.read_overrides(aws, settings.plan_bucket, folder), late
        )
        gate = override.OverrideContext(
            deployment=deployment.id,
            plan_sha256=prepared.plan.source.digest,
            findings=findings,
            now=datetime.datetime.now(datetime.UTC),
        )
        granted, refused_ones = override.applicable_overrides(kept, gate)
    except Exception as error:  # noqa: BLE001 - whatever it is, nobody has let anything pass
        return (), (f"no override is honoured, because they could not be read: {error}",)
    return granted, (*notes, *refused_ones)


def _noted(deployment: Deployment, *notes: str) -> Deployment:
    return replace(deployment, notes=(*deployment.notes, *notes))


def _in_shadow(gate: Gate, log: Log) -> Gate:
    """Let a gate whose plan has a shadow, in force and allowed here, say Succeeded and keep what it would have said."""
    shadow = log.shadow
    if shadow is None or log.settings is None:
        return gate
    today = datetime.datetime.now(datetime.UTC).date()
    if not shadow.in_force(today):
        why = shadow.mistake(today) or shadow.notice(today)
        return replace(gate, deployment=_noted(gate.deployment, why))
    if not log.settings.allow_shadow:
        why = f"the plan asks for a shadow until {shadow.until}; this installation allows none, so the gate decides"
        return replace(gate, deployment=_noted(gate.deployment, why))
    return replace(gate, verdict=shadow_verdict(gate.verdict, shadow.until, shadow.why))


def _run_whatever_happens(deployment_id: str, stage: str, deadline: float, log: Log) -> Gate:
    """Run the gate; every way to go wrong is a Failed with its cause.

    A shadow covers all of them once the plan has been read, except a refused plan: it decides nothing, its shadow included.
    """
    from greenlight.discovery.deployment import DeploymentEndedError

    known = Deployment(id=deployment_id, platform=Platform.ECS, stage=stage)
    try:
        return _in_shadow(_run(known, deadline, log), log)
    except PlanError as error:
        return rejected_plan_result(error, log.deployment or known)
    except DeploymentEndedError as error:
        return Gate(verdict=failed_verdict(Cause.SUPERSEDED, str(error)), deployment=log.deployment or known)
    except GreenlightError as error:
        return _in_shadow(
            Gate(verdict=failed_verdict(error.cause, str(error)), deployment=log.deployment or known), log
        )
    except BaseException as error:  # noqa: BLE001 - a deployment must not wait an hour for any error whatsoever
        log.best_effort(lambda: log.logger.exception("the gate crashed"))
        said = " ".join(str(error).split())[:300]
        verdict = failed_verdict(Cause.GATE_ERROR, f"the gate crashed: {type(error).__name__}: {said}")
        return _in_shadow(Gate(verdict=verdict, deployment=log.deployment or known), log)


def _run(known: Deployment, deadline: float, log: Log) -> Gate:
    from greenlight.aws.client import Aws
    from greenlight.discovery.deployment import discover
    from greenlight.gate.prepare import prepare, with_secrets

    log.started()
    settings = log.settings = settings_module.read(os.environ)
    aws = log.aws = Aws()

    def prepared_in_time() -> Prepared:
        found = discover(aws, known.id, known.stage)
        log.deployment = found.deployment
        prepared = prepare(aws, settings, found.deployment, found.tags)
        log.deployment, log.shadow = prepared.deployment, prepared.plan.shadow
        return with_secrets(prepared, aws)

    prepared = run_with_deadline(
        deadline, prepared_in_time, "what is being deployed, and which plan applies, was not found out"
    )
    memory_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    memory = int(memory_mb) if memory_mb.isdecimal() else 0
    return run_in_worker(prepared, settings, aws, deadline, log.finding, memory, log.began)


def rejected_plan_result(error: PlanError, deployment: Deployment) -> Gate:
    """Give the gate of a plan that was refused: Failed, with one reason for each problem."""
    reasons = tuple(
        Reason(cause=Cause.PLAN_ERROR, message=_told(problem, problem.source or error.source))
        for problem in error.problems
    )
    verdict = Verdict(status=Status.FAILED, reasons=reasons)
    return Gate(verdict=verdict, deployment=deployment, plan=error.plan or PlanSource(uri=error.source))


def _told(problem: Problem, source: str) -> str:
    place = f" (line {problem.line}, column {problem.column})" if problem.line else ""
    return f"{source}: {problem}{place}" if source else f"{problem}{place}"
