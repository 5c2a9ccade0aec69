"""The last resort: answers Failed for a hook or a state machine that could not answer.

Lambda's OnFailure destination invokes it with the record of a failed invocation: the hook ran out of memory, timed out
or was killed, or CodeDeploy did not accept its answer. EventBridge invokes it with the end of a guardian state machine.
It runs no plan and no plugin, and has a separate role.
"""

from __future__ import annotations

import contextlib
from typing import Any

from greenlight.core.redaction import Redactor
from greenlight.core.verdict import Status
from greenlight.gate.codedeploy import AnswerNotAcceptedError, EventError, Execution, Reporter, parse
from greenlight.gate.machine_event import build_record, is_machine_event
from greenlight.gate.telemetry import GateLog
from greenlight.publish import metrics

BUDGET_S = 60.0
RESERVE_S = 2.0
STAGE = "LastResort"
MAX_MESSAGE_LENGTH = 500


def handler(record: Any, context: Any) -> dict[str, Any]:
    """Answer Failed for the failed invocation in `record`.

    Raises:
        EventError: The record does not contain a hook's event or the input of a guardian.
        AnswerNotAcceptedError: CodeDeploy did not accept the answer; the deployment waits until its hook times out, and
            an alarm is raised.
    """
    if is_machine_event(record):
        record = build_record(record)
    if not isinstance(record, dict) or not isinstance(record.get("requestPayload"), dict):
        raise EventError("the event is not the record of a failed invocation: it has no requestPayload")
    execution = parse(record["requestPayload"])
    log = GateLog(execution, STAGE)
    log.best_effort(lambda: log.info("last resort called", **_describe_failure(record, execution)))
    budget_s = min(BUDGET_S, context.get_remaining_time_in_millis() / 1000 - RESERVE_S)
    delivery = Reporter(execution).answer(Status.FAILED, budget_s)
    log.answered(Status.FAILED, delivery)
    with contextlib.suppress(Exception):  # a metric that cannot be written must not fail the invocation
        metrics.emit(
            STAGE, {"LastResortAnswered": float(delivery.told), "LastResortUnanswered": float(not delivery.told)}
        )
    if not delivery.told:
        raise AnswerNotAcceptedError(
            f"deployment {execution.deployment_id}: CodeDeploy did not accept Failed: {delivery.error}"
        )
    return {"deployment_id": execution.deployment_id, "told": True, "superseded": delivery.superseded}


def _describe_failure(record: dict[str, Any], execution: Execution) -> dict[str, Any]:
    """Return the facts that Lambda's record has about the failed invocation, without the execution id.

    Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    request, response = _section(record, "requestContext"), _section(record, "responsePayload")
    redactor = Redactor([execution.execution_id])

    def clean(value: Any) -> str:
        return " ".join(redactor.text(str(value or "")).split())[:MAX_MESSAGE_LENGTH]

    return {
        "function": clean(request.get("functionArn")),
        "request_id": clean(request.get("requestId")),
        "condition": clean(request.get("condition")),
        "invoke_count": clean(request.get("approximateInvokeCount")),
        "error": clean(response.get("errorMessage")),
        "error_type": clean(response.get("errorType")),
    }


def _section(record: dict[str, Any], key: str) -> dict[str, Any]:
    section = record.get(key)
    return section if isinstance(section, dict) else {}
