"""A report as a self-contained HTML page, without network requests and scripts.

The first screen has everything that on-call needs: the verdict, the failing check, expected and actual value, what was
tested by which plan, when it started, who has to act and the next step. Below it follow the timeline, traffic, every
check with its evidence, and what was not tested.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
from typing import TYPE_CHECKING

from greenlight.core.deployment import STAGES, Platform
from greenlight.core.finding import Cause, Outcome
from greenlight.core.verdict import Status
from greenlight.core.watch import RoundOutcome
from greenlight.report import charts, content
from greenlight.report.html_builder import Html, escape_block, escape_line, join, tag
from greenlight.report.html_checks import (
    SIGNS,
    render_checks,
    render_mark,
    render_next_step,
    render_section,
    render_sign,
    render_table,
    render_value,
)
from greenlight.report.reason_groups import MAX_NAMES, group_reasons

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from greenlight.core.finding import Evidence, Finding
    from greenlight.core.report import Report
    from greenlight.core.watch import Round, ShiftWatch
    from greenlight.report.reason_groups import ReasonGroup

MAX_TIMELINE_ROWS = 30
"""Most checks that the timeline shows; `_most_relevant` chooses them."""

MAX_REASONS = 20
"""Most reasons at the top of the page."""

MAX_ROUNDS = 60
"""Most rounds of a watch that the page lists."""

ROUND_OUTCOMES = {
    RoundOutcome.GOOD: Outcome.PASS,
    RoundOutcome.BAD: Outcome.FAIL,
    RoundOutcome.UNKNOWN: Outcome.INCONCLUSIVE,
}
STAGE_AFTER_SHIFT = "AfterAllowTraffic"


def render(report: Report) -> str:
    """Render a report as an HTML document."""
    css = importlib.resources.files(__package__).joinpath("html.css").read_text(encoding="utf-8")
    style = Html(css)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    title = f"{report.verdict.value}: {content.format_subject(report)} at {report.deployment.stage}"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", title),
        tag("link", rel="icon", href="data:,"),
        tag("style", style),
    )
    body = tag("body", _header(report), tag("main", *_sections(report)), _footer(report), class_=_accent(report))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _accent(report: Report) -> str:
    """Return the class of the page's accent colour, by the cause that closed the gate."""
    if report.verdict is Status.SUCCEEDED:
        return "inconclusive" if report.shadow and report.shadow.would_have_been is not Status.SUCCEEDED else "pass"
    causes = [reason.cause for reason in report.reasons]
    if Cause.RELEASE_FAILED in causes:
        return "fail"
    return "inconclusive" if set(causes) == {Cause.NO_EVIDENCE} else "error"


# ---- The first screen


def _header(report: Report) -> Html:
    deployment = report.deployment
    green = (
        content.format_function(report) or deployment.green.task_definition.rpartition("/")[2] or deployment.green.url
    )
    eyebrow = (content.format_subject(report), deployment.stage, green)
    sign = SIGNS[Outcome.PASS if report.verdict is Status.SUCCEEDED else Outcome.FAIL]
    return tag(
        "header",
        tag("p", " · ".join(part for part in eyebrow if part), class_="eyebrow"),
        tag("h1", tag("span", sign, class_="sign", aria_hidden="true"), report.verdict.value, _aside(report)),
        *_reasons(report),
        _facts(report),
        *_remarks(report),
    )


def _aside(report: Report) -> Html:
    remark = content.format_headline(report).removeprefix(report.verdict.value).strip(" ()")
    return tag("span", remark, class_="aside") if remark else Html()


