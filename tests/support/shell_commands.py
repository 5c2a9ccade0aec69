"""Commands in documents: their arguments, and validation of commands of the AWS CLI."""

from __future__ import annotations

import itertools
import shlex

import botocore.session
from botocore import xform_name

AWS = botocore.session.get_session()
# Commands of the AWS CLI that are not operations of a service, with their options.
CUSTOM = {
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
# Options that the AWS CLI itself adds to an operation.
ADDED = {
    "create-deployment": {"s3-location"},
    "update-function-code": {"zip-file"},
    "authorize-security-group-ingress": {"protocol", "port", "source-group", "cidr"},
    "describe-alarm-history": {"max-items"},
    "list-task-definitions": {"max-items"},
}
EVERYWHERE = {"query", "output", "region", "profile"}


def arguments_of(command: str) -> list[str]:
    """Return the arguments in a line of a shell, with values for the variables of pipelines."""
    values = {"$STAGE": "AfterAllowTestTraffic", "STAGE": "AfterAllowTestTraffic"}
    words = [values.get(word, word) for word in shlex.split(command)[1:]]
    return list(itertools.takewhile(lambda word: word not in ("|", "||", "&&", ">", ">>"), words))


def aws_cli_error(command: str) -> str:
    """Return what is wrong with a command of the AWS CLI according to botocore's models, or ""."""
    service, operation, *rest = arguments_of(command)
    options = {word[2:].split("=")[0] for word in rest if word.startswith("--")} - EVERYWHERE
    if (service, operation) in CUSTOM:
        return str(sorted(options - CUSTOM[service, operation]) or "")
    model = {"deploy": "codedeploy"}.get(service, service)
    if model not in AWS.get_available_services():
        return f"no service {service}"
    if operation == "wait":
        waiters = {xform_name(item, "-") for item in AWS.get_waiter_model(model).waiter_names}
        operation = next(iter(rest))
        if operation not in waiters:
            return f"nothing to wait for {operation}"
        api_operation = (
            AWS.get_waiter_model(model)
            .get_waiter(next(w for w in AWS.get_waiter_model(model).waiter_names if xform_name(w, "-") == operation))
            .operation
        )
    else:
        operations = {xform_name(item, "-"): item for item in AWS.get_service_model(model).operation_names}
        if operation not in operations:
            return f"{service} has no {operation}"
        api_operation = operations[operation]
    shape = AWS.get_service_model(model).operation_model(api_operation).input_shape
    members = {xform_name(item, "-") for item in shape.members} if shape else set()
    missing = {xform_name(item, "-") for item in (shape.required_members if shape else ())} - options
    wrong = {item.removeprefix("no-") for item in options} - members - ADDED.get(operation, set())
    return f"{sorted(wrong)} unknown, {sorted(missing)} missing" if wrong or missing else ""
