"""Messages as a queue hands them on.

Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import hashlib
from typing import Any

from greenlight.checks.validator import Params
from greenlight.core.display import to_json_text
from greenlight.toolkit.lambda_events.messages import Items
from greenlight.toolkit.lambda_events.metadata import ACCOUNT, EventMetadata


class Sqs(Params, frozen=True, kw_only=True):
    """Messages of a queue; a message that is no text becomes JSON. `attributes` go with each.

    Attributes:
        messages: A body for each; what is no text becomes JSON.
        queue: The queue's name.
    """

    messages: Items
    queue: str = "queue"
    attributes: dict[str, str | int | float] = {}


def event(described: Sqs, stamp: EventMetadata) -> dict[str, Any]:
    """Give one event with a record for each message."""
    attributes: dict[str, dict[str, Any]] = {
        name: {
            "stringValue": str(value),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "String" if isinstance(value, str) else "Number",
        }
        for name, value in described.attributes.items()
    }
    sent = str(int(stamp.at * 1000))
    return {
        "Records": [
            {
                "messageId": stamp.id(f"message {number}"),
                "receiptHandle": stamp.id(f"receipt {number}"),
                "body": to_json_text(body),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": sent,
                    "SenderId": ACCOUNT,
                    "ApproximateFirstReceiveTimestamp": sent,
                }
                | (_fifo(stamp, number) if described.queue.endswith(".fifo") else {}),
                "messageAttributes": attributes,
                "md5OfBody": hashlib.md5(to_json_text(body).encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": stamp.arn("sqs", described.queue),
                "awsRegion": stamp.region,
            }
            for number, body in enumerate(described.messages)
        ]
    }


def _fifo(stamp: EventMetadata, number: int) -> dict[str, str]:
    return {
        "SequenceNumber": f"{number:020d}",
        "MessageGroupId": "greenlight",
        "MessageDeduplicationId": stamp.id(f"deduplication {number}"),
    }
