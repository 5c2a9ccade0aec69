"""`greenlight appspec`: write AppSpec files for Lambda and ECS with the hooks of an installation, and lint them."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import STAGES
from greenlight.core.errors import GreenlightError
from greenlight.plan import yaml_reader

from ..lint import appspec
from ..terminal import output
from . import lint

if TYPE_CHECKING:
    import argparse

HOOKED = {"lambda": appspec.LAMBDA_STAGES, "ecs": ("AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic")}
_INSTALLATION = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,23}")
"""Names that template.yaml allows for its parameter InstallationName."""

_REQUIRED = {
    "lambda": ("function", "alias", "current_version", "target_version"),
    "ecs": ("task_definition", "container", "port"),
}
_OPTIONAL = {
    "lambda": (),
    "ecs": ("platform_version", "subnet", "security_group", "assign_public_ip", "capacity_provider"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands `write` and `lint`."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="ACTION")
    write = kinds.add_parser(
        "write",
        help="write an AppSpec with the hooks of an installation",
        description="Write an AppSpec with the hooks of an installation, unless CodeDeploy would reject it.",
    )
    add = write.add_argument
    add("--platform", choices=tuple(HOOKED), required=True, help="compute platform of the deployment")
    add("--function", metavar="NAME", help="lambda: name of the function")
    add("--alias", metavar="NAME", help="lambda: alias that users call")
    add("--current-version", metavar="N", help="lambda: version that the alias points to now")
    add("--target-version", metavar="N", help="lambda: version to deploy")
    add("--task-definition", metavar="ARN", help="ecs: ARN or FAMILY:REVISION, or <TASK_DEFINITION> for CodePipeline")
    add("--container", metavar="NAME", help="ecs: container that the load balancer routes to")
    add("--port", metavar="N", help="ecs: port of the container")
    add("--platform-version", metavar="VERSION", help="ecs: Fargate platform version (default: the service's)")
    add("--subnet", action="append", metavar="ID", help="ecs: subnet of the tasks, repeatable (default: the service's)")
    add(
        "--security-group",
        action="append",
        metavar="ID",
        help="ecs: security group, repeatable, with --subnet",
    )
    add(
        "--assign-public-ip",
        choices=("ENABLED", "DISABLED"),
        help="ecs: public address for the tasks, with --subnet (default DISABLED)",
    )
    add(
        "--capacity-provider",
        action="append",
        metavar="NAME[:WEIGHT[:BASE]]",
        help="ecs: capacity provider, repeatable (default: the service's)",
    )
    add(
        "--installation",
        default="greenlight",
        metavar="NAME",
        help='installation with the hooks; "" for no hooks (default greenlight)',
    )
    add(
        "--stage",
        action="append",
        choices=STAGES,
        metavar="STAGE",
        help="lifecycle event with a hook, repeatable (default: the usual ones of the platform)",
    )
    add("--format", choices=("yaml", "json"), default="yaml", help="output format (default yaml)")
    add("-o", "--output", default="", metavar="FILE", help="write to this file instead of standard output")
    lint.add_arguments(kinds.add_parser("lint", help="find every mistake in AppSpecs, like `greenlight lint`"))


def run(arguments: argparse.Namespace) -> int:
    """Write or lint an AppSpec; return 0, or 2 if lint finds errors.

    Raises:
        GreenlightError: A value is not valid, or the file cannot be written. Nothing is written then.
    """
    if arguments.kind == "lint":
        return lint.run(arguments)
    data = _build_appspec(arguments)
    text = f"{json.dumps(data, indent=2)}\n" if arguments.format == "json" else "\n".join([*_to_yaml(data), ""])
    document = yaml_reader.read(text)
    errors = [f"{yaml_reader.display_path(path)}: {message}" for _, path, message in appspec.check_appspec(document)]
    if errors:
        raise GreenlightError("; ".join(errors))
    if not data.get("Hooks"):
        print("the AppSpec has no hooks, so CodeDeploy would shift traffic without a check", file=sys.stderr)
    output.write_output(text, arguments.output)
    return 0


def _build_appspec(arguments: argparse.Namespace) -> dict[str, Any]:
    platform = arguments.platform
    _check_options(arguments, platform)
    name, properties = _lambda_target(arguments) if platform == "lambda" else _ecs_target(arguments)
    kind = appspec.LAMBDA if platform == "lambda" else appspec.ECS
    data: dict[str, Any] = {"version": 0.0, "Resources": [{name: {"Type": kind, "Properties": properties}}]}
    if arguments.installation:
        if not _INSTALLATION.fullmatch(arguments.installation):
            raise GreenlightError("--installation must be 1 to 24 letters, digits and hyphens, and begin with a letter")
        stages = sorted(set(arguments.stage or HOOKED[platform]), key=STAGES.index)
        data["Hooks"] = [{stage: f"{appspec.HOOK_PREFIX}{arguments.installation}-{stage}"} for stage in stages]
    elif arguments.stage:
        raise GreenlightError("--stage requires an --installation that is not empty")
    return data


def _check_options(arguments: argparse.Namespace, platform: str) -> None:
    """Raise an error for missing options of the platform, and for options of the other platform."""
    other = "ecs" if platform == "lambda" else "lambda"
    missing = [name for name in _REQUIRED[platform] if not getattr(arguments, name)]
    if missing:
        raise GreenlightError(f"an AppSpec for {platform} requires {', '.join(map(_option, missing))}")
    unsupported = [name for name in (*_REQUIRED[other], *_OPTIONAL[other]) if getattr(arguments, name)]
    if unsupported:
        raise GreenlightError(
            f"{', '.join(map(_option, unsupported))}: only for --platform {other}, but this AppSpec is for {platform}"
        )


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _lambda_target(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    versions = {"CurrentVersion": arguments.current_version, "TargetVersion": arguments.target_version}
    return "TargetFunction", {"Name": arguments.function, "Alias": arguments.alias, **versions}


def _ecs_target(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    port = int(arguments.port) if re.fullmatch("[0-9]{1,9}", arguments.port) else arguments.port
    properties: dict[str, Any] = {
        "TaskDefinition": arguments.task_definition,
        "LoadBalancerInfo": {"ContainerName": arguments.container, "ContainerPort": port},
    }
    if arguments.platform_version:
        properties["PlatformVersion"] = arguments.platform_version
    if arguments.subnet or arguments.security_group or arguments.assign_public_ip:
        network = {"Subnets": arguments.subnet or [], "SecurityGroups": arguments.security_group or []}
        public = arguments.assign_public_ip or "DISABLED"
        properties["NetworkConfiguration"] = {"AwsvpcConfiguration": {**network, "AssignPublicIp": public}}
    if arguments.capacity_provider:
        properties["CapacityProviderStrategy"] = [_parse_provider(text) for text in arguments.capacity_provider]
    return "TargetService", properties


def _parse_provider(text: str) -> dict[str, Any]:
    match = re.fullmatch(r"(?P<name>[^:]+)(:(?P<weight>[0-9]{1,9}))?(:(?P<base>[0-9]{1,9}))?", text)
    if match is None:
        raise GreenlightError(f"--capacity-provider {text!r} is not NAME, NAME:WEIGHT or NAME:WEIGHT:BASE")
    numbers = {key: int(match[key.lower()]) for key in ("Weight", "Base") if match[key.lower()]}
    return {"CapacityProvider": match["name"], **numbers}


def _to_yaml(data: Any, margin: str = "") -> list[str]:
    """Return the lines of a map in YAML. Every string is quoted, so that none is read as another type."""
    lines: list[str] = []
    for key, value in data.items():
        if isinstance(value, dict):
            lines += [f"{margin}{_key(key)}:", *_to_yaml(value, f"{margin}  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{margin}{_key(key)}:")
            for entry in value:
                first, *rest = _to_yaml(entry, f"{margin}    ")
                lines += [f"{margin}  - {first.strip()}", *rest]
        else:
            lines.append(f"{margin}{_key(key)}: {json.dumps(value, ensure_ascii=False)}")
    return lines


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z_][A-Za-z0-9_-]*", name) else json.dumps(name, ensure_ascii=False)
