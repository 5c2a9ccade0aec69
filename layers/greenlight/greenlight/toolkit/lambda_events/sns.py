"""Notifications as a topic sends them.

Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.checks.validator import Params
from greenlight.core.display import to_json_text
from greenlight.toolkit.lambda_events.messages import Items

if TYPE_CHECKING:
    from greenlight.toolkit.lambda_events.metadata import EventMetadata


class Sns(Params, frozen=True, kw_only=True):
    """Notifications of a topic; a message that is no text becomes JSON.

    Attributes:
        messages: A message for each; what is no text becomes JSON.
        topic: The topic's name.
        subject: Of every message.
        attributes: Of every message, by name.
    """

    messages: Items
    topic: str = "topic"
    subject: str | None = None
    attributes: dict[str, str] = {}


def event(described: Sns, stamp: EventMetadata) -> dict[str, Any]:
    """Give one event with a record for each notification."""
    arn = stamp.arn("sns", described.topic)
    return {
        "Records": [
            {
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{arn}:{stamp.id('subscription')}",
                "EventSource": "aws:sns",
                "Sns": {
                    "SignatureVersion": "1",
                    "Timestamp": stamp.iso(),
                    "Signature": "greenlight",
                    "SigningCertUrl": "https://greenlight.invalid/certificate",
                    "MessageId": stamp.id(f"message {number}"),
                    "Message": to_json_text(message),
                    "MessageAttributes": {
                        name: {"Type": "String", "Value": value} for name, value in described.attributes.items()
                    },
                    "Type": "Notification",
                    "UnsubscribeUrl": "https://greenlight.invalid/unsubscribe",
                    "TopicArn": arn,
                    "Subject": described.subject,
                },
            }
            for number, message in enumerate(described.messages)
        ]
    }
