"""Short texts about a verdict: what was deployed, the verdict and its reasons.

The event, the notice and the log line share them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.core.display import escape_controls, truncate
from greenlight.core.finding import Outcome

if TYPE_CHECKING:
    from greenlight.core.report import Report

EVENT_SCHEMA = "greenlight.event/1"
MAX_REASONS = 10
"""Most reasons of an event; the report has all."""


def format_subject(report: Report) -> str:
    """Return one line with verdict, application and stage."""
    deployment = report.deployment
    name = "/".join(part for part in (deployment.application, deployment.group) if part) or deployment.id
    return escape_controls(f"{report.verdict.value}: {name} at {deployment.stage}")


def verdict_sentence(report: Report) -> str:
    """Return one line with verdict, application, stage and the first reason."""
    sentence = format_subject(report)
    if report.reasons:
        reason = report.reasons[0]
        check = f", {reason.check}" if reason.check else ""
        sentence += f"; {reason.cause.value}{check}: {reason.message}"
    more = f" (and {len(report.reasons) - 1} more)" if len(report.reasons) > 1 else ""
    return escape_controls(truncate(sentence + more, 600))


def build_event(report: Report, uri: str) -> dict[str, Any]:
    """Build the detail of a verdict's event, which is small enough for every channel.

    Args:
        report: The report.
        uri: URI of the stored report; "" if it is not stored.
    """
    deployment = report.deployment
    counts = {outcome.value: sum(finding.outcome is outcome for finding in report.checks) for outcome in Outcome}
    reasons = [
        {"cause": reason.cause.value, "check": reason.check, "message": truncate(reason.message, 1000)}
        for reason in report.reasons[:MAX_REASONS]
    ]
    return {
        "schema": EVENT_SCHEMA,
        "verdict": report.verdict.value,
        "summary": verdict_sentence(report),
        "deployment": {
            "id": deployment.id,
            "platform": deployment.platform.value,
            "stage": deployment.stage,
            "application": deployment.application,
            "group": deployment.group,
            "region": deployment.region,
            "green": deployment.green.version or deployment.green.task_definition,
            "blue": deployment.blue.version or deployment.blue.task_definition,
        },
        "reasons": reasons,
        "reasons_left_out": max(0, len(report.reasons) - MAX_REASONS),
        "checks": counts,
        "answer": msgspec.to_builtins(report.answer),
        "judged": msgspec.to_builtins(report.judged),
        "shadow": msgspec.to_builtins(report.shadow),
        "overrides": msgspec.to_builtins(report.overrides[:MAX_REASONS]),
        "flaky": [finding.name for finding in report.checks if finding.flaky][:MAX_REASONS],
        "plan": msgspec.to_builtins(report.plan),
        "report": uri,
        "started_at": report.started_at,
        "duration_ms": report.duration_ms,
    }
