"""Rules for AppSpec files of CodeDeploy for Lambda and ECS: mistakes that break a deployment before any hook runs.

Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/reference-appspec-file-structure.html. Keys are
accepted in any case, because AWS's own documents use several; files should use PascalCase. A placeholder that a
pipeline replaces (`<TASK_DEFINITION>`, `${VERSION}`, `{{version}}`) is not a mistake.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from greenlight.core.errors import Problem
from greenlight.core.suggestions import did_you_mean

from . import appspec_ecs, appspec_lambda
from .appspec_hooks import check_hooks
from .appspec_values import ECS, FILLED_LATER, HOOK_PREFIX, LAMBDA, LAMBDA_STAGES, AppSpecMap

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from greenlight.plan.yaml_reader import Document

    from .appspec_values import Value
    from .diagnostics import RuleProblem, RuleProblems

    ResourceProblems = Generator[RuleProblem, None, str]
    """Problems of the resource; the generator returns the resource's type, "" if it is not known."""

__all__ = [
    "A_PLAN", "A_REVISION", "A_TEMPLATE", "ECS", "FILLED_LATER", "HOOK_PREFIX", "LAMBDA", "LAMBDA_STAGES",
    "check_appspec", "explain_unreadable", "looks_like_appspec",
]  # fmt: skip

_REQUIRED = {LAMBDA: appspec_lambda.REQUIRED, ECS: appspec_ecs.REQUIRED}
_OPTIONAL = {LAMBDA: (), ECS: appspec_ecs.OPTIONAL}
_CHECKS = {LAMBDA: appspec_lambda.check_lambda, ECS: appspec_ecs.check_ecs}
_SERVER_KEYS = ("os", "files", "permissions", "file_exists_behavior")
_REVISION_KEYS = ("revision", "revisiontype", "appspeccontent")
_TEMPLATE = re.compile(r"""^[ {]*["']?(AWSTemplateFormatVersion|Transform)["']?\s*:""", re.MULTILINE)
_RESOURCE_TYPE = re.compile(r"AWS::(Lambda::Function|ECS::Service)\b")
_RESOURCES_SHAPE = "Resources must be a list with one entry: - NAME: with Type and Properties indented below it"

A_REVISION = (
    "this is the input of create-deployment, not an AppSpec; save the text of its `content` as a file and lint that"
)
A_PLAN = "this is a plan, not an AppSpec; check it with greenlight lint"
A_TEMPLATE = "this is a CloudFormation or SAM template, not an AppSpec; check it with greenlight doctor --template"


def looks_like_appspec(data: Any) -> bool:
    """Return whether plain data has the keys of an AppSpec, or of an input of create-deployment, and not of a plan."""
    return (
        isinstance(data, dict)
        and "stages" not in data
        and any(str(key).lower() in ("resources", "hooks", *_REVISION_KEYS) for key in data)
    )


def explain_unreadable(text: str, problems: Sequence[Problem]) -> list[Problem]:
    """Explain the problems of a file that is a template, or that uses a template's intrinsic functions."""
    if _TEMPLATE.search(text):
        return [Problem(A_TEMPLATE, "", 1, 1)]
    for problem in problems if _RESOURCE_TYPE.search(text) else ():
        if problem.message.startswith("the tag !"):
            tag = problem.message.partition(" is not allowed")[0]
            problem.message = (
                f"{tag} is not allowed: CodeDeploy does not resolve functions in an AppSpec; write the value, or a "
                "placeholder such as <NAME> that a pipeline replaces"
            )
    return list(problems)


