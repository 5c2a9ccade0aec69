"""The step Judge: decide the verdict from the findings of all shards. No code of a plugin runs here."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.core.display import truncate
from greenlight.core.errors import GreenlightError, PlanError
from greenlight.core.finding import Cause, Finding
from greenlight.core.report import Clock
from greenlight.gate.fail_closed import run_fail_closed
from greenlight.gate.hold import apply_hold
from greenlight.gate.shadow import apply_shadow
from greenlight.gate.supervise import complete_findings, conclude_gate
from greenlight.gate.worker import WorkerEnd
from greenlight.gate.worker_pipe import OUTPUT_CHARACTERS
from greenlight.machine.callers import confirm
from greenlight.machine.documents import GateDocument, Reference, ShardDocument
from greenlight.machine.hold import hold_back
from greenlight.machine.step import Step, flatten_results, restore, write_judged

if TYPE_CHECKING:
    from greenlight.core.report import PlanSource
    from greenlight.gate.prepare import Prepared
    from greenlight.gate.result import GateResult

_MAX_CAUSE_LENGTH = 300


class StepFailedError(GreenlightError):
    """A step of the state machine failed."""

    def __init__(self, cause: Cause, message: str) -> None:
        """Store the cause with the message."""
        self.cause = cause
        super().__init__(message)


def judge(step: Step, work: dict[str, Any]) -> dict[str, Any]:
    """Decide the verdict, write it for the report, and return it with the reference to it; or begin the hold.

    Raises:
        AwsError: The result could not be written.
    """
    result = confirm(step, run_fail_closed(step.state, step.log, lambda: _decide(step, work)))
    return hold_back(step, result) if result.hold is not None else write_judged(step, result)


def _decide(step: Step, work: dict[str, Any]) -> GateResult:
    """Return the result of the gate.

    Raises:
        PlanError: A shard rejected the plan.
        StepFailedError: The gate could not be prepared, or a shard could not run.
    """
    if "document" not in work:
        raise StepFailedError(Cause.GATE_ERROR, f"the gate could not be prepared: {describe_error(work)}")
    document = step.documents.read(msgspec.convert(work["document"], Reference), GateDocument)
    step.state.deployment, step.state.shadow = document.deployment, document.shadow
    step.state.is_watched = document.is_watched
    if document.result is not None:
        return document.result
    prepared = restore(document)
    findings, output = collect_findings(step, document, prepared, work)
    clock = Clock(deadline_ms=round((document.until - document.started_at) * 1000, 3))
    result = conclude_gate(prepared, step.settings, step.aws, findings, step.deadline, output=output, clock=clock)
    return apply_hold(apply_shadow(result, document.shadow, step.settings), prepared.hold, step.started_at, time.time())


def collect_findings(
    step: Step, document: GateDocument, prepared: Prepared, work: dict[str, Any]
) -> tuple[tuple[Finding, ...], str]:
    """Return one finding for each check, in the plan's order, and the output of the validators."""
    results = {result.shard: result for result in flatten_results(work["earlier"])}
    checks = {check.name: check for check in prepared.checks}
    findings: dict[str, Finding] = {}
    output = ""
    for number, names in enumerate(document.shards):
        result = results.get(number)
        shard = ShardDocument()
        if result is not None and result.results is not None:
            shard = step.documents.read(result.results, ShardDocument)
        _raise_failure(shard, prepared.plan.source)
        output += shard.output
        # Only findings of the shard's own checks count: the function that wrote them ran plugins.
        own = tuple(finding for finding in shard.findings if finding.name in names)
        error = result.error if result is not None else describe_error(work)
        end = WorkerEnd(findings=own, failure=f"the function that ran it ended early ({error})" if error else "")
        shard_checks = [checks[name] for name in names]
        findings |= {finding.name: finding for finding in complete_findings(shard_checks, end)}
    return tuple(findings[check.name] for check in prepared.checks), output[-OUTPUT_CHARACTERS:]


def _raise_failure(shard: ShardDocument, source: PlanSource) -> None:
    if shard.problems:
        raise PlanError([problem.to_problem() for problem in shard.problems], source.uri, plan=source)
    if shard.failure is not None:
        raise StepFailedError(shard.failure.cause, shard.failure.message)


def describe_error(work: dict[str, Any]) -> str:
    """Return the error of the state machine: its name, and the message of the function that raised it."""
    error = work.get("error")
    if not isinstance(error, dict):
        return "the state machine has no result of it"
    cause = str(error.get("Cause", ""))
    with contextlib.suppress(ValueError, KeyError, TypeError):  # errors of Step Functions itself are plain text
        cause = str(json.loads(cause)["errorMessage"])
    return truncate(" ".join(f"{error.get('Error', 'unknown')}: {cause}".split()), _MAX_CAUSE_LENGTH)
