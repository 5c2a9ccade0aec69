"""Messages as a queue forwards them.

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
    """Messages of a queue.

    Attributes:
        messages: Bodies of the messages; data that is not text becomes JSON.
        queue: The queue's name.
        attributes: Attributes of every message, by name.
    """

    messages: Items
    queue: str = "queue"
    attributes: dict[str, str | int | float] = {}


def event(described: Sqs, metadata: EventMetadata) -> dict[str, Any]:
    """Build one event with a record for each message."""
    attributes: dict[str, dict[str, Any]] = {
        name: {
            "stringValue": str(value),
            "stringListValues": [],
            "binaryListValues": [],
            "dataType": "String" if isinstance(value, str) else "Number",
        }
        for name, value in described.attributes.items()
    }
    sent = str(int(metadata.at * 1000))
    return {
        "Records": [
            {
                "messageId": metadata.id(f"message {number}"),
                "receiptHandle": metadata.id(f"receipt {number}"),
                "body": to_json_text(body),
                "attributes": {
                    "ApproximateReceiveCount": "1",
                    "SentTimestamp": sent,
                    "SenderId": ACCOUNT,
                    "ApproximateFirstReceiveTimestamp": sent,
                }
                | (_fifo(metadata, number) if described.queue.endswith(".fifo") else {}),
                "messageAttributes": attributes,
                "md5OfBody": hashlib.md5(to_json_text(body).encode(), usedforsecurity=False).hexdigest(),
                "eventSource": "aws:sqs",
                "eventSourceARN": metadata.arn("sqs", described.queue),
                "awsRegion": metadata.region,
            }
            for number, body in enumerate(described.messages)
        ]
    }


def _fifo(metadata: EventMetadata, number: int) -> dict[str, str]:
    return {
        "SequenceNumber": f"{number:020d}",
        "MessageGroupId": "greenlight",
        "MessageDeduplicationId": metadata.id(f"deduplication {number}"),
    }
