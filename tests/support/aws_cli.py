"""Validation of command lines of the AWS CLI against botocore's service models."""

from __future__ import annotations

import itertools
import shlex

import botocore.session
from botocore import xform_name

AWS = botocore.session.get_session()
_CUSTOM_COMMANDS: dict[tuple[str, str], set[str]] = {
    ("ecr", "get-login-password"): set(),
    ("ecs", "deploy"): {
        "cluster",
        "service",
        "task-definition",
        "codedeploy-appspec",
        "codedeploy-application",
        "codedeploy-deployment-group",
    },
    ("logs", "tail"): {"follow", "since", "filter-pattern", "format"},
    ("cloudformation", "deploy"): {"template-file", "stack-name", "parameter-overrides", "capabilities"},
    ("s3", "cp"): set(),
}
"""Options of commands of the AWS CLI that are not operations of a service."""
_ADDED_OPTIONS = {
    "create-deployment": {"s3-location"},
    "update-function-code": {"zip-file"},
    "authorize-security-group-ingress": {"protocol", "port", "source-group", "cidr"},
    "describe-alarm-history": {"max-items"},
    "list-task-definitions": {"max-items"},
}
"""Options that the AWS CLI adds to an operation of a service."""
_GLOBAL_OPTIONS = {"query", "output", "region", "profile"}


def command_words(command: str) -> list[str]:
    """Return the arguments of a shell command up to a pipe or redirection; $STAGE becomes a stage."""
    variables = {"$STAGE": "AfterAllowTestTraffic", "STAGE": "AfterAllowTestTraffic"}
    words = [variables.get(word, word) for word in shlex.split(command)[1:]]
    return list(itertools.takewhile(lambda word: word not in ("|", "||", "&&", ">", ">>"), words))


def aws_mistake(command: str) -> str:
    """Return the mistake in a command line of the AWS CLI; "" if it is valid."""
    service, name, *words = command_words(command)
    options = {word[2:].split("=")[0] for word in words if word.startswith("--")} - _GLOBAL_OPTIONS
    if (service, name) in _CUSTOM_COMMANDS:
        return str(sorted(options - _CUSTOM_COMMANDS[service, name]) or "")
    model = {"deploy": "codedeploy"}.get(service, service)
    if model not in AWS.get_available_services():
        return f"there is no service {service}"
    if name == "wait":
        name = words[0]
        waiters = {xform_name(waiter, "-"): waiter for waiter in AWS.get_waiter_model(model).waiter_names}
        if name not in waiters:
            return f"there is no waiter {name}"
        operation = AWS.get_waiter_model(model).get_waiter(waiters[name]).operation
    else:
        operations = {xform_name(other, "-"): other for other in AWS.get_service_model(model).operation_names}
        if name not in operations:
            return f"{service} has no operation {name}"
        operation = operations[name]
    shape = AWS.get_service_model(model).operation_model(operation).input_shape
    members = {xform_name(member, "-") for member in shape.members} if shape else set()
    missing = {xform_name(member, "-") for member in (shape.required_members if shape else ())} - options
    unknown = {option.removeprefix("no-") for option in options} - members - _ADDED_OPTIONS.get(name, set())
    return f"{sorted(unknown)} unknown, {sorted(missing)} missing" if unknown or missing else ""
