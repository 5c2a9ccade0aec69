"""The request for an approval: an event and a notice that name the people, and never contain the token."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.core.hold import HoldRecord
from greenlight.core.settings import Settings
from greenlight.publish.hold_request import build_message, build_request, list_commands, request_approval
from tests.support.channels import create_queue, queue_arn, receive
from tests.support.report_samples import EVIL, HOLD

if TYPE_CHECKING:
    from greenlight.aws.client import Aws

TOKEN = "the-secret-token-of-the-task"
RECORD = HoldRecord(
    gate="0" * 40,
    deployment="d-ABCDEF123",
    stage="BeforeAllowTraffic",
    application="shop",
    group="web",
    region="eu-central-1",
    round=0,
    hold=HOLD,
    token=TOKEN,
)


class Log:
    """Keeps the lines of the channels."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, message: str, **keys: Any) -> None:
        """Keep a message."""
        self.lines.append(message)

    def failed(self, step: str, error: Exception) -> None:
        """Keep a failure."""
        self.lines.append(f"failed: {step}")


def test_the_token_is_in_no_message() -> None:
    assert TOKEN not in json.dumps(build_request(RECORD, "reports"))
    assert TOKEN not in build_message(RECORD, "reports")


def test_texts_of_a_plan_cannot_mention_users_or_add_lines() -> None:
    hostile = replace(RECORD, application=EVIL, hold=replace(HOLD, asked=("<!channel>", EVIL), why=f"a\nb{EVIL}"))
    message = json.loads(build_message(hostile, "reports"))
    assert "<!channel>" not in message["https"]
    assert "a\\nb" in message["default"]
    assert "\x1b" not in message["default"]


def test_a_channel_that_fails_is_logged_and_the_other_one_is_used(aws: Aws) -> None:
    topic = aws.client("sns").create_topic(Name="releases")["TopicArn"]
    settings = Settings(event_bus="missing-bus", notice_topic=topic, report_bucket="reports", notice_on="failed")
    log = Log()
    request_approval(aws, settings, RECORD, time.monotonic() + 20, log)
    assert log.lines == ["failed: approval event put", "approval notice sent"]


def test_an_installation_without_channels_sends_nothing(aws: Aws) -> None:
    log = Log()
    request_approval(aws, Settings(), RECORD, time.monotonic() + 20, log)
    assert log.lines == []


def test_the_notice_names_the_people_the_reason_and_the_commands() -> None:
    text = json.loads(build_message(RECORD, "reports"))["default"]
    assert text.splitlines() == [
        "Approval needed: shop/web at BeforeAllowTraffic, from release managers, the shop's owner",
        "",
        "The checks of d-ABCDEF123 have passed. Without an approval until 2026-03-14T09:57:20+00:00 it fails.",
        "reason: look at the checkout page",
        "The principal that created the deployment may not approve it.",
        "",
        "greenlight approve d-ABCDEF123 --stage BeforeAllowTraffic --bucket reports --why '…'",
        "greenlight refuse d-ABCDEF123 --stage BeforeAllowTraffic --bucket reports --why '…'",
    ]


def test_commands_quote_the_bucket() -> None:
    assert "--bucket 'a b'" in list_commands(RECORD, "a b")[0]


def test_the_notice_of_a_queue_can_be_filtered(aws: Aws) -> None:
    queue, client = create_queue(aws), aws.client("sns")
    topic = client.create_topic(Name="releases")["TopicArn"]
    filtered = {"FilterPolicy": json.dumps({"hold": ["asked"], "application": ["shop"]})}
    client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue_arn(aws, queue), Attributes=filtered)
    settings = Settings(notice_topic=topic, report_bucket="reports")
    request_approval(aws, settings, RECORD, time.monotonic() + 20, Log())
    request = json.loads(receive(aws, queue)["Message"])
    assert (request["schema"], request["state"]) == ("greenlight.ask/1", "asked")
    assert request["hold"]["asked"] == ["release managers", "the shop's owner"]
