"""Checks of a Lambda alias: it exists, points to one version, and the AppSpec fits it."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from .rules import make_symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .deployment_group import GroupState
    from .rules import Symptom

_ABSENT = ("ResourceNotFoundException",)


def check_alias(state: GroupState) -> Iterator[Symptom]:
    """Check the alias that the AppSpec names."""
    properties = state.appspec.properties if state.appspec else {}
    name, alias = properties.get("name"), properties.get("alias")
    if not isinstance(name, str) or not isinstance(alias, str):
        return
    configuration = state.reader.find("lambda", "get_alias", _ABSENT, FunctionName=name, Name=alias)
    options = f"--function-name {shlex.quote(name)} --name {shlex.quote(alias)}"
    if configuration is None:
        yield make_symptom(
            "first-deployment",
            f"the function {name} has no alias {alias} yet, and CodeDeploy calls no hooks for its first version",
            fix="check the version (greenlight check PLAN --stage BeforeAllowTraffic), then create the alias:\n"
            f"aws lambda create-alias {options} --function-version VERSION",
        )
        return
    version = str(configuration.get("FunctionVersion"))
    weights = configuration.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    if weights and not state.is_deploying:
        weighted = ", ".join(f"version {other} with {weight:.0%}" for other, weight in weights.items())
        yield make_symptom(
            "alias-weighted",
            f"the alias {name}:{alias} splits traffic between two versions although no deployment is running; "
            "CodeDeploy refuses to start a deployment",
            f"version {version}, and {weighted}",
            fix=f"aws lambda update-alias {options} --function-version {version} "
            "--routing-config AdditionalVersionWeights={}",
        )
    if state.appspec is not None and state.appspec.is_next:
        yield from _check_versions(state, name, alias, version)


def _check_versions(state: GroupState, name: str, alias: str, actual: str) -> Iterator[Symptom]:
    """Compare the versions in the AppSpec of the next deployment with the alias and the function."""
    properties = state.appspec.properties if state.appspec else {}
    current, target = (str(properties.get(key, "")) for key in ("currentversion", "targetversion"))
    if current.isdigit() and current != actual:
        yield make_symptom(
            "version",
            f"the AppSpec's CurrentVersion of {name}:{alias} is {current}, but the alias points to {actual}; "
            "CodeDeploy refuses the deployment with INVALID_LAMBDA_CONFIGURATION",
            fix=f'write CurrentVersion: "{actual}"',
        )
    new, old = (_find_version(state, name, version) for version in (target, current))
    if target.isdigit() and not new:
        yield make_symptom(
            "version",
            f"the AppSpec's TargetVersion is {target}, but the function {name} has no such version",
            fix=f"publish a version (aws lambda publish-version --function-name {shlex.quote(name)}), "
            "and write its number as TargetVersion",
        )
    for key in ("Role", "DeadLetterConfig"):
        if new and old and new.get(key) != old.get(key):
            yield make_symptom(
                "version",
                f"versions {current} and {target} of {name} differ in {key}, so an alias cannot split traffic "
                "between them",
                f"version {current}: {old.get(key)}",
                f"version {target}: {new.get(key)}",
                fix=f"publish a version with the same {key}, or shift all traffic at once: "
                + state.update_command("--deployment-config-name CodeDeployDefault.LambdaAllAtOnce"),
            )


def _find_version(state: GroupState, name: str, version: str) -> dict[str, Any] | None:
    if not version.isdigit():
        return None
    return state.reader.find("lambda", "get_function_configuration", _ABSENT, FunctionName=name, Qualifier=version)
