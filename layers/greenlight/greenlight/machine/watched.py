"""The step Watched: the report of a watch that has ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from greenlight.core.watch import WatchEnd
from greenlight.gate.result import GateResult, with_notes
from greenlight.gate.shadow import apply_shadow
from greenlight.gate.telemetry import report_watch
from greenlight.machine.documents import GateDocument, Reference
from greenlight.machine.judge import describe_error
from greenlight.machine.step import restore
from greenlight.machine.watch import WatchDocument
from greenlight.publish.s3 import report_uri
from greenlight.verdict.watch import watch_verdict

if TYPE_CHECKING:
    from greenlight.machine.step import Step

STACK_CREATOR = "CloudFormation"
"""CodeDeploy's name for the creator of a deployment of a stack."""


def report_watched(step: Step, work: dict[str, Any]) -> dict[str, Any]:
    """Publish the report of a watch, and return whether the operator has to be called.

    Raises:
        AwsError: A document could not be read.
        DocumentError: A document is not the one that was written.
    """
    document = _read_document(step, work)
    if document.is_silent:
        step.log.info("the shift was not watched", end=document.watch.end.value, reason=document.trouble)
        return {"report": "", "is_alarm": False}
    began_at = document.began_at or document.started_at
    report = _conclude(step, document, work).report(
        began_at, (time.time() - began_at) * 1000, bucket=step.settings.report_bucket
    )
    report_watch(step.log, step.state, report, step.deadline)
    is_alarm = document.watch.end in (WatchEnd.ABANDONED, WatchEnd.NOT_STOPPED)
    return {"report": report_uri(step.settings.report_bucket, report), "is_alarm": is_alarm}


def _read_document(step: Step, work: dict[str, Any]) -> WatchDocument:
    """Return the watch; if an error of the state machine ended it, with this error."""
    document = WatchDocument(started_at=step.started_at)
    if work.get("watch"):
        document = step.documents.read(msgspec.convert(work["watch"], Reference), WatchDocument)
    if "error" in work:
        watch = replace(document.watch, end=WatchEnd.ABANDONED)
        document = replace(document, watch=watch, trouble=describe_error(work), is_silent=False)
    return document


def _conclude(step: Step, document: WatchDocument, work: dict[str, Any]) -> GateResult:
    watch, plan = document.watch, None
    step.state.deployment = document.deployment or step.state.deployment
    if work.get("prepared"):
        gate = step.documents.read(msgspec.convert(work["prepared"], Reference), GateDocument)
        step.state.deployment, step.state.shadow = gate.deployment, gate.shadow
        plan = restore(gate).plan if gate.result is None else None
    deployment = step.state.deployment
    if watch.end is WatchEnd.STOPPED and deployment.creator == STACK_CREATOR:
        message = "CloudFormation started this deployment, so its stack fails and CloudFormation rolls the stack back"
        deployment = with_notes(deployment, message)
    result = GateResult(
        verdict=watch_verdict(watch, document.over_findings, document.trouble),
        deployment=deployment,
        findings=document.findings,
        output=document.output,
        watch=watch,
    )
    if plan is not None:
        result = replace(result, plan=plan.source)
    # A shadow takes back a verdict on the release, and not the news that the watch itself failed.
    is_shadowed = watch.end is WatchEnd.SHIFTED
    return apply_shadow(result, step.state.shadow, step.settings) if is_shadowed else result
