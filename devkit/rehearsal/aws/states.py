"""Step Functions: the machines of a gate, its guardian and the watcher, run by moto, and the events of their ends.

The definitions are the deployed ones; only placeholders, time limits, the waits and the time for an approval differ.
"""

from __future__ import annotations

import contextlib
import json
import threading
import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from greenlight.core.clock import SYSTEM_CLOCK

from .calls import Application, Call, Reply
from .server import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from .server import LocalAws

GATE, GUARDIAN, WATCH = "greenlight-gate", "greenlight-guardian", "greenlight-watch"
GATE_KEY, GUARDIAN_KEY, WATCH_KEY = "AKIAREHEARSALGATEMACHINE", "AKIAREHEARSALGUARDIAN", "AKIAREHEARSALWATCHER"
_KEYS = {GATE: GATE_KEY, GUARDIAN: GUARDIAN_KEY, WATCH: WATCH_KEY}
_BAD_ENDS = ("FAILED", "TIMED_OUT", "ABORTED")
_POLL_S = 0.05
_CLOSE_S = 3.0
_HOOK_S = 5.0
"""Time of the hour before the machine starts: the hook takes seconds in real time, which are minutes when scaled."""


def machine_arn(name: str) -> str:
    """Return the ARN of a state machine."""
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


@dataclass(frozen=True)
class MachineSettings:
    """Settings of the state machines in a rehearsal.

    Attributes:
        folder: Folder of the definitions.
        placeholders: Values of the placeholders in the definitions, without those that name a machine.
        minute_s: Seconds of the rehearsal for one minute of bake time, and between two rounds of the watcher.
        hour_s: Seconds of the rehearsal for the hour of CodeDeploy.
    """

    folder: Path
    placeholders: Mapping[str, str]
    minute_s: float = 1.0
    hour_s: float = 60.0


@dataclass(frozen=True)
class MachineRun:
    """One execution of a state machine that has ended or still runs.

    Attributes:
        states: Names of the states in the order in which they were entered.
        transitions: Number of transitions that AWS charges: entered states, and repeated tasks.
        largest_state_bytes: Size of the largest input or output of a state.
        error: Error and cause of an execution that failed.
    """

    machine: str
    name: str
    deployment_id: str
    status: str
    states: tuple[str, ...]
    transitions: int
    largest_state_bytes: int
    error: str = ""

    def document(self) -> dict[str, Any]:
        """Return the JSON document of this execution."""
        return {
            "machine": self.machine,
            "status": self.status,
            "states": list(self.states),
            "transitions": self.transitions,
            "largest_state_bytes": self.largest_state_bytes,
            "error": self.error or None,
        }


