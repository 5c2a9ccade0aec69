"""CodeDeploy's memory: deployments, their lifecycle events, and the one status that each hook execution may get.

The rules are CodeDeploy's own and strict: the first status of an execution counts and every later one is
refused, only Succeeded and Failed are statuses, unknown ids get the errors of CodeDeploy's API model.
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

if TYPE_CHECKING:
    from collections.abc import Callable

ROLLBACK_CREATOR = "codeDeployRollback"
_ID = re.compile(r"d-[A-Z0-9]{9}", re.ASCII)
_ALPHABET = string.ascii_uppercase + string.digits


class ServiceError(Exception):
    """What CodeDeploy's API answers instead of a result."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the error's code as AWS spells it."""
        self.code, self.message = code, message
        super().__init__(f"{code}: {message}")


@dataclass
class Entry:
    """One lifecycle event of one deployment; times are `time.time()` values, 0.0 for not yet."""

    name: str
    status: str = "Pending"
    started: float = 0.0
    ended: float = 0.0
    message: str = ""
    answered_by: str = ""


@dataclass
class Record:
    """One deployment as CodeDeploy keeps it. `target` gives the platform's part of its one target, as of now."""

    id: str
    platform: str
    application: str
    group: str
    config: str
    entries: list[Entry]
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

    def entry(self, event: str) -> Entry:
        """Find the entry of a lifecycle event."""
        return next(entry for entry in self.entries if entry.name == event)


@dataclass
class Execution:
    """One call of one hook, waiting for its status. `answered_by` is the access key that gave it."""

    id: str
    deployment_id: str
    event: str
    status: str = ""
    answered_by: str = ""
    closed: bool = False
    answered: threading.Event = field(default_factory=threading.Event)
    attempts: list[str] = field(default_factory=list)


class Ledger:
    """All deployments and hook executions of one rehearsal. Safe for use by several threads."""

    def __init__(self) -> None:
        """Start with no deployment."""
        self._lock = threading.Lock()
        self._records: dict[str, Record] = {}
        self._executions: dict[str, Execution] = {}

    def add(self, record: Record) -> None:
        """Remember a deployment."""
        with self._lock:
            self._records[record.id] = record

    def find(self, deployment_id: Any) -> Record:
        """Look a deployment up.

        Raises:
            ServiceError: The id is missing, malformed or unknown, in CodeDeploy's own terms.
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

    def open(self, deployment_id: str, event: str) -> Execution:
        """Begin a hook execution and give it an id that only the hook learns."""
        execution = Execution(new_execution_id(), deployment_id, event)
        with self._lock:
            self._executions[execution.id] = execution
        return execution

    def close(self, execution: Execution) -> None:
        """Accept no status for this execution any more; one that is there stays."""
        with self._lock:
            execution.closed = True

    def put(self, deployment_id: Any, execution_id: Any, status: Any, *, caller: str = "") -> str:
        """Take a hook's status, as PutLifecycleEventHookExecutionStatus does.

        Raises:
            ServiceError: The id or the status is wrong, or the execution has a status already.
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


def new_deployment_id() -> str:
    """Make an id that looks like CodeDeploy's: `d-` and nine capitals or digits."""
    return "d-" + "".join(secrets.choice(_ALPHABET) for _ in range(9))


def new_execution_id() -> str:
    """Make a long opaque token of the shape CodeDeploy's have: base64 of a JSON document of three keys."""
    token = {
        "encryptedData": base64.b64encode(secrets.token_bytes(96)).decode(),
        "ivParameterSpec": base64.b64encode(secrets.token_bytes(12)).decode(),
        "materialSetSerial": 1,
    }
    return base64.b64encode(json.dumps(token, separators=(",", ":")).encode()).decode()
