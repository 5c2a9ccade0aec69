"""Checks of the state machine of an installation, and of the functions that run the checks of a plan.

Source: https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeStateMachine.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.gate.conductor import MAX_INLINE_CHECKS, machine_reason

from . import network
from .hook_names import read_configuration
from .rules import make_symptom

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.core.settings import Settings
    from greenlight.plan.model import Plan

    from .deployment_group import GroupState
    from .rules import Symptom

_ABSENT = ("StateMachineDoesNotExist", "InvalidArn")
_DEFAULT_TIMEOUT_S = 600
_DEPLOY_AGAIN = "deploy greenlight again: sam build && sam deploy"


def check_machine(state: GroupState, settings: Settings) -> Iterator[Symptom]:
    """Check that the state machine that the hooks start exists and is active."""
    if not settings.machine:
        return
    response = state.reader.find("stepfunctions", "describe_state_machine", _ABSENT, stateMachineArn=settings.machine)
    status = (response or {}).get("status", "missing")
    if status != "ACTIVE":
        gates = "every gate" if settings.conductor == "machine" else "each gate that outlasts a hook"
        yield make_symptom(
            "state-machine-missing",
            f"the state machine that the hooks start does not exist, so they answer Failed for {gates}",
            f"{settings.machine}: {status}",
            fix=_DEPLOY_AGAIN,
        )


def check_plan_fits(plan: Plan, uri: str, settings: Settings) -> Iterator[Symptom]:
    """Check that the installation has the state machine and the subnets that a plan needs."""
    if not settings.machine:
        yield from _missing_machine(plan, uri)
    elif plan.network == "vpc" and not settings.vpc_probe_function:
        yield make_symptom(
            "plan-needs-subnets",
            "the plan says network: vpc, but the installation has no subnets for checks, so its gates answer Failed",
            uri,
            fix="deploy greenlight with subnets that reach green: "
            "sam deploy --parameter-overrides ProbeSubnetIds=SUBNET,SUBNET ProbeSecurityGroupIds=GROUP",
        )


def _missing_machine(plan: Plan, uri: str) -> Iterator[Symptom]:
    """Report what only a state machine can do; lint compares durations with the timeout of the hooks."""
    large = [name for name, stage in plan.stages.items() if len(stage.checks) > MAX_INLINE_CHECKS]
    reasons = [f"{name} has more than {MAX_INLINE_CHECKS} checks" for name in large]
    reasons += ["it says network: vpc"] if plan.network == "vpc" else []
    if reasons:
        yield make_symptom(
            "plan-needs-machine",
            "the plan needs the state machine, and the installation has none",
            uri,
            *reasons,
            fix=_DEPLOY_AGAIN,
        )


def read_checking_functions(
    state: GroupState, plan: Plan, settings: Settings | None, hooks: Mapping[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Read the configuration of the function that runs the checks of each lifecycle event.

    Args:
        state: The deployment group.
        plan: Its plan.
        settings: Settings of the hooks; None if they are not valid.
        hooks: Configurations of greenlight's hooks by lifecycle event.

    Returns:
        The hook, or a probe of the state machine, by lifecycle event; without events whose probe does not exist.
    """
    functions: dict[str, dict[str, Any]] = {}
    for event, hook in hooks.items():
        name = _probe_name(plan, event, settings, hook)
        configuration = read_configuration(state.reader, name) if name else hook
        if configuration is not None:
            functions[event] = configuration
    return functions


def _probe_name(plan: Plan, event: str, settings: Settings | None, hook: dict[str, Any]) -> str:
    """Return the name of the probe that runs the checks of a lifecycle event; "" if the hook does."""
    if settings is None or not settings.machine:
        return ""
    timeout_s = float(hook.get("Timeout", _DEFAULT_TIMEOUT_S))
    is_inline = settings.conductor != "machine" and not machine_reason(plan, event, settings.concurrency, timeout_s)
    if is_inline:
        return ""
    return settings.vpc_probe_function if plan.network == "vpc" else settings.probe_function


def check_probe_network(state: GroupState, functions: Mapping[str, dict[str, Any]], own: Settings) -> Iterator[Symptom]:
    """Check that a probe in subnets of the operator reaches S3, through which it gets its checks."""
    for function in {str(f["FunctionName"]): f for f in functions.values()}.values():
        if function["FunctionName"] == own.vpc_probe_function:
            yield from network.check_route(state, function, "s3", "probe-without-way-out")