class StateMachines:
    """Step Functions' API in front of moto; it creates the machines when the first execution starts.

    Until then no time is spent on moto's parser, which takes two seconds to import.
    """

    def __init__(self, aws: LocalAws, settings: MachineSettings, on_bad_end: Callable[[dict[str, Any]], None]) -> None:
        """Create the API without machines.

        Args:
            aws: The local AWS, whose services the machines call.
            settings: Settings of the machines.
            on_bad_end: Called with EventBridge's event of a guardian's execution that did not succeed.
        """
        self._aws = aws
        self._settings = settings
        self._on_bad_end = on_bad_end
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._created = False
        self._closing = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="events of machines", daemon=True)
        self._reported: set[str] = set()

    def __call__(self, call: Call, moto: Application) -> Reply | None:
        """Return moto's response to StartExecution; None for other calls, which moto answers."""
        if call.service != "states" or call.target != "StartExecution":
            return None
        self.create()
        with self._lock:  # moto compares the names of executions without a lock
            return call.pass_on(moto)

    def create(self) -> None:
        """Create the machines, if they do not exist yet."""
        with self._lock:
            if self._created:
                return
            from .interpreter import TimeScales, corrected_interpreter

            self._stack.enter_context(
                corrected_interpreter(
                    lambda service, machine: self._aws.client(service, _KEYS[machine]),
                    TimeScales(
                        dict.fromkeys(("Bake", "Ask", "Wait"), self._settings.minute_s / 60),
                        self._settings.hour_s / 3600,
                    ),
                )
            )
            for name, definition in self._definitions().items():
                self._client.create_state_machine(
                    name=name, definition=json.dumps(definition), roleArn=f"arn:aws:iam::{ACCOUNT}:role/{name}"
                )
            self._watcher.start()
            self._created = True

    def stop_guardian(self) -> None:
        """Stop the running guardians; like AWS, also stop the executions that they wait for."""
        self._stop(GUARDIAN, GATE)

    def _stop(self, *names: str) -> None:
        for name in names:
            for execution in self._executions(name, "RUNNING"):
                self._client.stop_execution(executionArn=execution["executionArn"])

    def wait_for_end(self, timeout_s: float) -> bool:
        """Wait until no execution runs and each bad end was reported; return False after `timeout_s`."""
        end = time.monotonic() + timeout_s
        while self._created and self._is_busy():
            if time.monotonic() > end:
                return False
            SYSTEM_CLOCK.sleep(_POLL_S)
        return True

    def runs(self, deployment_id: str) -> list[MachineRun]:
        """Return the executions for a deployment, in the order of their start."""
        if not self._created:
            return []
        executions = [(execution, name) for name in _KEYS for execution in self._executions(name)]
        executions.sort(key=lambda pair: pair[0]["startDate"])
        runs = [self._run(name, execution["executionArn"]) for execution, name in executions]
        return [run for run in runs if run.deployment_id == deployment_id]

    def close(self) -> None:
        """Stop all executions, and restore moto."""
        if self._created:
            self._stop(GUARDIAN, GATE, WATCH)
            self.wait_for_end(_CLOSE_S)
            self._closing.set()
            self._watcher.join()
            self._stack.close()

    @property
    def _client(self) -> Any:
        return self._aws.client("stepfunctions")

    def _definitions(self) -> dict[str, dict[str, Any]]:
        placeholders = {**self._settings.placeholders, "Partition": "aws", "GateMachine": machine_arn(GATE)}
        gate, guardian = (
            _read_definition(self._settings.folder / file, placeholders)
            for file in ("gate.asl.json", "guardian.asl.json")
        )
        hour_s = self._settings.hour_s
        _scale_time_limits(gate, guardian, max(hour_s - _HOOK_S, hour_s / 2) / 3600)
        watch = _read_definition(self._settings.folder / "watch.asl.json", placeholders)
        return {GATE: gate, GUARDIAN: guardian, WATCH: watch}

    def _executions(self, name: str, status: str = "") -> list[dict[str, Any]]:
        executions = self._client.list_executions(stateMachineArn=machine_arn(name))["executions"]
        return [execution for execution in executions if status in ("", execution["status"])]

    def _is_busy(self) -> bool:
        if self._executions(GATE, "RUNNING") or self._executions(WATCH, "RUNNING"):
            return True
        return any(
            execution["status"] == "RUNNING" or self._is_news(execution) for execution in self._executions(GUARDIAN)
        )

    def _is_news(self, execution: dict[str, Any]) -> bool:
        return execution["status"] in _BAD_ENDS and execution["executionArn"] not in self._reported

    def _watch(self) -> None:
        """Report bad ends of guardians until the machines are closed."""
        while not self._closing.wait(_POLL_S):
            for execution in self._executions(GUARDIAN):
                if self._is_news(execution):
                    self._on_bad_end(
                        _status_event(self._client.describe_execution(executionArn=execution["executionArn"]))
                    )
                    self._reported.add(execution["executionArn"])

    def _run(self, machine: str, arn: str) -> MachineRun:
        execution = self._client.describe_execution(executionArn=arn)
        events = self._client.get_execution_history(executionArn=arn)["events"]
        states = tuple(
            event["stateEnteredEventDetails"]["name"] for event in events if "stateEnteredEventDetails" in event
        )
        scheduled = sum(event["type"] == "TaskScheduled" for event in events)
        tasks = sum(event["type"] == "TaskStateEntered" for event in events)
        return MachineRun(
            machine=machine,
            name=execution["name"],
            deployment_id=_deployment_id(execution["input"]),
            status=execution["status"],
            states=states,
            transitions=len(states) + max(0, scheduled - tasks),
            largest_state_bytes=max((len(text.encode()) for text in _data(events)), default=0),
            error=": ".join(filter(None, (execution.get("error"), execution.get("cause")))),
        )


def _read_definition(path: Path, placeholders: Mapping[str, str]) -> dict[str, Any]:
    text = path.read_text(encoding="utf-8")
    for name, value in placeholders.items():
        text = text.replace(f"${{{name}}}", value)
    definition: dict[str, Any] = json.loads(text)
    return definition


def _scale_time_limits(gate: dict[str, Any], guardian: dict[str, Any], scale: float) -> None:
    """Scale the limits of whole executions with CodeDeploy's hour, and keep their order: whole seconds are coarse.

    The limits of single tasks stay, because functions run in real time. The guardian gets that of its only function in
    addition, which publishes after the answer: scaled, the minutes for it would be a second.
    """
    limit = int(guardian["TimeoutSeconds"] * scale) + 1
    for owner in (guardian, guardian["States"]["Gate"], gate):
        limit = owner["TimeoutSeconds"] = max(1, min(int(owner["TimeoutSeconds"] * scale), limit - 1))
    guardian["TimeoutSeconds"] += guardian["States"]["Record"]["TimeoutSeconds"]


def _deployment_id(text: str) -> str:
    document = json.loads(text)
    gate = document.get("gate") if isinstance(document, dict) else None
    return str(gate.get("deployment", "")) if isinstance(gate, dict) else ""


def _data(events: list[dict[str, Any]]) -> Iterator[str]:
    """Yield the inputs and outputs of states and tasks in a history."""
    for event in events:
        for details in event.values():
            if isinstance(details, dict):
                yield from (str(details[key]) for key in ("input", "output", "parameters") if details.get(key))


def _status_event(execution: Mapping[str, Any]) -> dict[str, Any]:
    """Return EventBridge's event of a change of an execution's status.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    now = SYSTEM_CLOCK.now_utc()
    stop_date = execution.get("stopDate") or now  # moto has no stopDate of an execution that timed out
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": "Step Functions Execution Status Change",
        "source": "aws.states",
        "account": ACCOUNT,
        "time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": REGION,
        "resources": [execution["executionArn"]],
        "detail": {
            "executionArn": execution["executionArn"],
            "stateMachineArn": execution["stateMachineArn"],
            "name": execution["name"],
            "status": execution["status"],
            "startDate": int(execution["startDate"].timestamp() * 1000),
            "stopDate": int(stop_date.timestamp() * 1000),
            "input": execution["input"],
            "output": None,
            "inputDetails": {"included": True},
            "outputDetails": None,
            "error": execution.get("error"),
            "cause": execution.get("cause"),
        },
    }
