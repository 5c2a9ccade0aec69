"""Rules for the hooks of an AppSpec: their events and their functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import STAGES
from greenlight.core.suggestions import did_you_mean

from .appspec_values import FUNCTION_NAME, HOOK_PREFIX, LAMBDA, LAMBDA_STAGES, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .diagnostics import RuleProblems

_FUNCTION_ARN = re.compile(r"arn:[a-z-]+:lambda:[a-z0-9-]+:[0-9]{12}:function:(?P<name>.*)")
_SCRIPT_KEYS = ("location", "timeout", "runas")
_HOOKS_SHAPE = "Hooks must be a list of maps with one key each: - BeforeAllowTraffic: FUNCTION"
_FUNCTION_EXPECTED = "a hook must be the name or ARN of a Lambda function"
_SERVER_HOOK = f"{_FUNCTION_EXPECTED}; location, timeout and runas are for EC2 deployments"


def check_hooks(hooks: Value, resource_type: str) -> RuleProblems:
    """Check the hooks; `resource_type` is the type of the AppSpec's resource, "" if unknown."""
    if not hooks.exists:
        return
    if not isinstance(hooks.value, list):
        yield _wrong_shape(hooks)
        return
    allowed = LAMBDA_STAGES if resource_type == LAMBDA else STAGES
    checked_events: set[str] = set()
    for index, hook in enumerate(hooks.value):
        path = (*hooks.path, index)
        if not isinstance(hook, dict) or len(hook) != 1:
            is_script = _is_server_script(hook)
            yield "appspec-ec2" if is_script else "appspec-hooks", path, _SERVER_HOOK if is_script else _HOOKS_SHAPE
            continue
        ((event, function),) = hook.items()
        value = Value(function, (*path, event))
        if event in checked_events:
            yield (
                "appspec-event-twice",
                value.path,
                f"{event} occurs twice, but CodeDeploy calls only one of the hooks",
            )
        checked_events.add(event)
        if event not in allowed:
            yield "appspec-event", value.path, f"there is no lifecycle event {event!r}{_event_hint(event, allowed)}"
        yield from _check_function(event, value, resource_type)


def _wrong_shape(hooks: Value) -> tuple[str, tuple[str | int, ...], str]:
    if not isinstance(hooks.value, dict):
        return "appspec-hooks", hooks.path, f"{_HOOKS_SHAPE}; it is empty, so remove the key"
    if any(map(_is_server_script, hooks.value.values())):
        return "appspec-ec2", hooks.path, _SERVER_HOOK
    return "appspec-hooks", hooks.path, f"{_HOOKS_SHAPE}; it is a map; write a - before each event"


def _event_hint(event: str, allowed: Sequence[str]) -> str:
    in_another_case = next((stage for stage in allowed if stage.lower() == event.lower()), "")
    if in_another_case:
        return f"; write {in_another_case}"
    hint = "; Lambda deployments do not have it" if event in STAGES else did_you_mean(event, allowed)
    return f"{hint}; the lifecycle events are {', '.join(allowed)}"


def _is_server_script(hook: Any) -> bool:
    """Return whether a hook is a script for a server, or a list of them."""
    first = hook[0] if isinstance(hook, list) and hook else hook
    return isinstance(first, dict) and any(key.lower() in _SCRIPT_KEYS for key in first)


def _check_function(event: str, function: Value, resource_type: str) -> RuleProblems:
    if _is_server_script(function.value):
        yield "appspec-ec2", function.path, _SERVER_HOOK
    elif not isinstance(function.value, str) or not function.value:
        yield (
            "appspec-hook",
            function.path,
            f"{_FUNCTION_EXPECTED}, not {function.value!r}",
        )
    elif not function.has_placeholder:
        yield from _check_function_name(event, function, resource_type)


def _check_function_name(event: str, function: Value, resource_type: str) -> RuleProblems:
    arn = _FUNCTION_ARN.fullmatch(str(function.value))
    name = arn["name"] if arn else str(function.value)
    if ":" in name and not name.startswith("arn:"):
        message = f"{function.value} is a qualified name; write the function's name without version or alias"
        yield "appspec-hook", function.path, message
    elif not FUNCTION_NAME.fullmatch(name):
        yield "appspec-hook", function.path, f"{function.value!r} is neither the name nor the ARN of a Lambda function"
    elif resource_type == LAMBDA and not name.startswith(HOOK_PREFIX):
        message = (
            f"{name} does not begin with {HOOK_PREFIX}, and AWS's managed CodeDeploy policies for Lambda do not allow "
            "invoking other functions; add a policy that allows it to CodeDeploy's role"
        )
        yield "appspec-hook-prefix", function.path, message
    elif name.startswith(HOOK_PREFIX) and event in STAGES:
        other = next((stage for stage in STAGES if name.endswith(f"-{stage}") and stage != event), "")
        if other:
            message = f"by its name, this is the hook for {other}; it would answer Failed for the event {event}"
            yield "appspec-hook-stage", function.path, message
