"""The last resort: answers Failed for a hook that could not answer for itself.

Lambda calls it with the record of an invocation that failed: out of memory, out of time, killed, or not able
to tell CodeDeploy. It runs no plan and no plugin, has a role of its own, and does this one thing.
"""

from __future__ import annotations

import contextlib
from typing import Any

from greenlight.core.verdict import Status
from greenlight.gate.codedeploy import EventError, Reporter, parse
from greenlight.publish import metrics

BUDGET_S = 60.0
RESERVE_S = 2.0


class NotToldError(RuntimeError):
    """Nobody could tell CodeDeploy; the deployment waits for its hour, and an alarm says so."""


def handler(record: Any, context: Any) -> dict[str, Any]:
    """Answer Failed for the invocation that `record` tells of.

    Raises:
        EventError: The record holds no hook's event.
        NotToldError: CodeDeploy could not be told.
    """
    if not isinstance(record, dict) or not isinstance(record.get("requestPayload"), dict):
        raise EventError("this is no record of a failed invocation: it has no requestPayload")
    execution = parse(record["requestPayload"])
    budget_s = min(BUDGET_S, context.get_remaining_time_in_millis() / 1000 - RESERVE_S)
    answer = Reporter(execution).answer(Status.FAILED, budget_s)
    with contextlib.suppress(Exception):  # a metric that cannot be written is no reason to say that nobody was told
        metrics.emit(
            "LastResort", {"LastResortAnswered": float(answer.told), "LastResortUnanswered": float(not answer.told)}
        )
    if not answer.told:
        raise NotToldError(f"deployment {execution.deployment_id}: CodeDeploy could not be told Failed: {answer.error}")
    return {"deployment_id": execution.deployment_id, "told": True, "superseded": answer.superseded}
