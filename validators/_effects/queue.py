"""Messages of SQS queues and SNS topics."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from greenlight.api import Params, substitute_captures

from .base import CLOCK_SKEW_S, Marker, Place, to_data

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.api import Context, IamRequirement

_URL = re.compile(r"https?://sqs\.([a-z0-9-]+)\.[^/]+/([0-9]{12})/([^/]+)", re.ASCII)


class Send(Params, frozen=True, kw_only=True):
    """A message to a queue (its URL) or a topic (its ARN); a value other than a text becomes JSON.

    Attributes:
        to: The queue's URL, or the topic's ARN.
        message: The content of the message.
    """

    to: str
    message: Any

    def send_to_queue(self, context: Context, captured: Mapping[str, Any] | None) -> None:
        """Send the message to the queue."""
        url = substitute_captures(self.to, captured)
        context.aws_call("sqs", "send_message", QueueUrl=url, MessageBody=self._body(captured))

    def publish_to_topic(self, context: Context, captured: Mapping[str, Any] | None) -> None:
        """Publish the message to the topic."""
        topic = substitute_captures(self.to, captured)
        context.aws_call("sns", "publish", TopicArn=topic, Message=self._body(captured))

    def _body(self, captured: Mapping[str, Any] | None) -> str:
        message = substitute_captures(self.message, captured)
        return message if isinstance(message, str) else json.dumps(message)


class Queue(Place, frozen=True, kw_only=True):
    """A message of a queue (its URL) that contains a text; JSON is parsed.

    Attributes:
        url: The queue's URL.
        contains: A text that only the expected message contains.
    """

    url: str
    contains: Marker

    def find(self, context: Context, start: float) -> list[Any]:
        """Receive messages, remove those since `start` that contain the text, and make the others visible again."""
        messages = context.aws_call(
            "sqs",
            "receive_message",
            QueueUrl=self.url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=10,
            MessageSystemAttributeNames=["SentTimestamp"],
        ).get("Messages", [])
        matches = []
        for message in messages:
            key = {"QueueUrl": self.url, "ReceiptHandle": message["ReceiptHandle"]}
            sent_at = int(message.get("Attributes", {}).get("SentTimestamp", 0)) / 1000
            if self.contains in message["Body"] and sent_at >= start - CLOCK_SKEW_S:
                matches.append(to_data(message["Body"]))
                context.aws_call("sqs", "delete_message", **key)
            else:
                context.aws_call("sqs", "change_message_visibility", **key, VisibilityTimeout=0)
        return matches

    def required_iam(self) -> Iterator[IamRequirement]:
        """Yield the actions that `find` needs."""
        for action in ("ReceiveMessage", "ChangeMessageVisibility", "DeleteMessage"):
            yield f"sqs:{action}", queue_arn(self.url)


def queue_arn(url: str) -> str:
    """Return the ARN of the queue at a URL, which contains region, account and name; "*" for other URLs."""
    match = _URL.fullmatch(url)
    return f"arn:aws:sqs:{match[1]}:{match[2]}:{match[3]}" if match else "*"
