"""One Lambda function does it all: it prepares, supervises a worker that probes, answers, and then publishes.

The handler never imports a validator and never reads what a target said, except as typed findings. Whatever
goes wrong before the answer becomes a Failed with its cause; whatever goes wrong after it changes nothing.
If CodeDeploy could not be told, the handler raises, and Lambda's OnFailure destination calls the last resort.
"""

from __future__ import annotations

import datetime
import os
import threading
import time
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec.structs import replace

from greenlight import settings as settings_module
from greenlight.errors import GreenlightError, PlanError
from greenlight.judge import failed, overridable, shadowed
from greenlight.model import (
    Cause,
    Clock,
    Deployment,
    Finding,
    Frozen,
    Overridden,
    PlanSource,
    Platform,
    Reason,
    Severity,
    Status,
    Verdict,
)
from greenlight.steps.conclude import as_planned, report_of, verdict_of
from greenlight.transports.codedeploy import Execution, Reporter, parse

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.aws import Aws
    from greenlight.errors import Problem
    from greenlight.model import Report
    from greenlight.settings import Settings
    from greenlight.shadow import Shadow
    from greenlight.steps.prepare import Prepared

T = TypeVar("T")

RESERVE_S = 30.0
"""Kept back for answering and publishing; a quarter of the time where the whole is short."""


OVERRIDES_S = 5.0
"""Kept back for reading overrides where a plan allows them; a tenth of the time where the whole is short."""


class NotToldError(GreenlightError):
    """CodeDeploy could not be told; raised so that the last resort is called."""


class OverdueError(GreenlightError):
    """Something before or beside the checks took all the time there was."""

    cause = Cause.DEADLINE


class Gate(Frozen, frozen=True, kw_only=True):
    """What a gate run gave, whatever became of it."""

    verdict: Verdict
    deployment: Deployment
    findings: tuple[Finding, ...] = ()
    plan: PlanSource = PlanSource()
    output: str = ""
    clock: Clock = Clock()
    overrides: tuple[Overridden, ...] = ()


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
    log = _Log(execution, stage, began)
    gate = _run_whatever_happens(execution.deployment_id, stage, began + remaining_s - reserve_s, log)
    duration_ms = (time.monotonic() - began) * 1000
    answer = reporter.answer(gate.verdict.status, began + remaining_s - time.monotonic() - reserve_s / 3)
    end = began + remaining_s - reserve_s / 10
    log.best_effort(lambda: _publish(log, gate, answer, stage, started_at, duration_ms, end))
    if not answer.told:
        raise NotToldError(f"CodeDeploy could not be told {gate.verdict.status.value}: {answer.error}")
    return {"verdict": gate.verdict.status.value, "told": True}


