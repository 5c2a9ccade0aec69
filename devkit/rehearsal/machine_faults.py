"""Injector of the faults of a gate in the state machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .aws.calls import Application, Call, Reply, json_error
from .aws.states import GATE_KEY, GUARDIAN, GUARDIAN_KEY, machine_arn
from .hooks import CONCLUDE, PREPARE, PROBE, VPC_PROBE

if TYPE_CHECKING:
    from collections.abc import Callable

    from .faults import FaultInjector

_KILLS = {
    PREPARE.key: ("prepare-killed", PREPARE.name),
    PROBE.key: ("probe-killed", PROBE.name),
    VPC_PROBE.key: ("probe-killed", VPC_PROBE.name),
    CONCLUDE.key: ("judge-killed", CONCLUDE.name),
}
"""Fault that kills a function, and the function's name, by its access key."""


@dataclass
class MachineFaultInjector:
    """Service in front of moto that applies the faults of the state machine.

    Attributes:
        faults: The faults of the current deployment.
        kill: Kills an execution environment of a function, by the function's name and the session token.
        stop: Stops the guardian.
    """

    faults: FaultInjector
    kill: Callable[[str, str], None]
    stop: Callable[[], None]
    _stage: str = ""

    def __call__(self, call: Call, moto: Application) -> Reply | None:
        """Return the response to a call that a fault affects; None for other calls."""
        is_gate = call.target == "StartExecution" and call.json.get("stateMachineArn") == machine_arn(GUARDIAN)
        if is_gate and (stage := self.faults.stage_of(call.caller)):
            self._stage = stage
            if self.faults.applies("start-refused", stage):
                return json_error(
                    "AccessDeniedException", f"User: {call.caller} is not authorized to perform: states:StartExecution"
                )
        if call.caller in (GATE_KEY, GUARDIAN_KEY):
            return self._disturb_machine(call, moto)
        fault, function = _KILLS.get(call.caller, ("", ""))
        if fault and self.faults.applies(fault, self._stage):
            self.kill(function, call.session)
            return json_error("ServiceUnavailable", "The caller has ended.", 503)
        return None

    def _disturb_machine(self, call: Call, moto: Application) -> Reply | None:
        if call.target == "PutLifecycleEventHookExecutionStatus":
            return self.faults.disturb_status(call, moto, self._stage)
        if call.caller == GATE_KEY and call.service == "lambda":
            if self.faults.applies("guardian-stopped", self._stage):
                self.stop()
            if self.faults.applies("machine-times-out", self._stage):
                self.faults.closing.wait()
                return json_error("ServiceUnavailable", "The caller has ended.", 503)
        return None
