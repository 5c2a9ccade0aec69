"""Blue and green of an ECS deployment: task sets, target groups, and the listener that leads to green now.

Roles of the two target groups swap at every deployment, and the unused one stays on the listener with
weight 0; so both are derived from the deployment each time, and a name proves nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.core.deployment import Deployment, Side
from greenlight.core.errors import AwsError, DiscoveryError
from greenlight.discovery.load_balancer import Route, find_route

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.aws.client import Aws

HOST_TAG = "greenlight:host"

_BEFORE_THE_SHIFT = ("AfterAllowTestTraffic", "BeforeAllowTraffic")

_NOT_YET = {
    "BeforeInstall": "green does not exist yet at BeforeInstall",
    "AfterInstall": "no listener leads to green yet at AfterInstall; that begins with AfterAllowTestTraffic",
}


def find_ecs_sides(
    aws: Aws,
    deployment: Deployment,
    target: dict[str, Any],
    group: dict[str, Any],
    tags: dict[str, str],
    sleep: Callable[[float], None] = time.sleep,
) -> tuple[Side, Side, tuple[str, str]]:
    """Find blue and green.

    Args:
        aws: The account.
        deployment: What is known so far; its stage decides which listener counts.
        target: CodeDeploy's `ecsTarget`.
        group: CodeDeploy's `deploymentGroupInfo`.
        tags: Of the deployment group; `greenlight:host` names the host to ask for.
        sleep: Waits while a listener still forwards elsewhere.

    Returns:
        Blue, green, and the names of cluster and service.

    Raises:
        DiscoveryError: Green's task set cannot be told.
        AwsError: AWS refused or did not answer.
    """
    cluster, service = _names(target, group)
    sets = aws.call("ecs", "describe_services", cluster=cluster, services=[service])
    services = sets.get("services", [])
    if not services:
        raise DiscoveryError(f"ECS knows no service {service} in cluster {cluster}")
    task_sets = services[0].get("taskSets", [])
    infos = {info.get("identifer"): info for info in target.get("taskSetsInfo", [])}  # misspelt in the API
    green_set, blue_set = _told_apart(deployment, task_sets, infos)
    groups = _target_groups(aws, group)
    blue, green = _side(blue_set, infos, groups), _side(green_set, infos, groups)
    if deployment.stage != "BeforeInstall" and not green_set:
        raise DiscoveryError(
            "none of the service's task sets belongs to this deployment, so green cannot be told from blue"
        )
    blue = _still_reachable(aws, deployment, group, blue, tags)
    return blue, _reachable(aws, deployment, group, green, tags, sleep), (cluster, service)


def _names(target: dict[str, Any], group: dict[str, Any]) -> tuple[str, str]:
    listed = group.get("ecsServices") or []
    if listed:
        return listed[0].get("clusterName", ""), listed[0].get("serviceName", "")
    cluster, _, service = str(target.get("targetId", "")).rpartition(":")
    if not service:
        raise DiscoveryError("neither the deployment group nor the target names the ECS service")
    return cluster, service


def _told_apart(
    deployment: Deployment, task_sets: list[dict[str, Any]], infos: dict[Any, dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Tell green from blue: by the deployment's id on the task set, then by CodeDeploy's label, then by who is primary."""
    green = next((each for each in task_sets if each.get("externalId") == deployment.id), None)
    green = green or next((each for each in task_sets if _info(each, infos).get("taskSetLabel") == "Green"), None)
    if green is None and not any(_info(each, infos).get("taskSetLabel") for each in task_sets) and len(task_sets) == 2:
        before_shift = deployment.stage != "AfterAllowTraffic"
        green = next((each for each in task_sets if (each.get("status") == "PRIMARY") is not before_shift), None)
    blue = next((each for each in task_sets if each is not green), None)
    return green or {}, blue or {}


