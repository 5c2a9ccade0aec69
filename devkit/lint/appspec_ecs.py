"""Rules for the properties of an ECS service in an AppSpec."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .appspec_values import AppSpecMap

if TYPE_CHECKING:
    from .appspec_values import Value
    from .diagnostics import RuleProblems

REQUIRED = ("TaskDefinition", "LoadBalancerInfo")
OPTIONAL = ("PlatformVersion", "NetworkConfiguration", "CapacityProviderStrategy")
_TASK_DEFINITION_ARN = re.compile(
    r"arn:[a-z-]+:ecs:[a-z0-9-]+:[0-9]{12}:task-definition/[A-Za-z0-9_-]{1,255}(:[0-9]+)?"
)
_TASK_DEFINITION = re.compile(r"[A-Za-z0-9_-]{1,255}(:[1-9][0-9]*)?")
_PLATFORM_VERSION = re.compile(r"LATEST|[0-9]+\.[0-9]+\.[0-9]+")


def check_ecs(properties: AppSpecMap) -> RuleProblems:
    """Check the properties of an ECS service."""
    task, platform = properties["TaskDefinition"], properties["PlatformVersion"]
    if task.is_final and (message := _task_definition_problem(str(task.value))):
        yield "appspec-task-definition", task.path, message
    if platform.exists and not platform.has_placeholder and not _PLATFORM_VERSION.fullmatch(str(platform.value)):
        message = f"PlatformVersion must be LATEST or a version such as 1.4.0, not {platform.value!r}"
        yield "appspec-platform-version", platform.path, message
    balancer, network = properties["LoadBalancerInfo"], properties["NetworkConfiguration"]
    if isinstance(balancer.value, dict):
        yield from _check_load_balancer(AppSpecMap(balancer.value, balancer.path))
    elif not balancer.is_empty:
        message = "LoadBalancerInfo must be a map of ContainerName and ContainerPort, not a list; remove the -"
        yield "appspec-load-balancer", balancer.path, message
    if network.exists:
        yield from _check_network(network)
    if properties["CapacityProviderStrategy"].exists:
        yield from _check_capacity_providers(properties["CapacityProviderStrategy"])


def _task_definition_problem(text: str) -> str:
    """Return why a text is not the name or ARN of a task definition; "" if it is."""
    if text.startswith("arn:"):
        if _TASK_DEFINITION_ARN.fullmatch(text):
            return ""
        hint = "it has two colons in a row"
        if "::" not in text:
            hint = "write arn:aws:ecs:REGION:ACCOUNT:task-definition/FAMILY:REVISION"
        return f"{text} is not a task definition's ARN; {hint}"
    if _TASK_DEFINITION.fullmatch(text):
        return ""
    hint = "the ARN begins with arn:" if "task-definition/" in text else "write its ARN, or FAMILY:REVISION"
    return f"{text!r} does not name a task definition; {hint}"


def _check_load_balancer(balancer: AppSpecMap) -> RuleProblems:
    yield from balancer.check_duplicates()
    yield from balancer.check_unknown(("ContainerName", "ContainerPort"))
    for key in ("ContainerName", "ContainerPort"):
        if balancer[key].is_empty:
            yield "appspec-load-balancer", balancer[key].path, f"LoadBalancerInfo has no {key}"
    port = balancer["ContainerPort"]
    if port.is_final and not (type(port.value) is int and 1 <= port.value <= 65535):
        message = f"ContainerPort must be a number from 1 to 65535 without quotes, not {port.value!r}"
        yield "appspec-container-port", port.path, message


def _check_network(network: Value) -> RuleProblems:
    vpc = network
    if isinstance(network.value, dict):
        vpc = AppSpecMap(network.value, network.path)["AwsvpcConfiguration"]
    if vpc is network or not isinstance(vpc.value, dict):
        message = "NetworkConfiguration needs AwsvpcConfiguration with Subnets, SecurityGroups and AssignPublicIp"
        yield "appspec-network", vpc.path, message
        return
    settings = AppSpecMap(vpc.value, vpc.path)
    yield from settings.check_duplicates()
    yield from settings.check_unknown(("Subnets", "SecurityGroups", "AssignPublicIp"))
    for key, prefix in (("Subnets", "subnet-"), ("SecurityGroups", "sg-")):
        ids = settings[key]
        if not ids.has_placeholder and not _is_list_of_ids(ids, prefix):
            message = f"{key} must be a list of ids that begin with {prefix}; all three keys are required"
            yield "appspec-network", ids.path, message
    public_ip = settings["AssignPublicIp"]
    if not public_ip.has_placeholder and public_ip.value not in ("ENABLED", "DISABLED"):
        message = f"AssignPublicIp must be ENABLED or DISABLED, not {public_ip.value!r}"
        yield "appspec-network", public_ip.path, message


def _is_list_of_ids(ids: Value, prefix: str) -> bool:
    values = ids.value if isinstance(ids.value, list) else []
    return bool(values) and all(str(value).startswith(prefix) for value in values)


def _check_capacity_providers(strategy: Value) -> RuleProblems:
    entries = strategy.value if isinstance(strategy.value, list) else []
    if not entries:
        message = "CapacityProviderStrategy must be a list: - {CapacityProvider: NAME, Base: 0, Weight: 1}"
        yield "appspec-capacity-provider", strategy.path, message
    for index, entry in enumerate(entries):
        path = (*strategy.path, index)
        if not isinstance(entry, dict) or AppSpecMap(entry, path)["CapacityProvider"].is_empty:
            yield "appspec-capacity-provider", path, "each entry must have a CapacityProvider"
            continue
        provider = AppSpecMap(entry, path)
        yield from provider.check_unknown(("CapacityProvider", "Base", "Weight"))
        for key, maximum in (("Base", 100_000), ("Weight", 1000)):
            number = provider[key]
            is_valid = type(number.value) is int and 0 <= number.value <= maximum
            if number.exists and not number.has_placeholder and not is_valid:
                message = f"{key} must be a whole number from 0 to {maximum}, not {number.value!r}"
                yield "appspec-capacity-provider", number.path, message
