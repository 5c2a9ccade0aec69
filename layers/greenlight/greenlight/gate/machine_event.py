"""The event of EventBridge about a guardian state machine that ended without an answer.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html: a large input is left out of
the event. That of a guardian has three ids and is never large.
"""

from __future__ import annotations

import json
from typing import Any

from greenlight.core.display import truncate
from greenlight.gate.codedeploy import EventError

_DETAIL_TYPE = "Step Functions Execution Status Change"
_MAX_NAME_LENGTH = 200


def is_machine_event(event: Any) -> bool:
    """Return whether `event` is about the end of a state machine's execution."""
    return isinstance(event, dict) and event.get("detail-type") == _DETAIL_TYPE


def build_record(event: dict[str, Any]) -> dict[str, Any]:
    """Build a record like the one that Lambda sends for a failed hook, with the ids of the same gate.

    Raises:
        EventError: The event does not have the input that a hook starts the guardian with.
    """
    detail = event.get("detail")
    if not isinstance(detail, dict):
        raise EventError("the event about a state machine has no detail, so no answer is possible")
    gate, execution = _read_input(detail)
    return {
        "timestamp": event.get("time"),
        "requestContext": {
            "functionArn": detail.get("stateMachineArn"),
            "requestId": detail.get("name"),
            "condition": detail.get("status"),
        },
        "requestPayload": {"DeploymentId": gate.get("deployment"), "LifecycleEventHookExecutionId": execution},
        "responsePayload": {
            "errorMessage": detail.get("cause") or f"the state machine ended as {detail.get('status')}",
            "errorType": detail.get("error"),
        },
        "stage": gate.get("stage"),
    }


def is_called_gate(event: dict[str, Any]) -> bool:
    """Return whether `event` is about a gate for which another caller waits, and CodeDeploy does not."""
    detail = event.get("detail")
    try:
        gate, _ = _read_input(detail if isinstance(detail, dict) else {})
    except EventError:
        return False
    return gate.get("answer") == "return"


def _read_input(detail: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Return the gate and the execution id in the input of the guardian."""
    name = truncate(str(detail.get("executionArn")), _MAX_NAME_LENGTH)
    text = detail.get("input")
    if not isinstance(text, str):
        raise EventError(
            f"the event about {name} does not have the execution's input, so no answer is possible; "
            "its deployment has to be stopped by hand"
        )
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        document = None
    gate = document.get("gate") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(gate, dict):
        raise EventError(f"the input of {name} has no gate, so it was not started by a hook, and no answer is possible")
    return gate, document.get("execution")
