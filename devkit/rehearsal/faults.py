"""What can be made to go wrong on purpose, and how each of it meets the hooks: in AWS's answers or in their process."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from devkit.rehearsal.aws.calls import Application, Call, Reply, json_error, s3_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from devkit.rehearsal.scenario import Fault, Planned

FAULTS = {
    "hook-killed": "the hook's process is killed (SIGKILL) in the middle of its run; Lambda calls the last resort",
    "hook-cannot-be-invoked": "CodeDeploy's service role may not invoke the hook: the deployment fails at once",
    "duplicate-invocation": "Lambda delivers the hook's event twice, as its contract allows",
    "codedeploy-throttles": "the first calls that report a status are answered with ThrottlingException (times: 2)",
    "codedeploy-hangs": "the first call that reports a status gets no answer within the client's patience (times: 1)",
    "put-denied": "the hook's role may not report a status (AccessDeniedException); the last resort's may",
    "report-bucket-denied": "nobody may write to the report bucket",
    "late-in-progress": "CodeDeploy shows the running lifecycle event as Pending for the first seconds",
    "no-test-listener": "the deployment group has no test listener: its events and its hook are left out, silently",
}
"""Every fault by name, with what it does."""

DEFAULT_TIMES = {"codedeploy-throttles": 2, "codedeploy-hangs": 1}
LATE_S = 1.5
_HANG_S = 8.0


@dataclass
class Breakdown:
    """The faults of the deployment under way, at AWS's front door.

    Attributes:
        stage_of: Maps an access key to the lifecycle event of its hook; "" for anyone else.
        kill: Kills the hook of a lifecycle event in the middle of its run.
        report_bucket: The bucket that report-bucket-denied is about.
        struck: Hears a sentence for every fault that has struck, once a deployment.
    """

    stage_of: Callable[[str], str]
    kill: Callable[[str], None]
    report_bucket: str
    struck: Callable[[str], None] = lambda _sentence: None
    ending: threading.Event = field(default_factory=threading.Event)
    _faults: dict[str, Fault] = field(default_factory=dict)
    _turns: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def arm(self, deployment: Planned) -> None:
        """Let this deployment's faults strike from now on."""
        with self._lock:
            self._faults = {fault.name: fault for fault in deployment.faults}
            self._turns = {}

    def __call__(self, call: Call, _moto: Application) -> Reply | None:
        """Answer a call that a fault strikes; leave all others alone."""
        if stage := self.stage_of(call.caller):
            if self._strikes("hook-killed", stage):
                self.kill(stage)
                return json_error("ServiceUnavailable", "The caller is gone.", 503)
            if call.target == "PutLifecycleEventHookExecutionStatus":
                return self._at_report(call, stage)
        if self._denies(call):
            return s3_error("AccessDenied", "Access Denied", 403)
        return None

    def _at_report(self, call: Call, stage: str) -> Reply | None:
        if self._strikes("put-denied", stage):
            return json_error(
                "AccessDeniedException",
                f"User: {call.caller} is not authorized to perform: codedeploy:PutLifecycleEventHookExecutionStatus "
                "because no identity-based policy allows the codedeploy:PutLifecycleEventHookExecutionStatus action",
            )
        if self._strikes("codedeploy-throttles", stage):
            return json_error("ThrottlingException", "Rate exceeded")
        if self._strikes("codedeploy-hangs", stage):
            self.ending.wait(_HANG_S)
            return json_error("ServiceUnavailable", "Too late.", 503)
        return None

    def _denies(self, call: Call) -> bool:
        mine = call.path == f"/{self.report_bucket}" or call.path.startswith(f"/{self.report_bucket}/")
        return (
            call.service == "s3" and call.method in ("PUT", "POST") and mine and "report-bucket-denied" in self._faults
        )

    def _strikes(self, name: str, stage: str = "") -> bool:
        with self._lock:
            fault = self._faults.get(name)
            if fault is None or (fault.stage and stage and fault.stage != stage):
                return False
            limit = fault.times or DEFAULT_TIMES.get(name)
            turn = self._turns[name] = self._turns.get(name, 0) + 1
        if turn == 1:
            self.struck(f"fault {name}: {FAULTS[name]}")
        return limit is None or turn <= limit
