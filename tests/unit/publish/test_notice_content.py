"""What is told about a verdict in a few lines."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.core.finding import Cause, Finding, Outcome
from greenlight.core.report import PlanSource, Report
from greenlight.core.verdict import Reason, Status
from greenlight.publish import notice_content, sns

DOCUMENT = Path(__file__).parents[3] / "docs" / "notifications.md"


def report(**more: Any) -> Report:
    about = {
        "id": "d-ABCDEF123",
        "platform": Platform.LAMBDA,
        "stage": "AfterAllowTraffic",
        "application": "shop",
        "group": "web",
        "green": Side(version="8"),
        "blue": Side(version="7"),
    } | more.pop("deployment", {})
    fields: dict[str, Any] = {
        "verdict": Status.FAILED,
        "reasons": (Reason(cause=Cause.RELEASE_FAILED, check="answers", message="status is 500"),),
        "checks": (
            Finding(outcome=Outcome.FAIL, message="status is 500", name="answers", remediation="Read the log."),
        ),
        "plan": PlanSource(uri="s3://plans/shop.yaml"),
        "started_at": "2000-01-01T00:00:00.000+00:00",
        "duration_ms": 1.0,
        "greenlight": "0",
    }
    return Report(deployment=Deployment(**about), **fields | more)


def test_text_from_a_service_cannot_add_a_line() -> None:
    hostile = report(reasons=(Reason(cause=Cause.RELEASE_FAILED, message="a\nFailed: b\x1b[31m"),))
    assert "\n" not in notice_content.verdict_sentence(hostile)
    assert "\x1b" not in notice_content.verdict_sentence(hostile)


def test_sentence_has_verdict_deployment_and_first_reason() -> None:
    reasons = tuple(Reason(cause=Cause.RELEASE_FAILED, check=name, message="no") for name in ("one", "two", "three"))
    said = "Failed: shop/web at AfterAllowTraffic; RELEASE_FAILED, one: no (and 2 more)"
    assert notice_content.verdict_sentence(report(reasons=reasons)) == said


def test_deployment_without_an_application_is_named_by_its_id() -> None:
    assert notice_content.format_subject(report(deployment={"application": "", "group": ""})) == (
        "Failed: d-ABCDEF123 at AfterAllowTraffic"
    )


def test_event_is_small_with_any_number_of_reasons() -> None:
    reasons = tuple(Reason(cause=Cause.GATE_ERROR, check=f"c{n}", message="x" * 100_000) for n in range(2000))
    checks = tuple(Finding(outcome=Outcome.ERROR, message="x" * 1000, name=f"c{n}") for n in range(2000))
    told = notice_content.build_event(report(reasons=reasons, checks=checks), "")
    assert len(json.dumps(told)) < 20_000
    assert told["reasons_left_out"] == 2000 - notice_content.MAX_REASONS
    assert told["checks"]["ERROR"] == 2000


def test_documented_fields_equal_those_of_the_event() -> None:
    table = DOCUMENT.read_text().partition("Fields of `detail`")[2].partition("\n\nThe verdicts")[0]
    assert re.findall(r"^\| `(\w+)` ", table, re.MULTILINE) == list(notice_content.build_event(report(), ""))


def test_card_has_next_steps_and_the_uri_of_the_report() -> None:
    card = sns.build_card(report(), "s3://reports/x.json")
    assert card["content"]["nextSteps"] == ["Read the log.", "greenlight report d-ABCDEF123"]
    assert "s3://reports/x.json" in card["content"]["description"]
    assert card["metadata"]["threadId"] == "d-ABCDEF123"


def test_card_has_owner_plan_and_commands() -> None:
    card = sns.build_card(report(bucket="reports", plan=PlanSource(uri="s3://plans/shop.yaml", sha256="ab" * 32)), "")
    again = "greenlight replay d-ABCDEF123 --stage AfterAllowTraffic --application shop --group web --bucket reports"

    assert "the team that wrote the release has to act" in card["content"]["description"]
    assert f"plan: s3://plans/shop.yaml sha256 {'ab' * 32}" in card["content"]["description"]
    assert card["content"]["nextSteps"][-1] == again


def test_text_from_a_service_cannot_mention_chat_users() -> None:
    message = "status is 500, the body begins: <!channel> <@U123> <https://example.com|click here>"
    hostile = report(reasons=(Reason(cause=Cause.RELEASE_FAILED, check="<!here>", message=message),))
    written = json.dumps(sns.build_card(hostile, ""))
    assert "<" not in written
    assert "&lt;!channel&gt;" in written
