"""Rules for the properties of a Lambda function in an AppSpec."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .appspec_values import FUNCTION_NAME

if TYPE_CHECKING:
    from .appspec_values import AppSpecMap, Value
    from .diagnostics import RuleProblems

REQUIRED = ("Name", "Alias", "CurrentVersion", "TargetVersion")
_ALIAS = re.compile(r"(?![0-9]+$)[A-Za-z0-9_-]{1,128}")
_VERSION = re.compile("[1-9][0-9]*")


def check_lambda(properties: AppSpecMap) -> RuleProblems:
    """Check the properties of a Lambda function."""
    name, alias = properties["Name"], properties["Alias"]
    current, target = properties["CurrentVersion"], properties["TargetVersion"]
    if name.is_final:
        yield from _check_function_name(name)
    if alias.is_final and not _ALIAS.fullmatch(str(alias.value)):
        message = f"{alias.value!r} is not a valid alias; use letters, digits, - and _, and not only digits"
        yield "appspec-alias", alias.path, message
    for key, version in (("CurrentVersion", current), ("TargetVersion", target)):
        if version.is_final and not _VERSION.fullmatch(str(version.value)):
            message = f"{key} must be the number of a published version; {_version_hint(version.value)}"
            yield "appspec-lambda-version", version.path, message
    if current.is_final and str(current.value) == str(target.value):
        message = "TargetVersion is the version that is already live; nothing would be deployed"
        yield "appspec-same-version", target.path, message


def _check_function_name(name: Value) -> RuleProblems:
    text = str(name.value)
    if text.startswith("arn:"):
        message = f"Name must be the function's name, not its ARN; write {text.split(':function:')[-1].split(':')[0]}"
        yield "appspec-function-name", name.path, message
    elif not FUNCTION_NAME.fullmatch(text):
        message = f"{text!r} is not a valid function name; use letters, digits, - and _, without version or alias"
        yield "appspec-function-name", name.path, message


def _version_hint(value: Any) -> str:
    if value == "$LATEST":
        return "$LATEST changes during the deployment; publish a version"
    if number := re.search(r":([0-9]+)$", str(value)):
        return f"write {number[1]} and not the ARN"
    return f"{value!r} is not a number"
