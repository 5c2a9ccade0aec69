"""A short report to publish, and queues that receive what is published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.core.finding import Cause, Finding, Outcome
from greenlight.core.report import PlanSource, Report
from greenlight.core.verdict import Reason, Status

if TYPE_CHECKING:
    from greenlight.aws.client import Aws


def short_report(**deployment: Any) -> Report:
    """Build the report of a failed gate without checks."""
    about = Deployment(**{"id": "d-ABCDEF123", "platform": Platform.ECS, "stage": "AfterInstall"} | deployment)
    return Report(
        verdict=Status.FAILED, reasons=(), checks=(), deployment=about, plan=PlanSource(),
        started_at="2000-01-01T00:00:00.000+00:00", duration_ms=1.0, greenlight="0",
    )  # fmt: skip


def create_queue(aws: Aws) -> str:
    """Create an SQS queue and return its URL."""
    return str(aws.client("sqs").create_queue(QueueName="events")["QueueUrl"])


def queue_arn(aws: Aws, queue: str) -> str:
    """Return the ARN of a queue."""
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    return str(attributes["Attributes"]["QueueArn"])


def receive(aws: Aws, queue: str) -> dict[str, Any]:
    """Receive the only message of a queue."""
    (message,) = aws.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    body: dict[str, Any] = json.loads(message["Body"])
    return body


def failed_report(**more: Any) -> Report:
    """Build the report of a gate whose only check failed."""
    about = {
        "id": "d-ABCDEF123",
        "platform": Platform.LAMBDA,
        "stage": "AfterAllowTraffic",
        "application": "shop",
        "group": "web",
        "green": Side(version="8"),
        "blue": Side(version="7"),
    } | more.pop("deployment", {})
    fields: dict[str, Any] = {
        "verdict": Status.FAILED,
        "reasons": (Reason(cause=Cause.RELEASE_FAILED, check="answers", message="status is 500"),),
        "checks": (
            Finding(outcome=Outcome.FAIL, message="status is 500", name="answers", remediation="Read the log."),
        ),
        "plan": PlanSource(uri="s3://plans/shop.yaml"),
        "started_at": "2000-01-01T00:00:00.000+00:00",
        "duration_ms": 1.0,
        "greenlight": "0",
    }
    return Report(deployment=Deployment(**about), **fields | more)
