"""Notice of a verdict on an SNS topic: text for mail, a card for chat, the event for programs.

The message depends on the protocol of the subscription: `email` and `sms` receive text, `https` the custom notification
of Amazon Q Developer in chat applications (Slack, Teams), `sqs`, `lambda` and `firehose` the same data as the event.
Subscriptions can filter by the attributes `verdict`, `application`, `group` and `stage`.

Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html;
https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
"""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

from greenlight.core.display import truncate
from greenlight.publish import notice_content
from greenlight.report import content, text
from greenlight.report.reason_groups import group_reasons

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.report import Report

MAX_MESSAGE_BYTES = 254 * 1024
"""SNS accepts 262,144 bytes for all protocols and attributes together."""

MAX_TEXT = 16_000
"""Most characters of the text."""

MAX_SUBJECT = 100


def notify(aws: Aws, topic: str, report: Report, uri: str) -> str:
    """Publish a notice of a report, which is stored at `uri`, to a topic; return the message's id.

    Raises:
        AwsError: SNS denied the call or did not respond.
    """
    deployment = report.deployment
    attributes = {
        "verdict": report.verdict.value,
        "application": deployment.application,
        "group": deployment.group,
        "stage": deployment.stage,
    }
    return publish(aws, topic, notice_content.format_subject(report), build_message(report, uri), attributes)


def publish(aws: Aws, topic: str, subject: str, message: str, attributes: dict[str, str]) -> str:
    """Publish a message with one text for each protocol; return its id.

    Args:
        aws: AWS clients.
        topic: ARN of the topic.
        subject: Subject of the mail, in any characters and length.
        message: JSON with a text for each protocol.
        attributes: Attributes of the message; empty ones are left out.

    Raises:
        AwsError: SNS denied the call or did not respond.
    """
    response = aws.call(
        "sns",
        "publish",
        TopicArn=topic,
        Subject=_mail_subject(subject),
        Message=message,
        MessageStructure="json",
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
        },
    )
    return str(response["MessageId"])


def build_message(report: Report, uri: str) -> str:
    """Build the message of all protocols, as long as SNS accepts: a verdict of many bytes loses details, no notice."""
    message = ""
    for length in notice_content.MESSAGE_LENGTHS:
        data = notice_content.encode(notice_content.build_event(report, uri, length))
        body = {
            "default": _render_text(report, uri, MAX_TEXT * length // 1000),
            "sms": notice_content.verdict_sentence(report)[:140],
            "https": notice_content.encode(build_card(report, uri, length)),
            "sqs": data,
            "lambda": data,
            "firehose": data,
        }
        message = notice_content.encode(body)
        if len(message.encode()) <= MAX_MESSAGE_BYTES:
            break
    return message


def build_card(report: Report, uri: str, text_length: int = notice_content.MESSAGE_LENGTHS[0]) -> dict[str, Any]:
    """Build the notice for chat applications, with at most `text_length` characters in each of its texts."""

    def escape(text: str) -> str:
        return escape_markup(text, text_length)

    deployment = report.deployment
    reasons = [
        f"*{escape(group.label or group.cause.value)}*: {escape(group.message)}"
        + (f" ({escape(group.names)})" if group.is_shared else "")
        for group in group_reasons(report.reasons)[:3]
    ]
    facts = [
        *content.list_owners(report),
        f"green: {content.format_target(report) or 'unknown'}",
        f"plan: {content.format_plan(report) or 'none'}",
        *(f"not tested: {sentence}" for sentence in content.summarize_untested(report)),
        f"started: {report.started_at}",
        f"report: {uri or 'not stored'}",
    ]
    commands = content.next_commands(report).values() or [f"greenlight report {deployment.id}"]
    remediations = dict.fromkeys(finding.remediation for finding in report.checks if finding.remediation)
    title = escape(notice_content.format_subject(report))
    keywords = (deployment.application, deployment.stage)
    return {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": title,
            "description": "\n".join([*reasons, *map(escape, facts)])[:4000],
            "nextSteps": [*map(escape, [*list(remediations)[:3], *commands])],
            "keywords": [escape(keyword) for keyword in keywords if keyword],
        },
        # All gates of a deployment share a thread.
        "metadata": {"threadId": deployment.id, "summary": title},
    }


def escape_markup(text: str, length: int) -> str:
    """Escape a text to one line without mentions, which `<!channel>` and `<@name>` are in Slack's markup."""
    return html.escape(truncate(text, length), quote=False)


def _mail_subject(subject: str) -> str:
    """Return the subject in the form that SNS accepts: ASCII, no line breaks, fewer than 100 characters."""
    line = subject.encode("ascii", "replace").decode()
    return line if len(line) < MAX_SUBJECT else f"{line[: MAX_SUBJECT - 4]}..."


def _render_text(report: Report, uri: str, max_length: int) -> str:
    whole = text.render(report)
    body = whole if len(whole) <= max_length else f"{whole[:max_length]}…\n"
    return f"{body}\nreport: {uri}\n" if uri else body