def _reasons(report: Report) -> Iterator[Html]:
    """Render the first reason in full, the others as a list, and the owners; or the number of passed checks."""
    if report.reasons:
        first, *others = group_reasons(report.reasons)
        yield _first_reason(report, first)
        if others:
            yield tag("h2", f"{len(others)} more {'reason' if len(others) == 1 else 'reasons'}", class_="small")
            yield tag("ul", *(_reason(report, group) for group in others[:MAX_REASONS]), class_="reasons")
        if len(others) > MAX_REASONS:
            yield tag("p", f"and {len(others) - MAX_REASONS} more, below", class_="muted")
        for owner in content.list_owners(report):
            if owner != content.owner_sentence(report, first.cause):
                yield tag("p", owner)
    else:
        count = f"{content.count_passed(report)} of {len(report.checks)} checks passed."
        yield tag("p", count if report.checks else "No check ran.", class_="lead")


def _remarks(report: Report) -> Iterator[Html]:
    """Render shadow mode, overrides and notes."""
    if report.shadow:
        effect = "no deployment is stopped" if report.watch else "CodeDeploy receives Succeeded"
        yield _remark("Shadow", f"{effect} until {report.shadow.until}: {report.shadow.why}")
    for label, sentence in content.list_hold(report).items():
        yield _remark(label.capitalize(), sentence)
    if accepted := content.describe_accepted(report):
        yield _remark("Accepted", accepted)
    for override in report.overrides:
        approval = f"approved by {override.who} until {override.expires}, for {override.scope}: {override.why}"
        yield _remark("Overridden", f"{override.check}: {approval}")
    for note in report.deployment.notes:
        yield _remark("Note", note)


def _first_reason(report: Report, group: ReasonGroup) -> Html:
    finding = _finding_of(report, group)
    evidence = finding.evidence if finding else ()
    mismatch = next((item for item in evidence if not item.passed), None)
    return tag(
        "section",
        tag("h2", _title(report, group) or escape_line(group.cause.value)),
        tag("p", group.message, class_="lead"),
        tag("p", *_links(report, group)) if group.is_shared else Html(),
        _expected_and_actual(mismatch) if mismatch else Html(),
        tag(
            "p",
            *((tag("strong", group.cause.value), " ") if group.checks else ()),
            content.owner_sentence(report, group.cause),
        ),
        render_next_step(finding) if finding and finding.remediation else Html(),
        class_="why",
    )


def _expected_and_actual(evidence: Evidence) -> Html:
    """Render expected and actual value side by side."""
    sides = ("Blue", "Green") if evidence.baseline_is_blue else ("Expected", "Actual")
    return tag(
        "dl",
        tag("div", tag("dt", sides[0]), tag("dd", render_value(evidence.expected))),
        tag("div", tag("dt", sides[1]), tag("dd", render_value(evidence.actual), class_="seen")),
        tag("div", tag("dt", "Where"), tag("dd", tag("code", content.format_place(evidence))), class_="wide"),
        tag("div", tag("dt", "Difference"), tag("dd", evidence.why), class_="wide") if evidence.why else Html(),
        class_="pair",
    )


def _reason(report: Report, group: ReasonGroup) -> Html:
    title = _title(report, group)
    heading = join((title, ": ")) if title else Html()
    names = tag("div", *_links(report, group), class_="muted") if group.is_shared else Html()
    return tag("li", heading, group.message, " ", tag("span", group.cause.value, class_="chip"), names)


def _title(report: Report, group: ReasonGroup) -> Html:
    """Render the check of a group as a link to it, or the number of its checks."""
    return escape_line(group.label) if len(group.checks) != 1 else _link(report, group.label)


def _links(report: Report, group: ReasonGroup) -> Iterator[str]:
    """Render the checks of a group as links to them, of very many only the first."""
    for number, name in enumerate(group.checks[:MAX_NAMES]):
        yield from (", " if number else "", _link(report, name))
    if len(group.checks) > MAX_NAMES:
        yield f" and {len(group.checks) - MAX_NAMES} more"


def _link(report: Report, name: str) -> Html:
    """Render the name of a check as a link to it."""
    for number, finding in enumerate(report.checks):
        if finding.name == name:
            return tag("a", name, href=f"#check-{number}")
    return escape_line(name)


def _finding_of(report: Report, group: ReasonGroup) -> Finding | None:
    return next((finding for finding in report.checks if finding.name in group.checks[:1]), None)


