"""The alias of a Lambda function: there is one, it stands on one version, and the AppSpec knows which."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from devkit.doctor.rules import symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devkit.doctor.deployment_group import GroupState
    from devkit.doctor.rules import Symptom

_ABSENT = ("ResourceNotFoundException",)


def alias(scene: GroupState) -> Iterator[Symptom]:
    """Look at the alias that the AppSpec names."""
    properties = scene.appspec.properties if scene.appspec else {}
    name, called = properties.get("name"), properties.get("alias")
    if not isinstance(name, str) or not isinstance(called, str):
        return
    found = scene.reader.found("lambda", "get_alias", _ABSENT, FunctionName=name, Name=called)
    if found is None:
        yield symptom(
            "first-deployment",
            f"the function {name} has no alias {called} yet: its first version meets users without hooks",
            fix=f"check it yourself (greenlight check PLAN --stage BeforeAllowTraffic), then:\naws lambda create-alias --function-name {shlex.quote(name)} --name {shlex.quote(called)} --function-version VERSION",
        )
        return
    others = found.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    if others and not scene.running:
        now = str(found.get("FunctionVersion"))
        yield symptom(
            "alias-weighted",
            f"no deployment runs, and {name}:{called} still sends a part of its calls to another version; CodeDeploy refuses to begin",
            f"version {now}, and {', '.join(f'version {version} with {weight:.0%}' for version, weight in others.items())}",
            fix=f"aws lambda update-alias --function-name {shlex.quote(name)} --name {shlex.quote(called)} --function-version {now} --routing-config AdditionalVersionWeights={{}}",
        )
    if scene.appspec is not None and scene.appspec.next:
        yield from _versions(scene, name, called, str(found.get("FunctionVersion")))


def _versions(scene: GroupState, name: str, called: str, now: str) -> Iterator[Symptom]:
    """Hold the AppSpec of the next deployment against the versions there are."""
    properties = scene.appspec.properties if scene.appspec else {}
    current, target = (str(properties.get(key, "")) for key in ("currentversion", "targetversion"))
    if current.isdigit() and current != now:
        yield symptom(
            "version",
            f"the AppSpec says that {name}:{called} stands on version {current}, and it stands on {now}; CodeDeploy refuses it with INVALID_LAMBDA_CONFIGURATION",
            fix=f'write CurrentVersion: "{now}"',
        )
    new, old = (_version(scene, name, each) for each in (target, current))
    if target.isdigit() and not new:
        yield symptom(
            "version",
            f"the function {name} has no version {target}, to which the AppSpec wants to go",
            fix=f"aws lambda publish-version --function-name {shlex.quote(name)}, and write its number as TargetVersion",
        )
    for key in ("Role", "DeadLetterConfig"):
        if new and old and new.get(key) != old.get(key):
            yield symptom(
                "version",
                f"the versions {current} and {target} of {name} differ in {key}, and an alias cannot be shared between them",
                f"version {current}: {old.get(key)}",
                f"version {target}: {new.get(key)}",
                fix=f"publish a version with the same {key}, or let all users come at once: "
                + scene.update("--deployment-config-name CodeDeployDefault.LambdaAllAtOnce"),
            )


def _version(scene: GroupState, name: str, version: str) -> dict[str, Any] | None:
    if not version.isdigit():
        return None
    return scene.reader.found("lambda", "get_function_configuration", _ABSENT, FunctionName=name, Qualifier=version)