def _info(task_set: dict[str, Any], infos: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    return infos.get(task_set.get("id")) or infos.get(task_set.get("taskSetArn")) or {}


def _target_groups(aws: Aws, group: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the pair's target groups by name and by ARN."""
    pairs = group.get("loadBalancerInfo", {}).get("targetGroupPairInfoList") or [{}]
    names = [each["name"] for each in pairs[0].get("targetGroups", []) if each.get("name")]
    if not names:
        return {}
    found = aws.call("elbv2", "describe_target_groups", Names=names).get("TargetGroups", [])
    return {key: each for each in found for key in (each.get("TargetGroupName"), each.get("TargetGroupArn")) if key}


def _side(task_set: dict[str, Any], infos: dict[Any, dict[str, Any]], groups: dict[str, dict[str, Any]]) -> Side:
    balancers = task_set.get("loadBalancers") or [{}]
    key = balancers[0].get("targetGroupArn") or _info(task_set, infos).get("targetGroup", {}).get("name", "")
    group = groups.get(key, {})
    speaks_http = str(group.get("HealthCheckProtocol", "")).startswith("HTTP")
    return Side(
        task_set=task_set.get("id", ""),
        task_definition=task_set.get("taskDefinition", ""),
        target_group=group.get("TargetGroupArn") or (key if key.startswith("arn:") else ""),
        health_check_path=group.get("HealthCheckPath", "") if speaks_http else "",
        health_check_codes=group.get("Matcher", {}).get("HttpCode", "") if speaks_http else "",
        no_url="blue is what users have; checks ask green",
    )


def _still_reachable(aws: Aws, deployment: Deployment, group: dict[str, Any], blue: Side, tags: dict[str, str]) -> Side:
    """Add to blue the URL under which users reach it as long as no traffic has shifted, or why there is none.

    Only comparing needs it, so whatever goes wrong here is a reason and never ends the gate.
    """
    if deployment.stage not in _BEFORE_THE_SHIFT:
        return replace(
            blue, no_url=f"comparing with blue needs traffic on both, which {deployment.stage} does not have"
        )
    pairs = group.get("loadBalancerInfo", {}).get("targetGroupPairInfoList") or [{}]
    listeners = pairs[0].get("prodTrafficRoute", {}).get("listenerArns") or []
    if not (listeners and blue.target_group):
        missing = "no target group for blue" if listeners else "no production listener"
        return replace(blue, no_url=f"the deployment group has {missing}")
    try:
        found = find_route(aws, listeners[0], blue.target_group, tags.get(HOST_TAG, ""), "blue")
    except Exception as error:  # noqa: BLE001 - an answer that lacks what it should have is no reason to close the gate
        return replace(blue, no_url=f"the URL of blue could not be found out: {_said(error)}")
    return _by(blue, found)


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, AwsError) else f"{type(error).__name__}: {error}"


def _by(side: Side, found: Route) -> Side:
    return replace(
        side,
        url=found.url,
        host=found.host,
        headers=found.headers,
        path_patterns=found.path_patterns,
        no_url=found.why,
    )


def _reachable(
    aws: Aws,
    deployment: Deployment,
    group: dict[str, Any],
    green: Side,
    tags: dict[str, str],
    sleep: Callable[[float], None],
) -> Side:
    """Add to green the URL under which it answers at this stage, or why there is none."""
    if deployment.stage in _NOT_YET:
        return replace(green, no_url=_NOT_YET[deployment.stage])
    pairs = group.get("loadBalancerInfo", {}).get("targetGroupPairInfoList") or [{}]
    route = "prodTrafficRoute" if deployment.stage == "AfterAllowTraffic" else "testTrafficRoute"
    listeners = pairs[0].get(route, {}).get("listenerArns") or []
    if not listeners:
        return replace(
            green,
            no_url="the deployment group has no test listener, so nothing reaches green before users do; add one to the group",
        )
    found = Route(why="the balancer was not asked")
    for pause in (1.0, 2.0, 3.0, None):  # a listener that CodeDeploy has just changed may take seconds to show it
        try:
            found = find_route(aws, listeners[0], green.target_group, tags.get(HOST_TAG, ""))
        except AwsError as error:
            # Without its URL green can still be checked through AWS; checks that need the URL say this sentence.
            return replace(green, no_url=f"the URL of green could not be found out: {error}")
        if found.url or pause is None:
            break
        sleep(pause)
    return _by(green, found)
