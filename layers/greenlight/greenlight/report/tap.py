"""A report as TAP 14: a test point is `not ok` without TODO exactly when it closed the gate.

A check that did not pass but does not close the gate (advisory, overridden, tolerated, shadowed) is a TODO.

Source: https://testanything.org/tap-version-14-specification.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from greenlight.core.display import escape_controls, truncate
from greenlight.core.finding import Outcome
from greenlight.report import content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.core.finding import Finding
    from greenlight.core.report import Report
    from greenlight.report.content import Result


def render(report: Report) -> str:
    """Render a report as lines of TAP."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    results = content.list_results(report)
    deployment = report.deployment
    yield "TAP version 14"
    yield f"1..{len(results)}{'' if results else ' # SKIP no check ran'}"
    about = f"{content.format_subject(report)} {deployment.id} at {deployment.stage}"
    yield f"# {escape_controls(f'{content.format_headline(report)}: {about}')}"
    comments = {
        "evidence": content.describe_asked(report),
        "accepted": content.describe_accepted(report),
        **content.list_hold(report),
        "green": content.format_target(report),
        "plan": content.format_plan(report),
        **content.next_commands(report),
    }
    yield from (f"# {label}: {escape_controls(value)}" for label, value in comments.items() if value)
    for number, result in enumerate(results, 1):
        yield f"{_status_of(result)} {number} - {_describe_result(result)}"
        yield from _render_diagnosis(result)


def _status_of(result: Result) -> str:
    is_skipped = result.finding is not None and result.finding.outcome is Outcome.SKIPPED
    return "ok" if not result.broken and (not result.message or is_skipped) else "not ok"


def _describe_result(result: Result) -> str:
    name = _escape(truncate(result.name, 300))
    if result.broken or not result.message:
        return name
    directive = "SKIP" if _status_of(result) == "ok" else "TODO"
    return f"{name} # {directive} {_escape(truncate(result.message, 300))}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("#", "\\#")


def _render_diagnosis(result: Result) -> Iterator[str]:
    """Render the YAML block of a check that did not pass; its values are JSON, which is valid YAML."""
    if not result.message:
        if result.finding is not None and (uncovered := content.describe_uncovered(result.finding)):
            yield f"  # {escape_controls(uncovered)}"
        return
    yield "  ---"
    yield f"  message: {json.dumps(result.message)}"
    if result.finding:
        yield from _render_details(result.finding)
    yield "  ..."


def _render_details(finding: Finding) -> Iterator[str]:
    yield f"  outcome: {finding.outcome.value}"
    yield f"  validator: {json.dumps(finding.validator)}"
    yield f"  duration_ms: {finding.duration_ms:.3f}"
    yield f"  attempts: {finding.attempts}"
    mismatches = [evidence for evidence in finding.evidence if not evidence.passed]
    if mismatches:
        yield "  evidence:"
    for evidence in mismatches:
        yield f"    - query: {json.dumps(content.format_place(evidence))}"
        yield f"      expected: {json.dumps(content.to_inline_json(evidence.expected))}"
        yield f"      actual: {json.dumps(content.to_inline_json(evidence.actual))}"
        if evidence.why:
            yield f"      why: {json.dumps(evidence.why)}"
    if finding.remediation:
        yield f"  next: {json.dumps(finding.remediation)}"
