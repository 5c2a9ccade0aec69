"""Run the checks of a prepared gate in a worker process and decide the verdict.

The hooks, `greenlight check` and `greenlight replay` all enter the engine through `run_gate`.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from greenlight.checks.hand_over import WHOLE_STAGE
from greenlight.core.errors import PlanError
from greenlight.core.finding import EvidenceKind, Finding, Severity
from greenlight.core.report import AcceptedEvidence, Clock
from greenlight.core.verdict import Status, Verdict
from greenlight.gate.overrides import find_overrides
from greenlight.gate.result import GateResult, with_notes
from greenlight.verdict.conclude import apply_plan, decide_verdict, with_excuses
from greenlight.verdict.evidence import evidence_rule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from greenlight.aws.client import Aws
    from greenlight.checks.hand_over import RunEnd, RunPart
    from greenlight.core.settings import Settings
    from greenlight.gate.prepare import Prepared
    from greenlight.gate.worker import WorkerEnd
    from greenlight.plan.model import Check

NO_HOLD = "the plan holds this stage for an approval, for which this run did not ask: only a deployment waits for one"
"""Note on a run of `greenlight check` or `greenlight replay`; `choose_machine` lets no hook run such a gate."""

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
        return waived_result(prepared)
    now = time.monotonic()
    started = now if started is None else started
    checks_deadline = _checks_deadline(prepared, settings, deadline)
    end = run_part(prepared, settings, aws, RunLimits(checks_deadline, memory_mb, started), listener)
    clock = _clock(prepared, started, now, worker_deadline(checks_deadline, now))
    findings = complete_findings(prepared.checks, end)
    result = conclude_gate(
        prepared, settings, aws, findings, deadline, output=redact_output(prepared, end.output), clock=clock
    )
    return result.with_notes(NO_HOLD) if prepared.hold else result


class RunLimits(NamedTuple):
    """Limits of a run in a worker.

    Attributes:
        deadline: `time.monotonic()` at which the worker is killed.
        memory_mb: The function's memory; 0 for no limit.
        started: `time.monotonic()` at the start of the gate; None for now.
    """

    deadline: float
    memory_mb: int = 0
    started: float | None = None


def run_part(
    prepared: Prepared,
    settings: Settings,
    aws: Aws,
    limits: RunLimits,
    listener: Listener,
    part: RunPart = WHOLE_STAGE,
) -> WorkerEnd:
    """Run the checks of the stage, or a part of them, in a worker.

    Args:
        prepared: From `prepare`, or built by a command.
        settings: Settings of the installation.
        aws: AWS clients for validators.
        limits: Limits of the run.
        listener: Called while the worker runs.
        part: The checks to run.

    Raises:
        PlanError: A validator does not exist, or rejects its parameters.
    """
    from greenlight.gate.worker import run_worker

    # The worker stops the checks a little earlier, so that it can report each unfinished check itself.
    stops_at = worker_deadline(limits.deadline, time.monotonic())

    def work(emit: Callable[..., None]) -> RunEnd:
        from greenlight.gate.run_checks import run_checks  # the worker alone imports validators

        return run_checks(prepared, settings, aws, stops_at, emit, limits.started, part)

    try:
        return run_worker(work, limits.deadline, listener.on_finding, limits.memory_mb, listener.on_start)
    except PlanError as error:
        source = prepared.plan.source  # the pipe transfers the problems, but not the plan's source
        raise PlanError(error.problems, source.uri, plan=source) from error


def worker_deadline(deadline: float, now: float) -> float:
    """Return the moment at which a worker that is killed at `deadline` stops its checks."""
    return deadline - min(2.0, (deadline - now) / 10)


def conclude_gate(
    prepared: Prepared,
    settings: Settings,
    aws: Aws,
    findings: Sequence[Finding],
    deadline: float,
    *,
    output: str = "",
    clock: Clock | None = None,
) -> GateResult:
    """Decide the verdict from the findings of the checks, of which each check has one."""
    findings = apply_plan(prepared.checks, findings)
    overrides, notes = find_overrides(prepared, settings, aws, findings, deadline)
    overridden = [override.check for override in overrides]
    rule = evidence_rule(prepared.deployment, prepared.plan)
    return GateResult(
        verdict=decide_verdict(prepared.checks, findings, overridden, rule),
        deployment=with_notes(prepared.deployment, *notes),
        findings=with_excuses(findings, overridden),
        plan=prepared.plan.source,
        output=output,
        clock=clock or Clock(),
        overrides=overrides,
        accepted=_accepted(prepared),
    )


def _accepted(prepared: Prepared) -> AcceptedEvidence | None:
    stage = prepared.plan.stages.get(prepared.deployment.stage)
    accepts = stage.accepts if stage else None
    return AcceptedEvidence(evidence=EvidenceKind(accepts.evidence), why=accepts.why) if accepts else None


def waived_result(prepared: Prepared) -> GateResult:
    """Return the result of a gate that needs no check."""
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


def complete_findings(checks: Sequence[Check], end: WorkerEnd) -> tuple[Finding, ...]:
    """Return one finding for each of the checks; a check that the worker did not finish gets an ERROR."""
    from greenlight.checks.runner import unfinished_finding

    findings = {finding.name: finding for finding in end.findings}
    message = f"not finished: {end.failure or 'the worker returned no finding'}"
    return tuple(findings.get(check.name) or unfinished_finding(check, message, end.cause) for check in checks)


def redact_output(prepared: Prepared, output: str) -> str:
    """Return the last lines that a worker printed, without secrets."""
    from greenlight.aws.client import own_secrets
    from greenlight.core.redaction import Redactor
    from greenlight.gate.worker_pipe import OUTPUT_CHARACTERS

    redactor = Redactor((*prepared.secrets.values(), *own_secrets(os.environ)))
    return redactor.text(output)[-OUTPUT_CHARACTERS:]


def _clock(prepared: Prepared, started: float, now: float, stops_at: float) -> Clock:
    baked = min(now + prepared.bake_s, stops_at) if prepared.bake_s else started
    prepared_ms, baked_ms, deadline_ms = (round((moment - started) * 1000, 3) for moment in (now, baked, stops_at))
    return Clock(prepared_ms=prepared_ms, baked_ms=baked_ms, deadline_ms=deadline_ms)
