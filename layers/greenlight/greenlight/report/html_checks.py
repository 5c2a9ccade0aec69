"""The part of the HTML page that shows each check: its outcome, evidence, attempts and plots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.core.finding import Outcome
from greenlight.report import charts, content
from greenlight.report.html_builder import MAX_TEXT_LENGTH, Html, join, tag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from greenlight.core.finding import AttemptRecord, Evidence, Finding, Series
    from greenlight.core.report import Report

SIGNS = {
    Outcome.PASS: "✓",
    Outcome.FAIL: "✕",
    Outcome.ERROR: "!",
    Outcome.INCONCLUSIVE: "?",
    Outcome.SKIPPED: "·",
}
OUTCOME_WORDS = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.ERROR: "error",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.SKIPPED: "skipped",
}


def render_section(title: str, *children: str) -> Html:
    """Render a section with a title."""
    return tag("section", tag("h2", title), *children)


def render_checks(report: Report) -> Iterator[Html]:
    """Render every check, first those that did not pass."""
    numbered = list(enumerate(report.checks))
    groups = {
        "Did not pass": content.BROKEN,
        "Passed": (Outcome.PASS,),
        "Skipped": (Outcome.SKIPPED,),
    }
    for title, outcomes in groups.items():
        checks = [_check(report, number, finding) for number, finding in numbered if finding.outcome in outcomes]
        if checks:
            yield render_section(f"{title} ({len(checks)})", *checks)


def _check(report: Report, number: int, finding: Finding) -> Html:
    chips = [tag("span", remark, class_="chip") for remark in content.list_remarks(finding)]
    if any(reason.check == finding.name for reason in report.reasons):
        chips.insert(0, tag("span", "closed the gate", class_="chip closing"))
    head = tag(
        "summary",
        render_mark(finding),
        tag("span", tag("span", finding.name, class_="name"), *chips),
        tag("span", f"{finding.validator} · {content.format_duration(finding.duration_ms)}", class_="took"),
    )
    is_open = "" if finding.outcome in content.BROKEN else None
    return tag("details", head, *_check_details(finding), id=f"check-{number}", open=is_open)


def render_mark(finding: Finding) -> Html:
    """Render the outcome as a sign, and as a word for screen readers."""
    outcome = finding.outcome
    sign = tag("span", SIGNS[outcome], aria_hidden="true")
    return tag(
        "span",
        sign,
        tag("span", f"{OUTCOME_WORDS[outcome]}: ", class_="unseen"),
        class_=f"mark {charts.css_class(outcome)}",
    )


def _check_details(finding: Finding) -> Iterator[Html]:
    yield tag("p", finding.message)
    if finding.remediation:
        yield render_next_step(finding)
    if comparisons := [evidence for evidence in finding.evidence if evidence.baseline_is_blue]:
        yield render_table(("Where", "Blue", "Green", "How often"), map(_comparison_row, comparisons))
    if expectations := [evidence for evidence in finding.evidence if not evidence.baseline_is_blue]:
        yield render_table(("", "Checked", "Expected", "Actual"), map(_expectation_row, expectations))
    yield from _plots(finding.series)
    if len(finding.tries) > 1:
        left_out = finding.attempts - len(finding.tries)
        omission = f" ({left_out} between them omitted)" if left_out > 0 else ""
        yield tag("h3", f"{len(finding.tries)} attempts{omission}")
        rows = (_attempt_row(attempt, finding) for attempt in finding.tries)
        yield render_table(("", "Started", "Duration", "Message"), rows)


def render_next_step(finding: Finding) -> Html:
    """Render the remediation of a check; text between backticks is code."""
    remediation = finding.remediation
    parts = remediation.split("`") if len(remediation) <= MAX_TEXT_LENGTH else [remediation]
    last = len(parts) - 1
    marked_up = [tag("code", part) if number % 2 and number < last else part for number, part in enumerate(parts)]
    return tag("p", tag("strong", "Next step"), " ", *marked_up)


def render_table(heads: Sequence[str], rows: Iterator[Html]) -> Html:
    """Render a table; without a title, the first column has signs."""
    head = tag("tr", *(tag("th", title, scope="col") if title else tag("td") for title in heads))
    css_class = None if heads[0] else "marked"
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_=css_class)
    return tag("div", table, class_="scroll", tabindex=0)


def _comparison_row(evidence: Evidence) -> Html:
    return tag(
        "tr",
        tag("td", tag("code", evidence.query)),
        tag("td", render_value(evidence.expected), class_="of-blue"),
        tag("td", render_value(evidence.actual), class_="of-green"),
        tag("td", evidence.where),
    )


def _expectation_row(evidence: Evidence) -> Html:
    sign = render_sign(Outcome.PASS if evidence.passed else Outcome.FAIL)
    where = join((evidence.where, tag("br"))) if evidence.where else Html()
    why = join((tag("br"), evidence.why)) if evidence.why else Html()
    checked = join((where, tag("code", evidence.query)))
    cells = (sign, checked, render_value(evidence.expected), join((render_value(evidence.actual), why)))
    return tag("tr", *(tag("td", cell) for cell in cells))


def _attempt_row(attempt: AttemptRecord, finding: Finding) -> Html:
    start = content.format_duration(attempt.began_ms - finding.began_ms)
    return tag(
        "tr",
        tag("td", render_sign(attempt.outcome)),
        tag("td", f"+ {start}"),
        tag("td", content.format_duration(attempt.duration_ms)),
        tag("td", attempt.message),
    )


def render_sign(outcome: Outcome) -> Html:
    """Render an outcome as a sign with a name."""
    css_class = f"mark {charts.css_class(outcome)}"
    return tag("span", SIGNS[outcome], class_=css_class, aria_label=OUTCOME_WORDS[outcome], role="img")


def _plots(plots: Sequence[Series]) -> Iterator[Html]:
    """Draw samples of the same measure in one chart, and every series over time in its own."""
    samples: dict[str, list[Series]] = {}
    for plot in plots:
        if plot.values and not plot.at_s:
            samples.setdefault(plot.name, []).append(plot)
    for name, group in samples.items():
        counts = ", ".join(f"{plot.count} values{f' of {plot.side}' if plot.side else ''}" for plot in group)
        yield tag("figure", tag("figcaption", f"{name}: {counts}"), charts.draw_distribution(group))
    for plot in plots:
        if plot.values and len(plot.at_s) == len(plot.values):
            yield tag("figure", tag("figcaption", charts.describe_series(plot)), charts.draw_series(plot))


def render_value(value: object) -> Html:
    """Render a value as JSON on one line."""
    return tag("code", content.to_inline_json(value))
