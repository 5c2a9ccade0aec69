"""The function for the steps in which no code of a plugin runs: Judge, Ask, Decide, Publish, Record, and the watcher's.

Its role alone may write verdicts, holds and reports.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.display import truncate
from greenlight.core.finding import Cause
from greenlight.core.report import Author
from greenlight.core.verdict import Reason, Status, StatusDelivery
from greenlight.gate.result import failed_result, with_answer
from greenlight.gate.telemetry import report_run
from greenlight.gate.watcher import watch_after_answer
from greenlight.machine.documents import RESULT, JudgedDocument, Reference
from greenlight.machine.hold import ask, decide
from greenlight.machine.judge import judge
from greenlight.machine.step import Step, begin
from greenlight.machine.watch import look
from greenlight.machine.watched import report_watched
from greenlight.publish.s3 import report_uri

if TYPE_CHECKING:
    from greenlight.core.report import Report

MAX_REASONS = 5
MAX_REASON_LENGTH = 300

_DECISIONS = {"judge": judge, "decide": decide}

_UNCONFIRMED = "the state machine ended before CodeDeploy confirmed it"


def handler(payload: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the step that the payload names.

    A gate is judged, asks for an approval or checks it, its report is published, or it is recorded if its state machine
    ended early. The watcher of a shift looks at it after each round, and its report is published.

    Raises:
        AwsError: A document could not be read or written.
        DocumentError: A document is not the one that was written.
    """
    step = begin(payload, context)
    work: dict[str, Any] = payload.get("work") or {}
    if payload["step"] in _DECISIONS:
        return _DECISIONS[payload["step"]](step, work)
    if payload["step"] == "ask":
        return ask(step, work, payload["token"])
    if payload["step"] == "look":
        return look(step, work)
    if payload["step"] == "watched":
        return report_watched(step, work)
    if step.gate.is_called:
        return _publish_for_caller(step, work, is_abandoned=payload["step"] != "publish")
    answered_before = "answered_before" in work
    if payload["step"] == "publish":
        return _publish(step, _read_judged(step, work), StatusDelivery(told=True, superseded=answered_before))
    judged = step.documents.read_latest(RESULT, JudgedDocument) or _undecided(step)
    # The guardian has answered Failed, unless CodeDeploy had the answer of the gate before.
    is_confirmed = answered_before or judged.result.verdict.status is Status.FAILED
    error = "" if is_confirmed else _UNCONFIRMED
    return _publish(step, judged, StatusDelivery(told=is_confirmed, superseded=answered_before, error=error))


def _read_judged(step: Step, work: dict[str, Any]) -> JudgedDocument:
    if "judged" not in work:
        return _undecided(step)
    return step.documents.read(msgspec.convert(work["judged"]["result"], Reference), JudgedDocument)


def _undecided(step: Step) -> JudgedDocument:
    """Return a result for a gate that ended without a verdict, so that CodeDeploy got Failed."""
    message = f"the state machine could not decide the verdict, so the gate failed; see its execution {step.gate.name}"
    return JudgedDocument(
        result=failed_result(Cause.GATE_ERROR, message, step.state.deployment),
        started_at=step.started_at,
        duration_ms=(time.time() - step.started_at) * 1000,
    )


def _publish(step: Step, judged: JudgedDocument, delivery: StatusDelivery) -> dict[str, Any]:
    """Start the watcher of the shift, publish the report, and return the verdict as the output of the execution."""
    step.state.is_watched = judged.is_watched
    step.state.deployment = judged.result.deployment
    if note := watch_after_answer(step.log, step.state, judged.result.verdict.status, delivery, step.deadline):
        judged = replace(judged, result=judged.result.with_notes(note))
    report = judged.result.report(judged.started_at, judged.duration_ms, bucket=step.settings.report_bucket)
    report_run(step.log, step.state, report, delivery, step.deadline, is_only_run=True)
    return _summarize(with_answer(report, delivery, SYSTEM_CLOCK.now_utc()), step.settings.report_bucket)


def _publish_for_caller(step: Step, work: dict[str, Any], *, is_abandoned: bool) -> dict[str, Any]:
    """Publish the report of a gate for which CodeDeploy does not wait, and return its verdict.

    The report has a name of its own, so it does not replace the report of the hook.
    """
    latest = step.documents.read_latest(RESULT, JudgedDocument) if is_abandoned else None
    judged = latest or _read_judged(step, work)
    report = judged.result.report(judged.started_at, judged.duration_ms, bucket=step.settings.report_bucket)
    report = replace(report, written_by=Author.CALLER)
    if is_abandoned and report.verdict is Status.SUCCEEDED:
        reason = Reason(cause=Cause.GATE_ERROR, message="the state machine ended before it returned the verdict")
        report = replace(report, verdict=Status.FAILED, judged=Status.SUCCEEDED, reasons=(reason, *report.reasons))
    report_run(step.log, step.state, report, None, step.deadline, is_only_run=True)
    return _summarize(report, step.settings.report_bucket)


def _summarize(report: Report, bucket: str) -> dict[str, Any]:
    reasons = [
        {"cause": reason.cause.value, "check": reason.check, "message": truncate(reason.message, MAX_REASON_LENGTH)}
        for reason in report.reasons[:MAX_REASONS]
    ]
    return {"verdict": report.verdict.value, "report": report_uri(bucket, report), "reasons": reasons}
