"""State of the simulated CodeDeploy: deployments, their lifecycle events, and the status of each hook execution.

The rules are CodeDeploy's: only the first status of an execution is accepted, a status is Succeeded or Failed, and
unknown ids get the errors of CodeDeploy's API model.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
import string
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import ROLLBACK_CREATORS

if TYPE_CHECKING:
    from collections.abc import Callable

ROLLBACK_CREATOR = "codeDeployRollback"
_ID = re.compile(r"d-[A-Z0-9]{9}", re.ASCII)
_ALPHABET = string.ascii_uppercase + string.digits


class ServiceError(Exception):
    """Error response of CodeDeploy's API."""

    def __init__(self, code: str, message: str) -> None:
        """Create an error with a code of CodeDeploy's API model."""
        self.code, self.message = code, message
        super().__init__(f"{code}: {message}")


@dataclass
class LifecycleEvent:
    """One lifecycle event of one deployment; times are `time.time()` values, 0.0 until then."""

    name: str
    status: str = "Pending"
    started: float = 0.0
    ended: float = 0.0
    message: str = ""
    answered_by: str = ""


@dataclass
class DeploymentRecord:
    """One deployment as CodeDeploy stores it.

    Attributes:
        target: Returns the platform's part of the only deployment target, as it is now.
    """

    id: str
    platform: str
    application: str
    group: str
    config: str
    events: list[LifecycleEvent]
    target: Callable[[], dict[str, Any]]
    creator: str = "user"
    status: str = "Created"
    error_code: str = ""
    error_message: str = ""
    created: float = field(default_factory=time.time)
    completed: float = 0.0
    rollback_of: str = ""
    rolled_back_by: str = ""
    stop_requested: bool = False

    @property
    def is_rollback(self) -> bool:
        """Whether CodeDeploy or CloudFormation started it to go back."""
        return self.creator in ROLLBACK_CREATORS

    def event(self, name: str) -> LifecycleEvent:
        """Return the lifecycle event with this name."""
        return next(event for event in self.events if event.name == name)


@dataclass
class HookExecution:
    """One call of a hook that waits for its status. `answered_by` is the access key that reported the status."""

    id: str
    deployment_id: str
    event: str
    status: str = ""
    answered_by: str = ""
    closed: bool = False
    answered: threading.Event = field(default_factory=threading.Event)
    attempts: list[str] = field(default_factory=list)


class CodeDeployState:
    """Deployments and hook executions of one rehearsal. Thread-safe."""

    def __init__(self) -> None:
        """Create a state without deployments."""
        self._lock = threading.Lock()
        self._records: dict[str, DeploymentRecord] = {}
        self._executions: dict[str, HookExecution] = {}

    def add(self, record: DeploymentRecord) -> None:
        """Add a deployment."""
        with self._lock:
            self._records[record.id] = record

    def deployment_ids(self) -> list[str]:
        """Return the ids of all deployments."""
        with self._lock:
            return list(self._records)

    def find(self, deployment_id: Any) -> DeploymentRecord:
        """Return a deployment by its id.

        Raises:
            ServiceError: The id is missing, malformed or unknown; with CodeDeploy's error code.
        """
        if not deployment_id:
            raise ServiceError("DeploymentIdRequiredException", "At least one deployment ID must be specified.")
        if not isinstance(deployment_id, str) or not _ID.fullmatch(deployment_id):
            raise ServiceError("InvalidDeploymentIdException", "The deployment ID is in an invalid format.")
        with self._lock:
            record = self._records.get(deployment_id)
        if record is None:
            raise ServiceError("DeploymentDoesNotExistException", f"The deployment {deployment_id} could not be found.")
        return record

    def open_execution(self, deployment_id: str, event: str) -> HookExecution:
        """Create a hook execution with a new id, which only its hook receives."""
        execution = HookExecution(create_execution_id(), deployment_id, event)
        with self._lock:
            self._executions[execution.id] = execution
        return execution

    def close_execution(self, execution: HookExecution) -> None:
        """Reject further statuses for this execution; a status that was accepted stays."""
        with self._lock:
            execution.closed = True

    def put_status(self, deployment_id: Any, execution_id: Any, status: Any, *, caller: str = "") -> str:
        """Store a hook's status, as PutLifecycleEventHookExecutionStatus does.

        Raises:
            ServiceError: An id or the status is invalid, or the execution already has a status.
        """
        record = self.find(deployment_id)
        with self._lock:
            execution = self._executions.get(execution_id) if isinstance(execution_id, str) else None
            if execution is None or execution.deployment_id != record.id:
                raise ServiceError(
                    "InvalidLifecycleEventHookExecutionIdException",
                    "The specified lifecycle event hook execution ID is invalid.",
                )
            execution.attempts.append(str(status))
            if status not in ("Succeeded", "Failed"):
                raise ServiceError(
                    "InvalidLifecycleEventHookExecutionStatusException",
                    "The lifecycle event hook execution status is invalid: it must be Succeeded or Failed.",
                )
            if execution.status or execution.closed:
                raise ServiceError(
                    "LifecycleEventAlreadyCompletedException",
                    f"The lifecycle event {execution.event} is already completed.",
                )
            execution.status, execution.answered_by = str(status), caller
        execution.answered.set()
        return execution.id


def create_deployment_id() -> str:
    """Return a new id in CodeDeploy's format: `d-` and nine capital letters or digits."""
    return "d-" + "".join(secrets.choice(_ALPHABET) for _ in range(9))


def create_execution_id() -> str:
    """Return a new token in CodeDeploy's format: base64 of a JSON document with three keys."""
    token = {
        "encryptedData": base64.b64encode(secrets.token_bytes(96)).decode(),
        "ivParameterSpec": base64.b64encode(secrets.token_bytes(12)).decode(),
        "materialSetSerial": 1,
    }
    return base64.b64encode(json.dumps(token, separators=(",", ":")).encode()).decode()
