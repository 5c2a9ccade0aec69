"""A report as JUnit XML: one suite, one case for each check, broken cases exactly when the gate is closed.

What did not pass and yet decides nothing (advisory, overridden, tolerated, shadowed) is skipped, with its message.
Earlier attempts are Surefire's flaky and rerun elements. Elements and attributes are those of Jenkins' schema:
https://github.com/jenkinsci/xunit-plugin/blob/master/src/main/resources/org/jenkinsci/plugins/xunit/types/model/xsd/junit-10.xsd
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from greenlight.core.display import escape_controls, truncate
from greenlight.core.finding import Cause, Outcome
from greenlight.report import content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.core.finding import Finding
    from greenlight.core.report import Report
    from greenlight.report.content import Result

TRIES = 10
"""Earlier attempts that one case shows."""


def render(report: Report) -> str:
    """Write a report as one XML document."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    results = content.results(report)
    failures = sum(each.broken and _element(each) == "failure" for each in results)
    errors = sum(each.broken for each in results) - failures
    counts = {"tests": len(results), "failures": failures, "errors": errors}
    time = _seconds(report.duration_ms)
    deployment = report.deployment
    suite = f"{content.subject(report)} {deployment.stage}"
    yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield _open("testsuites", name="greenlight", time=time, **counts)
    skipped = sum(not each.broken and bool(each.said) for each in results)
    yield _open("testsuite", name=suite, **counts, skipped=skipped, time=time, timestamp=report.started_at[:19])
    yield "<properties>"
    known = {
        "verdict": content.headline(report),
        "deployment": deployment.id,
        "green": content.target(report),
        "plan": content.plan(report),
        **content.next_commands(report),
    }
    yield from (_closed("property", name=name, value=value) for name, value in known.items() if value)
    yield "</properties>"
    for each in results:
        yield from _case(each, suite)
    if report.output:
        yield f"<system-out>{_lines_of(report.output)}</system-out>"
    yield "</testsuite>"
    yield "</testsuites>"


def _case(result: Result, suite: str) -> Iterator[str]:
    finding = result.finding
    taken = finding.duration_ms if finding else 0.0
    head = {"name": truncate(result.name, 300), "classname": suite, "time": _seconds(taken)}
    inside = [*_outcome(result), *_earlier(finding)]
    if not inside:
        yield _closed("testcase", **head)
        return
    yield _open("testcase", **head)
    yield from inside
    yield "</testcase>"


def _outcome(result: Result) -> Iterator[str]:
    if result.broken:
        kind = _element(result)
        yield f"{_open(kind, type=result.cause.value, message=result.said)}{_details(result.finding)}</{kind}>"
    elif result.said:
        yield _closed("skipped", message=result.said)


def _element(result: Result) -> str:
    return "failure" if result.cause is Cause.RELEASE_FAILED else "error"


def _earlier(finding: Finding | None) -> Iterator[str]:
    """Give the attempts before the last that did not pass."""
    if finding is None:
        return
    again = "flaky" if finding.outcome is Outcome.PASS else "rerun"
    for each in [each for each in finding.tries[:-1] if each.outcome is not Outcome.PASS][:TRIES]:
        kind = f"{again}{'Failure' if each.outcome is Outcome.FAIL else 'Error'}"
        yield _closed(kind, message=each.message, type=each.outcome.value)


def _details(finding: Finding | None) -> str:
    if finding is None:
        return ""
    said = [finding.message]
    said += [content.held(each) for each in finding.evidence if not each.passed]
    said += [f"next: {finding.remediation}"] if finding.remediation else []
    return _lines_of("\n".join(map(escape_controls, said)))


def _lines_of(text: str) -> str:
    return "\n".join(html.escape(escape_controls(line)) for line in text.split("\n"))


def _seconds(duration_ms: float) -> str:
    return f"{duration_ms / 1000:.3f}"


def _open(element: str, /, **attributes: object) -> str:
    written = "".join(f' {key}="{html.escape(escape_controls(str(value)))}"' for key, value in attributes.items())
    return f"<{element}{written}>"


def _closed(element: str, /, **attributes: object) -> str:
    return f"{_open(element, **attributes)[:-1]}/>"
