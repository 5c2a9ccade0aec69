"""A report as TAP 14: a test point is `not ok` and no TODO exactly when it closed the gate.

What did not pass and yet decides nothing (advisory, overridden, tolerated, shadowed) is a TODO.

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
    """Write a report as lines of TAP."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    results = content.results(report)
    deployment = report.deployment
    yield "TAP version 14"
    yield f"1..{len(results)}{'' if results else ' # SKIP no check was run'}"
    yield f"# {escape_controls(f'{content.headline(report)}: {content.subject(report)} {deployment.id} at {deployment.stage}')}"
    known = {"green": content.target(report), "plan": content.plan(report), **content.next_commands(report)}
    yield from (f"# {what}: {escape_controls(said)}" for what, said in known.items() if said)
    for number, result in enumerate(results, 1):
        yield f"{_point(result)} {number} - {_described(result)}"
        yield from _diagnosis(result)


def _point(result: Result) -> str:
    skipped = result.finding is not None and result.finding.outcome is Outcome.SKIPPED
    return "ok" if not result.broken and (not result.said or skipped) else "not ok"


def _described(result: Result) -> str:
    name = _escaped(truncate(result.name, 300))
    if result.broken or not result.said:
        return name
    directive = "SKIP" if _point(result) == "ok" else "TODO"
    return f"{name} # {directive} {_escaped(truncate(result.said, 300))}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("#", "\\#")


def _diagnosis(result: Result) -> Iterator[str]:
    """Give the YAML block of what did not pass; its values are JSON texts, which YAML reads as they are."""
    if not result.said:
        return
    yield "  ---"
    yield f"  message: {json.dumps(result.said)}"
    if result.finding:
        yield from _details(result.finding)
    yield "  ..."


def _details(finding: Finding) -> Iterator[str]:
    yield f"  outcome: {finding.outcome.value}"
    yield f"  validator: {json.dumps(finding.validator)}"
    yield f"  duration_ms: {finding.duration_ms:.3f}"
    yield f"  attempts: {finding.attempts}"
    wrong = [each for each in finding.evidence if not each.passed]
    if wrong:
        yield "  evidence:"
    for each in wrong:
        yield f"    - query: {json.dumps(content.place(each))}"
        yield f"      expected: {json.dumps(content.inline(each.expected))}"
        yield f"      actual: {json.dumps(content.inline(each.actual))}"
        if each.why:
            yield f"      why: {json.dumps(each.why)}"
    if finding.remediation:
        yield f"  next: {json.dumps(finding.remediation)}"
