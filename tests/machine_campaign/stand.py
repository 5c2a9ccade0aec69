"""The state machines with functions in this process, which fail as a test says.

The machines are the deployed ones; they run as in a rehearsal. A function fails at the call that the test names, in
one of the ways in which Lambda, CodeDeploy or the network can fail.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from devkit.rehearsal.aws.calls import CutReply, Reply, json_error, json_reply
from devkit.rehearsal.aws.codedeploy import CodeDeployApi
from devkit.rehearsal.aws.server import ACCOUNT, REGION
from devkit.rehearsal.aws.states import GATE, GUARDIAN, GUARDIAN_KEY, MachineSettings, StateMachines, machine_arn
from devkit.rehearsal.codedeploy_state import (
    CodeDeployState,
    DeploymentRecord,
    HookExecution,
    LifecycleEvent,
    ServiceError,
    create_deployment_id,
)
from devkit.rehearsal.hooks import ANSWERERS, CONCLUDE, LAST_RESORT_KEY, PLACEHOLDERS, PREPARE, PROBE, PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from devkit.rehearsal.aws.calls import Application, Call
    from devkit.rehearsal.aws.server import LocalAws

STAGE = "BeforeAllowTraffic"
HOOK_KEY = "AKIAHOOK"
PUT = "PutLifecycleEventHookExecutionStatus"
_LARGE = "x" * 300_000
_END_S = 120.0


@dataclass
class Gate:
    """A gate of a test.

    Attributes:
        waves: Numbers of the shards of each wave.
        broken: Shards whose checks find a broken release.
        pauses: Number of times that each shard is continued in another invocation.
        bake_s: The plan's bake time.
        failures: Ways in which the first calls of a place fail. Places are `start`, `prepare`, `probe-N` of a shard,
            `judge`, `ask`, `decide`, `publish`, `abandoned`, `answer` and `guardian-answer`; "" is a call that does not
            fail.
        is_event_lost: EventBridge loses the event of the guardian's end.
        answer: Value of the gate's key `answer`, for a caller other than CodeDeploy.
        has_answer: The gate has this key even if it is empty.
        hold_s: Time for an approval; 0 for a gate without a hold.
        tokens: Task tokens with which the machine has asked.
        unanswered: Error with which the wait for an approval ended.
    """

    waves: Sequence[Sequence[int]] = ((0,), (1, 2))
    broken: frozenset[int] = frozenset()
    pauses: int = 0
    bake_s: int = 0
    failures: dict[str, list[str]] = field(default_factory=dict)
    is_event_lost: bool = False
    answer: str = ""
    has_answer: bool = False
    hold_s: int = 0
    tokens: list[str] = field(default_factory=list)
    unanswered: str = ""
    execution: HookExecution = field(default_factory=lambda: HookExecution("", "", ""))
    calls: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    published: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of its executions, as the hooks choose it."""
        return hashlib.sha256(self.execution.id.encode()).hexdigest()[:40]

    def next_failure(self, place: str) -> str:
        """Count a call, and return the way in which it fails."""
        number, failures = self.calls[place], self.failures.get(place, [])
        self.calls[place] += 1
        return failures[number] if number < len(failures) else ""


