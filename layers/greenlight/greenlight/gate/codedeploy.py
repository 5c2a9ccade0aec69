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
from greenlight.aws.deadline import OverdueError, run_with_deadline
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.errors import GreenlightError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.redaction import Redactor
from greenlight.core.verdict import Status, StatusDelivery

if TYPE_CHECKING:
    from collections.abc import Callable

CONNECT_TIMEOUT_S = 2
READ_TIMEOUT_S = 3
ATTEMPT_S = 6.0
"""Longest attempt, whatever it waits for; one connect and one read end sooner by their own time-outs."""
FIRST_ATTEMPT_S = READ_TIMEOUT_S + 1.0
"""Time of the first attempt if less is left: without an attempt there is no answer."""
UNREACHED_S = 150.0
"""Longest time of attempts none of which reached CodeDeploy.

The last resort runs outside the VPC of the hook, so it may reach CodeDeploy where the hook cannot; Lambda calls it when
the hook gives up. A shorter bound would turn Succeeded into Failed for an outage that passes: a resolver or a NAT
gateway that fails over takes up to two minutes. A longer bound only delays the deployment, because a missing route or
endpoint does not come back. The bound does not apply once CodeDeploy has answered anything: then only time is missing.
"""
_CONNECTED = ("ReadTimeoutError", "ConnectionClosedError")
"""Errors of botocore after the connection was made and the request was sent."""
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
"""Errors that another attempt cannot change. AccessDenied is not among them: new permissions take time to propagate."""
_NO_RECEIPT = (
    "the answer does not return the execution id, so it is not CodeDeploy's receipt; "
    "does a proxy or an endpoint answer in its place?"
)
_DENIED_ATTEMPTS = 3
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
        return self.full_digest()[:12]

    def full_digest(self) -> str:
        """Return the SHA-256 of the execution id, for the key of an object."""
        return hashlib.sha256(self.execution_id.encode()).hexdigest()


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
        attempts, connection, error, unsure = 0, _Connection(self._make_client), "", False
        last_moment, deadline = deadline, min(deadline, self._clock() + UNREACHED_S)
        while attempts == 0 or self._clock() < deadline:  # CodeDeploy decides whether the first attempt is too late
            attempts += 1
            try:
                limit_s = max(deadline - self._clock(), FIRST_ATTEMPT_S if attempts == 1 else 0.0)
                response = self._put(connection, status, min(limit_s, ATTEMPT_S))
                if _is_receipt(response, self._execution.execution_id):
                    return StatusDelivery(told=True, attempts=attempts)
                code, error = "", _NO_RECEIPT
            except Exception as problem:  # noqa: BLE001 - a classifier that misses one kind of error loses the answer
                code = error_code(problem)
                deadline = last_moment if _is_reached(problem) else deadline
                error = _describe_error(problem, self._execution.execution_id)
            if code == _ALREADY:
                # An earlier attempt without a clear result may have counted; otherwise another run answered.
                return StatusDelivery(told=True, superseded=not unsure, attempts=attempts)
            unsure = unsure or (connection.client is not None and not _is_refusal(code))
            if code in _FINAL or (code.startswith("AccessDenied") and attempts >= _DENIED_ATTEMPTS):
                break
            if connection.is_abandoned:  # its thread still uses the client, and its name may never be resolved
                connection = _Connection(self._make_client)
            pause = random.uniform(0.05, min(5.0, 0.2 * 2 ** min(attempts, 6)))  # noqa: S311 - jitter needs no cryptography
            if self._clock() + pause >= deadline:
                break
            self._sleep(pause)
        return StatusDelivery(told=False, attempts=attempts, error=error)

    def _put(self, connection: _Connection, status: Status, limit_s: float) -> Any:
        """Make one attempt of at most `limit_s`.

        The client's time-outs apply to each read and not to name resolution, so alone they do not end a response that
        comes byte by byte.
        """
        parameters = {
            "deploymentId": self._execution.deployment_id,
            "lifecycleEventHookExecutionId": self._execution.execution_id,
            "status": status.value,
        }
        try:
            return run_with_deadline(
                time.monotonic() + limit_s, lambda: connection.put(parameters), "CodeDeploy did not answer the attempt"
            )
        except OverdueError as error:
            connection.is_abandoned = True
            raise OverdueError(f"the attempt did not end within {limit_s:.1f} s") from error


class _Connection:
    """A client that is made by its first attempt and used until an attempt on it is abandoned."""

    def __init__(self, make_client: Callable[[], Any]) -> None:
        self.client: Any = None
        self.is_abandoned = False
        self._make_client = make_client

    def put(self, parameters: dict[str, str]) -> Any:
        """Send the status."""
        self.client = self.client or self._make_client()
        return self.client.put_lifecycle_event_hook_execution_status(**parameters)


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


def _is_receipt(response: Any, execution_id: str) -> bool:
    """Return whether a response returns the execution id, as CodeDeploy does for a status that it accepted.

    botocore parses a proxy's page, an empty body and any other JSON with status 200 without an error.
    """
    return isinstance(response, dict) and response.get("lifecycleEventHookExecutionId") == execution_id


def _is_reached(problem: Exception) -> bool:
    """Return whether an attempt that failed reached CodeDeploy; a page of a proxy has a status but no error code."""
    code = error_code(problem)
    return (bool(code) and not code.isdecimal()) or type(problem).__name__ in _CONNECTED


def _is_refusal(code: str) -> bool:
    """Return whether an error code means that the status was not accepted; a failure inside AWS leaves it open."""
    return (
        bool(code) and not code.isdecimal() and code not in ("InternalFailure", "InternalError", "ServiceUnavailable")
    )


def _describe_error(error: BaseException, secret: str) -> str:
    return " ".join(Redactor([secret]).text(f"{type(error).__name__}: {error}").split())[:500]
