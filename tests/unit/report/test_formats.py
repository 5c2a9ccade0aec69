"""All formats: well formed with any text, and broken exactly when the verdict is Failed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from greenlight.core.finding import Cause, Outcome
from greenlight.core.verdict import Reason, Status
from greenlight.report import html, junit, markdown, tap, text
from tests.support.report_readers import junit_of, points_of
from tests.support.report_samples import IN_SHADOW, REPORTS, check, closed, hostile, opened, refused, undecided

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.core.report import Report


def count_closing(report: Report) -> int:
    return sum(bool(point[1]) and not point[3] for point in points_of(report))


@pytest.mark.parametrize("name", REPORTS)
def test_report_is_broken_exactly_when_the_verdict_is_failed(name: str) -> None:
    report = REPORTS[name]
    suite = junit_of(report)[0]
    broken = int(suite.attrib["failures"]) + int(suite.attrib["errors"])

    assert (broken > 0, count_closing(report) > 0) == (report.verdict is Status.FAILED,) * 2
    assert len(points_of(report)) == int(suite.attrib["tests"])
    assert len(suite.findall("testcase/failure")) == int(suite.attrib["failures"])
    assert len(suite.findall("testcase/error")) == int(suite.attrib["errors"])
    assert len(suite.findall("testcase/skipped")) == int(suite.attrib["skipped"])
    assert len(suite.findall("testcase")) == int(suite.attrib["tests"])


@pytest.mark.parametrize("render", [junit.render, tap.render, markdown.render, text.render])
@given(evil=st.text(st.characters(), min_size=1))
def test_any_text_stays_on_one_line(render: object, evil: str) -> None:
    assert callable(render)
    rendered = render(hostile(evil))

    assert all(line.isprintable() for line in rendered.replace("\u200b", "").split("\n"))
    rendered.encode()


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_text_wraps_at_the_width_except_commands(width: int) -> None:
    lines = text.render(closed(), width=width).splitlines()

    assert max(len(line) for line in lines if "greenlight re" not in line) <= width
    assert "".join(lines).replace(" ", "") == text.render(closed()).replace(" ", "").replace("\n", "")


def test_colours_do_not_replace_words() -> None:
    coloured = text.render(hostile(), colour=True)

    assert re.sub(r"\x1b\[[0-9]*m", "", coloured) == text.render(hostile())
    assert "\x1b[31m" in coloured


def test_every_format_has_shadow_mode_and_overrides() -> None:
    shadowed = replace(IN_SHADOW, overrides=())

    for render in (junit.render, tap.render, markdown.render, text.render):
        assert "shadow" in render(shadowed)
        assert "overridden" in render(closed())


def test_every_format_has_the_reason_of_a_mismatch() -> None:
    for render in (junit.render, tap.render, markdown.render, text.render, html.render):
        assert "a text is not a number" in render(closed())


FORMATS = {"text": text, "markdown": markdown, "html": html, "junit": junit, "tap": tap}


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("sample", [closed, refused], ids=["closed", "refused"])
def test_every_format_has_plan_untested_parts_and_commands(form: str, sample: Any) -> None:
    rendered = re.sub(r"\\(?=[:_.-])|</?span>", "", FORMATS[form].render(sample()))
    command = f"greenlight replay {sample().deployment.id} --stage {sample().deployment.stage} --application "

    assert sample().plan.sha256 in rendered
    assert sample().plan.uri in rendered
    assert command in rendered
    assert form in ("junit", "tap") or "only on Lambda" in rendered or "No check ran at this stage." in rendered


def test_only_the_first_of_many_untested_checks_are_named() -> None:
    checks = tuple(check(f"c{number}", "v", Outcome.SKIPPED, "m", tries=()) for number in range(12))

    assert "not tested: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9 (and 2 more)\n" in text.render(closed(checks=checks))


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_owner_of_a_check_that_did_not_run_is_only_named_without_other_reasons(form: str) -> None:
    failed, not_run = closed().checks[1], replace(undecided().checks[1], name="it")
    reasons = (closed().reasons[0], Reason(cause=Cause.NO_EVIDENCE, check="it", message=not_run.message))

    both = FORMATS[form].render(closed(checks=(failed, not_run), reasons=reasons)).replace("\\", "")
    alone = FORMATS[form].render(undecided()).replace("\\", "")

    assert "the team that wrote the release" in both
    assert "the author of the plan" not in both
    assert "Nothing shows that green works: the author of the plan has to act." in alone
    assert "The time ran out: the author of the plan has to act, or the team that wrote the release" in alone


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_one_check_without_evidence_beside_others_that_passed_is_named_as_one(form: str) -> None:
    good, silent = (
        check("a", "http", Outcome.PASS, "fine"),
        check("b", "http", Outcome.INCONCLUSIVE, "no samples", attempts=1),
    )
    reasons = tuple(Reason(cause=Cause.NO_EVIDENCE, check=name, message="no samples") for name in "bc")

    one = FORMATS[form].render(closed(checks=(good, silent), reasons=reasons[:1]))
    two = FORMATS[form].render(closed(checks=(good, silent, replace(silent, name="c")), reasons=reasons))

    assert "One check shows nothing: the author of the plan has to act." in one
    assert "2 checks show nothing: the author of the plan has to act." in two
    assert "Nothing shows that green works" not in one + two


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_notes_of_discovery_are_shown(form: str) -> None:
    deployment = replace(closed().deployment, notes=("the rule asks for more",))

    assert "the rule asks for more" in FORMATS[form].render(closed(deployment=deployment))


UNCOVERED = "not covered: POST /a (not a safe method)"


@pytest.mark.parametrize("render", [text.render, markdown.render, html.render, junit.render, tap.render])
def test_every_format_shows_what_a_check_that_passed_did_not_cover(render: Callable[[Report], str]) -> None:
    message = f"1 of 2 operations answered as the document describes; {UNCOVERED}"
    passing = check("contract", "openapi", Outcome.PASS, message)
    rendered = render(replace(opened(), checks=(passing,)))
    assert UNCOVERED in rendered.replace("\\", "")
