"""A report as text: the verdict and why first, then every check. One screen for most gates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from greenlight.model import Outcome, Severity
from greenlight.oneline import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.model import Evidence, Finding, Report

_MARKS = {
    Outcome.PASS: "ok",
    Outcome.FAIL: "FAIL",
    Outcome.ERROR: "ERROR",
    Outcome.INCONCLUSIVE: "?",
    Outcome.SKIPPED: "skip",
}


def render(report: Report) -> str:
    """Write a report as lines of text, ending in a newline; every line is clean, whatever the report holds."""
    return "".join(f"{clean(line)}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    deployment = report.deployment
    where = "/".join(part for part in (deployment.application, deployment.group) if part) or "unknown application"
    yield f"{_headline(report)}: {where} {deployment.id} at {deployment.stage}"
    for reason in report.reasons:
        yield f"  {reason.cause.value}: {f'{reason.check}: ' if reason.check else ''}{reason.message}"
    for each in report.overrides:
        yield f"  overridden: {each.check}: by {each.who} until {each.expires}, for {each.scope}: {each.why} ({each.uri})"
    if report.shadow:
        yield f"  shadow until {report.shadow.until}: {report.shadow.why}"
    passed = sum(finding.outcome is Outcome.PASS for finding in report.checks)
    yield f"  {passed} of {len(report.checks)} checks passed in {report.duration_ms / 1000:.1f} s, started {report.started_at}"
    if target := _target(report):
        yield f"  green: {target}"
    if report.plan.uri:
        version = f" version {report.plan.version_id}" if report.plan.version_id else ""
        yield f"  plan: {report.plan.uri}{version} sha256 {report.plan.sha256[:12] or 'none'}"
    for note in deployment.notes:
        yield f"  note: {note}"
    for finding in report.checks:
        yield from _check_lines(finding)


def _headline(report: Report) -> str:
    if shadow := report.shadow:
        return f"{report.verdict.value} (shadow: would have {shadow.would_have_been.value} until {shadow.until})"
    count = len(report.overrides)
    overridden = f" ({count} check{'s' * (count > 1)} overridden)" if count else ""
    return f"{report.verdict.value}{overridden}"


def _target(report: Report) -> str:
    deployment, green = report.deployment, report.deployment.green
    function = f"{deployment.function}:{green.version}" if deployment.function else ""
    return " ".join(
        part
        for part in (function, green.task_definition, green.url, f"host {green.host}" if green.host else "")
        if part
    )


def _check_lines(finding: Finding) -> Iterator[str]:
    """Give the lines of one check: its outcome and message, the evidence that did not hold, and what to look at next."""
    yield f"{_MARKS[finding.outcome]:>5}  {finding.name}{_remarks(finding)} [{finding.validator}, {finding.duration_ms:.0f} ms]"
    if finding.outcome is not Outcome.PASS or finding.attempts > 1:
        yield f"       {finding.message}"
    if finding.outcome is Outcome.FAIL:
        yield from (f"       - {_evidence(each)}" for each in finding.evidence if not each.passed)
    if finding.remediation:
        yield f"       next: {finding.remediation}"


def _remarks(finding: Finding) -> str:
    remarks = (
        "advisory" if finding.severity is Severity.ADVISORY else "",
        finding.excused.value,
        f"flaky: passed at attempt {finding.attempts}" if finding.flaky else "",
    )
    said = ", ".join(remark for remark in remarks if remark)
    return f" ({said})" if said else ""


def _evidence(each: Evidence) -> str:
    place = f"{each.where}: " if each.where else ""
    return f"{place}{each.query}: expected {_inline(each.expected)}, got {_inline(each.actual)}"


def _inline(value: object) -> str:
    try:
        return msgspec.json.encode(value, enc_hook=repr).decode()
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return f"({type(value).__name__} that cannot be shown)"
