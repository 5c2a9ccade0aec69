"""Request for the approval of a person: an event and a notice, sent once when a gate begins to wait.

docs/notifications.md lists the fields. The token with which Step Functions accepts a decision is in neither.
"""

from __future__ import annotations

import functools
import shlex
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.core.display import escape_controls
from greenlight.publish import eventbridge, notice_content, sns
from greenlight.publish.channels import Channel, publish_channels

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.hold import HoldRecord
    from greenlight.core.settings import Settings
    from greenlight.publish.channels import ChannelLog

DETAIL_TYPE = "greenlight hold"
SCHEMA = "greenlight.ask/1"


def request_approval(aws: Aws, settings: Settings, record: HoldRecord, deadline: float, log: ChannelLog) -> None:
    """Send the request through every channel the operator chose; one that fails is logged, and the hold goes on.

    Args:
        aws: AWS clients.
        settings: Where to publish.
        record: The hold.
        deadline: `time.monotonic()` by which all channels must have ended.
        log: Receives a line for each channel.
    """
    channels = []
    if settings.event_bus:
        channels.append(Channel("approval event put", "id", functools.partial(_put, aws, settings, record)))
    if settings.notice_topic:
        channels.append(Channel("approval notice sent", "id", functools.partial(_notify, aws, settings, record)))
    publish_channels(channels, deadline, log)


def _put(aws: Aws, settings: Settings, record: HoldRecord, _uri: str) -> str:
    detail = notice_content.encode(build_request(record, settings.report_bucket))
    return eventbridge.put_detail(aws, settings.event_bus, DETAIL_TYPE, detail)


def _notify(aws: Aws, settings: Settings, record: HoldRecord, _uri: str) -> str:
    attributes = {
        "hold": "asked",
        "application": record.application,
        "group": record.group,
        "stage": record.stage,
    }
    message = build_message(record, settings.report_bucket)
    return sns.publish(aws, settings.notice_topic, summarize(record), message, attributes)


def summarize(record: HoldRecord) -> str:
    """Return one line: who is asked for which deployment."""
    name = "/".join(part for part in (record.application, record.group) if part) or record.deployment
    return escape_controls(f"Approval needed: {name} at {record.stage}, from {', '.join(record.hold.asked)}")


def list_commands(record: HoldRecord, bucket: str) -> list[str]:
    """Return the commands that approve and refuse."""
    values = {"--stage": record.stage, "--bucket": bucket}
    options = " ".join(f"{name} {shlex.quote(value)}" for name, value in values.items() if value)
    return [f"greenlight {verb} {record.deployment} {options} --why '…'" for verb in ("approve", "refuse")]


def build_request(record: HoldRecord, bucket: str) -> dict[str, Any]:
    """Build the detail of the event."""
    hold = record.hold
    return {
        "schema": SCHEMA,
        "state": "asked",
        "summary": summarize(record),
        "deployment": {
            "id": record.deployment,
            "stage": record.stage,
            "application": record.application,
            "group": record.group,
            "region": record.region,
        },
        "hold": msgspec.to_builtins(hold),
        "commands": list_commands(record, bucket),
    }


def build_message(record: HoldRecord, bucket: str) -> str:
    """Build the message of all protocols of a topic."""
    hold, commands = record.hold, list_commands(record, bucket)
    facts = [
        f"The checks of {record.deployment} have passed. Without an approval until {hold.until} it fails.",
        *([f"reason: {escape_controls(hold.why)}"] if hold.why else []),
        *(["The principal that created the deployment may not approve it."] if hold.not_deployer else []),
    ]
    data = notice_content.encode(build_request(record, bucket))
    body = {
        "default": "\n".join([summarize(record), "", *facts, "", *commands, ""]),
        "sms": summarize(record)[:140],
        "https": notice_content.encode(_build_card(record, facts, commands)),
        "sqs": data,
        "lambda": data,
        "firehose": data,
    }
    return notice_content.encode(body)


def _build_card(record: HoldRecord, facts: list[str], commands: list[str]) -> dict[str, Any]:
    """Build the request for chat applications; it is in the thread of its deployment."""
    title = sns.escape_markup(summarize(record), 1000)
    return {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": title,
            "description": "\n".join(sns.escape_markup(fact, 1000) for fact in facts)[:4000],
            "nextSteps": [sns.escape_markup(command, 1000) for command in commands],
            "keywords": [sns.escape_markup(word, 1000) for word in (record.application, record.stage) if word],
        },
        "metadata": {"threadId": record.deployment, "summary": title},
    }
