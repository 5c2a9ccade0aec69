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
    """Notifications of a topic.

    Attributes:
        messages: Messages; data that is not text becomes JSON.
        topic: The topic's name.
        subject: Subject of every message.
        attributes: Attributes of every message, by name.
    """

    messages: Items
    topic: str = "topic"
    subject: str | None = None
    attributes: dict[str, str] = {}


def event(described: Sns, metadata: EventMetadata) -> dict[str, Any]:
    """Build one event with a record for each notification."""
    arn = metadata.arn("sns", described.topic)
    return {
        "Records": [
            {
                "EventVersion": "1.0",
                "EventSubscriptionArn": f"{arn}:{metadata.id('subscription')}",
                "EventSource": "aws:sns",
                "Sns": {
                    "SignatureVersion": "1",
                    "Timestamp": metadata.iso(),
                    "Signature": "greenlight",
                    "SigningCertUrl": "https://greenlight.invalid/certificate",
                    "MessageId": metadata.id(f"message {number}"),
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
