"""JUnit, TAP and Markdown: well formed whatever a report holds, and broken exactly when the verdict is Failed."""

from __future__ import annotations

import re
import shlex
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from devkit.cli.main import build_full_parser
from greenlight.core.finding import Cause, Outcome, Severity
from greenlight.core.report import PlanSource, TrafficShare
from greenlight.core.verdict import Reason, ShadowedVerdict, Status
from greenlight.report import html, junit, markdown, tap, text
from greenlight.report.content import next_commands
from tests.support.report_samples import EVIL, SAMPLES, check, closed, hostile, opened, refused, undecided

if TYPE_CHECKING:
    from greenlight.core.report import Report

# Jenkins' junit-10.xsd, as far as it says anything: elements with the attributes they must and may have, and children.
GRAMMAR: dict[str, tuple[set[str], set[str], set[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors"}, {"testsuite"}),
    "testsuite": (
        {"name", "tests", "failures", "errors"},
        {"time", "skipped", "timestamp"},
        {"properties", "testcase", "system-out"},
    ),
    "properties": (set(), set(), {"property"}),
    "property": ({"name", "value"}, set(), set()),
    "testcase": (
        {"name"},
        {"time", "classname"},
        {"skipped", "error", "failure", "rerunFailure", "rerunError", "flakyFailure", "flakyError"},
    ),
    **{name: (set(), {"type", "message"}, set()) for name in ("skipped", "error", "failure")},
    **{name: ({"type"}, {"message"}, set()) for name in ("rerunFailure", "rerunError", "flakyFailure", "flakyError")},
    "system-out": (set(), set(), set()),
}
SECONDS = re.compile(r"[0-9]*(\.[0-9]*)?")
POINT = re.compile(r"(not )?ok [0-9]+ - ((?:[^\\#]|\\.)*)(?:# (SKIP|TODO) .*)?")


def junit_of(report: Report) -> ET.Element:
    return ET.fromstring(junit.render(report))  # noqa: S314 - our own document


def points_of(report: Report) -> list[re.Match[str]]:
    points = [line for line in tap.render(report).splitlines() if re.match(r"(not )?ok\b", line)]
    return [match for line in points if (match := POINT.fullmatch(line))]


def closing(report: Report) -> int:
    return sum(bool(point[1]) and not point[3] for point in points_of(report))


CLOSED_WITHOUT_A_REASON = closed(reasons=())
ONLY_ADVISORY = closed(
    verdict=Status.SUCCEEDED, reasons=(), checks=(check("a", "v", Outcome.FAIL, "no", severity=Severity.ADVISORY),)
)
IN_SHADOW = closed(
    verdict=Status.SUCCEEDED, shadow=ShadowedVerdict(would_have_been=Status.FAILED, until="2026-04-01", why="new plan")
)
NO_EVIDENCE = closed(
    reasons=(Reason(cause=Cause.NO_EVIDENCE, message="there is no blocking check"),), checks=opened().checks
)
NOTHING_RUN = closed(verdict=Status.SUCCEEDED, reasons=(), checks=())
REPORTS = {
    **{name: make() for name, make in SAMPLES.items()},
    "without a reason": CLOSED_WITHOUT_A_REASON,
    "only advisory": ONLY_ADVISORY,
    "in shadow": IN_SHADOW,
    "no evidence": NO_EVIDENCE,
    "nothing run": NOTHING_RUN,
}


@pytest.mark.parametrize("name", REPORTS)
def test_a_test_report_is_broken_exactly_when_the_verdict_is_failed(name: str) -> None:
    report = REPORTS[name]
    suite = junit_of(report)[0]
    broken = int(suite.attrib["failures"]) + int(suite.attrib["errors"])

    assert (broken > 0, closing(report) > 0) == (report.verdict is Status.FAILED,) * 2
    assert len(points_of(report)) == int(suite.attrib["tests"])
    assert len(suite.findall("testcase/failure")) == int(suite.attrib["failures"])
    assert len(suite.findall("testcase/error")) == int(suite.attrib["errors"])
    assert len(suite.findall("testcase/skipped")) == int(suite.attrib["skipped"])
    assert len(suite.findall("testcase")) == int(suite.attrib["tests"])


@pytest.mark.parametrize("name", REPORTS)
def test_junit_keeps_the_schema(name: str) -> None:
    for element in junit_of(REPORTS[name]).iter():
        must, may, children = GRAMMAR[element.tag]
        assert must <= element.attrib.keys() <= must | may, element.tag
        assert {child.tag for child in element} <= children, element.tag
        assert SECONDS.fullmatch(element.get("time", "0"))


def test_jenkins_is_told_which_check_is_flaky_and_what_the_first_attempts_said() -> None:
    case = junit_of(closed()).find("testsuite/testcase")

    assert case is not None
    assert [(each.tag, each.get("message")) for each in case] == [
        ("flakyFailure", "GET /health: status is 503, expected 200"),
        ("flakyError", "connection refused"),
    ]


def test_a_time_that_was_over_is_an_error_and_no_failure() -> None:
    reason = Reason(cause=Cause.DEADLINE, check="a", message="late")
    report = closed(reasons=(reason,), checks=(check("a", "v", Outcome.ERROR, "late", cause=Cause.DEADLINE),))

    assert [each.get("type") for each in junit_of(report).iter("error")] == ["DEADLINE"]


def test_tap_says_its_version_and_plan_and_its_diagnoses_are_yaml() -> None:
    lines = tap.render(hostile()).splitlines()
    blocks = re.findall(r"^  ---\n(.*?)^  \.\.\.$", tap.render(hostile()), re.M | re.S)

    assert lines[:2] == ["TAP version 14", f"1..{len(points_of(hostile()))}"]
    assert [yaml.safe_load(block)["outcome"] for block in blocks if "outcome" in block] == [
        "FAIL", "FAIL", "ERROR", "INCONCLUSIVE", "SKIPPED",
    ]  # fmt: skip


def test_tap_of_a_gate_that_ran_nothing_is_skipped_as_a_whole() -> None:
    assert tap.render(NOTHING_RUN).splitlines()[1] == "1..0 # SKIP no check was run"


@pytest.mark.parametrize("render", [junit.render, tap.render, markdown.render, text.render])
@given(evil=st.text(st.characters(), min_size=1))
def test_any_text_stays_one_line(render: object, evil: str) -> None:
    assert callable(render)
    written = render(hostile(evil))

    assert all(line.isprintable() for line in written.replace("\u200b", "").split("\n"))
    written.encode()


@given(evil=st.text(st.characters(), min_size=1))
def test_junit_is_well_formed_whatever_it_holds(evil: str) -> None:
    junit_of(hostile(evil))


def test_markdown_of_strangers_holds_no_link_mention_picture_html_or_cell() -> None:
    written = markdown.render(hostile())
    prose = "\n".join(
        line for line in written.splitlines() if not line.startswith("<details>")
    )  # HTML until a blank line
    cells = {line.replace(r"\|", "").count("|") for line in written.splitlines() if line.startswith("|")}

    assert not re.search(r"@\w", written)
    assert not re.search(r"(?<!\\)[\[<`](?!/?details>|br>)", prose)
    assert not re.search(r"(?<!\\)<script", written)
    assert "https:" not in prose
    assert cells == {4, 5}


def test_markdown_says_the_verdict_who_acts_and_what_was_not_tested() -> None:
    written = markdown.render(refused())

    assert written.startswith("## ❌ Failed\\: orders at AfterAllowTraffic".replace("\\:", ":"))
    assert "The plan is wrong: this is for whoever wrote it. Green was not tested." in written
    assert "- No check was run at this stage." in written


def test_ten_megabytes_of_message_are_cut() -> None:
    huge = closed(checks=(check("a" * 10_000_000, "v", Outcome.FAIL, EVIL * 50_000),))

    assert len(markdown.render(huge)) < 10_000


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_text_keeps_to_the_width_of_a_terminal_except_what_is_copied(width: int) -> None:
    lines = text.render(closed(), width=width).splitlines()

    assert max(len(line) for line in lines if "greenlight re" not in line) <= width
    assert "".join(lines).replace(" ", "") == text.render(closed()).replace(" ", "").replace("\n", "")


def test_colours_are_only_beside_the_words() -> None:
    coloured = text.render(hostile(), colour=True)

    assert re.sub(r"\x1b\[[0-9]*m", "", coloured) == text.render(hostile())
    assert "\x1b[31m" in coloured


def test_a_report_with_a_shadow_or_overrides_says_so_in_every_format() -> None:
    shadowed = replace(IN_SHADOW, overrides=())

    for render in (junit.render, tap.render, markdown.render, text.render):
        assert "shadow" in render(shadowed)
        assert "overridden" in render(closed())


def test_why_something_is_not_what_was_expected_is_said_in_every_format() -> None:
    for render in (junit.render, tap.render, markdown.render, text.render, html.render):
        assert "a text is no number" in render(closed())


FORMATS = {"text": text, "markdown": markdown, "html": html, "junit": junit, "tap": tap}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("sample", [closed, refused], ids=["closed", "refused"])
def test_every_format_says_which_plan_it_was_what_was_not_tested_and_what_to_type(form: str, sample: Any) -> None:
    written = re.sub(r"\\(?=[:_.-])|</?span>", "", FORMATS[form].render(sample()))
    typed = f"greenlight replay {sample().deployment.id} --stage {sample().deployment.stage} --application "

    assert sample().plan.sha256 in written
    assert sample().plan.uri in written
    assert typed in written
    assert form in ("junit", "tap") or "only on Lambda" in written or "No check was run at this stage." in written


def test_what_is_to_be_typed_is_understood_by_the_commands() -> None:
    odd = replace(closed().deployment, application="it's a shop; $(x)", group="a b")
    parser = build_full_parser()

    for deployment in (closed().deployment, odd):
        page, again = (shlex.split(each)[1:] for each in next_commands(closed(deployment=deployment)).values())
        assert parser.parse_args(page).output == "report.html"
        given = parser.parse_args(again)
        assert (given.what, given.stage) == (deployment.id, deployment.stage)
        assert (given.application, given.group) == (deployment.application, deployment.group)
        assert (given.bucket, given.plan) == ("greenlight-reports", "")


@pytest.mark.parametrize(
    ("plan", "cause"),
    [
        (PlanSource(), Cause.NO_EVIDENCE),
        (PlanSource(uri="file:shop.yaml", sha256="0"), Cause.RELEASE_FAILED),
        (PlanSource(uri="s3://plans/shop.yaml", sha256="0"), Cause.PLAN_ERROR),
    ],
    ids=["none", "packed", "refused"],
)
def test_a_plan_that_cannot_judge_again_is_asked_for(plan: PlanSource, cause: Cause) -> None:
    report = closed(plan=plan, reasons=(Reason(cause=cause, message="m"),))

    assert next_commands(report)["judge again"].endswith(" --plan plan.yaml")


def test_nothing_is_to_be_typed_where_no_report_can_be_had() -> None:
    assert next_commands(closed(bucket="")) == {}
    assert next_commands(closed(traffic=(TrafficShare(at_ms=0, green_percent=0),))) == {}
    assert next_commands(closed(deployment=replace(closed().deployment, id="local"))) == {}
    assert list(next_commands(closed(verdict=Status.SUCCEEDED, checks=(), reasons=()))) == ["this report"]


def test_what_a_person_ran_is_to_be_run_again() -> None:
    report = closed(command="greenlight check plan.yaml --stage AfterAllowTraffic")

    assert next_commands(report) == {"check again": report.command}


def test_of_very_many_checks_that_did_not_run_the_first_are_named() -> None:
    checks = tuple(check(f"c{number}", "v", Outcome.SKIPPED, "m", tries=()) for number in range(12))

    assert "not tested: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 (and 2 more)\n" in text.render(closed(checks=checks))


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_who_acts_is_not_the_owner_of_a_check_that_was_only_not_run(form: str) -> None:
    failed, not_run = closed().checks[1], replace(undecided().checks[1], name="it")
    reasons = (closed().reasons[0], Reason(cause=Cause.NO_EVIDENCE, check="it", message=not_run.message))

    both = FORMATS[form].render(closed(checks=(failed, not_run), reasons=reasons)).replace("\\", "")
    alone = FORMATS[form].render(undecided()).replace("\\", "")

    assert "the team that wrote the release" in both
    assert "the team that wrote the plan." not in both
    assert "Nothing shows that green works: this is for the team that wrote the plan." in alone
    assert "The time was over: this is for the team that wrote the plan, and for green" in alone


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_what_discovery_noticed_is_said_to_people(form: str) -> None:
    noted = replace(closed().deployment, notes=("the rule asks for more",))

    assert "the rule asks for more" in FORMATS[form].render(closed(deployment=noted))


def test_an_error_of_the_gate_sends_to_the_doctor() -> None:
    wiring = next_commands(closed(reasons=(Reason(cause=Cause.GATE_ERROR, message="m"),)))["the wiring"]

    assert wiring == "greenlight doctor --application shop --group shop-blue-green"
    assert build_full_parser().parse_args(shlex.split(wiring)[1:]).group == "shop-blue-green"
    assert "the wiring" not in next_commands(closed())


def test_a_refused_plan_is_fetched_and_linted() -> None:
    assert next_commands(refused())["the plan"] == (
        "aws s3 cp s3://greenlight-plans/shop.yaml plan.yaml && greenlight lint plan.yaml"
    )
    assert "the plan" not in next_commands(closed())
