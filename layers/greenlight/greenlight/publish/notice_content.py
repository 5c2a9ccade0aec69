"""What is told about a verdict in a few lines: who it was about, what it came to, and why. Pure.

The event, the notice and the log line say the same, from here.
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
"""Reasons that are told; the report has all."""


def subject(report: Report) -> str:
    """Give one line that names verdict, application and stage."""
    deployment = report.deployment
    where = "/".join(part for part in (deployment.application, deployment.group) if part) or deployment.id
    return escape_controls(f"{report.verdict.value}: {where} at {deployment.stage}")


def verdict_sentence(report: Report) -> str:
    """Give one line that names the first reason besides."""
    said = [
        f"{reason.cause.value}{f', {reason.check}' if reason.check else ''}: {reason.message}"
        for reason in report.reasons[:1]
    ]
    more = f" (and {len(report.reasons) - 1} more)" if len(report.reasons) > 1 else ""
    return escape_controls(truncate("; ".join([subject(report), *said]) + more, 600))


def event(report: Report, uri: str) -> dict[str, Any]:
    """Give the detail of a verdict's event, small enough for every channel.

    Args:
        report: Of the gate.
        uri: Where it is stored; "" when it is not.
    """
    deployment = report.deployment
    counts = {outcome.value: sum(each.outcome is outcome for each in report.checks) for outcome in Outcome}
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
        "shadow": msgspec.to_builtins(report.shadow),
        "overrides": msgspec.to_builtins(report.overrides[:MAX_REASONS]),
        "flaky": [each.name for each in report.checks if each.flaky][:MAX_REASONS],
        "plan": msgspec.to_builtins(report.plan),
        "report": uri,
        "started_at": report.started_at,
        "duration_ms": report.duration_ms,
    }
