"""Faults of a scenario, and the injector that applies them to AWS's responses or to the processes of functions."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .aws.calls import Application, Call, CutReply, DrippingReply, Reply, json_error, s3_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from .aws.server import Api
    from .scenario import Fault, PlannedDeployment

MACHINE_FAULTS = {
    "start-refused": "the hook's role may not start the state machine (AccessDeniedException)",
    "prepare-killed": "the function that prepares the gate is killed (SIGKILL) (times: 1)",
    "probe-killed": "a function that runs checks is killed (SIGKILL) (times: 1)",
    "judge-killed": "the function that decides the verdict is killed (SIGKILL) (times: 1)",
    "machine-times-out": "the state machine waits for its first function until its time limit",
    "guardian-stopped": "an operator stops the guardian, and with it the state machine, while it runs",
    "event-lost": "EventBridge loses the event of a guardian that did not succeed",
}
"""Descriptions of the faults that only a gate in the state machine can have, by name."""

FAULTS = {
    "hook-killed": "the hook's process is killed (SIGKILL) while it runs; Lambda invokes the last resort",
    "hook-killed-before-answer": "the hook's process is killed when it reports its status, which does not count",
    "hook-killed-after-answer": "the hook's process is killed as soon as its status counts, before it publishes",
    "hook-cannot-be-invoked": "CodeDeploy's service role may not invoke the hook: the deployment fails at once",
    "duplicate-invocation": "Lambda delivers the hook's event twice: one invocation runs the checks, the other waits",
    "codedeploy-throttles": "the first calls that report a status are answered with ThrottlingException (times: 2)",
    "codedeploy-hangs": "the first call that reports a status gets no answer within the client's timeout (times: 1)",
    "answer-lost": "the first status counts, but the connection breaks before the hook gets the response (times: 1)",
    "answer-drips": "the first status counts, but the response comes one byte every half second (times: 1)",
    "reads-throttled": "the hook's first reads of CodeDeploy are answered with ThrottlingException (times: 10)",
    "plan-cut": "the body of the first plan that is read from the bucket ends too early (times: 1)",
    "put-denied": "only the last resort's role may report a status; others get AccessDeniedException",
    "report-bucket-denied": "all writes to the report bucket are denied",
    "late-in-progress": "CodeDeploy shows the running lifecycle event as Pending for the first seconds",
    "no-test-listener": "the group has no test listener: CodeDeploy skips its events and its hook without a message",
    **MACHINE_FAULTS,
}
"""Descriptions of all faults, by name."""

DEFAULT_TIMES = {
    "codedeploy-throttles": 2,
    "codedeploy-hangs": 1,
    "answer-lost": 1,
    "answer-drips": 1,
    "reads-throttled": 10,
    "plan-cut": 1,
    "prepare-killed": 1,
    "probe-killed": 1,
    "judge-killed": 1,
    "guardian-stopped": 1,
}
LATE_S = 1.5
_HANG_S = 8.0
_DRIP_S = 0.5
_READS = ("BatchGet", "Get", "List")


@dataclass
class FaultInjector:
    """Service in front of moto that applies the faults of the current deployment.

    Attributes:
        stage_of: Returns the lifecycle event of the hook with an access key; "" for all other keys.
        kill: Kills the running hook of a lifecycle event.
        report_bucket: The bucket whose writes report-bucket-denied denies.
        plan_bucket: The bucket whose plans plan-cut cuts.
        codedeploy: Stores a status of which the hook does not get the response.
        on_fault: Called with a sentence when a fault applies for the first time in a deployment.
    """

    stage_of: Callable[[str], str]
    kill: Callable[[str], None]
    report_bucket: str
    plan_bucket: str = ""
    codedeploy: Api = lambda _call, _moto: None
    on_fault: Callable[[str], None] = lambda _sentence: None
    closing: threading.Event = field(default_factory=threading.Event)
    _faults: dict[str, Fault] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, deployment: PlannedDeployment) -> None:
        """Apply the faults of this deployment from now on."""
        with self._lock:
            self._faults = {fault.name: fault for fault in deployment.faults}
            self._counts = {}

    def __call__(self, call: Call, moto: Application) -> Reply | None:
        """Return the response to a call that a fault affects; None for other calls."""
        if stage := self.stage_of(call.caller):
            if self.applies("hook-killed", stage):
                return self._kill(stage)
            if call.target == "PutLifecycleEventHookExecutionStatus":
                return self.disturb_status(call, moto, stage)
            if reply := self._fault_reply_to_read(call, stage):
                return reply
        if self._denies(call):
            return s3_error("AccessDenied", "Access Denied", 403)
        return None

    def disturb_status(self, call: Call, moto: Application, stage: str) -> Reply | None:
        """Return the response to a call that reports the status of a stage; None without a fault."""
        return self._fault_reply_to_status(call, stage) or self._lose_reply_to_status(call, moto, stage)

    def applies(self, name: str, stage: str = "") -> bool:
        """Count an occasion for a fault, and return whether the fault applies to it."""
        with self._lock:
            fault = self._faults.get(name)
            if fault is None or (fault.stage and stage and fault.stage != stage):
                return False
            limit = fault.times or DEFAULT_TIMES.get(name)
            count = self._counts[name] = self._counts.get(name, 0) + 1
        if count == 1:
            self.on_fault(f"fault {name}: {FAULTS[name]}")
        return limit is None or count <= limit

    def _kill(self, stage: str) -> Reply:
        self.kill(stage)
        return json_error("ServiceUnavailable", "The caller has ended.", 503)

    def _fault_reply_to_status(self, call: Call, stage: str) -> Reply | None:
        if self.applies("hook-killed-before-answer", stage):
            return self._kill(stage)
        if self.applies("put-denied", stage):
            return json_error(
                "AccessDeniedException",
                f"User: {call.caller} is not authorized to perform: codedeploy:PutLifecycleEventHookExecutionStatus "
                "because no identity-based policy allows the codedeploy:PutLifecycleEventHookExecutionStatus action",
            )
        if self.applies("codedeploy-throttles", stage):
            return json_error("ThrottlingException", "Rate exceeded")
        if self.applies("codedeploy-hangs", stage):
            self.closing.wait(_HANG_S)
            return json_error("ServiceUnavailable", "Too late.", 503)
        return None

    def _lose_reply_to_status(self, call: Call, moto: Application, stage: str) -> Reply | None:
        """Store the status and return a response that does not reach the hook; None without such a fault."""
        if self.applies("hook-killed-after-answer", stage):
            self.codedeploy(call, moto)
            return self._kill(stage)
        if self.applies("answer-lost", stage):
            self.codedeploy(call, moto)
            return CutReply(b"{")
        if self.applies("answer-drips", stage):
            reply = self.codedeploy(call, moto)
            return reply and DrippingReply(
                reply.body, reply.status, reply.headers, wait=lambda: self.closing.wait(_DRIP_S)
            )
        return None

    def _fault_reply_to_read(self, call: Call, stage: str) -> Reply | None:
        if call.service == "codedeploy" and call.target.startswith(_READS) and self.applies("reads-throttled", stage):
            return json_error("ThrottlingException", "Rate exceeded")
        is_plan = call.service == "s3" and call.method == "GET" and call.path.startswith(f"/{self.plan_bucket}/")
        if is_plan and call.path.endswith(".yaml") and self.applies("plan-cut", stage):
            return CutReply(b"version: 1\n")
        return None

    def _denies(self, call: Call) -> bool:
        is_report_bucket = call.path == f"/{self.report_bucket}" or call.path.startswith(f"/{self.report_bucket}/")
        return (
            call.service == "s3"
            and call.method in ("PUT", "POST")
            and is_report_bucket
            and "report-bucket-denied" in self._faults
        )
