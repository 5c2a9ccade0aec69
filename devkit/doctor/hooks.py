"""Checks of the hooks that the AppSpec names, and of the installation that they belong to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.core.deployment import STAGES
from greenlight.core.suggestions import did_you_mean

from .hook_names import function_name, hook_name, stage_of
from .rules import make_symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .deployment_group import GroupState
    from .rules import Symptom


def check_hooks_exist(state: GroupState) -> Iterator[Symptom]:
    """Check that each hook function exists in this account and Region, and belongs to its lifecycle event."""
    functions = state.appspec.hooks if state.appspec else {}
    missing = [event for event, function in functions.items() if is_local(state, function) and event not in state.hooks]
    prefix = f"CodeDeployHook_{state.installation}-"
    are_own = all(function_name(functions[event]).startswith(prefix) for event in missing)
    if missing and are_own and not _is_installed(state):
        return  # check_installation reports this once for all hooks
    for event, function in functions.items():
        if not is_local(state, function):
            yield make_symptom(
                "hook-elsewhere",
                f"the hook of {event} is not in {state.region} of account {state.account}; CodeDeploy invokes hooks in "
                "the Region and account of the deployment",
                function,
                fix="name a function of this Region and account: deploy greenlight here "
                "too, and use the function name without an ARN",
            )
        elif event in missing:
            yield _missing(state, event, function_name(function))
        elif (stage := stage_of(state.hooks[event])) not in ("", event):
            name = function_name(function)
            yield make_symptom(
                "hook-wrong-stage",
                f"{event} invokes greenlight's hook of {stage}, which answers Failed for another lifecycle event",
                f"{event}: {name}",
                fix=f"write in the AppSpec:\nHooks:\n  - {event}: {name.replace(stage, event)}",
            )


def _missing(state: GroupState, event: str, name: str) -> Symptom:
    names = [hook_name(state.installation, stage) for stage in STAGES]
    return make_symptom(
        "hook-missing",
        f"the hook of {event} is {name}, but there is no such function in {state.region}{did_you_mean(name, names)}",
        fix="correct the name in the AppSpec; to list the functions: "
        f"aws lambda list-functions --region {state.region} --query 'Functions[].FunctionName'",
    )


def is_local(state: GroupState, function: str) -> bool:
    """Return whether a hook's name or ARN is in the Region and account of the deployment group."""
    parts = function.split(":")
    if len(parts) < 7 or not function.startswith("arn:"):
        return True
    return parts[3] == state.region and parts[4] in (state.account, "")


def _is_installed(state: GroupState) -> bool:
    exports = state.reader.pages("cloudformation", "list_exports", "Exports")
    return any(export["Name"] == f"{state.installation}-PlanBucket" for export in exports)


def check_installation(state: GroupState) -> Iterator[Symptom]:
    """Check that greenlight is installed if the AppSpec needs it, or if there is no AppSpec to read."""
    names = {event: function_name(function) for event, function in state.appspec.hooks.items()} if state.appspec else {}
    prefix = f"CodeDeployHook_{state.installation}-"
    missing = {event for event, name in names.items() if name.startswith(prefix)} - state.hooks.keys()
    if (state.appspec is None or missing) and not _is_installed(state):
        yield make_symptom(
            "installation-missing",
            f"there is no greenlight installation named {state.installation} in {state.region}",
            f"CloudFormation has no export {state.installation}-PlanBucket",
            *(f"{event}: {names[event]}" for event in sorted(missing)),
            fix="run sam build && sam deploy in greenlight's folder; if the installation has another name, "
            "pass --installation NAME",
        )
