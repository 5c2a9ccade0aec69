"""A report as one HTML page that needs nothing else: no network, no script. Pure.

What on-call needs is on the first screen: the verdict, the failing check, expected and seen, what was tested by which
plan, since when, who acts and where to look. Below it: times, traffic, every check with its evidence, what was not tested.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.resources
from typing import TYPE_CHECKING

from greenlight.core.deployment import STAGES, Platform
from greenlight.core.finding import Cause, Outcome
from greenlight.core.verdict import Status
from greenlight.report import charts, content
from greenlight.report.html_builder import LENGTH, Html, block, join, tag, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from greenlight.core.finding import AttemptRecord, Evidence, Finding, Series
    from greenlight.core.report import Report
    from greenlight.core.verdict import Reason

ROWS = 30
"""Checks that the timeline shows; of more, those that matter most."""

REASONS = 20
"""Reasons that stand in full at the top."""

SIGNS = {
    Outcome.PASS: "✓",
    Outcome.FAIL: "✕",
    Outcome.ERROR: "!",
    Outcome.INCONCLUSIVE: "?",
    Outcome.SKIPPED: "·",
}
WORDS = {
    Outcome.PASS: "passed",
    Outcome.FAIL: "failed",
    Outcome.ERROR: "error",
    Outcome.INCONCLUSIVE: "inconclusive",
    Outcome.SKIPPED: "skipped",
}
AFTER_THE_SHIFT = "AfterAllowTraffic"


def render(report: Report) -> str:
    """Write a report as one HTML document."""
    css = importlib.resources.files(__package__).joinpath("html.css").read_text(encoding="utf-8")
    style = Html(css)
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"
    title = f"{report.verdict.value}: {content.subject(report)} at {report.deployment.stage}"
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
    body = tag("body", _top(report), tag("main", *_sections(report)), _foot(report), class_=_tone(report))
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n"


def _tone(report: Report) -> str:
    """Give the page's one accent: that of what closed the gate, or of an open one."""
    if report.verdict is Status.SUCCEEDED:
        return "inconclusive" if report.shadow and report.shadow.would_have_been is not Status.SUCCEEDED else "pass"
    causes = [reason.cause for reason in report.reasons]
    if Cause.RELEASE_FAILED in causes:
        return "fail"
    return "inconclusive" if set(causes) == {Cause.NO_EVIDENCE} else "error"


# ---- The first screen


def _top(report: Report) -> Html:
    deployment = report.deployment
    green = content.function(report) or deployment.green.task_definition.rpartition("/")[2] or deployment.green.url
    where = (content.subject(report), deployment.stage, green)
    sign = SIGNS[Outcome.PASS if report.verdict is Status.SUCCEEDED else Outcome.FAIL]
    return tag(
        "header",
        tag("p", " · ".join(each for each in where if each), class_="eyebrow"),
        tag("h1", tag("span", sign, class_="sign", aria_hidden="true"), report.verdict.value, _aside(report)),
        *_why(report),
        _facts(report),
        *_remarks(report),
    )


def _aside(report: Report) -> Html:
    said = content.headline(report).removeprefix(report.verdict.value).strip(" ()")
    return tag("span", said, class_="aside") if said else Html()


def _why(report: Report) -> Iterator[Html]:
    """Say why: the first reason in full, the others as a list, who acts; or that nothing was wrong."""
    if report.reasons:
        first, *others = report.reasons
        finding = _finding_of(report, first)
        yield _first_reason(report, first, finding)
        if others:
            yield tag("h2", f"{len(others)} more {'reason' if len(others) == 1 else 'reasons'}", class_="small")
            yield tag("ul", *(_reason(report, each) for each in others[:REASONS]), class_="reasons")
        if len(others) > REASONS:
            yield tag("p", f"and {len(others) - REASONS} more, below", class_="muted")
        for who in content.who(report):
            if who != content.WHO[first.cause]:
                yield tag("p", who)
    else:
        counted = f"{content.passed(report)} of {len(report.checks)} checks passed."
        yield tag("p", counted if report.checks else "No check was run.", class_="lead")


def _remarks(report: Report) -> Iterator[Html]:
    """Say what else the verdict rests on, and what was noticed on the way."""
    if report.shadow:
        yield _remark("Shadow", f"CodeDeploy was told Succeeded until {report.shadow.until}: {report.shadow.why}")
    for each in report.overrides:
        yield _remark(
            "Overridden", f"{each.check}: {each.who} answers for it until {each.expires}, for {each.scope}: {each.why}"
        )
    for note in report.deployment.notes:
        yield _remark("Note", note)


