"""CodeDeploy's side of a gate: the event with its two ids, and the one answer.

A hook's return value and its exceptions are not read; only PutLifecycleEventHookExecutionStatus counts, once.
Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
"""

from __future__ import annotations

import hashlib
import random
import time
from typing import TYPE_CHECKING, Any

from greenlight.aws.client import Session, error_code
from greenlight.core.errors import GreenlightError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.redaction import Redactor
from greenlight.core.verdict import Status, StatusDelivery

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 3
_ALREADY = "LifecycleEventAlreadyCompletedException"
_FINAL = frozenset(
    {
        "DeploymentDoesNotExistException",
        "DeploymentIdRequiredException",
        "InvalidDeploymentIdException",
        "InvalidLifecycleEventHookExecutionIdException",
        "InvalidLifecycleEventHookExecutionStatusException",
        "UnsupportedActionForDeploymentTypeException",
    }
)
"""Errors that no further attempt can change. AccessDenied is not among them: new permissions take a while to spread."""
_DENIED_ATTEMPTS = 3


class EventError(GreenlightError):
    """The event is not CodeDeploy's; without both ids nobody can be answered."""


class Execution(FrozenStruct, frozen=True, kw_only=True):
    """Whom to answer. The execution id is a capability: it is passed on byte for byte and never logged."""

    deployment_id: str
    execution_id: str

    def digest(self) -> str:
        """Give a short fingerprint of the execution id, fit for a log."""
        return hashlib.sha256(self.execution_id.encode()).hexdigest()[:12]


def parse(event: Any) -> Execution:
    """Read the event of a hook.

    Raises:
        EventError: It is not a map with both ids as texts.
    """
    if not isinstance(event, dict):
        raise EventError(
            f"the event is no map but {type(event).__name__}; was the function called by something else than CodeDeploy?"
        )
    ids = [event.get(key) for key in ("DeploymentId", "LifecycleEventHookExecutionId")]
    if not all(isinstance(each, str) and 0 < len(each) <= 8192 for each in ids):
        native = " (this is an event of an ECS-native deployment)" if "lifecycleStage" in event else ""
        raise EventError(
            f"the event lacks DeploymentId or LifecycleEventHookExecutionId as a text{native}; nobody can be answered"
        )
    return Execution(deployment_id=str(ids[0]), execution_id=str(ids[1]))


class Reporter:
    """A latch: the first status given to `answer` is the only one ever sent."""

    def __init__(
        self,
        execution: Execution,
        client: Callable[[], Any] | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Answer `execution` with a client of its own, so that nothing a check did to another can matter."""
        self._execution = execution
        self._make_client = client or reporting_client
        self._sleep = sleep
        self._clock = clock
        self._answer: StatusDelivery | None = None

    def answer(self, status: Status, budget_s: float) -> StatusDelivery:
        """Tell CodeDeploy, retrying within `budget_s` with full jitter; never raises.

        Returns:
            How it went; a second call changes nothing and gives the first one's result.
        """
        if self._answer is None:
            self._answer = StatusDelivery(error="not answered yet")
            self._answer = self._tell(status, self._clock() + budget_s)
        return self._answer

    def _tell(self, status: Status, until: float) -> StatusDelivery:
        attempts, client, error, unsure = 0, None, "", False
        while attempts == 0 or self._clock() < until:  # too late is for CodeDeploy to say
            attempts += 1
            try:
                client = client or self._make_client()
                client.put_lifecycle_event_hook_execution_status(
                    deploymentId=self._execution.deployment_id,
                    lifecycleEventHookExecutionId=self._execution.execution_id,
                    status=status.value,
                )
                return StatusDelivery(told=True, attempts=attempts)
            except Exception as problem:  # noqa: BLE001 - a classifier that misses one kind of error loses the answer
                code = error_code(problem)
                error = _said(problem, self._execution.execution_id)
            if code == _ALREADY:
                # An attempt whose fate is unknown may have been the one that counted; otherwise somebody else answered.
                return StatusDelivery(told=True, superseded=not unsure, attempts=attempts)
            unsure = unsure or (client is not None and not _refused(code))
            if code in _FINAL or (code.startswith("AccessDenied") and attempts >= _DENIED_ATTEMPTS):
                break
            pause = random.uniform(0.05, min(5.0, 0.2 * 2 ** min(attempts, 6)))  # noqa: S311 - jitter is no secret
            if self._clock() + pause >= until:
                break
            self._sleep(pause)
        return StatusDelivery(told=False, attempts=attempts, error=error)


def reporting_client() -> Any:
    """Make the client that answers: short time-outs, and retries left to the reporter, which knows its budget."""
    from botocore.config import Config

    return Session().client(
        "codedeploy",
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_S,
            read_timeout=READ_TIMEOUT_S,
            retries={"mode": "standard", "total_max_attempts": 1},
            user_agent_extra="greenlight",
        ),
    )


def _refused(code: str) -> bool:
    """Tell whether an error says that the status was not taken; no code, or a failure inside AWS, does not."""
    return (
        bool(code) and not code.isdecimal() and code not in ("InternalFailure", "InternalError", "ServiceUnavailable")
    )


def _said(problem: BaseException, secret: str) -> str:
    return " ".join(Redactor([secret]).text(f"{type(problem).__name__}: {problem}").split())[:500]
