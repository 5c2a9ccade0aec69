"""Parts that the functions of the state machine share: their payload, their state, and the gate that they restore."""

from __future__ import annotations

import datetime
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import replace

from greenlight.aws.client import Aws
from greenlight.core import settings as settings_module
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import SettingsError
from greenlight.core.frozen import FrozenStruct
from greenlight.gate.prepare import Prepared, default_plan
from greenlight.gate.processes import deny_inspection
from greenlight.gate.run_state import RunState
from greenlight.gate.telemetry import GateLog
from greenlight.machine.documents import RESULT, Documents, JudgedDocument, MachineGate, Reference, ShardDocument
from greenlight.plan.parser import parse

if TYPE_CHECKING:
    from greenlight.core.finding import Finding
    from greenlight.core.settings import Settings
    from greenlight.gate.result import GateResult
    from greenlight.machine.documents import GateDocument

RESERVE_S = 20.0
"""Time of an invocation that is kept for writing its results."""


class Step(NamedTuple):
    """One invocation of a function of the state machine.

    Attributes:
        gate: The gate.
        started_at: Unix time of the start of the state machine's execution.
        deadline: `time.monotonic()` by which the work has ended, so that there is time to write its results.
        state: State of the run.
        settings: Settings of the installation.
        aws: AWS clients.
        documents: Documents of the gate.
        log: Log of the gate.
        problem: A setting that is not valid, for which the gate fails; None if all are.
    """

    gate: MachineGate
    started_at: float
    deadline: float
    state: RunState
    settings: Settings
    aws: Aws
    documents: Documents
    log: GateLog
    problem: SettingsError | None = None


def begin(payload: dict[str, Any], context: Any) -> Step:
    """Begin an invocation.

    Raises:
        SettingsError: There is no report bucket.
        msgspec.ValidationError: The payload is not from the state machine.
    """
    started = time.monotonic()
    deny_inspection()
    remaining_s = context.get_remaining_time_in_millis() / 1000
    gate = msgspec.convert(payload["gate"], MachineGate)
    aws, problem = Aws(), None
    try:
        settings = settings_module.read(os.environ)
    except SettingsError as error:
        settings, problem = error.partial, error
    if not settings.report_bucket:
        raise SettingsError("GREENLIGHT_REPORT_BUCKET is empty; the state machine needs a bucket for its documents")
    deployment = Deployment(
        id=gate.deployment_id,
        platform=Platform.ECS,
        stage=gate.stage,
        application=gate.application,
        group=gate.group,
    )
    state = RunState(deployment, started, remaining_s=remaining_s, settings=settings, aws=aws, is_called=gate.is_called)
    state.read_until = started + remaining_s / 3
    return Step(
        gate=gate,
        started_at=parse_time(payload["started_at"]) if "started_at" in payload else 0.0,
        deadline=started + remaining_s - min(RESERVE_S, remaining_s / 4),
        state=state,
        settings=settings,
        aws=aws,
        documents=Documents(aws.repeating(state.read_until), settings.report_bucket, gate.name),
        log=GateLog(gate, gate.stage),
        problem=problem,
    )


class ShardResult(FrozenStruct, frozen=True, kw_only=True):
    """Result of a shard in the state machine: the reference to its document, or the name of the error that ended it."""

    shard: int
    results: Reference | None = None
    error: str = ""


def flatten_results(earlier: Any) -> list[ShardResult]:
    """Return the results of all shards so far; the state machine nests those of each wave into a list."""
    if isinstance(earlier, list):
        return [result for item in earlier for result in flatten_results(item)]
    return [msgspec.convert(earlier, ShardResult)]


def read_findings(step: Step, document: GateDocument, result: ShardResult) -> tuple[Finding, ...]:
    """Return the findings of a shard; those of checks that are not its own are dropped."""
    if result.results is None:
        return ()
    findings = step.documents.read(result.results, ShardDocument).findings
    return tuple(finding for finding in findings if finding.name in document.shards[result.shard])


def without_bake(prepared: Prepared) -> Prepared:
    """Return the gate without the wait before its checks."""
    stage = prepared.plan.stages[prepared.deployment.stage]
    stages = {**prepared.plan.stages, prepared.deployment.stage: replace(stage, bake_s=0.0)}
    return replace(prepared, plan=replace(prepared.plan, stages=stages))


def write_judged(step: Step, result: GateResult) -> dict[str, Any]:
    """Write the result of the gate for the report, log it, and return the verdict for the state machine.

    Raises:
        AwsError: The result could not be written.
    """
    duration_ms = (time.time() - step.started_at) * 1000
    report = result.report(step.started_at, duration_ms, bucket=step.settings.report_bucket)
    step.log.best_effort(lambda: step.log.verdict(report))  # the reasons are logged before CodeDeploy gets the answer
    is_watched = step.state.is_watched
    judged = JudgedDocument(result=result, started_at=step.started_at, duration_ms=duration_ms, is_watched=is_watched)
    reference = step.documents.write(RESULT, judged)
    return {
        "status": result.verdict.status.value,
        "result": msgspec.to_builtins(reference),
        "wait_s": 0,
        "held": None,
    }


def parse_time(text: str) -> float:
    """Parse a time as Step Functions writes it, such as 2026-03-01T12:00:00.123Z, to Unix time in seconds."""
    return datetime.datetime.fromisoformat(text).timestamp()


def restore(document: GateDocument) -> Prepared:
    """Return the gate as it was prepared, without secrets; its plan is parsed again from the same texts.

    Raises:
        PlanError: The texts are not a valid plan.
    """
    deployment = document.deployment
    if document.plan is None:
        return Prepared(deployment=deployment, plan=default_plan(deployment, document.shadow, document.target))
    texts = {fragment.uri: (fragment.text, fragment.version_id) for fragment in document.fragments}
    plan = document.plan
    parsed = parse(plan.text, plan.uri, plan.version_id, environment=deployment.environment, fetch=texts.get)
    return Prepared(deployment=deployment, plan=parsed)