def _first_reason(report: Report, reason: Reason, finding: Finding | None) -> Html:
    wrong = next((each for each in finding.evidence if not each.passed), None) if finding else None
    return tag(
        "section",
        tag("h2", _link(report, reason) if reason.check else text(reason.cause.value)),
        tag("p", reason.message, class_="lead"),
        _expected(wrong) if wrong else Html(),
        tag("p", *((tag("strong", reason.cause.value), " ") if reason.check else ()), content.WHO[reason.cause]),
        _look_next(finding) if finding and finding.remediation else Html(),
        class_="why",
    )


def _expected(wrong: Evidence) -> Html:
    """Put expected beside seen."""
    sides = ("Blue gave", "Green gave") if wrong.baseline_is_blue else ("Expected", "Seen")
    return tag(
        "dl",
        tag("div", tag("dt", sides[0]), tag("dd", _value(wrong.expected))),
        tag("div", tag("dt", sides[1]), tag("dd", _value(wrong.actual), class_="seen")),
        tag("div", tag("dt", "Where"), tag("dd", tag("code", content.place(wrong))), class_="wide"),
        tag("div", tag("dt", "Why not"), tag("dd", wrong.why), class_="wide") if wrong.why else Html(),
        class_="pair",
    )


def _reason(report: Report, reason: Reason) -> Html:
    name = join((_link(report, reason), ": ")) if reason.check else Html()
    return tag("li", name, reason.message, " ", tag("span", reason.cause.value, class_="chip"))


def _link(report: Report, reason: Reason) -> Html:
    """Name the reason's check, with a way to it."""
    for number, finding in enumerate(report.checks):
        if finding.name == reason.check:
            return tag("a", reason.check, href=f"#check-{number}")
    return text(reason.check)


def _finding_of(report: Report, reason: Reason) -> Finding | None:
    return next((each for each in report.checks if each.name == reason.check), None)


def _remark(label: str, said: str) -> Html:
    return tag("p", tag("strong", label), " ", said, class_="remark")


def _facts(report: Report) -> Html:
    deployment, plan, green, blue = report.deployment, report.plan, report.deployment.green, report.deployment.blue
    known = {
        "Green": (
            content.function(report),
            green.task_definition,
            green.url,
            f"host {green.host}" if green.host else "",
        ),
        "Plan": (plan.uri or "none", f"version {plan.version_id}" if plan.version_id else ""),
        "Deployment": (deployment.id, deployment.config, deployment.region),
        "Since": (_moment(report.started_at), f"for {content.milliseconds(report.duration_ms)}"),
        "Blue": (f"version {blue.version}" if blue.version else "", blue.task_definition),
        "Started by": (deployment.creator,),
    }
    whole = {"Plan's SHA-256": plan.sha256, "Plan's digest": content.digest(report)}
    facts = [_fact(name, *said) for name, said in known.items() if any(said)]
    facts += [_fact(name, tag("code", said), class_="wide") for name, said in whole.items() if said]
    facts += [
        _fact(what.capitalize(), _typed(said), class_="wide") for what, said in content.next_commands(report).items()
    ]
    return tag("dl", *facts, class_="facts")


def _typed(command: str) -> Html:
    """Write a command so that its lines break between words: a `-` alone at a line's end would mislead."""
    return tag("code", *(part for word in command.split(" ") for part in (tag("span", word), " ")), class_="typed")


def _fact(name: str, *said: str, **attributes: str) -> Html:
    return tag("div", tag("dt", name), *(tag("dd", each) for each in said if each), **attributes)


def _moment(started_at: str) -> str:
    """Write an ISO 8601 time in UTC as people read it."""
    day, _, time = started_at.partition("T")
    return f"{day} {time[:8]} UTC" if time.endswith("+00:00") else started_at


# ---- Below it


def _sections(report: Report) -> Iterator[Html]:
    if any(finding.tries for finding in report.checks):
        yield _section("Where the time went", _timeline(report))
    if who := _traffic(report):
        yield _section("Who had the users", who)
    yield from _checks(report)
    if untested := content.untested(report):
        yield _section("Not tested", tag("ul", *(tag("li", each) for each in untested)))
    if report.output:
        yield _section(
            "Printed",
            tag("details", tag("summary", tag("span", "What validators printed")), tag("pre", block(report.output))),
        )


def _section(title: str, *inside: str) -> Html:
    return tag("section", tag("h2", title), *inside)


