"""queue_depth: a queue holds no more messages than expected, such as none in a dead-letter queue.

Example:
    checks:
      - name: no order failed
        queue_depth: {queue: orders-dead, messages: 0}

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
"""

from __future__ import annotations

from greenlight.api import (
    Context,
    Expectation,
    Finding,
    Params,
    check_value,
    error,
    finding_from,
    validator,
)

_COUNT = "ApproximateNumberOfMessages"


class QueueDepth(Params, frozen=True, kw_only=True):
    """`queue` is its name; `messages` is the expectation of the number of waiting messages."""

    queue: str
    messages: Expectation


@validator(
    QueueDepth,
    iam=("sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
    remediation="Read the messages in the queue: each is a request that failed.",
    cost="Two requests to SQS.",
)
def queue_depth(params: QueueDepth, context: Context) -> Finding:
    """A queue holds no more messages than expected."""
    url = context.aws_call("sqs", "get_queue_url", QueueName=params.queue).get("QueueUrl", "")
    response = context.aws_call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=[_COUNT])
    count = response.get("Attributes", {}).get(_COUNT)
    if count is None:
        return error(f"SQS did not return the number of messages in {params.queue}")
    evidence = check_value("messages", params.messages, int(count), params.queue)
    return finding_from([evidence], f"{count} messages wait in {params.queue}")
