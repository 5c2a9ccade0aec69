"""Checks of each hook function: it runs, reports its status to CodeDeploy, and its failures are handled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import network, permissions
from .hook_names import ANSWER_ACTION, NOT_FOUND, function_name, read_configuration, stage_of
from .reader import run_check
from .rules import SHORT_TIMEOUT_S, make_symptom

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .deployment_group import GroupState
    from .rules import Symptom

    HookCheck = Callable[[GroupState, dict[str, Any]], Iterator[Symptom]]

CODEDEPLOY_WAITS_S = 3600
_LAMBDA_MAX_RETRIES = 2
_LAMBDA_MAX_EVENT_AGE_S = 6 * 3600


def check_functions(state: GroupState) -> Iterator[Symptom]:
    """Run all checks of every hook function, each isolated from the errors of the others."""
    checks: tuple[tuple[str, HookCheck], ...] = (
        ("the state of {}", _check_state),
        ("the execution role of {}", _check_answer),
        ("the settings for failed events of {}", _check_failed_events),
        ("the reserved concurrency of {}", _check_concurrency),
        ("the aliases of {}", _check_aliases),
        ("the network of {}", network.check_network),
        ("the log group of {}", _check_log_group),
    )
    # One function may serve several lifecycle events.
    for name, hook in {str(hook["FunctionName"]): hook for hook in state.hooks.values()}.items():
        for subject, check in checks:
            yield from run_check(subject.format(name), lambda check=check, hook=hook: check(state, hook))  # type: ignore[misc]


def _check_state(_state: GroupState, hook: dict[str, Any]) -> Iterator[Symptom]:
    name = hook["FunctionName"]
    function_state, update = hook.get("State", "Active"), hook.get("LastUpdateStatus", "Successful")
    # Lambda sets a function that was idle for weeks to Inactive, and activates it when it is invoked.
    if function_state not in ("Active", "Inactive") or update == "Failed":
        yield make_symptom(
            "hook-not-ready",
            f"{name} cannot run: its State is {function_state} and its LastUpdateStatus is {update}",
            f"reason: {hook.get('StateReason') or hook.get('LastUpdateStatusReason') or 'none'}",
            fix="correct the cause, and deploy the stack of the hook again",
        )
    if int(hook.get("Timeout", SHORT_TIMEOUT_S)) < SHORT_TIMEOUT_S:
        parameter = " (for greenlight's hooks: the template parameter HookTimeout)" if stage_of(hook) else ""
        yield make_symptom(
            "hook-may-be-too-short",
            f"{name} times out after {hook['Timeout']} seconds; a cold start and one slow response take longer",
            fix=f"aws lambda update-function-configuration --function-name {name} --timeout 600{parameter}",
        )


def _check_answer(state: GroupState, hook: dict[str, Any]) -> Iterator[Symptom]:
    name, role = hook["FunctionName"], permissions.read_role(state.reader, str(hook["Role"]))
    if role is not None and role.may(ANSWER_ACTION, state.arn):
        return
    problem = f"{name} is not allowed to report its status to CodeDeploy"
    if role is None:
        problem = f"the execution role {hook['Role']} of {name} does not exist"
    policies = [] if role is None else [f"policies of {role.name}: {', '.join(role.policies) or 'none'}"]
    statement = f"- Effect: Allow\n  Action: {ANSWER_ACTION}\n  Resource: {state.arn}"
    yield make_symptom(
        "hook-cannot-answer",
        f"{problem}, so the result of its checks is lost and the deployment waits for an hour",
        f"needed: {ANSWER_ACTION} on {state.arn}",
        *policies,
        fix="deploy greenlight again: its template has this permission"
        if stage_of(hook)
        else f"add to the hook's execution role:\n{statement}",
    )


def _check_failed_events(state: GroupState, hook: dict[str, Any]) -> Iterator[Symptom]:
    name = str(hook["FunctionName"])
    settings = state.reader.find("lambda", "get_function_event_invoke_config", NOT_FOUND, FunctionName=name) or {}
    destination = str(settings.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""))
    destination = destination or str(hook.get("DeadLetterConfig", {}).get("TargetArn", ""))
    is_missing = ":function:" in destination and read_configuration(state.reader, destination) is None
    if not destination or is_missing:
        yield _no_last_resort(state, name, destination)
        return
    yield from _check_destination(state, destination)
    update = f"aws lambda update-function-event-invoke-config --function-name {name}"
    retries = settings.get("MaximumRetryAttempts", _LAMBDA_MAX_RETRIES)
    if retries:
        yield make_symptom(
            "hook-retried",
            f"Lambda retries {name} up to {retries} times after an error, minutes later",
            fix=f"{update} --maximum-retry-attempts 0",
        )
    elif settings.get("MaximumEventAgeInSeconds", _LAMBDA_MAX_EVENT_AGE_S) >= CODEDEPLOY_WAITS_S:
        yield make_symptom(
            "hook-retried",
            f"Lambda keeps a throttled event of {name} for longer than the hour that CodeDeploy waits, so the "
            "on-failure destination is invoked too late",
            f"MaximumEventAgeInSeconds: {settings.get('MaximumEventAgeInSeconds', 'not set, 6 hours')}",
            fix=f"{update} --maximum-event-age-in-seconds 300",
        )


def _check_destination(state: GroupState, destination: str) -> Iterator[Symptom]:
    """Check that a function that answers for hooks can run."""
    if ":function:" not in destination:
        return
    name = function_name(destination)
    response = state.reader.call("lambda", "get_function_concurrency", FunctionName=name)
    if response.get("ReservedConcurrentExecutions") == 0:
        yield make_symptom(
            "last-resort-throttled",
            f"CodeDeploy gets no answer when a hook crashes or times out: {name}, which answers for it, never runs, "
            "because its reserved concurrency is 0",
            destination,
            fix=f"aws lambda delete-function-concurrency --function-name {name}",
        )


def _no_last_resort(state: GroupState, name: str, destination: str) -> Symptom:
    last_resort = (
        f"arn:{state.partition}:lambda:{state.region}:{state.account}:function:{state.installation}-LastResort"
    )
    reason = "its on-failure destination does not exist" if destination else "it has no on-failure destination"
    return make_symptom(
        "hook-without-last-resort",
        f"CodeDeploy gets no answer when {name} crashes or times out: {reason}",
        *([destination] if destination else []),
        fix="deploy greenlight, and send failed events to its LastResort function: "
        f"aws lambda put-function-event-invoke-config --function-name {name} --maximum-retry-attempts 0 "
        f"--destination-config 'OnFailure={{Destination={last_resort}}}'",
    )


def _check_concurrency(state: GroupState, hook: dict[str, Any]) -> Iterator[Symptom]:
    name = hook["FunctionName"]
    response = state.reader.call("lambda", "get_function_concurrency", FunctionName=name)
    if response.get("ReservedConcurrentExecutions") == 0:
        yield make_symptom(
            "hook-throttled",
            f"{name} never runs: its reserved concurrency is 0",
            fix=f"aws lambda delete-function-concurrency --function-name {name}",
        )


def _check_aliases(state: GroupState, hook: dict[str, Any]) -> Iterator[Symptom]:
    name = hook["FunctionName"]
    aliases = state.reader.pages("lambda", "list_aliases", "Aliases", FunctionName=name)
    if aliases:
        yield make_symptom(
            "hook-has-alias",
            f"{name} is published behind an alias; SAM's settings for failed events apply to the alias, but CodeDeploy "
            "invokes the function without it",
            f"aliases: {', '.join(str(alias['Name']) for alias in aliases)}",
            fix="in the hook's template, remove AutoPublishAlias and write:\nDeploymentPreference: {Enabled: false}",
        )


def _check_log_group(state: GroupState, hook: dict[str, Any]) -> Iterator[Symptom]:
    name = hook["FunctionName"]
    log_group = str(hook.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}")
    groups = state.reader.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=log_group)
    if any(group.get("logGroupName") == log_group for group in groups):
        return
    role = permissions.read_role(state.reader, str(hook["Role"]))
    arn = f"arn:{state.partition}:logs:{state.region}:{state.account}:log-group:{log_group}"
    if role is None or not role.may("logs:CreateLogGroup", arn):
        yield make_symptom(
            "hook-without-log",
            f"the log group {log_group} of {name} does not exist, and its execution role is not allowed to create it",
            fix=f"aws logs create-log-group --log-group-name {log_group}",
        )