class Stand:
    """Local AWS with the state machines, for several gates at the same time; `events` are those of EventBridge."""

    def __init__(self, aws: LocalAws, hour_s: float = 30.0) -> None:
        """Reset `aws`, and put the services of the machines in front of it."""
        self._aws = aws
        self._state = CodeDeployState()
        self._codedeploy = CodeDeployApi(self._state)
        self._gates: dict[str, Gate] = {}
        self._closing = threading.Event()
        self.events: list[dict[str, Any]] = []
        settings = MachineSettings(PROJECT / "machine", PLACEHOLDERS, minute_s=0.01, hour_s=hour_s)
        self.machines = StateMachines(aws, settings, self._deliver)
        aws.reset([self._serve, self.machines])

    def close(self) -> None:
        """Stop the machines."""
        self._closing.set()
        self.machines.close()
        self._aws.reset()

    def open(self, gate: Gate) -> None:
        """Open the hook execution of a gate, for whose status CodeDeploy waits."""
        record = DeploymentRecord(
            create_deployment_id(), "lambda", "orders", "live", "all", [LifecycleEvent(STAGE)], dict
        )
        self._state.add(record)
        gate.execution = self._state.open_execution(record.id, STAGE)
        self._gates |= {gate.name: gate, gate.execution.id: gate}

    def deliver_event(self, gate: Gate) -> None:
        """Start the guardian as the hook does, and answer Failed if it cannot be started."""
        deployment, execution = gate.execution.deployment_id, gate.execution.id
        document = {"gate": {"name": gate.name, "deployment": deployment, "stage": STAGE}, "execution": execution}
        if gate.answer or gate.has_answer:
            document = {"gate": {**document["gate"], "answer": gate.answer}}  # type: ignore[dict-item]
        try:
            self._aws.client("stepfunctions", HOOK_KEY).start_execution(
                stateMachineArn=machine_arn(GUARDIAN), name=gate.name, input=json.dumps(document, sort_keys=True)
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "ExecutionAlreadyExists":
                self._put(gate, "Failed", HOOK_KEY)

    def run(self, gate: Gate, deliveries: int = 1) -> None:
        """Open a gate, deliver its event, and wait until its machines have ended."""
        self.open(gate)
        hooks = [threading.Thread(target=self.deliver_event, args=(gate,)) for _ in range(deliveries)]
        for hook in hooks:
            hook.start()
        for hook in hooks:
            hook.join()
        self.wait(gate)

    def wait(self, gate: Gate) -> None:
        """Wait until the machines of a gate have ended, and the event of a bad end was delivered."""
        end = time.monotonic() + _END_S
        while any(self._status(machine, gate) == "RUNNING" for machine in (GUARDIAN, GATE)):
            if time.monotonic() > end:
                raise AssertionError(f"the gate has not ended within {_END_S:.0f} s: {gate}")
            time.sleep(0.05)
        if self._status(GUARDIAN, gate) not in ("", "SUCCEEDED") and not (gate.is_event_lost or gate.answer):
            gate.execution.answered.wait(10)

    def output(self, gate: Gate) -> Any:
        """Return the output of the guardian of a gate, which its caller reads; None if it did not succeed."""
        client = self._aws.client("stepfunctions")
        execution = client.describe_execution(executionArn=_execution_arn(GUARDIAN, gate))
        return json.loads(execution["output"]) if execution["status"] == "SUCCEEDED" else None

    def stop(self, gate: Gate) -> None:
        """Stop the guardian of a gate; like AWS, also stop the execution that it waits for."""
        for machine in (GUARDIAN, GATE):
            self._aws.client("stepfunctions").stop_execution(executionArn=_execution_arn(machine, gate))

    def _status(self, machine: str, gate: Gate) -> str:
        client = self._aws.client("stepfunctions")
        try:
            return str(client.describe_execution(executionArn=_execution_arn(machine, gate))["status"])
        except ClientError:
            return ""

    def _deliver(self, event: dict[str, Any]) -> None:
        """Answer Failed for an event, as the last resort does."""
        self.events.append(event)
        gate = self._gates[json.loads(event["detail"]["input"])["gate"]["name"]]
        if not (gate.is_event_lost or gate.answer):
            self._put(gate, "Failed", LAST_RESORT_KEY)

    def _put(self, gate: Gate, status: str, key: str) -> None:
        try:
            self._state.put_status(gate.execution.deployment_id, gate.execution.id, status, caller=key)
        except ServiceError:
            return
        gate.answers.append(status)

    def _serve(self, call: Call, moto: Application) -> Reply | None:
        if call.service == "states" and call.target == "StartExecution" and call.caller == HOOK_KEY:
            return self._start(call, moto)
        if call.service == "codedeploy" and call.target == PUT:
            return self._answer(call, moto)
        if call.service == "lambda":
            return self._invoke(call)
        return None

    def _start(self, call: Call, moto: Application) -> Reply | None:
        gate = self._gates[call.json["name"]]
        failure = gate.next_failure("start")
        if failure == "lost":
            self.machines(call, moto)
        return json_error("AccessDeniedException", "not authorized") if failure else None

    def _answer(self, call: Call, moto: Application) -> Reply | None:
        gate = self._gates[call.json["lifecycleEventHookExecutionId"]]
        failure = gate.next_failure("guardian-answer" if call.caller == GUARDIAN_KEY else "answer")
        if failure in _ERRORS:
            return _ERRORS[failure]("ThrottlingException")
        reply = self._codedeploy(call, moto)
        if reply is not None and reply.status == 200:
            gate.answers.append(call.json["status"])
        return CutReply(b"{") if failure == "lost" else reply

    def _invoke(self, call: Call) -> Reply:
        function, payload = call.path.split("/")[3], call.json
        gate = self._gates[payload["gate"]["name"]]
        place = {PREPARE.name: "prepare", PROBE.name: f"probe-{payload.get('shard')}"}.get(function, "")
        failure = gate.next_failure(place or payload["step"])
        if failure == "held":
            self._closing.wait()
        if failure == "stopped":
            self.stop(gate)
        if failure in _ERRORS:
            return _ERRORS[failure]("TooManyRequestsException")
        if failure in _PAYLOADS:
            return json_reply(_PAYLOADS[failure])
        document = _FUNCTIONS[function](gate, payload)
        return CutReply(b"{") if failure == "lost" else json_reply(document)


def answer_of(gate: Gate) -> tuple[str, str]:
    """Return the answerer and the status; there must be exactly one answer."""
    assert len(gate.answers) == 1, gate.answers
    assert gate.answers[0] == gate.execution.status
    return {**ANSWERERS, HOOK_KEY: "hook"}[gate.execution.answered_by], gate.execution.status


def states_of(stand: Stand, gate: Gate, machine: str = GATE) -> list[str]:
    """Return the states that a machine of the gate has entered."""
    runs = stand.machines.runs(gate.execution.deployment_id)
    return [state for run in runs if run.machine == machine for state in run.states]


def _execution_arn(machine: str, gate: Gate) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:execution:{machine}:{gate.name}"


def _function_error(error_type: str) -> Callable[[str], Reply]:
    body = {"errorType": error_type, "errorMessage": f"RequestId: 1 Error: {error_type}"}
    return lambda _code: json_reply(body, 200, (("X-Amz-Function-Error", "Unhandled"),))


_ERRORS: dict[str, Callable[[str], Reply]] = {
    "killed": _function_error("Runtime.ExitError"),
    "raised": _function_error("AwsError"),
    "timed-out": _function_error("Sandbox.Timedout"),
    "throttled": lambda code: json_error(code, "Rate exceeded", 429),
    "unavailable": lambda _code: json_error("ServiceException", "The service failed.", 500),
    "denied": lambda _code: json_error("AccessDeniedException", "not authorized"),
    "cut": lambda _code: CutReply(b""),
}
_PAYLOADS: dict[str, Any] = {"empty": {}, "null": None, "large": dict.fromkeys(("again", "status", "probe"), _LARGE)}


def _prepare(gate: Gate, _payload: dict[str, Any]) -> dict[str, Any]:
    waves = [*map(list, gate.waves), []]
    return {
        "document": {"key": f"gates/{gate.name}/prepared.json", "version": "1", "sha256": "0" * 64},
        "probe": PROBE.name,
        "bake_s": gate.bake_s,
        "waves": waves,
        "wave_count": len(gate.waves),
        "shards": waves[0],
    }


def _probe(gate: Gate, payload: dict[str, Any]) -> dict[str, Any]:
    shard, before = payload["shard"], payload["run"]["results"]
    run = 1 + (before["run"] if before else 0)
    outcome = "FAIL" if shard in gate.broken else "PASS"
    results = {"key": f"gates/{gate.name}/{shard}.json", "shard": shard, "run": run, "outcome": outcome}
    return {"again": run <= gate.pauses, "again_in_s": 0, "results": results}


def _conclude(gate: Gate, payload: dict[str, Any]) -> dict[str, Any]:
    if payload["step"] == "judge":
        return judged(gate, _judge(gate, payload["work"]), gate.hold_s)
    if payload["step"] == "ask":
        gate.tokens.append(payload["token"])
        return {"until": ""}
    if payload["step"] == "decide":
        return _decide(gate, payload["work"])
    gate.published.append(payload["step"])
    verdict = payload["work"].get("judged", {}).get("status", "Failed")
    return {"verdict": verdict, "report": "s3://reports/report.json", "reasons": []}


def judged(gate: Gate, status: str, wait_s: int = 0) -> dict[str, Any]:
    """Return what the step Judge returns; a gate that waits has the status Failed."""
    held = {"key": f"gates/{gate.name}/held.json"} if wait_s else None
    result = {"key": f"gates/{gate.name}/result.json"}
    return {"status": "Failed" if wait_s else status, "result": result, "wait_s": wait_s, "held": held}


def _decide(gate: Gate, work: dict[str, Any]) -> dict[str, Any]:
    """Accept the decision `approve`, and ask again after any other one."""
    if "unanswered" in work:
        gate.unanswered = work["unanswered"]["Error"]
        return judged(gate, "Failed")
    return judged(gate, "Succeeded") if work["decision"] == "approve" else judged(gate, "Failed", gate.hold_s)


def _judge(gate: Gate, work: dict[str, Any]) -> str:
    """Return Succeeded if every shard has passed all its runs."""
    passed = {
        result["shard"]
        for result in _flatten(work.get("earlier"))
        if "error" not in result
        and result["results"]["shard"] == result["shard"]
        and result["results"]["run"] == gate.pauses + 1
        and result["results"]["outcome"] == "PASS"
    }
    shards = {shard for wave in gate.waves for shard in wave}
    return "Succeeded" if "document" in work and "error" not in work and passed == shards else "Failed"


def _flatten(earlier: Any) -> list[dict[str, Any]]:
    if isinstance(earlier, list):
        return [result for item in earlier for result in _flatten(item)]
    return [earlier] if earlier else []


_FUNCTIONS = {PREPARE.name: _prepare, PROBE.name: _probe, CONCLUDE.name: _conclude}
