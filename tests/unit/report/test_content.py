"""Commands that a report suggests to run next."""

from __future__ import annotations

import importlib
import shlex

import pytest
from msgspec.structs import replace

from devkit.cli.main import build_full_parser
from greenlight.core.finding import Cause, EvidenceKind
from greenlight.core.report import AcceptedEvidence, GreenAsked, PlanSource, TrafficShare
from greenlight.core.verdict import Reason, Status
from greenlight.report import text
from greenlight.report.content import describe_asked, next_commands
from tests.support.report_samples import closed, opened, refused


def test_suggested_commands_are_valid() -> None:
    odd = replace(closed().deployment, application="it's a shop; $(x)", group="a b")
    parser = build_full_parser()

    for deployment in (closed().deployment, odd):
        page, again = (shlex.split(command)[1:] for command in next_commands(closed(deployment=deployment)).values())
        assert parser.parse_args(page).output == "report.html"
        parsed = parser.parse_args(again)
        assert (parsed.report, parsed.stage) == (deployment.id, deployment.stage)
        assert (parsed.application, parsed.group) == (deployment.application, deployment.group)
        assert (parsed.bucket, parsed.plan) == ("greenlight-reports", "")


@pytest.mark.parametrize(
    ("plan", "cause"),
    [
        (PlanSource(), Cause.NO_EVIDENCE),
        (PlanSource(uri="file:shop.yaml", sha256="0"), Cause.RELEASE_FAILED),
        (PlanSource(uri="s3://plans/shop.yaml", sha256="0"), Cause.PLAN_ERROR),
    ],
    ids=["none", "packed", "refused"],
)
def test_replay_asks_for_a_plan_that_cannot_be_fetched_or_was_rejected(plan: PlanSource, cause: Cause) -> None:
    report = closed(plan=plan, reasons=(Reason(cause=cause, message="m"),))

    assert next_commands(report)["judge again"].endswith(" --plan plan.yaml")


def test_no_commands_without_a_stored_report() -> None:
    assert next_commands(closed(bucket="")) == {}
    assert next_commands(closed(traffic=(TrafficShare(at_ms=0, green_percent=0),))) == {}
    assert next_commands(closed(deployment=replace(closed().deployment, id="local"))) == {}
    assert list(next_commands(closed(verdict=Status.SUCCEEDED, checks=(), reasons=()))) == ["this report"]


def test_command_of_a_local_run_is_suggested_again() -> None:
    report = closed(command="greenlight check plan.yaml --stage AfterAllowTraffic")

    assert next_commands(report) == {"check again": report.command}


def test_gate_error_suggests_the_doctor() -> None:
    wiring = next_commands(closed(reasons=(Reason(cause=Cause.GATE_ERROR, message="m"),)))["the wiring"]

    assert wiring == "greenlight doctor --application shop --group shop-blue-green"
    assert build_full_parser().parse_args(shlex.split(wiring)[1:]).group == "shop-blue-green"
    assert "the wiring" not in next_commands(closed())


def test_rejected_plan_suggests_fetching_and_linting_it() -> None:
    assert next_commands(refused())["the plan"] == (
        "aws s3 cp s3://greenlight-plans/shop.yaml plan.yaml && greenlight lint plan.yaml"
    )
    assert "the plan" not in next_commands(closed())


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (None, ""),
        (GreenAsked(times=0, checks=0), "no check asked green"),
        (GreenAsked(times=1, checks=1), "green was asked 1 time by 1 check"),
        (GreenAsked(times=14, checks=6), "green was asked 14 times by 6 checks"),
    ],
)
def test_report_says_how_often_green_was_asked(asked: GreenAsked | None, sentence: str) -> None:
    assert describe_asked(closed(green_asked=asked)) == sentence


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json", "junit", "tap"])
def test_every_format_shows_what_was_asked_and_the_weaker_evidence_that_the_plan_accepts(form: str) -> None:
    accepted = AcceptedEvidence(evidence=EvidenceKind.READINESS, why="orders come from a queue")
    render = importlib.import_module(f"greenlight.report.{form}").render

    shown = render(opened(accepted=accepted))

    assert "orders come from a queue" in shown
    assert "14" in shown
    assert "readiness" in shown
    assert "orders come from a queue" not in render(opened())


def test_first_lines_of_the_text_show_both() -> None:
    accepted = AcceptedEvidence(evidence=EvidenceKind.READINESS, why="orders come from a queue")
    first_lines = text.render(opened(accepted=accepted)).splitlines()[:4]

    assert "  accepted: readiness as evidence, so no check needs to have asked green: orders come from a queue" in (
        first_lines
    )
    assert "  green was asked 14 times by 6 checks" in first_lines