def _timeline(report: Report) -> Html:
    """Draw who took how long: what came before the checks, then every check with its attempts."""
    clock = report.clock
    ends = [each.began_ms + each.duration_ms for finding in report.checks for each in finding.tries]
    end_ms = max(report.duration_ms, *ends)
    rows = []
    if clock.prepared_ms:
        rows.append(_row("finding out what to test", [(0.0, clock.prepared_ms)], end_ms))
    if clock.baked_ms:
        rows.append(_row("waiting, as the plan says (bake)", [(clock.prepared_ms, clock.baked_ms)], end_ms))
    shown = _most_telling(report.checks)
    for number in shown:
        finding = report.checks[number]
        again = f", {finding.attempts} attempts" if finding.attempts > 1 else ""
        taken = finding.tries[-1].began_ms + finding.tries[-1].duration_ms - finding.began_ms
        said = f"{content.milliseconds(taken)}{again}"
        rows.append(
            tag(
                "li",
                tag("span", _mark(finding), tag("a", finding.name, href=f"#check-{number}"), class_="name"),
                charts.attempts(finding.tries, end_ms),
                tag("span", said, class_="took"),
            )
        )
    ticks = [content.milliseconds(end_ms * share / 4) if share else "0" for share in range(5)]
    axis = tag(
        "li", tag("span", *(tag("span", tick) for tick in ticks), class_="ticks"), class_="axis", aria_hidden="true"
    )
    left = sum(bool(finding.tries) for finding in report.checks) - len(shown)
    notes = [f"{left} more checks that passed, and took less time, are not drawn."] if left > 0 else []
    if clock.deadline_ms:
        notes.append(f"The checks had time until {content.milliseconds(clock.deadline_ms)}.")
    return join((tag("ol", *rows, axis, class_="timeline"), *(tag("p", note, class_="muted") for note in notes)))


def _row(name: str, spans: list[tuple[float, float]], end_ms: float) -> Html:
    drawn = charts.bar([(begin, end, "quiet") for begin, end in spans], end_ms)
    took = content.milliseconds(sum(end - begin for begin, end in spans))
    return tag("li", tag("span", name, class_="name"), drawn, tag("span", took, class_="took"))


def _most_telling(checks: Sequence[Finding]) -> list[int]:
    """Give the numbers of the checks to draw, in their order: all that ran, or those broken, flaky or slow."""
    ran = [number for number, finding in enumerate(checks) if finding.tries]

    def weight(number: int) -> tuple[bool, bool, float]:
        finding = checks[number]
        return finding.outcome in content.BROKEN, len(finding.tries) > 1, finding.duration_ms

    return sorted(sorted(ran, key=weight, reverse=True)[:ROWS])


def _traffic(report: Report) -> Html:
    """Draw who had the users' requests, as far as it is known: by the rehearsal, or by CodeDeploy's order of events."""
    deployment = report.deployment
    if report.traffic:
        return charts.traffic(report.traffic, report.duration_ms)
    if deployment.stage not in STAGES or deployment.id == "local" or not deployment.config:
        return Html()
    after = deployment.stage == AFTER_THE_SHIFT
    if deployment.first and not after:
        return tag("p", "Nothing was deployed before, so nobody had users yet.", class_="muted")
    said = f"When CodeDeploy calls {deployment.stage}, {'all users are on green' if after else 'every user is still on blue'}."
    if deployment.platform is Platform.ECS and deployment.stage == "AfterAllowTestTraffic":
        said += " Green answers on the test listener only."
    return join((charts.users(100.0 if after else 0.0), tag("p", said, class_="muted")))


# ---- Checks


def _checks(report: Report) -> Iterator[Html]:
    """Give every check, those first that did not pass."""
    numbered = list(enumerate(report.checks))
    groups = {
        "Did not pass": [each for each in numbered if each[1].outcome in content.BROKEN],
        "Passed": [each for each in numbered if each[1].outcome is Outcome.PASS],
        "Skipped": [each for each in numbered if each[1].outcome is Outcome.SKIPPED],
    }
    for title, group in groups.items():
        if group:
            yield _section(f"{title} ({len(group)})", *(_check(report, number, each) for number, each in group))


def _check(report: Report, number: int, finding: Finding) -> Html:
    chips = [tag("span", remark, class_="chip") for remark in content.remarks(finding)]
    if any(reason.check == finding.name for reason in report.reasons):
        chips.insert(0, tag("span", "closed the gate", class_="chip closing"))
    head = tag(
        "summary",
        _mark(finding),
        tag("span", tag("span", finding.name, class_="name"), *chips),
        tag("span", f"{finding.validator} · {content.milliseconds(finding.duration_ms)}", class_="took"),
    )
    is_open = "" if finding.outcome in content.BROKEN else None
    return tag("details", head, *_inside(finding), id=f"check-{number}", open=is_open)


