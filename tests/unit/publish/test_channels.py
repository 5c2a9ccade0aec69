"""Every channel is published by itself: a failure is logged and counted, and the others go on."""

from __future__ import annotations

import time
from typing import Any

from greenlight.core.errors import AwsError
from greenlight.core.settings import Settings
from greenlight.publish.channels import publish_report
from tests.support.report_samples import closed, opened

SETTINGS = Settings(report_bucket="reports", event_bus="bus", notice_topic="arn:aws:sns:mars-west-1:0:topic")


class Account:
    """AWS calls that succeed, except those of the service in `refused`; `slow` ones take a second."""

    def __init__(self, refused: str = "", slow: str = "") -> None:
        self.refused, self.slow = refused, slow
        self.calls: list[str] = []

    def call(self, service: str, operation: str, **_parameters: Any) -> dict[str, Any]:
        self.calls.append(operation)
        if service == self.slow:
            time.sleep(1)
        if service == self.refused:
            raise AwsError("access denied", "AccessDenied")
        return {"MessageId": "m-1", "Entries": [{"EventId": "e-1"}], "FailedEntryCount": 0}


class Log:
    """Messages in the order in which channels logged them."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def info(self, message: str, **keys: Any) -> None:
        self.messages.append(f"{message} {' '.join(keys.values())}")

    def failed(self, step: str, error: Exception) -> None:
        self.messages.append(f"failed: {step}: {error}")


def publish(account: Any, seconds: float = 30.0) -> tuple[int, list[str]]:
    log = Log()
    failures = publish_report(account, SETTINGS, closed(), time.monotonic() + seconds, log)
    return failures, [message.split(" s3://")[0] for message in log.messages]


def test_a_report_is_stored_announced_indexed_and_rendered_in_this_order() -> None:
    account = Account()

    assert publish(account) == (
        0,
        ["report stored", "event put e-1", "notice sent m-1", "index written", "page stored"],
    )
    assert account.calls == ["put_object", "put_events", "publish", "put_object", "put_object"]


def test_a_bucket_that_refuses_is_counted_once_and_the_others_are_told_without_a_uri() -> None:
    failures, messages = publish(Account(refused="s3"))

    assert failures == 1
    assert messages == ["failed: report stored: access denied", "event put e-1", "notice sent m-1"]


def test_a_channel_that_hangs_leaves_the_others_their_time() -> None:
    failures, messages = publish(Account(slow="events"), seconds=0.9)

    assert failures == 1
    assert [message.partition(" ")[0] for message in messages] == ["report", "failed:", "notice", "index", "page"]


def test_a_gate_that_opened_sends_no_notice_unless_the_operator_wants_all() -> None:
    account, log = Account(), Log()

    publish_report(account, SETTINGS, opened(), time.monotonic() + 30, log)  # type: ignore[arg-type]

    assert "publish" not in account.calls
