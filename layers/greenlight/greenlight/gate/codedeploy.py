"""The hook's event, and the answer to CodeDeploy.

CodeDeploy ignores a hook's return value and exceptions. Only the first PutLifecycleEventHookExecutionStatus counts.
Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure-hooks.html
"""

from __future__ import annotations

import hashlib
import random
import time
from typing import TYPE_CHECKING, Any

from greenlight.aws.client import Session, error_code
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.errors import GreenlightError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.redaction import Redactor
from greenlight.core.verdict import Status, StatusDelivery

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 3
_ALREADY_COMPLETED = "LifecycleEventAlreadyCompletedException"
_PERMANENT_ERRORS = frozenset(
    {
        "DeploymentDoesNotExistException",
        "DeploymentIdRequiredException",
        "InvalidDeploymentIdException",
        "InvalidLifecycleEventHookExecutionIdException",
        "InvalidLifecycleEventHookExecutionStatusException",
        "UnsupportedActionForDeploymentTypeException",
    }
)
"""Errors that a retry cannot resolve. AccessDenied is not among them: new permissions take time to propagate."""
_MAX_DENIED_ATTEMPTS = 3
_MAX_ID_LENGTH = 8192


class EventError(GreenlightError):
    """The event did not come from CodeDeploy; without both ids no answer is possible."""


class AnswerNotAcceptedError(GreenlightError):
    """CodeDeploy did not accept the answer."""


class Execution(FrozenStruct, frozen=True, kw_only=True):
    """The two ids that an answer needs. The execution id is a capability: it is sent unchanged and never logged."""

    deployment_id: str
    execution_id: str

    def digest(self) -> str:
        """Return a short fingerprint of the execution id for the log."""
        return hashlib.sha256(self.execution_id.encode()).hexdigest()[:12]


def parse(event: Any) -> Execution:
    """Parse the hook's event.

    Raises:
        EventError: The event is not an object with both ids as strings.
    """
    if not isinstance(event, dict):
        raise EventError(
            f"the event is of type {type(event).__name__}, not a JSON object; was the function invoked by CodeDeploy?"
        )
    ids = [event.get(key) for key in ("DeploymentId", "LifecycleEventHookExecutionId")]
    if not all(isinstance(value, str) and 0 < len(value) <= _MAX_ID_LENGTH for value in ids):
        hint = " (this is the event of an ECS-native deployment)" if "lifecycleStage" in event else ""
        raise EventError(
            f"the event has no valid DeploymentId or LifecycleEventHookExecutionId{hint}; no answer is possible"
        )
    return Execution(deployment_id=str(ids[0]), execution_id=str(ids[1]))


class Reporter:
    """Sends the answer to CodeDeploy; the first status passed to `answer` is the only one ever sent."""

    def __init__(
        self,
        execution: Execution,
        client: Callable[[], Any] | None = None,
        *,
        sleep: Callable[[float], None] = SYSTEM_CLOCK.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Answer `execution` with a separate client, which no check can have modified."""
        self._execution = execution
        self._make_client = client or reporting_client
        self._sleep = sleep
        self._clock = clock
        self._delivery: StatusDelivery | None = None

    def answer(self, status: Status, budget_s: float) -> StatusDelivery:
        """Send the status, with retries and full jitter within `budget_s`; never raises.

        Returns:
            The delivery. A second call sends nothing and returns the first delivery.
        """
        if self._delivery is None:
            self._delivery = StatusDelivery(error="not answered yet")
            self._delivery = self._send(status, self._clock() + budget_s)
        return self._delivery

    def _send(self, status: Status, deadline: float) -> StatusDelivery:
        attempts, client, error, may_have_succeeded = 0, None, "", False
        while attempts == 0 or self._clock() < deadline:  # even after the deadline, CodeDeploy may accept one attempt
            attempts += 1
            try:
                client = client or self._make_client()
                client.put_lifecycle_event_hook_execution_status(
                    deploymentId=self._execution.deployment_id,
                    lifecycleEventHookExecutionId=self._execution.execution_id,
                    status=status.value,
                )
                return StatusDelivery(told=True, attempts=attempts)
            except Exception as exception:  # noqa: BLE001 - an exception that is not caught would lose the answer
                code = error_code(exception)
                error = _describe_error(exception, self._execution.execution_id)
            if code == _ALREADY_COMPLETED:
                # An earlier attempt whose result is unknown may have succeeded; otherwise another run has answered.
                return StatusDelivery(told=True, superseded=not may_have_succeeded, attempts=attempts)
            may_have_succeeded = may_have_succeeded or (client is not None and not _is_rejection(code))
            if code in _PERMANENT_ERRORS or (code.startswith("AccessDenied") and attempts >= _MAX_DENIED_ATTEMPTS):
                break
            pause = random.uniform(0.05, min(5.0, 0.2 * 2 ** min(attempts, 6)))  # noqa: S311 - jitter needs no cryptography
            if self._clock() + pause >= deadline:
                break
            self._sleep(pause)
        return StatusDelivery(told=False, attempts=attempts, error=error)


def reporting_client() -> Any:
    """Return the client that answers, with short timeouts; it does not retry, because the reporter does."""
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


def _is_rejection(code: str) -> bool:
    """Return whether an error code proves that the status was not accepted, as a failure inside AWS does not."""
    return (
        bool(code) and not code.isdecimal() and code not in ("InternalFailure", "InternalError", "ServiceUnavailable")
    )


def _describe_error(error: BaseException, secret: str) -> str:
    return " ".join(Redactor([secret]).text(f"{type(error).__name__}: {error}").split())[:500]
