"""`greenlight appspec`: AppSpec files for Lambda and ECS, written with the hooks of an installation, and linted."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

from devkit.commands import lint
from devkit.lint import appspec
from devkit.terminal import output
from greenlight.core.deployment import STAGES
from greenlight.core.errors import GreenlightError
from greenlight.plan import yaml_reader

if TYPE_CHECKING:
    import argparse

HOOKED = {"lambda": appspec.LAMBDA_STAGES, "ecs": ("AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic")}
_INSTALLATION = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,23}")
"""What template.yaml allows its parameter InstallationName."""
_WANTED = {
    "lambda": ("function", "alias", "current_version", "target_version"),
    "ecs": ("task_definition", "container", "port"),
}
_OPTIONAL = {
    "lambda": (),
    "ecs": ("platform_version", "subnet", "security_group", "assign_public_ip", "capacity_provider"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what is to be written, or the files to lint."""
    kinds = parser.add_subparsers(dest="kind", required=True, metavar="WHAT")
    write = kinds.add_parser(
        "write",
        help="write an AppSpec with the hooks of an installation",
        description="Write an AppSpec with the hooks of an installation; what CodeDeploy would refuse is refused.",
    )
    add = write.add_argument
    add("--platform", choices=tuple(HOOKED), required=True, help="what is deployed")
    add("--function", metavar="NAME", help="lambda: the function's name")
    add("--alias", metavar="NAME", help="lambda: the alias that users call")
    add("--current-version", metavar="N", help="lambda: the version the alias leads to now")
    add("--target-version", metavar="N", help="lambda: the version to deploy")
    add("--task-definition", metavar="ARN", help="ecs: ARN or FAMILY:REVISION, or <TASK_DEFINITION> for CodePipeline")
    add("--container", metavar="NAME", help="ecs: the container the load balancer sends requests to")
    add("--port", metavar="N", help="ecs: its port")
    add("--platform-version", metavar="VERSION", help="ecs: of Fargate; the service's unless said")
    add("--subnet", action="append", metavar="ID", help="ecs: subnets of the tasks; the service's unless said")
    add("--security-group", action="append", metavar="ID", help="ecs: security groups, together with --subnet")
    add("--assign-public-ip", choices=("ENABLED", "DISABLED"), help="ecs: together with --subnet (default DISABLED)")
    add("--capacity-provider", action="append", metavar="NAME[:WEIGHT[:BASE]]", help="ecs: the service's unless said")
    add("--installation", default="greenlight", metavar="NAME", help='whose hooks are called; "" for none')
    add(
        "--stage",
        action="append",
        choices=STAGES,
        metavar="STAGE",
        help="events with a hook; the usual ones unless said",
    )
    add("--format", choices=("yaml", "json"), default="yaml", help="what is written (default yaml)")
    add("-o", "--output", default="", metavar="FILE", help="write there and not to standard output")
    lint.add_arguments(kinds.add_parser("lint", help="find every mistake in AppSpecs, as `greenlight lint` does"))


def run(arguments: argparse.Namespace) -> int:
    """Write or lint: 0, or 2 for what is wrong.

    Raises:
        GreenlightError: A value cannot be, or the file cannot be written; nothing is written then.
    """
    if arguments.kind == "lint":
        return lint.run(arguments)
    data = _whole(arguments)
    text = f"{json.dumps(data, indent=2)}\n" if arguments.format == "json" else "\n".join([*_yaml(data), ""])
    document = yaml_reader.read(text)
    wrong = [f"{yaml_reader.display_path(path)}: {message}" for _, path, message in appspec.check_appspec(document)]
    if wrong:
        raise GreenlightError("; ".join(wrong))
    if not data.get("Hooks"):
        print("no hook is named: CodeDeploy would ask nobody before users meet the release", file=sys.stderr)
    output.write_output(text, arguments.output)
    return 0


def _whole(arguments: argparse.Namespace) -> dict[str, Any]:
    platform = arguments.platform
    _only_its_own(arguments, platform)
    name, properties = _lambda(arguments) if platform == "lambda" else _ecs(arguments)
    kind = appspec.LAMBDA if platform == "lambda" else appspec.ECS
    whole: dict[str, Any] = {"version": 0.0, "Resources": [{name: {"Type": kind, "Properties": properties}}]}
    if arguments.installation:
        if not _INSTALLATION.fullmatch(arguments.installation):
            raise GreenlightError("--installation is 1 to 24 letters, digits and hyphens, and begins with a letter")
        stages = sorted(set(arguments.stage or HOOKED[platform]), key=STAGES.index)
        whole["Hooks"] = [{each: f"{appspec.HOOK_PREFIX}{arguments.installation}-{each}"} for each in stages]
    elif arguments.stage:
        raise GreenlightError("--stage names hooks of an installation, and --installation is empty")
    return whole


def _only_its_own(arguments: argparse.Namespace, platform: str) -> None:
    """Refuse what is missing, and what only the other platform has."""
    other = "ecs" if platform == "lambda" else "lambda"
    missing = [each for each in _WANTED[platform] if not getattr(arguments, each)]
    if missing:
        raise GreenlightError(f"an AppSpec for {platform} needs {', '.join(map(_option, missing))}")
    strange = [each for each in (*_WANTED[other], *_OPTIONAL[other]) if getattr(arguments, each)]
    if strange:
        raise GreenlightError(f"{', '.join(map(_option, strange))} is for {other}, and this is for {platform}")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _lambda(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    versions = {"CurrentVersion": arguments.current_version, "TargetVersion": arguments.target_version}
    return "TargetFunction", {"Name": arguments.function, "Alias": arguments.alias, **versions}


def _ecs(arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
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
        properties["CapacityProviderStrategy"] = [_provider(each) for each in arguments.capacity_provider]
    return "TargetService", properties


def _provider(written: str) -> dict[str, Any]:
    match = re.fullmatch(r"(?P<name>[^:]+)(:(?P<weight>[0-9]{1,9}))?(:(?P<base>[0-9]{1,9}))?", written)
    if match is None:
        raise GreenlightError(f"--capacity-provider {written!r} is not NAME, NAME:WEIGHT or NAME:WEIGHT:BASE")
    numbers = {key: int(match[key.lower()]) for key in ("Weight", "Base") if match[key.lower()]}
    return {"CapacityProvider": match["name"], **numbers}


def _yaml(data: Any, margin: str = "") -> list[str]:
    """Write maps and lists as people do, and every text in quotes: nothing is read as what it is not."""
    lines: list[str] = []
    for key, value in data.items():
        if isinstance(value, dict):
            lines += [f"{margin}{_key(key)}:", *_yaml(value, f"{margin}  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{margin}{_key(key)}:")
            for entry in value:
                first, *rest = _yaml(entry, f"{margin}    ")
                lines += [f"{margin}  - {first.strip()}", *rest]
        else:
            lines.append(f"{margin}{_key(key)}: {json.dumps(value, ensure_ascii=False)}")
    return lines


def _key(name: str) -> str:
    return name if re.fullmatch("[A-Za-z_][A-Za-z0-9_-]*", name) else json.dumps(name, ensure_ascii=False)
