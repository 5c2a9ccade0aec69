"""Conversion of every error before the answer to Failed with a cause."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from greenlight.core.errors import DeploymentEndedError, GreenlightError, PlanError
from greenlight.core.finding import Cause
from greenlight.gate.result import GateResult, failed_result, rejected_plan_result
from greenlight.gate.shadow import apply_shadow

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.gate.run_state import RunState
    from greenlight.gate.telemetry import GateLog

T = TypeVar("T")


def run_fail_closed(state: RunState, log: GateLog, work: Callable[[], T]) -> T | GateResult:
    """Return the result of `work`, or the result Failed for the error that it raised.

    Once the plan has been read, its shadow applies to these errors as well. The shadow of a rejected plan does not
    apply, because it may be wrong like the rest of the plan.
    """
    try:
        return work()
    except PlanError as error:
        return rejected_plan_result(error, state.deployment)
    except DeploymentEndedError as error:
        return failed_result(Cause.SUPERSEDED, str(error), state.deployment)
    except GreenlightError as error:
        result = failed_result(error.cause, str(error), state.deployment)
    except BaseException as error:  # noqa: BLE001 - any unanswered error would stall the deployment for an hour
        log.best_effort(lambda: log.logger.exception("the gate crashed"))
        message = " ".join(str(error).split())[:300]
        crash = f"the gate crashed: {type(error).__name__}: {message}"
        result = failed_result(Cause.GATE_ERROR, crash, state.deployment)
    return apply_shadow(result, state.shadow, state.settings)
