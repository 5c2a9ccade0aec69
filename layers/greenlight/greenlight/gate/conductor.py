"""Choice of a gate's conductor: the hook's own process, or the state machine that outlasts it.

The hook starts the guardian machine of machine/guardian.asl.json, which runs the gate and answers in any case.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from greenlight.core.errors import AwsError, SettingsError
from greenlight.core.frozen import FrozenStruct
from greenlight.plan.duration import longest_duration_s

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.core.settings import Settings
    from greenlight.gate.codedeploy import Execution
    from greenlight.gate.prepare import Prepared
    from greenlight.plan.model import Plan

MAX_INLINE_CHECKS = 500
"""Checks that one process should run."""

MARGIN_S = 60.0
"""Time of a hook's timeout that is not for its checks: discovery, the answer and the report. At most a quarter."""

MACHINE_CHECKS_S = 50 * 60.0
"""Time from the start of a gate that the state machine conducts to the end of its checks; CodeDeploy waits an hour."""

HOLD_END_S = 53 * 60.0
"""Time from the start of a gate to the end of its hold: two minutes before machine/gate.asl.json times out."""

_NAME_LENGTH = 40
_ALREADY_STARTED = "ExecutionAlreadyExists"


class MachineStarted(FrozenStruct, frozen=True, kw_only=True):
    """A gate that the state machine conducts from now on: the name of its execution, and why."""

    name: str
    reason: str


def execution_name(execution: Execution) -> str:
    """Return the name of the state machine's execution; a second delivery of the event has the same name."""
    return hashlib.sha256(execution.execution_id.encode()).hexdigest()[:_NAME_LENGTH]


def machine_reason(plan: Plan, stage_name: str, concurrency: int, timeout_s: float) -> str:
    """Return why the state machine has to conduct a gate; "" if the hook can.

    Args:
        plan: The plan, or the default checks.
        stage_name: Stage of the gate.
        concurrency: Checks that a hook runs at once.
        timeout_s: Timeout of the hook.
    """
    if plan.network == "vpc":
        return "its plan says network: vpc"
    stage = plan.stages.get(stage_name)
    if stage is None:
        return ""
    if stage.hold is not None:
        return "it waits for an approval"
    if len(stage.checks) > MAX_INLINE_CHECKS:
        return f"it has {len(stage.checks)} checks, and a hook runs at most {MAX_INLINE_CHECKS}"
    longest_s = longest_duration_s(stage, concurrency)
    margin_s = min(MARGIN_S, timeout_s / 4)
    if longest_s > timeout_s - margin_s:
        return (
            f"its checks may take {longest_s:.0f} s, and a hook has {timeout_s:.0f} s, "
            f"of which it needs {margin_s:.0f} s itself"
        )
    return ""


def start_machine(aws: Aws, machine: str, execution: Execution, stage: str, reason: str) -> MachineStarted:
    """Start the state machine for a gate; a second start for the same execution changes nothing.

    Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html

    Raises:
        AwsError: Step Functions denied the call or did not respond.
    """
    name = execution_name(execution)
    gate = {"name": name, "deployment": execution.deployment_id, "stage": stage}
    # A second delivery has to send the same text: Step Functions compares it while the first execution runs.
    text = json.dumps({"gate": gate, "execution": execution.execution_id}, sort_keys=True)
    try:
        aws.call("stepfunctions", "start_execution", stateMachineArn=machine, name=name, input=text)
    except AwsError as error:
        if error.code != _ALREADY_STARTED:
            raise AwsError(f"the state machine could not be started: {error}", error.code) from error
    return MachineStarted(name=name, reason=reason)


def is_started(aws: Aws, machine: str, execution: Execution) -> bool:
    """Return whether the state machine was started for an execution, so that it answers and no hook does.

    Raises:
        AwsError: Step Functions denied the call or did not respond.
    """
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{execution_name(execution)}"
    try:
        aws.call("stepfunctions", "describe_execution", executionArn=arn)
    except AwsError as error:
        if error.code == "ExecutionDoesNotExist":
            return False
        raise
    return True


def choose_machine(prepared: Prepared, settings: Settings, timeout_s: float) -> str:
    """Return why the state machine has to conduct a prepared gate; "" if the hook does, or if there is no machine.

    Raises:
        SettingsError: The gate has a hold, and there is no state machine that could wait for the approval.
    """
    if not settings.machine and prepared.hold is not None:
        raise SettingsError(
            "the plan holds this stage for an approval, and this installation has no state machine that could wait for "
            "it; update the installation, or remove the hold from the plan"
        )
    if not settings.machine or settings.conductor != "auto" or prepared.plan.waived:
        return ""
    return machine_reason(prepared.plan, prepared.deployment.stage, settings.concurrency, timeout_s)
