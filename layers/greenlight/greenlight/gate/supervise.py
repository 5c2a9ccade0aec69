"""Run the checks of a prepared gate in a worker process and decide the verdict.

The hooks, `greenlight check` and `greenlight replay` all enter the engine through `run_gate`.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from greenlight.core.errors import PlanError
from greenlight.core.finding import EvidenceKind, Finding, Severity
from greenlight.core.report import AcceptedEvidence, Clock
from greenlight.core.verdict import Status, Verdict
from greenlight.gate.overrides import find_overrides
from greenlight.gate.result import GateResult, with_notes
from greenlight.verdict.conclude import apply_plan, decide_verdict, with_excuses
from greenlight.verdict.evidence import evidence_rule

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.aws.client import Aws
    from greenlight.core.settings import Settings
    from greenlight.gate.prepare import Prepared
    from greenlight.gate.worker import WorkerEnd

OVERRIDES_S = 5.0
"""Time reserved for reading overrides if the plan allows any; at most a tenth of the remaining time."""


class Listener(NamedTuple):
    """Receiver of the events of a gate's worker.

    Attributes:
        on_finding: Called with each finding as soon as it is final.
        on_start: Called when the worker has been forked; it may start a thread.
    """

    on_finding: Callable[[Finding], None]
    on_start: Callable[[], object] = bool


def run_gate(
    prepared: Prepared,
    settings: Settings,
    aws: Aws,
    deadline: float,
    listener: Listener,
    *,
    memory_mb: int = 0,
    started: float | None = None,
) -> GateResult:
    """Run the checks of the stage in a worker and return the result.

    Args:
        prepared: From `prepare`, or built by a command.
        settings: Settings of the installation.
        aws: AWS clients for validators and overrides.
        deadline: `time.monotonic()` by which the worker must have ended.
        listener: Receives the events of the worker.
        memory_mb: The function's memory; 0 for no limit.
        started: `time.monotonic()` at the start of the gate; None for now.

    Raises:
        PlanError: A validator does not exist, or rejects its parameters.
    """
    if prepared.plan.waived:
        return _waived_result(prepared)
    now = time.monotonic()
    started = now if started is None else started
    checks_deadline = _checks_deadline(prepared, settings, deadline)
    # The worker stops the checks a little earlier, so that it can report each unfinished check itself.
    worker_deadline = checks_deadline - min(2.0, (checks_deadline - now) / 10)

    def work(emit: Callable[..., None]) -> None:
        from greenlight.gate.run_checks import run_checks  # validators are imported in the worker only

        run_checks(prepared, settings, aws, worker_deadline, emit, started)

    end = _supervise(prepared, work, checks_deadline, listener, memory_mb)
    findings = apply_plan(prepared.checks, _complete(prepared, end))
    overrides, notes = find_overrides(prepared, settings, aws, findings, deadline)
    overridden = [override.check for override in overrides]
    rule = evidence_rule(prepared.deployment, prepared.plan)
    return GateResult(
        verdict=decide_verdict(prepared.checks, findings, overridden, rule),
        deployment=with_notes(prepared.deployment, *notes),
        findings=with_excuses(findings, overridden),
        plan=prepared.plan.source,
        output=_redacted_output(prepared, end),
        clock=_clock(prepared, started, now, worker_deadline),
        overrides=overrides,
        accepted=_accepted(prepared),
    )


def _accepted(prepared: Prepared) -> AcceptedEvidence | None:
    stage = prepared.plan.stages.get(prepared.deployment.stage)
    accepts = stage.accepts if stage else None
    return AcceptedEvidence(evidence=EvidenceKind(accepts.evidence), why=accepts.why) if accepts else None


def _waived_result(prepared: Prepared) -> GateResult:
    return GateResult(
        verdict=Verdict(status=Status.SUCCEEDED),
        deployment=with_notes(prepared.deployment, prepared.plan.waived),
        plan=prepared.plan.source,
    )


def _checks_deadline(prepared: Prepared, settings: Settings, deadline: float) -> float:
    """Return the deadline of the checks, which leaves time to read overrides if the plan allows any."""
    if settings.plan_bucket and any(check.severity is Severity.REQUIRED_WITH_OVERRIDE for check in prepared.checks):
        return deadline - min(OVERRIDES_S, (deadline - time.monotonic()) / 10)
    return deadline


def _supervise(
    prepared: Prepared,
    work: Callable[[Callable[..., None]], None],
    deadline: float,
    listener: Listener,
    memory_mb: int,
) -> WorkerEnd:
    from greenlight.gate.worker import run_worker

    try:
        return run_worker(work, deadline, listener.on_finding, memory_mb, listener.on_start)
    except PlanError as error:
        source = prepared.plan.source  # the pipe transfers the problems, but not the plan's source
        raise PlanError(error.problems, source.uri, plan=source) from error


def _complete(prepared: Prepared, end: WorkerEnd) -> tuple[Finding, ...]:
    """Return one finding for each check; a check that the worker did not finish gets an ERROR."""
    from greenlight.checks.runner import unfinished_finding

    findings = {finding.name: finding for finding in end.findings}
    message = f"not finished: {end.failure or 'the worker returned no finding'}"
    return tuple(findings.get(check.name) or unfinished_finding(check, message, end.cause) for check in prepared.checks)


def _redacted_output(prepared: Prepared, end: WorkerEnd) -> str:
    from greenlight.aws.client import own_secrets
    from greenlight.core.redaction import Redactor
    from greenlight.gate.worker_pipe import OUTPUT_CHARACTERS

    redactor = Redactor((*prepared.secrets.values(), *own_secrets(os.environ)))
    return redactor.text(end.output)[-OUTPUT_CHARACTERS:]


def _clock(prepared: Prepared, started: float, now: float, worker_deadline: float) -> Clock:
    baked = min(now + prepared.bake_s, worker_deadline) if prepared.bake_s else started
    prepared_ms, baked_ms, deadline_ms = (
        round((moment - started) * 1000, 3) for moment in (now, baked, worker_deadline)
    )
    return Clock(prepared_ms=prepared_ms, baked_ms=baked_ms, deadline_ms=deadline_ms)
