"""A notice to people, on an SNS topic: text for mail, a card for chat, the event for programs.

A subscription gets what its protocol is for: `email` and `sms` a text, `https` the custom notification of Amazon Q
Developer in chat applications (Slack, Teams), `sqs`, `lambda` and `firehose` the same data as the event. The attributes
`verdict`, `application`, `group` and `stage` let a subscription filter.

Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html;
https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
"""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

from greenlight.core.display import truncate
from greenlight.publish import notice_content
from greenlight.report import content as every_format
from greenlight.report import text

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.report import Report

MAX_TEXT = 16_000
"""Characters of the text; SNS takes 256 KB for all protocols together."""

MAX_SUBJECT = 100


def notify(aws: Aws, topic: str, report: Report, uri: str) -> str:
    """Tell a topic of a report that is stored at `uri`, and give the message's id.

    Raises:
        AwsError: SNS refused or did not answer.
    """
    event = notice_content.event(report, uri)
    data = json.dumps(event)
    body = {
        "default": _text(report, uri),
        "sms": notice_content.verdict_sentence(report)[:140],
        "https": json.dumps(card(report, uri)),
        "sqs": data,
        "lambda": data,
        "firehose": data,
    }
    about = report.deployment
    attributes = {
        "verdict": report.verdict.value,
        "application": about.application,
        "group": about.group,
        "stage": about.stage,
    }
    answer = aws.call(
        "sns",
        "publish",
        TopicArn=topic,
        Subject=_subject(report),
        Message=json.dumps(body),
        MessageStructure="json",
        MessageAttributes={
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items() if value
        },
    )
    return str(answer["MessageId"])


def card(report: Report, uri: str) -> dict[str, Any]:
    """Give the notice as a chat application shows it."""
    reasons = [
        f"*{_said(reason.check or reason.cause.value)}*: {_said(reason.message)}" for reason in report.reasons[:3]
    ]
    facts = [
        *every_format.who(report),
        f"green: {every_format.target(report) or 'unknown'}",
        f"plan: {every_format.plan(report) or 'none'}",
        *(f"not tested: {each}" for each in every_format.not_tested(report)),
        f"since: {report.started_at}",
        f"report: {uri or 'not stored'}",
    ]
    typed = every_format.next_commands(report).values() or [f"greenlight report {report.deployment.id}"]
    steps = dict.fromkeys(each.remediation for each in report.checks if each.remediation)
    return {
        "version": "1.0",
        "source": "custom",
        "content": {
            "textType": "client-markdown",
            "title": _said(notice_content.subject(report)),
            "description": "\n".join([*reasons, *map(_said, facts)])[:4000],
            "nextSteps": [*map(_said, [*list(steps)[:3], *typed])],
            "keywords": [_said(each) for each in (report.deployment.application, report.deployment.stage) if each],
        },
        # One thread for all gates of a deployment.
        "metadata": {"threadId": report.deployment.id, "summary": _said(notice_content.subject(report))},
    }


def _said(text: str) -> str:
    """Make a text one line that calls nobody: in Slack's markup `<!channel>` and `<@name>` would."""
    return html.escape(truncate(text, 1000), quote=False)


def _subject(report: Report) -> str:
    """Give the subject as SNS takes it: ASCII, no line breaks, less than 100 characters."""
    line = notice_content.subject(report).encode("ascii", "replace").decode()
    return line if len(line) < MAX_SUBJECT else f"{line[: MAX_SUBJECT - 4]}..."


def _text(report: Report, uri: str) -> str:
    whole = text.render(report)
    said = whole if len(whole) <= MAX_TEXT else f"{whole[:MAX_TEXT]}…\n"
    return f"{said}\nreport: {uri}\n" if uri else said
