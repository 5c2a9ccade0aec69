"""A report as text: first the verdict and its reasons, then every check. Most reports fit on one screen."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

from greenlight.core.display import escape_controls
from greenlight.core.finding import Outcome
from greenlight.core.verdict import Status
from greenlight.report import content
from greenlight.report.reason_groups import group_reasons

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
    """A line of the report.

    Attributes:
        mark: The beginning of the line, which may be coloured.
        rest: The text after the mark.
        indent: Blanks before the mark.
        colour: ANSI code for the mark.
        is_whole: Never wrap the line, because people copy it.
    """

    mark: str
    rest: str = ""
    indent: str = ""
    colour: str = ""
    is_whole: bool = False


def render(report: Report, *, colour: bool = False, width: int = 0) -> str:
    """Render a report as lines of text without control characters; the last one ends in a newline, too.

    Args:
        report: Report to render.
        colour: Show outcomes in ANSI colours in addition to words.
        width: Columns to wrap at; 0 never wraps.
    """
    return "".join(f"{text}\n" for line in _lines(report) for text in _lay_out(line, colour, width))


def _lay_out(line: _Line, colour: bool, width: int) -> list[str]:
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
    yield from _verdict_lines(report)
    yield from _fact_lines(report)
    for finding in report.checks:
        yield from _check_lines(finding)


def _verdict_lines(report: Report) -> Iterator[_Line]:
    """Return the lines of the verdict, its reasons and their owners, overrides and shadow mode."""
    deployment = report.deployment
    colour = _COLOURS[Outcome.PASS if report.verdict is Status.SUCCEEDED else Outcome.FAIL]
    about = f": {content.format_subject(report)} {deployment.id} at {deployment.stage}"
    yield _Line(content.format_headline(report), about, colour=colour)
    for group in group_reasons(report.reasons):
        label = f"{group.label}: " if group.label else ""
        yield _Line(group.cause.value, f": {label}{group.message}", "  ", colour)
        if group.is_shared:
            yield _Line("", group.names, "    ")
    for owner in content.list_owners(report):
        yield _Line("", owner, "  ")
    for override in report.overrides:
        approval = f"by {override.who} until {override.expires}, for {override.scope}: {override.why}"
        rest = f": {override.check}: {approval} ({override.uri})"
        yield _Line("overridden", rest, "  ", _COLOURS[Outcome.INCONCLUSIVE])
    if report.shadow:
        rest = f" until {report.shadow.until}: {report.shadow.why}"
        yield _Line("shadow", rest, "  ", _COLOURS[Outcome.INCONCLUSIVE])
    for label, sentence in content.list_hold(report).items():
        yield _Line(label, f": {sentence}", "  ", _BOLD)
    if accepted := content.describe_accepted(report):
        yield _Line("accepted", f": {accepted}", "  ", _COLOURS[Outcome.INCONCLUSIVE])


def _fact_lines(report: Report) -> Iterator[_Line]:
    """Return the lines of what was tested, what was not, and what to run next."""
    deployment = report.deployment
    count = f"{content.count_passed(report)} of {len(report.checks)} checks passed in {report.duration_ms / 1000:.1f} s"
    region = f" in {deployment.region}" if deployment.region else ""
    yield _Line("", f"{count}, started {report.started_at}{region}", "  ")
    if asked := content.describe_asked(report):
        yield _Line("", asked, "  ")
    if shift := content.describe_shift(report):
        yield _Line("shift", f": {shift}", "  ", _BOLD)
    for sentence in content.list_bad_rounds(report):
        yield _Line("", sentence, "    ")
    if target := content.format_target(report):
        yield _Line("", f"green: {target}", "  ")
    if plan := content.format_plan(report):
        yield _Line("", f"plan: {plan}", "  ")
    for note in deployment.notes:
        yield _Line("", f"note: {note}", "  ")
    for sentence in content.summarize_untested(report):
        yield _Line("not tested", f": {sentence}", "  ", _BOLD)
    for label, command in content.next_commands(report).items():
        yield _Line(label, f": {command}", "  ", _BOLD, is_whole=True)


def _check_lines(finding: Finding) -> Iterator[_Line]:
    """Return the lines of a check: outcome and message, evidence that does not match, and the next step."""
    mark, remarks = _MARKS[finding.outcome], ", ".join(content.list_remarks(finding))
    title = f"  {finding.name}{f' ({remarks})' if remarks else ''} [{finding.validator}, {finding.duration_ms:.0f} ms]"
    yield _Line(mark, title, " " * (5 - len(mark)), _COLOURS[finding.outcome])
    if finding.outcome is not Outcome.PASS or finding.attempts > 1:
        yield _Line("", finding.message, _INDENT)
    elif uncovered := content.describe_uncovered(finding):
        yield _Line("", uncovered, _INDENT)
    if finding.outcome is Outcome.FAIL:
        for evidence in finding.evidence:
            if not evidence.passed:
                yield _Line("", f"- {content.describe_evidence(evidence)}", _INDENT)
    if finding.remediation:
        yield _Line("next", f": {finding.remediation}", _INDENT, _BOLD)
