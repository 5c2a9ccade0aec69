"""The text report: safe lines, the verdict and its reasons first."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.core.finding import AFTER_REDIRECT, Cause, Evidence, ExcuseReason, Finding, Outcome, Severity
from greenlight.core.report import PlanSource, Report
from greenlight.core.verdict import AppliedOverride, Reason, ShadowedVerdict, Status
from greenlight.report.text import render

EVIL = "\x1b[2J\r\nSucceeded: everything\u2028\u202e\x00"


def report(**changes: Any) -> Report:
    fields: dict[str, Any] = {
        "verdict": Status.FAILED,
        "reasons": (Reason(cause=Cause.RELEASE_FAILED, check="green answers", message="status is 500, expected 200"),),
        "checks": (
            Finding(
                outcome=Outcome.FAIL,
                name="green answers",
                validator="http",
                message="status is 500, expected 200",
                duration_ms=12.4,
                remediation="Look at the log.",
                evidence=(
                    Evidence(query="status", expected=200, actual=500, where="GET /"),
                    Evidence(query="latency (ms)", expected={"lte": "1s"}, actual=3.1, passed=True),
                ),
            ),
            Finding(outcome=Outcome.PASS, name="catalogue", validator="http", message="it is"),
            Finding(outcome=Outcome.PASS, name="shaky", validator="http", message="it is", attempts=3, flaky=True),
            Finding(outcome=Outcome.ERROR, name="logs", validator="logs", message="denied", severity=Severity.ADVISORY),
        ),
        "deployment": Deployment(
            id="d-1", platform=Platform.ECS, stage="AfterAllowTraffic", application="shop", group="blue-green",
            green=Side(url="http://green", host="shop.example.com", task_definition="shop:8"),
            notes=("the rule changed",),
        ),
        "plan": PlanSource(uri="s3://plans/shop.yaml", version_id="v7", sha256="0123456789abcdef"),
        "started_at": "2026-01-01T00:00:00.000+00:00",
        "duration_ms": 1234.5,
        "greenlight": "0.1.0",
    }  # fmt: skip
    return Report(**{**fields, **changes})


def test_text_cannot_control_the_terminal() -> None:
    finding = Finding(
        outcome=Outcome.FAIL,
        name=EVIL,
        validator=EVIL,
        message=EVIL,
        remediation=EVIL,
        evidence=(Evidence(query=EVIL, expected=EVIL, actual={EVIL: [EVIL]}, where=EVIL),),
    )
    hostile = report(
        reasons=(Reason(cause=Cause.GATE_ERROR, check=EVIL, message=EVIL),),
        checks=(finding,),
        deployment=Deployment(
            id=EVIL, platform=Platform.LAMBDA, stage=EVIL, application=EVIL, group=EVIL, function=EVIL, notes=(EVIL,)
        ),
        plan=PlanSource(uri=EVIL, version_id=EVIL, sha256=EVIL),
    )

    lines = render(hostile).split("\n")

    assert all(line.isprintable() for line in lines)
    assert len(lines) == 12
    assert not any(line.startswith("Succeeded") for line in lines)


def test_verdict_and_reasons_come_before_the_checks() -> None:
    assert render(report()) == (
        "Failed: shop/blue-green d-1 at AfterAllowTraffic\n"
        "  RELEASE_FAILED: green answers: status is 500, expected 200\n"
        "  Green is wrong: the team that wrote the release has to act.\n"
        "  2 of 4 checks passed in 1.2 s, started 2026-01-01T00:00:00.000+00:00\n"
        "  green: shop:8 http://green host shop.example.com\n"
        "  plan: s3://plans/shop.yaml version v7 sha256 0123456789abcdef\n"
        "  note: the rule changed\n"
        " FAIL  green answers [http, 12 ms]\n"
        "       status is 500, expected 200\n"
        "       - GET /: status: expected 200, got 500\n"
        "       next: Look at the log.\n"
        "   ok  catalogue [http, 0 ms]\n"
        "   ok  shaky (flaky: passed at attempt 3) [http, 0 ms]\n"
        "       it is\n"
        "ERROR  logs (advisory) [logs, 0 ms]\n"
        "       denied\n"
    )


def test_shadow_mode_is_shown_first() -> None:
    shadow = ShadowedVerdict(would_have_been=Status.FAILED, until="2026-12-31", why="getting to know it")

    first, second, _, third, *_ = render(report(verdict=Status.SUCCEEDED, shadow=shadow)).split("\n")

    assert first.startswith("Succeeded (shadow: would have Failed until 2026-12-31): shop/blue-green")
    assert second == "  RELEASE_FAILED: green answers: status is 500, expected 200"
    assert third == "  shadow until 2026-12-31: getting to know it"


def test_override_is_shown_with_its_owner() -> None:
    override = AppliedOverride(
        check="green answers", who="someone", why="the probe is broken", created="2026-01-01T00:00:00Z",
        expires="2026-01-01T02:00:00Z", scope="deployment d-1", uri="s3://plans/overrides/o.json",
    )  # fmt: skip
    checks = (Finding(outcome=Outcome.FAIL, message="no", name="green answers", excused=ExcuseReason.OVERRIDDEN),)

    rendered = render(report(verdict=Status.SUCCEEDED, reasons=(), checks=checks, overrides=(override,)))

    assert rendered.startswith("Succeeded (1 check overridden): shop/blue-green")
    assert (
        "  overridden: green answers: by someone until 2026-01-01T02:00:00Z, for deployment d-1: the probe is broken"
        " (s3://plans/overrides/o.json)\n"
    ) in rendered
    assert " FAIL  green answers (overridden) [" in rendered


def test_unknown_facts_are_omitted() -> None:
    bare = report(
        reasons=(),
        checks=(),
        verdict=Status.SUCCEEDED,
        plan=PlanSource(),
        deployment=Deployment(id="d-1", platform=Platform.LAMBDA, stage="AfterAllowTraffic", function="orders"),
    )

    assert render(bare) == (
        "Succeeded: unknown application d-1 at AfterAllowTraffic\n"
        "  0 of 0 checks passed in 1.2 s, started 2026-01-01T00:00:00.000+00:00\n"
        "  green: orders\n"
        "  not tested: No check ran at this stage.\n"
    )


@pytest.mark.parametrize("outcome", Outcome)
def test_every_outcome_has_a_mark(outcome: Outcome) -> None:
    assert render(report(checks=(Finding(outcome=outcome, message="m", name="n", validator="v"),)))


def deep() -> Any:
    data: Any = []
    for _ in range(100_000):
        data = [data]
    return data


@pytest.mark.parametrize("value", [object(), {1, 2}, b"\xff", "\ud800", float("nan"), 2**70, {(1, 2): 3}, deep()])
def test_evidence_of_any_type_is_rendered(value: Any) -> None:
    finding = Finding(outcome=Outcome.FAIL, message="m", evidence=(Evidence(query="q", expected=1, actual=value),))

    assert "q: expected 1, got " in render(report(checks=(finding,)))


@given(st.text(st.characters()))
def test_any_text_stays_on_its_line(text: str) -> None:
    rendered = render(report(reasons=(Reason(cause=Cause.DEADLINE, check=text, message=text),), checks=()))

    assert all(line.isprintable() for line in rendered.split("\n"))
    assert rendered.count("\n") == 8


def test_a_check_that_passed_shows_what_it_did_not_cover() -> None:
    message = "1 of 2 operations answered as the document describes; not covered: POST /a (not a safe method)"
    checks = (
        Finding(outcome=Outcome.PASS, name="contract", validator="openapi", message=message),
        Finding(outcome=Outcome.PASS, name="home", validator="http", message="all is well"),
    )
    text = render(report(checks=checks))
    assert "\n       not covered: POST /a (not a safe method)\n" in text
    assert "all is well" not in text


def test_a_check_that_passed_shows_who_answered_in_place_of_green() -> None:
    redirected = f"GET / answered 200{AFTER_REDIRECT}https://shop.example/, not from green"
    checks = (
        Finding(outcome=Outcome.PASS, name="home", validator="http", message=redirected),
        Finding(outcome=Outcome.PASS, name="api", validator="openapi", message=f"fine; not covered: /a{redirected}"),
    )
    text = render(report(checks=checks))
    assert "\n       after a redirect the answer came from https://shop.example/, not from green\n" in text
    assert "\n       not covered: /aGET / answered 200; after a redirect the answer came from" in text
