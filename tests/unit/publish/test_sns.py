"""Card of a verdict for chat applications."""

from __future__ import annotations

import json

from greenlight.core.finding import Cause
from greenlight.core.report import PlanSource
from greenlight.core.verdict import Reason
from greenlight.publish import sns
from tests.support.channels import failed_report


def test_card_has_next_steps_and_the_uri_of_the_report() -> None:
    card = sns.build_card(failed_report(), "s3://reports/x.json")
    assert card["content"]["nextSteps"] == ["Read the log.", "greenlight report d-ABCDEF123"]
    assert "s3://reports/x.json" in card["content"]["description"]
    assert card["metadata"]["threadId"] == "d-ABCDEF123"


def test_card_has_owner_plan_and_commands() -> None:
    card = sns.build_card(
        failed_report(bucket="reports", plan=PlanSource(uri="s3://plans/shop.yaml", sha256="ab" * 32)), ""
    )
    again = "greenlight replay d-ABCDEF123 --stage AfterAllowTraffic --application shop --group web --bucket reports"

    assert "the team that wrote the release has to act" in card["content"]["description"]
    assert f"plan: s3://plans/shop.yaml sha256 {'ab' * 32}" in card["content"]["description"]
    assert card["content"]["nextSteps"][-1] == again


def test_text_from_a_service_cannot_mention_chat_users() -> None:
    message = "status is 500, the body begins: <!channel> <@U123> <https://example.com|click here>"
    hostile = failed_report(reasons=(Reason(cause=Cause.RELEASE_FAILED, check="<!here>", message=message),))
    card = json.dumps(sns.build_card(hostile, ""))
    assert "<" not in card
    assert "&lt;!channel&gt;" in card