def _mark(finding: Finding) -> Html:
    """Give the outcome as a sign, and as a word for those who do not see it."""
    outcome = finding.outcome
    sign = tag("span", SIGNS[outcome], aria_hidden="true")
    return tag("span", sign, tag("span", f"{WORDS[outcome]}: ", class_="unseen"), class_=f"mark {charts.kind(outcome)}")


def _inside(finding: Finding) -> Iterator[Html]:
    yield tag("p", finding.message)
    if finding.remediation:
        yield _look_next(finding)
    if compared := [each for each in finding.evidence if each.baseline_is_blue]:
        yield _table(("Where", "Blue", "Green", "How often"), (_compared(each) for each in compared))
    if others := [each for each in finding.evidence if not each.baseline_is_blue]:
        yield _table(("", "Looked at", "Expected", "Seen"), (_looked_at(each) for each in others))
    yield from _plots(finding.series)
    if len(finding.tries) > 1:
        left_out = finding.attempts - len(finding.tries)
        said = f" ({left_out} between them left out)" if left_out > 0 else ""
        yield tag("h3", f"{len(finding.tries)} attempts{said}")
        yield _table(("", "Began", "Took", "Said"), (_tried(each, finding) for each in finding.tries))


def _look_next(finding: Finding) -> Html:
    """Give what to do about a check; what it writes between backticks is code."""
    whole = finding.remediation
    parts = whole.split("`") if len(whole) <= LENGTH else [whole]
    said = [tag("code", part) if number % 2 and number < len(parts) - 1 else part for number, part in enumerate(parts)]
    return tag("p", tag("strong", "Look next"), " ", *said)


def _table(heads: Sequence[str], rows: Iterator[Html]) -> Html:
    head = tag("tr", *(tag("th", each, scope="col") if each else tag("td") for each in heads))
    marked = None if heads[0] else "marked"
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_=marked)
    return tag("div", table, class_="scroll", tabindex=0)


def _compared(each: Evidence) -> Html:
    return tag(
        "tr",
        tag("td", tag("code", each.query)),
        tag("td", _value(each.expected), class_="of-blue"),
        tag("td", _value(each.actual), class_="of-green"),
        tag("td", each.where),
    )


def _looked_at(each: Evidence) -> Html:
    outcome = Outcome.PASS if each.passed else Outcome.FAIL
    sign = tag("span", SIGNS[outcome], class_=f"mark {charts.kind(outcome)}", aria_label=WORDS[outcome], role="img")
    where = join((each.where, tag("br"))) if each.where else Html()
    why = join((tag("br"), each.why)) if each.why else Html()
    cells = (sign, join((where, tag("code", each.query))), _value(each.expected), join((_value(each.actual), why)))
    return tag("tr", *(tag("td", cell) for cell in cells))


def _tried(each: AttemptRecord, finding: Finding) -> Html:
    sign = tag(
        "span",
        SIGNS[each.outcome],
        class_=f"mark {charts.kind(each.outcome)}",
        aria_label=WORDS[each.outcome],
        role="img",
    )
    began = content.milliseconds(each.began_ms - finding.began_ms)
    return tag(
        "tr",
        tag("td", sign),
        tag("td", f"+ {began}"),
        tag("td", content.milliseconds(each.duration_ms)),
        tag("td", each.message),
    )


def _plots(plots: Sequence[Series]) -> Iterator[Html]:
    """Draw samples of the same measure together, and every series over time by itself."""
    samples: dict[str, list[Series]] = {}
    for each in plots:
        if each.values and not each.at_s:
            samples.setdefault(each.name, []).append(each)
    for name, group in samples.items():
        counted = ", ".join(f"{each.count} values{f' of {each.side}' if each.side else ''}" for each in group)
        yield tag("figure", tag("figcaption", f"{name}: {counted}"), charts.distribution(group))
    for each in plots:
        if each.values and len(each.at_s) == len(each.values):
            yield tag("figure", tag("figcaption", charts.described(each)), charts.series(each))


def _value(value: object) -> Html:
    return tag("code", content.inline(value))


def _foot(report: Report) -> Html:
    return tag("footer", f"greenlight {report.greenlight} · {report.schema}")