def _remark(label: str, sentence: str) -> Html:
    return tag("p", tag("strong", label), " ", sentence, class_="remark")


def _facts(report: Report) -> Html:
    deployment, plan, green, blue = report.deployment, report.plan, report.deployment.green, report.deployment.blue
    values = {
        "Green": (
            content.format_function(report),
            green.task_definition,
            green.url,
            f"host {green.host}" if green.host else "",
        ),
        "Evidence": (content.describe_asked(report),),
        "Plan": (plan.uri or "none", f"version {plan.version_id}" if plan.version_id else ""),
        "Deployment": (deployment.id, deployment.config, deployment.region),
        "Started": (_format_time(report.started_at), f"for {content.format_duration(report.duration_ms)}"),
        "Blue": (f"version {blue.version}" if blue.version else "", blue.task_definition),
        "Started by": (deployment.creator,),
    }
    digests = {"Plan's SHA-256": plan.sha256, "Plan's digest": content.distinct_digest(report)}
    commands = content.next_commands(report)
    facts = [_fact(name, *parts) for name, parts in values.items() if any(parts)]
    facts += [_fact(name, tag("code", digest), class_="wide") for name, digest in digests.items() if digest]
    facts += [_fact(label.capitalize(), _command(command), class_="wide") for label, command in commands.items()]
    return tag("dl", *facts, class_="facts")


def _command(command: str) -> Html:
    """Render a command that breaks lines only between words: a `-` at the end of a line would be misleading."""
    return tag("code", *(part for word in command.split(" ") for part in (tag("span", word), " ")), class_="typed")


def _fact(name: str, *values: str, **attributes: str) -> Html:
    return tag("div", tag("dt", name), *(tag("dd", value) for value in values if value), **attributes)


def _format_time(started_at: str) -> str:
    """Format an ISO 8601 time in UTC for people."""
    day, _, time = started_at.partition("T")
    return f"{day} {time[:8]} UTC" if time.endswith("+00:00") else started_at


# ---- Sections


def _sections(report: Report) -> Iterator[Html]:
    if any(finding.tries for finding in report.checks):
        yield render_section("Timeline", _timeline(report))
    if traffic := _traffic(report):
        yield render_section("Users' traffic", traffic)
    yield from render_checks(report)
    if untested := content.describe_untested(report):
        yield render_section("Not tested", tag("ul", *(tag("li", sentence) for sentence in untested)))
    if report.output:
        yield render_section(
            "Output",
            tag(
                "details",
                tag("summary", tag("span", "Output of the validators")),
                tag("pre", escape_block(report.output)),
            ),
        )


def _timeline(report: Report) -> Html:
    """Draw the timeline: discovery and bake time, then every check with its attempts, then the wait for an approval."""
    clock = report.clock
    ends_ms = [attempt.began_ms + attempt.duration_ms for finding in report.checks for attempt in finding.tries]
    end_ms = max(report.duration_ms, *ends_ms)
    rows = []
    if clock.prepared_ms:
        rows.append(_row("discovery and plan", [(0.0, clock.prepared_ms)], end_ms))
    if clock.baked_ms:
        rows.append(_row("bake time of the plan", [(clock.prepared_ms, clock.baked_ms)], end_ms))
    numbers = _most_relevant(report.checks)
    for number in numbers:
        finding = report.checks[number]
        attempts = f", {finding.attempts} attempts" if finding.attempts > 1 else ""
        taken_ms = finding.tries[-1].began_ms + finding.tries[-1].duration_ms - finding.began_ms
        duration = f"{content.format_duration(taken_ms)}{attempts}"
        rows.append(
            tag(
                "li",
                tag("span", render_mark(finding), tag("a", finding.name, href=f"#check-{number}"), class_="name"),
                charts.draw_attempts(finding.tries, end_ms),
                tag("span", duration, class_="took"),
            )
        )
    if hold := report.hold:
        rows.append(_row("wait for an approval", [(hold.asked_ms, hold.asked_ms + hold.waited_ms)], end_ms))
    ticks = [content.format_duration(end_ms * share / 4) if share else "0" for share in range(5)]
    axis = tag(
        "li", tag("span", *(tag("span", tick) for tick in ticks), class_="ticks"), class_="axis", aria_hidden="true"
    )
    hidden = sum(bool(finding.tries) for finding in report.checks) - len(numbers)
    notes = [f"{hidden} more checks passed in less time and are not shown."] if hidden > 0 else []
    if clock.deadline_ms:
        notes.append(f"Deadline of the checks: {content.format_duration(clock.deadline_ms)}.")
    return join((tag("ol", *rows, axis, class_="timeline"), *(tag("p", note, class_="muted") for note in notes)))


