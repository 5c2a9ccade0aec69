"""queue_depth: no more messages wait in a queue than should, such as none in a dead-letter queue.

Example:
    checks:
      - name: no order was given up
        queue_depth: {queue: orders-dead, messages: 0}

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
"""

from __future__ import annotations

from greenlight.api import (
    Context,
    Expectation,
    Finding,
    GreenlightError,
    Params,
    check_value,
    error,
    finding_from,
    validator,
)

_COUNT = "ApproximateNumberOfMessages"


class QueueDepth(Params, frozen=True, kw_only=True):
    """`queue` is its name; `messages` is what the number of those that wait must be."""

    queue: str
    messages: Expectation


@validator(
    QueueDepth,
    iam=("sqs:GetQueueUrl", "sqs:GetQueueAttributes"),
    remediation="Read the messages in the queue: each is a request that was given up.",
    cost="Two requests to SQS.",
)
def queue_depth(params: QueueDepth, context: Context) -> Finding:
    """No more messages wait in a queue than should."""
    try:
        url = context.aws_call("sqs", "get_queue_url", QueueName=params.queue).get("QueueUrl", "")
        answer = context.aws_call("sqs", "get_queue_attributes", QueueUrl=url, AttributeNames=[_COUNT])
    except GreenlightError as problem:
        return error(str(problem))
    count = answer.get("Attributes", {}).get(_COUNT)
    if count is None:
        return error(f"SQS does not say how many messages wait in {params.queue}")
    return finding_from(
        [check_value("messages", params.messages, int(count), params.queue)], f"{count} wait in {params.queue}"
    )
