"""A report as text: the verdict and why first, then every check. One screen for most gates."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

from greenlight.core.display import escape_controls
from greenlight.core.finding import Outcome
from greenlight.core.verdict import Status
from greenlight.report import content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.core.finding import Finding
    from greenlight.core.report import Report

_MARKS = {
    Outcome.PASS: "ok",
    Outcome.FAIL: "FAIL",
    Outcome.ERROR: "ERROR",
    Outcome.INCONCLUSIVE: "?",
    Outcome.SKIPPED: "skip",
}
_COLOURS = {
    Outcome.PASS: "32",
    Outcome.FAIL: "31",
    Outcome.ERROR: "35",
    Outcome.INCONCLUSIVE: "33",
    Outcome.SKIPPED: "90",
}
_BOLD = "1"
_INDENT = " " * 7


class _Line(NamedTuple):
    """A line of the report: what is coloured comes first; `is_whole` for one that is copied and never wrapped."""

    mark: str
    rest: str = ""
    indent: str = ""
    colour: str = ""
    is_whole: bool = False


def render(report: Report, *, colour: bool = False, width: int = 0) -> str:
    """Write a report as lines of text, ending in a newline; every line is clean, whatever the report holds.

    Args:
        report: What to write.
        colour: Mark outcomes by ANSI colours, beside the words that say the same.
        width: Columns to wrap at; 0 never wraps.
    """
    return "".join(f"{line}\n" for each in _lines(report) for line in _laid_out(each, colour, width))


def _laid_out(line: _Line, colour: bool, width: int) -> list[str]:
    mark, text = escape_controls(line.mark), escape_controls(f"{line.indent}{line.mark}{line.rest}")
    lines = [text]
    if len(text) > width >= len(line.indent) + 20 and not line.is_whole:
        hanging = " " * (len(line.indent) + 2)
        lines = textwrap.wrap(text, width, subsequent_indent=hanging, break_on_hyphens=False)
    start = line.indent + mark
    if colour and line.colour and mark and lines[0].startswith(start):
        lines[0] = f"{line.indent}\x1b[{line.colour}m{mark}\x1b[0m{lines[0][len(start) :]}"
    return lines


def _lines(report: Report) -> Iterator[_Line]:
    deployment = report.deployment
    colour = _COLOURS[Outcome.PASS if report.verdict is Status.SUCCEEDED else Outcome.FAIL]
    where = f": {content.subject(report)} {deployment.id} at {deployment.stage}"
    yield _Line(content.headline(report), where, colour=colour)
    for reason in report.reasons:
        yield _Line(
            reason.cause.value, f": {f'{reason.check}: ' if reason.check else ''}{reason.message}", "  ", colour
        )
    for who in content.who(report):
        yield _Line("", who, "  ")
    for each in report.overrides:
        why = f": {each.check}: by {each.who} until {each.expires}, for {each.scope}: {each.why} ({each.uri})"
        yield _Line("overridden", why, "  ", _COLOURS[Outcome.INCONCLUSIVE])
    if report.shadow:
        yield _Line(
            "shadow", f" until {report.shadow.until}: {report.shadow.why}", "  ", _COLOURS[Outcome.INCONCLUSIVE]
        )
    counted = f"{content.passed(report)} of {len(report.checks)} checks passed in {report.duration_ms / 1000:.1f} s"
    where = f" in {deployment.region}" if deployment.region else ""
    yield _Line("", f"{counted}, started {report.started_at}{where}", "  ")
    if target := content.target(report):
        yield _Line("", f"green: {target}", "  ")
    if plan := content.plan(report):
        yield _Line("", f"plan: {plan}", "  ")
    for note in deployment.notes:
        yield _Line("", f"note: {note}", "  ")
    for left_out in content.not_tested(report):
        yield _Line("not tested", f": {left_out}", "  ", _BOLD)
    for what, command in content.next_commands(report).items():
        yield _Line(what, f": {command}", "  ", _BOLD, is_whole=True)
    for finding in report.checks:
        yield from _check_lines(finding)


def _check_lines(finding: Finding) -> Iterator[_Line]:
    """Give the lines of one check: its outcome and message, the evidence that did not hold, and what to look at next."""
    mark, remarks = _MARKS[finding.outcome], ", ".join(content.remarks(finding))
    said = f"  {finding.name}{f' ({remarks})' if remarks else ''} [{finding.validator}, {finding.duration_ms:.0f} ms]"
    yield _Line(mark, said, " " * (5 - len(mark)), _COLOURS[finding.outcome])
    if finding.outcome is not Outcome.PASS or finding.attempts > 1:
        yield _Line("", finding.message, _INDENT)
    if finding.outcome is Outcome.FAIL:
        yield from (_Line("", f"- {content.held(each)}", _INDENT) for each in finding.evidence if not each.passed)
    if finding.remediation:
        yield _Line("next", f": {finding.remediation}", _INDENT, _BOLD)
