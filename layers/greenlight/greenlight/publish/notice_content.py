"""Short texts about a verdict: what was deployed, the verdict and its reasons.

The event, the notice and the log line share them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.core.display import escape_controls, truncate
from greenlight.core.finding import Outcome
from greenlight.report.reason_groups import group_reasons

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.core.report import Report
    from greenlight.core.verdict import Reason
    from greenlight.core.watch import ShiftWatch

EVENT_SCHEMA = "greenlight.event/1"
MAX_REASONS = 10
"""Most reasons of an event; the report has all."""

MESSAGE_LENGTHS = (1000, 300, 100, 30)
"""Lengths of a reason's message, in characters: the first with which everything fits into its channel counts."""


def format_subject(report: Report) -> str:
    """Return one line with verdict, application and stage."""
    deployment = report.deployment
    name = "/".join(part for part in (deployment.application, deployment.group) if part) or deployment.id
    return escape_controls(f"{report.verdict.value}: {name} at {deployment.stage}")


def verdict_sentence(report: Report) -> str:
    """Return one line with verdict, application, stage and the first reason."""
    sentence = format_subject(report)
    groups = group_reasons(report.reasons)
    for group in groups[:1]:
        label = f", {group.label}" if group.label else ""
        sentence += f"; {group.cause.value}{label}: {group.message}"
    count = len(report.reasons) - sum(max(1, len(group.checks)) for group in groups[:1])
    more = f" (and {count} more)" if count else ""
    return escape_controls(truncate(sentence + more, 600))


def encode(data: Any) -> str:
    """Return compact JSON without escapes for letters and emoji, which would be up to three times as long."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.encode(errors="backslashreplace").decode()  # half of a surrogate pair has no other form


def size_bytes(data: Any) -> int:
    """Return the size of data as JSON; a channel's limit is in bytes, and a letter has up to four of them."""
    return len(encode(data).encode())


def fit_reasons(reasons: Sequence[Reason], max_bytes: int) -> list[dict[str, Any]]:
    """Return as many reasons as fit into `max_bytes`, with messages as long as all of them can have."""
    data: list[dict[str, Any]] = []
    for length in MESSAGE_LENGTHS:
        data = [_encode_reason(reason, length) for reason in reasons]
        if size_bytes(data) <= max_bytes:
            return data
    remaining_bytes = max_bytes
    for count, reason_data in enumerate(data):
        remaining_bytes -= size_bytes(reason_data) + 1
        if remaining_bytes < 0:
            return data[:count]
    return data


def _hold_data(report: Report, message_length: int) -> dict[str, Any] | None:
    """Return the wait for an approval, with short texts and without the decisions that did not count."""
    if report.hold is None:
        return None
    texts = {key: truncate(getattr(report.hold, key), message_length) for key in ("why", "reason")}
    return {**msgspec.to_builtins(report.hold), **texts, "rejected": len(report.hold.rejected)}


def _summarize_watch(watch: ShiftWatch | None) -> dict[str, Any] | None:
    """Return the watch of a shift without its rounds, which may be too many for an event."""
    if watch is None:
        return None
    data: dict[str, Any] = msgspec.to_builtins(watch)
    del data["rounds"]
    return data


def _encode_reason(reason: Reason, length: int) -> dict[str, Any]:
    """Return a reason as plain data, with texts of at most `length` characters."""
    data = {"cause": reason.cause.value, "check": reason.check, "message": truncate(reason.message, length)}
    return data | ({"root": truncate(reason.root, length)} if reason.root else {})


def build_event(report: Report, uri: str, message_length: int = MESSAGE_LENGTHS[0]) -> dict[str, Any]:
    """Build the detail of a verdict's event.

    Args:
        report: The report.
        uri: URI of the stored report; "" if it is not stored.
        message_length: Most characters of the message of a reason, and of the texts of an override.
    """
    deployment = report.deployment
    counts = {outcome.value: sum(finding.outcome is outcome for finding in report.checks) for outcome in Outcome}
    reasons = [_encode_reason(reason, message_length) for reason in report.reasons[:MAX_REASONS]]
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
        "watch": _summarize_watch(report.watch),
        "answer": msgspec.to_builtins(report.answer),
        "judged": msgspec.to_builtins(report.judged),
        "shadow": msgspec.to_builtins(report.shadow),
        "hold": _hold_data(report, message_length),
        "overrides": [
            {
                **msgspec.to_builtins(override),
                **{key: truncate(getattr(override, key), message_length) for key in ("who", "why")},
            }
            for override in report.overrides[:MAX_REASONS]
        ],
        "flaky": [finding.name for finding in report.checks if finding.flaky][:MAX_REASONS],
        "plan": msgspec.to_builtins(report.plan),
        "report": uri,
        "started_at": report.started_at,
        "duration_ms": report.duration_ms,
    }
