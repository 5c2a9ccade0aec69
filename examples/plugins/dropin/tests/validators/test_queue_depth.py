"""Tests of queue_depth with queues simulated by moto, and of the rules that every validator must follow."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from greenlight.api import Outcome
from greenlight.testing import (
    Case,
    check_validator,
    context_for,
    ecs_deployment,
    load_validator,
    moto_aws,
    run_check,
)

if TYPE_CHECKING:
    from greenlight.testing import RecordingAws

FILE = Path(__file__).parents[2] / "validators" / "queue_depth.py"
NO_MESSAGES = {"queue": "orders-dead", "messages": 0}


def empty(aws: RecordingAws) -> None:
    aws.client("sqs").create_queue(QueueName="orders-dead")


def waiting(aws: RecordingAws) -> None:
    queue = aws.client("sqs").create_queue(QueueName="orders-dead")["QueueUrl"]
    aws.client("sqs").send_message(QueueUrl=queue, MessageBody="order 7")


def test_missing_queue_is_an_error() -> None:
    with moto_aws() as aws, context_for(ecs_deployment(), aws=aws) as context:
        finding = run_check(load_validator(FILE), NO_MESSAGES, context)
    assert finding.outcome is Outcome.ERROR
    assert finding.message.startswith("sqs:GetQueueUrl failed with")


def test_it_keeps_every_promise_of_validators() -> None:
    check_validator(
        FILE,
        passing=Case(params=NO_MESSAGES, moto=empty),
        failing=Case(params=NO_MESSAGES, moto=waiting),
        harmless_faults={
            "absent",
            "nothing:sqs:GetQueueUrl",
        },  # it does not look at green; moto finds the queue without its URL
    )
