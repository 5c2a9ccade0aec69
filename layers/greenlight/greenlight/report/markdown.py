"""A report as Markdown, for a pull request or a job's summary: the verdict and its reasons, then a table of checks.

GitHub's dialect (https://github.github.com/gfm/). Text from services cannot create links, mentions, images or HTML.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from greenlight.core.display import escape_controls, truncate
from greenlight.core.finding import Outcome
from greenlight.core.verdict import Status
from greenlight.report import content
from greenlight.report.reason_groups import group_reasons

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.core.finding import Finding
    from greenlight.core.report import Report

_SIGNS = {
    Outcome.PASS: "✅",
    Outcome.FAIL: "❌",
    Outcome.ERROR: "⚠️",
    Outcome.INCONCLUSIVE: "❔",
    Outcome.SKIPPED: "⏭️",
}
_SPECIAL = re.compile(r"[\\`*_{}\[\]<>()#+!|~&$:]|(?<=www)\.", re.IGNORECASE)
_MENTION = re.compile(r"@(?=\w)")
NO_MENTION = "@\u200b"
"""An at sign that does not mention a user."""

MAX_EVIDENCE = 20
"""Most pieces of evidence that a check shows."""


def render(report: Report) -> str:
    """Render a report as Markdown."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    sign = "✅" if report.verdict is Status.SUCCEEDED else "❌"
    subject = f"{_text(content.format_subject(report))} at {_text(report.deployment.stage)}"
    yield f"## {sign} {_text(content.format_headline(report))}: {subject}"
    yield ""
    if items := list(_list_items(report)):
        yield from (*items, "")
    for name, value in _list_facts(report):
        yield f"{name} {_text(value)}  "
    if commands := content.next_commands(report):
        # A line that begins with "$ " cannot end the block, whatever the command contains.
        yield from ("", "```console", *(f"$ {escape_controls(command)}" for command in commands.values()), "```")
    yield from _render_table(report)
    for finding in report.checks:
        if finding.outcome in content.BROKEN:
            yield from _render_details(finding)
    if untested := content.describe_untested(report):
        yield from ("", "### Not tested", "")
        yield from (f"- {_text(sentence)}" for sentence in untested)


def _list_items(report: Report) -> Iterator[str]:
    """Return the list below the headline: reasons, owners, overrides, shadow mode and notes."""
    for group in group_reasons(report.reasons):
        label = f"{_text(group.label)}: " if group.label else ""
        yield f"- **{_text(group.cause.value)}** {label}{_text(group.message)}"
        if group.is_shared:
            yield f"  - {_text(group.names)}"
    for owner in content.list_owners(report):
        yield f"- {owner}"
    for override in report.overrides:
        approval = f"{override.check}: by {override.who} until {override.expires}: {override.why}"
        yield f"- **overridden** {_text(approval)}"
    if report.shadow:
        yield f"- **shadow** {_text(f'until {report.shadow.until}: {report.shadow.why}')}"
    for label, sentence in content.list_hold(report).items():
        yield f"- **{label}** {_text(sentence)}"
    if accepted := content.describe_accepted(report):
        yield f"- **accepted** {_text(accepted)}"
    for sentence in content.list_bad_rounds(report):
        yield f"- {_text(sentence)}"
    for note in report.deployment.notes:
        yield f"- **note** {_text(note)}"


def _list_facts(report: Report) -> Iterator[tuple[str, str]]:
    count = f"{content.count_passed(report)} of {len(report.checks)}"
    yield (
        "**Checks passed**",
        f"{count} in {content.format_duration(report.duration_ms)}, started {report.started_at}",
    )
    if asked := content.describe_asked(report):
        yield "**Evidence**", asked
    if shift := content.describe_shift(report):
        yield "**Shift**", shift
    region = f" in {report.deployment.region}" if report.deployment.region else ""
    yield "**Deployment**", f"{report.deployment.id}{region}"
    if target := content.format_target(report):
        yield "**Green**", target
    if plan := content.format_plan(report):
        yield "**Plan**", plan


def _render_table(report: Report) -> Iterator[str]:
    if not report.checks:
        return
    yield from ("", "| | Check | Result | Time |", "|---|---|---|---:|")
    for finding in report.checks:
        remarks = "".join(f"<br>*{_text(remark)}*" for remark in content.list_remarks(finding))
        sign = f"{_SIGNS[finding.outcome]} {finding.outcome.value}"
        duration = content.format_duration(finding.duration_ms)
        yield f"| {sign} | {_text(finding.name, 200)}{remarks} | {_text(finding.message, 300)} | {duration} |"


def _render_details(finding: Finding) -> Iterator[str]:
    mismatches = [evidence for evidence in finding.evidence if not evidence.passed][:MAX_EVIDENCE]
    if not mismatches and not finding.remediation:
        return
    yield from (
        "",
        f"<details><summary>{_MENTION.sub(NO_MENTION, html.escape(truncate(finding.name, 200)))}</summary>",
        "",
    )
    if mismatches:
        sides = (
            ("Blue", "Green") if all(evidence.baseline_is_blue for evidence in mismatches) else ("Expected", "Actual")
        )
        yield from (f"| Where | {sides[0]} | {sides[1]} |", "|---|---|---|")
    for evidence in mismatches:
        expected = _text(content.to_inline_json(evidence.expected), 300)
        why = f"<br>{_text(evidence.why, 300)}" if evidence.why else ""
        actual = f"{_text(content.to_inline_json(evidence.actual), 300)}{why}"
        yield f"| {_text(content.format_place(evidence), 200)} | {expected} | {actual} |"
    if finding.remediation:
        yield from ("", f"Next: {_text(finding.remediation)}")
    yield from ("", "</details>")


def _text(text: str, length: int = 1000) -> str:
    """Escape any text to one line of at most `length` characters."""
    return _MENTION.sub(NO_MENTION, _SPECIAL.sub(r"\\\g<0>", truncate(text, length)))
