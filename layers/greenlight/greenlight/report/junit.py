"""A report as JUnit XML: one suite, one case for each check, with a failure or error exactly when the gate is closed.

A check that did not pass but does not close the gate (advisory, overridden, tolerated, shadowed) is skipped, with its
message. Earlier attempts are Surefire's flaky and rerun elements. Elements and attributes follow Jenkins' schema:
https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from greenlight.core.display import escape_controls, neutralize_commands, truncate
from greenlight.core.finding import Cause, Outcome
from greenlight.report import content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.core.finding import Finding
    from greenlight.core.report import Report
    from greenlight.report.content import Result

MAX_EARLIER_ATTEMPTS = 10
"""Most earlier attempts that a case shows."""


def render(report: Report) -> str:
    """Render a report as an XML document."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    results = content.list_results(report)
    failures = sum(result.broken and _element_of(result) == "failure" for result in results)
    errors = sum(result.broken for result in results) - failures
    counts = {"tests": len(results), "failures": failures, "errors": errors}
    time = _format_seconds(report.duration_ms)
    deployment = report.deployment
    suite = f"{content.format_subject(report)} {deployment.stage}"
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield _start_tag("testsuites", name="greenlight", time=time, **counts)
    skipped = sum(not result.broken and bool(result.message) for result in results)
    yield _start_tag("testsuite", name=suite, **counts, skipped=skipped, time=time, timestamp=report.started_at[:19])
    yield "<properties>"
    properties = {
        "verdict": content.format_headline(report),
        "deployment": deployment.id,
        "evidence": content.describe_asked(report),
        "shift": content.describe_shift(report),
        "accepted": content.describe_accepted(report),
        **content.list_hold(report),
        "green": content.format_target(report),
        "plan": content.format_plan(report),
        **content.next_commands(report),
    }
    yield from (_empty_tag("property", name=name, value=value) for name, value in properties.items() if value)
    yield "</properties>"
    for result in results:
        yield from _render_case(result, suite)
    if report.output:
        yield f"<system-out>{_escape_lines(report.output)}</system-out>"
    yield "</testsuite>"
    yield "</testsuites>"


def _render_case(result: Result, suite: str) -> Iterator[str]:
    finding = result.finding
    duration_ms = finding.duration_ms if finding else 0.0
    attributes = {"name": truncate(result.name, 300), "classname": suite, "time": _format_seconds(duration_ms)}
    children = [*_render_outcome(result), *_render_earlier_attempts(finding), *_render_uncovered(finding)]
    if not children:
        yield _empty_tag("testcase", **attributes)
        return
    yield _start_tag("testcase", **attributes)
    yield from children
    yield "</testcase>"


def _render_outcome(result: Result) -> Iterator[str]:
    if result.broken:
        element = _element_of(result)
        start = _start_tag(element, type=result.cause.value, message=result.message)
        yield f"{start}{_render_details(result.finding)}</{element}>"
    elif result.message:
        yield _empty_tag("skipped", message=result.message)


def _render_uncovered(finding: Finding | None) -> Iterator[str]:
    """Render what a check that passed did not cover."""
    if finding is not None and (uncovered := content.describe_uncovered(finding)):
        yield f"<system-out>{_escape_lines(uncovered)}</system-out>"


def _element_of(result: Result) -> str:
    return "failure" if result.cause is Cause.RELEASE_FAILED else "error"


def _render_earlier_attempts(finding: Finding | None) -> Iterator[str]:
    """Render the attempts before the last that did not pass."""
    if finding is None:
        return
    prefix = "flaky" if finding.outcome is Outcome.PASS else "rerun"
    attempts = [attempt for attempt in finding.tries[:-1] if attempt.outcome is not Outcome.PASS]
    for attempt in attempts[:MAX_EARLIER_ATTEMPTS]:
        element = f"{prefix}{'Failure' if attempt.outcome is Outcome.FAIL else 'Error'}"
        yield _empty_tag(element, message=attempt.message, type=attempt.outcome.value)


def _render_details(finding: Finding | None) -> str:
    if finding is None:
        return ""
    lines = [finding.message]
    lines += [content.describe_evidence(evidence) for evidence in finding.evidence if not evidence.passed]
    lines += [f"next: {finding.remediation}"] if finding.remediation else []
    return _escape_lines("\n".join(map(escape_controls, lines)))


def _escape_lines(text: str) -> str:
    return html.escape(neutralize_commands("\n".join(map(escape_controls, text.split("\n")))))


def _format_seconds(duration_ms: float) -> str:
    return f"{duration_ms / 1000:.3f}"


def _start_tag(element: str, /, **attributes: object) -> str:
    pairs = "".join(f' {key}="{html.escape(escape_controls(str(value)))}"' for key, value in attributes.items())
    return f"<{element}{pairs}>"


def _empty_tag(element: str, /, **attributes: object) -> str:
    return f"{_start_tag(element, **attributes)[:-1]}/>"