def check_appspec(document: Document) -> RuleProblems:
    """Check an AppSpec."""
    root = AppSpecMap(document.data, ())
    if root["AWSTemplateFormatVersion"].exists or root["Transform"].exists:
        yield "appspec-template", (), A_TEMPLATE
        return
    if "stages" in root.data or any(key.lower() in _REVISION_KEYS for key in root.data):
        yield "appspec-resources", (), A_PLAN if "stages" in root.data else A_REVISION
        return
    yield from root.check_duplicates()
    server_keys = [key for key in root.data if key.lower() in _SERVER_KEYS]
    for key in server_keys:
        message = (
            "belongs to AppSpecs for EC2 and on-premises servers; for Lambda and ECS write version, Resources and Hooks"
        )
        yield "appspec-ec2", (key,), f"{key} {message}"
    yield from _check_version(root["version"])
    if not server_keys or root["Resources"].exists:
        yield from root.check_unknown(("version", "Resources", "Hooks"), _SERVER_KEYS)
        resource_type = yield from _check_resources(root["Resources"])
        yield from check_hooks(root["Hooks"], resource_type)


def _check_version(version: Value) -> RuleProblems:
    is_zero = isinstance(version.value, float) and version.value == 0
    if not is_zero and version.value != "0.0":
        yield "appspec-version", version.path, "version must be 0.0"


def _check_resources(resources: Value) -> ResourceProblems:
    if not isinstance(resources.value, list):
        actual = "a map; write a - before the name" if isinstance(resources.value, dict) else "missing or empty"
        yield "appspec-resources", resources.path, f"{_RESOURCES_SHAPE}; it is {actual}"
        return ""
    if len(resources.value) != 1 or not isinstance(resources.value[0], dict):
        count = len(resources.value)
        actual = "its entry is not a map" if count == 1 else f"it has {count}"
        yield "appspec-resources", resources.path, f"{_RESOURCES_SHAPE}; {actual}"
        return ""
    entry = AppSpecMap(resources.value[0], (*resources.path, 0))
    misplaced = [value for value in (entry["Type"], entry["Properties"]) if value.exists]
    if misplaced:
        names = [str(key) for key in entry.data if key.lower() not in ("type", "properties")]
        place = "below the name of the resource, which is missing"
        if names:
            place = f"below {names[0]}, indented by two more spaces"
        message = f"the indentation is wrong: {misplaced[0].path[-1]} belongs {place}"
        yield "appspec-indentation", misplaced[0].path, message
        return ""
    if len(entry.data) != 1:
        yield "appspec-resources", entry.path, f"{_RESOURCES_SHAPE}; the entry has the names {', '.join(entry.data)}"
        return ""
    ((name, resource),) = entry.data.items()
    path = (*entry.path, name)
    if not isinstance(resource, dict):
        yield "appspec-indentation", path, f"{name} is empty; indent Type and Properties below it"
        return ""
    return (yield from _check_resource(AppSpecMap(resource, path)))


def _check_resource(resource: AppSpecMap) -> ResourceProblems:
    yield from resource.check_duplicates()
    type_ = resource["Type"]
    if not isinstance(type_.value, str) or type_.value not in _REQUIRED:
        actual = f"is {type_.value!r}{did_you_mean(str(type_.value), _REQUIRED)}" if type_.exists else "is missing"
        yield "appspec-type", type_.path, f"Type {actual}; it must be {' or '.join(_REQUIRED)}"
        return ""
    valid_names = (*_REQUIRED[type_.value], *_OPTIONAL[type_.value])
    properties = resource["Properties"]
    if not isinstance(properties.value, dict):
        outside = [key for key in resource.data if key.lower() in {name.lower() for name in valid_names}]
        hint = f": {', '.join(outside)} belong below it" if outside else ""
        message = f"Properties is missing or not a map; check the indentation{hint}"
        yield "appspec-indentation", properties.path, message
        return type_.value
    yield from resource.check_unknown(("Type", "Properties"))
    yield from _check_properties(AppSpecMap(properties.value, properties.path), type_.value, valid_names)
    return type_.value


def _check_properties(properties: AppSpecMap, type_: str, valid_names: Sequence[str]) -> RuleProblems:
    yield from properties.check_duplicates()
    yield from properties.check_unknown(valid_names)
    for name in _REQUIRED[type_]:
        value = properties[name]
        if value.is_empty:
            yield "appspec-property", value.path, f"the property {name} is {'empty' if value.exists else 'missing'}"
    yield from _CHECKS[type_](properties)
