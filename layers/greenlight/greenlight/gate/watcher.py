"""Start of the watcher of a traffic shift, by the last gate before the shift and after its answer.

The watcher is the state machine of machine/watch.asl.json. Nothing here can change an answer that CodeDeploy has.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING

from greenlight.aws.deadline import run_with_deadline
from greenlight.core.deployment import SHIFT
from greenlight.core.errors import AwsError, SettingsError
from greenlight.core.verdict import Status

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.verdict import StatusDelivery
    from greenlight.gate.run_state import RunState
    from greenlight.gate.telemetry import GateLog

GATE_BEFORE_SHIFT = "BeforeAllowTraffic"
"""The gate that starts the watcher: no other hook runs between it and the shift."""

START_S = 5.0
"""Longest time for the start, within which it is repeated after transient errors."""

_NAME_LENGTH = 40
_ALREADY_STARTED = "ExecutionAlreadyExists"


def watch_name(deployment_id: str) -> str:
    """Return the name of a deployment's watch: the same for every gate and every repetition of its start."""
    return hashlib.sha256(f"watch {deployment_id}".encode()).hexdigest()[:_NAME_LENGTH]


def start_watch(aws: Aws, machine: str, deployment_id: str) -> None:
    """Start the watcher of a deployment's shift; a second start changes nothing.

    Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html

    Raises:
        SettingsError: The installation has no watcher.
        AwsError: Step Functions denied the call or did not respond.
    """
    if not machine:
        raise SettingsError("GREENLIGHT_WATCH_MACHINE is empty; this installation cannot watch a shift")
    name = watch_name(deployment_id)
    text = json.dumps({"gate": {"name": name, "deployment": deployment_id, "stage": SHIFT}}, sort_keys=True)
    try:
        aws.call("stepfunctions", "start_execution", stateMachineArn=machine, name=name, input=text)
    except AwsError as error:
        if error.code != _ALREADY_STARTED:
            raise


def watch_after_answer(log: GateLog, state: RunState, status: Status, delivery: StatusDelivery, deadline: float) -> str:
    """Start the watcher if the plan has one, the gate is the last before the shift, and CodeDeploy goes on.

    Args:
        log: Log of the gate.
        state: State of the gate, with settings and AWS clients.
        status: The answer of the gate.
        delivery: Delivery of the answer.
        deadline: `time.monotonic()` by which the report has to be published; half of the time is for the start.

    Returns:
        A note for the report if the watcher could not be started; "" otherwise.
    """
    is_due = state.is_watched and state.deployment.stage == GATE_BEFORE_SHIFT
    if not (is_due and delivery.told and status is Status.SUCCEEDED):
        return ""
    if state.aws is None or state.settings is None:
        return ""
    aws, machine, now = state.aws, state.settings.watch_machine, time.monotonic()
    ends = now + min(START_S, (deadline - now) / 2)
    try:
        run_with_deadline(
            ends,
            lambda: start_watch(aws.repeating(ends), machine, state.deployment.id),
            "Step Functions did not answer",
        )
    except Exception as error:  # noqa: BLE001 - CodeDeploy has its answer, and the report still has to be written
        log.failed("the watcher of the shift could not be started", error)
        log.metrics({"WatchNotStarted": 1})
        message = " ".join(str(error).split())[:300]
        return f"the shift of the traffic is not watched, because its watcher could not be started: {message}"
    log.info("watcher of the shift started", watch_execution=watch_name(state.deployment.id))
    return ""
