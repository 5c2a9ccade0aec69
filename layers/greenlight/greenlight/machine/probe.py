"""The step Probe: run the checks of one shard in a worker, until they have finished or only wait."""

from __future__ import annotations

import math
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from msgspec.structs import replace

from greenlight.aws.deadline import run_with_deadline
from greenlight.checks.hand_over import RunPart
from greenlight.checks.runner import unfinished_finding
from greenlight.core.deployment import SHIFT
from greenlight.core.errors import GreenlightError, PlanError
from greenlight.core.finding import Cause, Finding
from greenlight.core.verdict import Reason
from greenlight.gate.prepare import with_secrets
from greenlight.gate.supervise import Listener, RunLimits, complete_findings, redact_output, run_part
from greenlight.gate.worker_pipe import OUTPUT_CHARACTERS, ProblemMessage
from greenlight.machine.documents import GateDocument, Reference, ShardDocument
from greenlight.machine.step import begin, flatten_results, read_findings, restore, without_bake

if TYPE_CHECKING:
    from greenlight.gate.prepare import Prepared
    from greenlight.machine.step import Step


class _Shard(NamedTuple):
    """One shard: the gate, its number, the names of its checks, and its results so far."""

    document: GateDocument
    number: int
    names: tuple[str, ...]
    before: ShardDocument


def handler(payload: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the checks of a shard, or go on with them, and return the reference to their results.

    Raises:
        AwsError: A document could not be read or written.
        DocumentError: A document is not the one that was written.
    """
    step = begin(payload, context)
    shard = _read_shard(step, payload)
    results, has_ended = _run(step, shard, payload["earlier"])
    reference = step.documents.write(f"shards/{shard.number}", results)
    next_at = min((check.at for check in results.waiting), default=0.0)
    pause_s = 0 if has_ended else max(0, math.ceil(min(next_at, shard.document.until) - time.time()))
    return {"again": not has_ended, "again_in_s": pause_s, "results": msgspec.to_builtins(reference)}


def _read_shard(step: Step, payload: dict[str, Any]) -> _Shard:
    document = step.documents.read(msgspec.convert(payload["document"], Reference), GateDocument)
    number: int = payload["shard"]
    before, run = ShardDocument(), payload["run"]
    if run["results"] is not None:
        before = step.documents.read(msgspec.convert(run["results"], Reference), ShardDocument)
    return _Shard(document, number, document.shards[number], before)


def _run(step: Step, shard: _Shard, earlier: Any) -> tuple[ShardDocument, bool]:
    """Run the checks that have not finished; return all results of the shard, and whether no check is left."""
    try:
        prepared = run_with_deadline(
            step.deadline,
            lambda: with_secrets(restore(shard.document), step.aws.repeating(step.state.read_until), step.settings),
            "the secrets of the plan could not be read",
        )
        known = _needed_findings(step, shard, prepared, earlier)
        return _run_checks(step, shard, prepared, known)
    except PlanError as error:
        problems = tuple(map(ProblemMessage.from_problem, error.problems))
        return replace(shard.before, problems=problems, waiting=()), True
    except GreenlightError as error:
        return replace(shard.before, failure=Reason(cause=error.cause, message=str(error)), waiting=()), True


def _run_checks(
    step: Step, shard: _Shard, prepared: Prepared, known: tuple[Finding, ...]
) -> tuple[ShardDocument, bool]:
    now, wall = time.monotonic(), time.time()
    gate_end = now + shard.document.until - wall
    deadline = min(step.deadline, gate_end)
    settings = msgspec.structs.replace(
        step.settings, concurrency=shard.document.concurrency(shard.number, step.settings.concurrency)
    )
    part = RunPart(
        names=shard.names,
        findings=(*known, *shard.before.findings),
        waiting=shard.before.waiting,
        may_hand_over=step.gate.stage != SHIFT,  # a round of the watcher ends before the next one
        is_last=gate_end <= step.deadline,
    )
    started = now - (wall - shard.document.started_at)
    memory_mb = os.environ.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "")
    listener = Listener(step.log.finding)
    limits = RunLimits(deadline, int(memory_mb) if memory_mb.isdecimal() else 0, started)
    # The state machine has waited for the bake.
    end = run_part(without_bake(prepared), settings, step.aws, limits, listener, part)
    findings = {finding.name: finding for finding in (*shard.before.findings, *end.findings)}
    if end.has_ended:
        remaining = [check for check in prepared.checks if check.name in shard.names and check.name not in findings]
        findings |= {finding.name: finding for finding in complete_findings(remaining, end)}
    output = (shard.before.output + redact_output(prepared, end.output))[-OUTPUT_CHARACTERS:]
    results = ShardDocument(
        findings=tuple(findings[name] for name in shard.names if name in findings), waiting=end.waiting, output=output
    )
    return results, end.has_ended


def _needed_findings(step: Step, shard: _Shard, prepared: Prepared, earlier: Any) -> tuple[Finding, ...]:
    """Return the findings of earlier waves that the shard's checks need; a check without one counts as an ERROR."""
    checks = {check.name: check for check in prepared.checks}
    needed = {need for name in shard.names for need in checks[name].needs} - set(shard.names)
    if not needed:
        return ()
    results = {result.shard: result for result in flatten_results(earlier)}
    findings: dict[str, Finding] = {}
    for number, names in enumerate(shard.document.shards):
        if needed.isdisjoint(names) or number not in results:
            continue
        findings |= {finding.name: finding for finding in read_findings(step, shard.document, results[number])}
    return tuple(
        findings.get(name) or unfinished_finding(checks[name], "not finished", Cause.GATE_ERROR)
        for name in sorted(needed)
    )
