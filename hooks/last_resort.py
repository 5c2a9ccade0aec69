"""The last resort: answers Failed for a hook or a state machine that could not answer, then publishes a report for it.

Lambda's OnFailure destination invokes it with the record of a failed invocation: the hook ran out of memory, timed out
or was killed, or CodeDeploy did not accept its answer. EventBridge invokes it with the end of a guardian state machine.
It runs no plan and no plugin, and has a separate role.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from greenlight.core.verdict import Status
from greenlight.gate.codedeploy import AnswerNotAcceptedError, EventError, Reporter, parse
from greenlight.gate.machine_event import build_record, is_called_gate, is_machine_event
from greenlight.gate.telemetry import GateLog
from greenlight.publish import metrics

if TYPE_CHECKING:
    from greenlight.core.verdict import StatusDelivery
    from greenlight.gate.codedeploy import Execution

BUDGET_S = 60.0
RESERVE_S = 2.0
STAGE = "LastResort"
_MIN_PUBLISH_S = 1.0
_END_S = 0.5
"""Time from the end of publishing to the end of the invocation."""


def handler(record: Any, context: Any) -> dict[str, Any]:
    """Answer Failed for the failed invocation in `record`, then publish its report.

    A gate for which CodeDeploy does not wait needs no answer: its caller reads the status of the state machine.

    Raises:
        EventError: The record does not contain a hook's event or the input of a guardian.
        AnswerNotAcceptedError: CodeDeploy did not accept the answer; the deployment waits until its hook times out, and
            an alarm is raised.
    """
    if is_machine_event(record):
        if is_called_gate(record):
            return {"told": False}
        record = build_record(record)
    if not isinstance(record, dict) or not isinstance(record.get("requestPayload"), dict):
        raise EventError("the event is not the record of a failed invocation: it has no requestPayload")
    execution = parse(record["requestPayload"])
    remaining_s = context.get_remaining_time_in_millis() / 1000
    deadline = time.monotonic() + remaining_s - _END_S
    log = GateLog(execution, STAGE)
    log.best_effort(lambda: _log_call(record, execution, log))
    delivery = Reporter(execution).answer(Status.FAILED, min(BUDGET_S, remaining_s - RESERVE_S))
    log.answered(Status.FAILED, delivery)
    with contextlib.suppress(Exception):  # a metric that cannot be written must not fail the invocation
        metrics.emit(
            STAGE, {"LastResortAnswered": float(delivery.told), "LastResortUnanswered": float(not delivery.told)}
        )
    log.best_effort(lambda: _publish(record, execution, delivery, deadline, log))
    if not delivery.told:
        raise AnswerNotAcceptedError(
            f"deployment {execution.deployment_id}: CodeDeploy did not accept Failed: {delivery.error}"
        )
    return {"deployment_id": execution.deployment_id, "told": True, "superseded": delivery.superseded}


def _log_call(record: dict[str, Any], execution: Execution, log: GateLog) -> None:
    from greenlight.gate.last_resort import read_failure

    failure = read_failure(record, execution)
    log.info(
        "last resort called",
        function=failure.function,
        request_id=failure.request_id,
        condition=failure.condition,
        invoke_count=failure.invoke_count,
        error=failure.error,
        error_type=failure.error_type,
    )


def _publish(
    record: dict[str, Any], execution: Execution, delivery: StatusDelivery, deadline: float, log: GateLog
) -> None:
    """Publish the report, if there is time; CodeDeploy has its answer."""
    from greenlight.gate import last_resort

    if deadline - time.monotonic() >= _MIN_PUBLISH_S:
        last_resort.publish(execution, last_resort.read_failure(record, execution), delivery, deadline, log)