def supervised(
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
    from greenlight.aws import own_secrets
    from greenlight.conductors.worker import OUTPUT_CHARACTERS, supervise
    from greenlight.redact import Redactor
    from greenlight.runner import unfinished

    if prepared.plan.waived:
        return Gate(
            verdict=verdict_of((), (), prepared.plan.waived),
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
        from greenlight.steps.probe import probe

        probe(prepared, settings, aws, soft, emit, began)

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
    findings = as_planned(prepared.checks, findings)
    overrides, notes = _overridden(prepared, settings, aws, findings, reading_by)
    overridden = [each.check for each in overrides]
    return Gate(
        verdict=verdict_of(prepared.checks, findings, overridden=overridden),
        deployment=_noted(prepared.deployment, *notes),
        findings=as_planned(prepared.checks, findings, overridden),
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
) -> tuple[tuple[Overridden, ...], tuple[str, ...]]:
    """Give the overrides that this gate honours, and notes; read only where one could change the verdict.

    What cannot be read by `until` (monotonic) is no override.
    """
    from greenlight import override
    from greenlight.sources import overrides

    deployment = prepared.deployment
    folder = override.folder(deployment.application, deployment.group)
    if not (settings.plan_bucket and folder and any(map(overridable, findings))):
        return (), ()
    try:
        late = "the overrides were not read"
        kept, notes = within(until, lambda: overrides.kept(aws, settings.plan_bucket, folder), late)
        gate = override.Gate(
            deployment=deployment.id,
            plan_sha256=prepared.plan.source.digest,
            findings=findings,
            now=datetime.datetime.now(datetime.UTC),
        )
        granted, refused_ones = override.honoured(kept, gate)
    except Exception as error:  # noqa: BLE001 - whatever it is, nobody has let anything pass
        return (), (f"no override is honoured, because they could not be read: {error}",)
    return granted, (*notes, *refused_ones)


def _noted(deployment: Deployment, *notes: str) -> Deployment:
    return replace(deployment, notes=(*deployment.notes, *notes))


def _in_shadow(gate: Gate, log: _Log) -> Gate:
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
    return replace(gate, verdict=shadowed(gate.verdict, shadow.until, shadow.why))


def _run_whatever_happens(deployment_id: str, stage: str, deadline: float, log: _Log) -> Gate:
    """Run the gate; every way to go wrong is a Failed with its cause.

    A shadow covers all of them once the plan has been read, except a refused plan: it decides nothing, its shadow included.
    """
    from greenlight.discovery.codedeploy import OverError

    known = Deployment(id=deployment_id, platform=Platform.ECS, stage=stage)
    try:
        return _in_shadow(_run(known, deadline, log), log)
    except PlanError as error:
        return refused(error, log.deployment or known)
    except OverError as error:
        return Gate(verdict=failed(Cause.SUPERSEDED, str(error)), deployment=log.deployment or known)
    except GreenlightError as error:
        return _in_shadow(Gate(verdict=failed(error.cause, str(error)), deployment=log.deployment or known), log)
    except BaseException as error:  # noqa: BLE001 - a deployment must not wait an hour for any error whatsoever
        log.best_effort(lambda: log.logger.exception("the gate crashed"))
        said = " ".join(str(error).split())[:300]
        verdict = failed(Cause.GATE_ERROR, f"the gate crashed: {type(error).__name__}: {said}")
        return _in_shadow(Gate(verdict=verdict, deployment=log.deployment or known), log)


def _run(known: Deployment, deadline: float, log: _Log) -> Gate:
    from greenlight.aws import Aws
    from greenlight.discovery.codedeploy import discover
    from greenlight.steps.prepare import prepare, with_secrets

    log.started()
    settings = log.settings = settings_module.read(os.environ)
    aws = log.aws = Aws()

    def prepared_in_time() -> Prepared:
        found = discover(aws, known.id, known.stage)
        log.deployment = found.deployment
        prepared = prepare(aws, settings, found.deployment, found.tags)
        log.deployment, log.shadow = prepared.deployment, prepared.plan.shadow
        return with_secrets(prepared, aws)

    prepared = within(deadline, prepared_in_time, "what is being deployed, and which plan applies, was not found out")
    memory_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    memory = int(memory_mb) if memory_mb.isdecimal() else 0
    return supervised(prepared, settings, aws, deadline, log.finding, memory, log.began)


def within(deadline: float, work: Callable[[], T], otherwise: str) -> T:
    """Give what `work` gives if that is before `deadline` (monotonic); it is left alone otherwise.

    Every call to AWS has a time-out, but many slow ones have none together, and name resolution has none at all.

    Raises:
        OverdueError: The time is over; `otherwise` says what is missing.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(max(0.0, deadline - time.monotonic()))
    if errors:
        raise errors[0]
    if not results:
        raise OverdueError(f"{otherwise} within the time the gate has; is AWS reachable from the hook?")
    return results[0]


def refused(error: PlanError, deployment: Deployment) -> Gate:
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


class _Log:
    """What a gate run tells the log, and what has been found out so far; no failure of it reaches the gate."""

    def __init__(self, execution: Execution, stage: str, began: float) -> None:
        self._execution, self._stage, self.began = execution, stage, began
        self._logger: Any = None
        self.deployment: Deployment | None = None
        self.shadow: Shadow | None = None
        self.settings: Settings | None = None
        self.aws: Aws | None = None

    @property
    def logger(self) -> Any:
        """Powertools' logger, made when first used, with this gate's keys."""
        if self._logger is None:
            from aws_lambda_powertools import Logger

            self._logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", "greenlight"))
            self._logger.structure_logs(
                append=False,
                deployment_id=self._execution.deployment_id,
                stage=self._stage,
                execution=self._execution.digest(),
            )
        return self._logger

    def say(self, message: str, **keys: Any) -> None:
        self.best_effort(lambda: self.logger.info(message, extra=keys))

    def best_effort(self, step: Callable[[], Any]) -> None:
        """Run a step whose failure may not matter; it is logged if that works."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - that is the point
            self.failed("a step that decides nothing", error)

    def failed(self, what: str, error: Exception) -> None:
        """Say that a step failed whose failure may not matter, if the log still works."""
        try:
            self.logger.warning(f"failed: {what}", exc_info=error)
        except Exception:  # noqa: BLE001 - the log itself is gone; the answer is not
            return

    def started(self) -> None:
        from greenlight.publish import metrics

        self.say("gate started")
        self.best_effort(lambda: metrics.emit(self._stage, {"GateStarted": 1}))

    def finding(self, finding: Finding) -> None:
        import msgspec

        keys = ("name", "outcome", "message", "severity", "validator", "attempts", "flaky", "duration_ms")
        self.say("check finished", check={key: msgspec.to_builtins(getattr(finding, key)) for key in keys})


def _publish(log: _Log, gate: Gate, answer: Any, stage: str, started_at: float, duration_ms: float, end: float) -> None:
    """Tell everybody else, one thing after the other, each for itself, until `end` (monotonic)."""
    import msgspec

    from greenlight.publish import metrics, summary
    from greenlight.report.summary import commands

    report = report_of(
        gate.verdict,
        gate.findings,
        gate.deployment,
        gate.plan,
        started_at,
        duration_ms,
        gate.output,
        gate.overrides,
        gate.clock,
        log.settings.report_bucket if log.settings else "",
    )
    reasons = msgspec.to_builtins(gate.verdict.reasons)
    log.say(
        "verdict",
        summary=summary.sentence(report),
        verdict=gate.verdict.status.value,
        reasons=reasons,
        application=gate.deployment.application,
        group=gate.deployment.group,
        commands=list(commands(report).values()),
        **({"shadow": msgspec.to_builtins(gate.verdict.shadow)} if gate.verdict.shadow else {}),
    )
    for each in gate.overrides:
        log.say("override honoured", override=msgspec.to_builtins(each))
    log.say("answered", status=gate.verdict.status.value, **msgspec.to_builtins(answer))
    errors = sum(reason.cause is Cause.GATE_ERROR for reason in gate.verdict.reasons)
    values = {
        "GateAnswered": float(answer.told),
        "GateUnanswered": float(not answer.told),
        "GateSucceeded": float(gate.verdict.status is Status.SUCCEEDED),
        "GateFailed": float(gate.verdict.status is Status.FAILED),
        "GateErrors": float(errors > 0),
        "GateDuration": duration_ms,
    }
    seldom = {
        "ChecksFlaky": float(sum(finding.flaky for finding in gate.findings)),
        "GateShadowed": float(gate.verdict.shadow is not None and bool(gate.verdict.reasons)),
        "OverridesHonoured": float(len(gate.overrides)),
    }
    # What is not there most of the time is left out then: every name costs, and an alarm takes nothing for zero.
    values |= {name: value for name, value in seldom.items() if value}
    log.best_effort(lambda: metrics.emit(stage, values))
    # A report of a run that somebody else had answered before would hide the report of the run that counted.
    if not answer.superseded and (failures := _announced(log, report, end)):
        log.best_effort(lambda: metrics.emit(stage, {"ChannelFailures": float(failures)}))


def _announced(log: _Log, report: Report, end: float) -> int:
    """Store the report and tell the channels that the operator chose; give how many of them failed."""
    if not (log.aws and log.settings):
        return 0
    from greenlight.publish import eventbridge, index, s3, sns

    aws, settings, uri, failures = log.aws, log.settings, "", 0
    bucket = settings.report_bucket

    def tell(what: str, key: str, step: Callable[[], str], share: float = 1.0) -> str:
        """Do a step in its share of the time that is left; a channel that hangs leaves the others theirs."""
        nonlocal failures
        now = time.monotonic()
        try:
            given = within(now + (end - now) * share, step, f"not done: {what}")
        except Exception as error:  # noqa: BLE001 - no channel matters to the verdict, or to the other channels
            failures += 1
            log.failed(what, error)
            return ""
        log.say(what, **{key: given})
        return given

    steps: list[tuple[str, str, Callable[[], str]]] = []
    if bucket:
        steps.append(("report stored", "uri", lambda: s3.store(aws, bucket, report)))
    if settings.event_bus:
        steps.append(("event put", "id", lambda: eventbridge.put(aws, settings.event_bus, report, uri)))
    if settings.notice_topic and (settings.notice_on == "all" or not report.clean):
        steps.append(("notice sent", "id", lambda: sns.notify(aws, settings.notice_topic, report, uri)))
    for left, (what, key, step) in zip(range(len(steps), 0, -1), steps, strict=True):
        given = tell(what, key, step, 1 / left)
        uri = given if key == "uri" else uri
    if uri:  # after everything else: a bucket that took the report has time left for these, or nobody has
        tell("index written", "uri", lambda: index.store(aws, bucket, report, uri), 1 / 2)
        page = lambda: s3.store_page(aws, bucket, report)  # noqa: E731
        log.best_effort(lambda: log.say("page stored", uri=within(end, page, "the report's page was not stored")))
    return failures
