"""A report as Markdown, for a pull request or a job's summary: the verdict and why, then a table of the checks.

GitHub's dialect (https://github.github.com/gfm/). Texts of strangers make no links, mentions, pictures or HTML.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from greenlight.core.display import escape_controls, truncate
from greenlight.core.finding import Outcome
from greenlight.core.verdict import Status
from greenlight.report import content

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
"""An at sign that mentions nobody."""

EVIDENCE = 20
"""Pieces of evidence shown of one check."""


def render(report: Report) -> str:
    """Write a report as Markdown."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    deployment = report.deployment
    sign = "✅" if report.verdict is Status.SUCCEEDED else "❌"
    yield f"## {sign} {_text(content.headline(report))}: {_text(content.subject(report))} at {_text(deployment.stage)}"
    yield ""
    for reason in report.reasons:
        name = f"{_text(reason.check)}: " if reason.check else ""
        yield f"- **{_text(reason.cause.value)}** {name}{_text(reason.message)}"
    for who in content.who(report):
        yield f"- {who}"
    for each in report.overrides:
        yield f"- **overridden** {_text(f'{each.check}: by {each.who} until {each.expires}: {each.why}')}"
    if report.shadow:
        yield f"- **shadow** {_text(f'until {report.shadow.until}: {report.shadow.why}')}"
    for note in deployment.notes:
        yield f"- **note** {_text(note)}"
    yield from ("",) if report.reasons or report.overrides or report.shadow or deployment.notes else ()
    for name, value in _facts(report):
        yield f"{name} {_text(value)}  "
    if commands := content.next_commands(report):
        # A line that begins with a word of ours cannot end the block, whatever else is in it.
        yield from ("", "```console", *(f"$ {escape_controls(each)}" for each in commands.values()), "```")
    yield from _table(report)
    for finding in report.checks:
        if finding.outcome in content.BROKEN:
            yield from _details(finding)
    if untested := content.untested(report):
        yield from ("", "### Not tested", "")
        yield from (f"- {_text(each)}" for each in untested)


def _facts(report: Report) -> Iterator[tuple[str, str]]:
    counted = f"{content.passed(report)} of {len(report.checks)}"
    yield "**Checks passed**", f"{counted} in {content.milliseconds(report.duration_ms)}, started {report.started_at}"
    where = f" in {report.deployment.region}" if report.deployment.region else ""
    yield "**Deployment**", f"{report.deployment.id}{where}"
    if target := content.target(report):
        yield "**Green**", target
    if plan := content.plan(report):
        yield "**Plan**", plan


def _table(report: Report) -> Iterator[str]:
    if not report.checks:
        return
    yield from ("", "| | Check | What was found | Time |", "|---|---|---|---:|")
    for each in report.checks:
        remarks = "".join(f"<br>*{_text(remark)}*" for remark in content.remarks(each))
        sign, taken = f"{_SIGNS[each.outcome]} {each.outcome.value}", content.milliseconds(each.duration_ms)
        yield f"| {sign} | {_text(each.name, 200)}{remarks} | {_text(each.message, 300)} | {taken} |"


def _details(finding: Finding) -> Iterator[str]:
    wrong = [each for each in finding.evidence if not each.passed][:EVIDENCE]
    if not wrong and not finding.remediation:
        return
    yield from (
        "",
        f"<details><summary>{_MENTION.sub(NO_MENTION, html.escape(truncate(finding.name, 200)))}</summary>",
        "",
    )
    if wrong:
        sides = ("Blue", "Green") if all(each.baseline_is_blue for each in wrong) else ("Expected", "Actual")
        yield from (f"| Where | {sides[0]} | {sides[1]} |", "|---|---|---|")
    for each in wrong:
        actual = f"{_text(content.inline(each.actual), 300)}{f'<br>{_text(each.why, 300)}' if each.why else ''}"
        yield f"| {_text(content.place(each), 200)} | {_text(content.inline(each.expected), 300)} | {actual} |"
    if finding.remediation:
        yield from ("", f"Next: {_text(finding.remediation)}")
    yield from ("", "</details>")


def _text(text: str, length: int = 1000) -> str:
    """Make any text of at most `length` characters mean nothing but itself, on one line."""
    return _MENTION.sub(NO_MENTION, _SPECIAL.sub(r"\\\g<0>", truncate(text, length)))