def _row(name: str, spans: list[tuple[float, float]], end_ms: float) -> Html:
    bar = charts.draw_bar([(begin, end, "quiet") for begin, end in spans], end_ms)
    duration = content.format_duration(sum(end - begin for begin, end in spans))
    return tag("li", tag("span", name, class_="name"), bar, tag("span", duration, class_="took"))


def _most_relevant(checks: Sequence[Finding]) -> list[int]:
    """Return the numbers of the checks to draw, in order: all that ran, or those broken, then flaky, then slow."""
    executed = [number for number, finding in enumerate(checks) if finding.tries]

    def weight(number: int) -> tuple[bool, bool, float]:
        finding = checks[number]
        return finding.outcome in content.BROKEN, len(finding.tries) > 1, finding.duration_ms

    return sorted(sorted(executed, key=weight, reverse=True)[:MAX_TIMELINE_ROWS])


def _traffic(report: Report) -> Html:
    """Draw the sides' shares of the traffic, as the rehearsal or CodeDeploy's order of events determines them."""
    deployment = report.deployment
    if report.watch is not None:
        return _watched_traffic(report, report.watch)
    if report.traffic:
        return charts.draw_traffic(report.traffic, report.duration_ms)
    if deployment.stage not in STAGES or deployment.id == "local" or not deployment.config:
        return Html()
    is_after_shift = deployment.stage == STAGE_AFTER_SHIFT
    if deployment.first and not is_after_shift:
        return tag("p", "First deployment: there was no traffic before.", class_="muted")
    side = "green" if is_after_shift else "blue"
    sentence = f"When CodeDeploy calls {deployment.stage}, {side} serves all users."
    if deployment.platform is Platform.ECS and deployment.stage == "AfterAllowTestTraffic":
        sentence += " Green is only reachable through the test listener."
    return join((charts.draw_users(100.0 if is_after_shift else 0.0), tag("p", sentence, class_="muted")))


def _watched_traffic(report: Report, watch: ShiftWatch) -> Html:
    """Draw the traffic with the rounds of the watch, and list the rounds."""
    chart = charts.draw_traffic(report.traffic, report.duration_ms, watch.rounds) if report.traffic else Html()
    parts = [chart, tag("p", f"{content.describe_shift(report)}.")]
    if shown := watch.rounds[-MAX_ROUNDS:]:
        parts.append(render_table(("", "Round", "After", "Green's share", "Message"), map(_round_row, shown)))
    if watch.total > len(shown):
        parts.append(tag("p", f"{watch.total - len(shown)} earlier rounds are not shown.", class_="muted"))
    return join(parts)


def _round_row(item: Round) -> Html:
    share = "unknown" if item.green_percent is None else f"{item.green_percent:.0f} %"
    checks = f"{', '.join(item.checks)}: " if item.checks else ""
    cells = (
        render_sign(ROUND_OUTCOMES[item.outcome]),
        str(item.number),
        content.format_duration(item.at_ms),
        share,
        f"{checks}{item.message}",
    )
    return tag("tr", *(tag("td", cell) for cell in cells))


def _footer(report: Report) -> Html:
    return tag("footer", f"greenlight {report.greenlight} · {report.schema}")
