"""The last resort: answers Failed for a hook that could not answer.

Lambda's OnFailure destination invokes it with the record of a failed invocation: the hook ran out of memory, timed out
or was killed, or CodeDeploy did not accept its answer. It runs no plan and no plugin, and has a separate role.
"""

from __future__ import annotations

import contextlib
from typing import Any

from greenlight.core.verdict import Status
from greenlight.gate.codedeploy import AnswerNotAcceptedError, EventError, Reporter, parse
from greenlight.publish import metrics

BUDGET_S = 60.0
RESERVE_S = 2.0


def handler(record: Any, context: Any) -> dict[str, Any]:
    """Answer Failed for the failed invocation in `record`.

    Raises:
        EventError: The record does not contain a hook's event.
        AnswerNotAcceptedError: CodeDeploy did not accept the answer; the deployment waits until its hook times out, and
            an alarm is raised.
    """
    if not isinstance(record, dict) or not isinstance(record.get("requestPayload"), dict):
        raise EventError("the event is not the record of a failed invocation: it has no requestPayload")
    execution = parse(record["requestPayload"])
    budget_s = min(BUDGET_S, context.get_remaining_time_in_millis() / 1000 - RESERVE_S)
    delivery = Reporter(execution).answer(Status.FAILED, budget_s)
    with contextlib.suppress(Exception):  # a metric that cannot be written must not fail the invocation
        metrics.emit(
            "LastResort", {"LastResortAnswered": float(delivery.told), "LastResortUnanswered": float(not delivery.told)}
        )
    if not delivery.told:
        raise AnswerNotAcceptedError(
            f"deployment {execution.deployment_id}: CodeDeploy did not accept Failed: {delivery.error}"
        )
    return {"deployment_id": execution.deployment_id, "told": True, "superseded": delivery.superseded}
