"""Blue and green of an ECS deployment: task sets, target groups, and the listener that routes to green at this stage.

The two target groups swap roles with every deployment, and the unused one stays on the listener with weight 0. So both
are derived from the deployment each time, never from their names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.deployment import SHIFT, Deployment, Side
from greenlight.core.errors import AwsError, DiscoveryError
from greenlight.discovery.load_balancer import Route, find_route

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.aws.client import Aws

HOST_TAG = "greenlight:host"

_STAGES_BEFORE_SHIFT = ("AfterAllowTestTraffic", "BeforeAllowTraffic")

_NO_BLUE_URL = {
    SHIFT: f"during {SHIFT} the production listener sends requests to blue and to green, so its answers are of either"
}

_NO_URL_YET = {
    "BeforeInstall": "green does not exist yet at BeforeInstall",
    "AfterInstall": "no listener routes to green at AfterInstall; the first stage with one is AfterAllowTestTraffic",
}


def find_ecs_sides(
    aws: Aws,
    deployment: Deployment,
    target: dict[str, Any],
    group: dict[str, Any],
    tags: dict[str, str],
    sleep: Callable[[float], None] = SYSTEM_CLOCK.sleep,
) -> tuple[Side, Side, tuple[str, str]]:
    """Find blue and green of a deployment.

    Args:
        aws: The account.
        deployment: Without blue and green; its stage decides which listener is used.
        target: CodeDeploy's `ecsTarget`.
        group: CodeDeploy's `deploymentGroupInfo`.
        tags: Of the deployment group; `greenlight:host` sets the host name of requests.
        sleep: Waits while a listener does not route to green yet.

    Returns:
        Blue, green, and the names of the cluster and the service.

    Raises:
        DiscoveryError: The service does not exist, or green's task set cannot be determined.
        AwsError: AWS denied a call or did not respond.
    """
    cluster, service = _service_names(target, group)
    services = aws.read("ecs", "describe_services", "services", cluster=cluster, services=[service])
    if not services:
        raise DiscoveryError(f"ECS has no service {service} in cluster {cluster}")
    task_sets = services[0].get("taskSets", [])
    infos = {info.get("identifer"): info for info in target.get("taskSetsInfo", [])}  # misspelt in the API
    green_set, blue_set = _identify_task_sets(deployment, task_sets, infos)
    groups = _read_target_groups(aws, group)
    blue, green = _build_side(blue_set, infos, groups), _build_side(green_set, infos, groups)
    if deployment.stage != "BeforeInstall" and not green_set:
        raise DiscoveryError(
            "none of the service's task sets belongs to this deployment, so green cannot be distinguished from blue"
        )
    blue = _add_blue_url(aws, deployment, group, blue, tags)
    return blue, _add_green_url(aws, deployment, group, green, tags, sleep), (cluster, service)


def _service_names(target: dict[str, Any], group: dict[str, Any]) -> tuple[str, str]:
    services = group.get("ecsServices") or []
    if services:
        return services[0].get("clusterName", ""), services[0].get("serviceName", "")
    cluster, _, service = str(target.get("targetId", "")).rpartition(":")
    if not service:
        raise DiscoveryError("neither the deployment group nor the target names the ECS service")
    return cluster, service


def _identify_task_sets(
    deployment: Deployment, task_sets: list[dict[str, Any]], infos: dict[Any, dict[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the task sets of green and blue.

    Green is identified by the deployment's id on the task set, then by CodeDeploy's label, then by the primary one.
    """
    labels = [_task_set_info(task_set, infos).get("taskSetLabel") for task_set in task_sets]
    green = next((task_set for task_set in task_sets if task_set.get("externalId") == deployment.id), None)
    if not green and "Green" in labels:
        green = task_sets[labels.index("Green")]
    if green is None and not any(labels) and len(task_sets) == 2:
        is_primary = deployment.stage == "AfterAllowTraffic"
        green = next((task_set for task_set in task_sets if (task_set.get("status") == "PRIMARY") is is_primary), None)
    blue = next((task_set for task_set in task_sets if task_set is not green), None)
    return green or {}, blue or {}


def _task_set_info(task_set: dict[str, Any], infos: dict[Any, dict[str, Any]]) -> dict[str, Any]:
    return infos.get(task_set.get("id")) or infos.get(task_set.get("taskSetArn")) or {}


def _read_target_groups(aws: Aws, group: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the target groups of the pair, by name and by ARN."""
    pairs = group.get("loadBalancerInfo", {}).get("targetGroupPairInfoList") or [{}]
    names = [reference["name"] for reference in pairs[0].get("targetGroups", []) if reference.get("name")]
    if not names:
        return {}
    described = aws.read("elbv2", "describe_target_groups", "TargetGroups", Names=names)
    by_name = {target.get("TargetGroupName"): target for target in described}
    by_arn = {target.get("TargetGroupArn"): target for target in described}
    return {key: target for key, target in (by_name | by_arn).items() if key}


def _build_side(task_set: dict[str, Any], infos: dict[Any, dict[str, Any]], groups: dict[str, dict[str, Any]]) -> Side:
    balancers = task_set.get("loadBalancers") or [{}]
    key = balancers[0].get("targetGroupArn") or _task_set_info(task_set, infos).get("targetGroup", {}).get("name", "")
    group = groups.get(key, {})
    has_http_check = str(group.get("HealthCheckProtocol", "")).startswith("HTTP")
    return Side(
        task_set=task_set.get("id", ""),
        task_definition=task_set.get("taskDefinition", ""),
        target_group=group.get("TargetGroupArn") or (key if key.startswith("arn:") else ""),
        health_check_path=group.get("HealthCheckPath", "") if has_http_check else "",
        health_check_codes=group.get("Matcher", {}).get("HttpCode", "") if has_http_check else "",
        no_url="checks send requests to green, not to blue, which serves the users",
    )


def _add_blue_url(aws: Aws, deployment: Deployment, group: dict[str, Any], blue: Side, tags: dict[str, str]) -> Side:
    """Add the URL at which users reach blue before the traffic shift, or the reason why it has no URL.

    Only comparisons need it, so a failure here becomes a reason and never fails the gate.
    """
    if deployment.stage not in _STAGES_BEFORE_SHIFT:
        reason = f"a comparison with blue needs traffic on both sides, which {deployment.stage} does not have"
        return replace(blue, no_url=_NO_BLUE_URL.get(deployment.stage, reason))
    pairs = group.get("loadBalancerInfo", {}).get("targetGroupPairInfoList") or [{}]
    listeners = pairs[0].get("prodTrafficRoute", {}).get("listenerArns") or []
    if not (listeners and blue.target_group):
        missing = "no target group for blue" if listeners else "no production listener"
        return replace(blue, no_url=f"the deployment group has {missing}")
    try:
        route = find_route(aws, listeners[0], blue.target_group, tags.get(HOST_TAG, ""), "blue")
    except Exception as error:  # noqa: BLE001 - a malformed response must not close the gate either
        return replace(blue, no_url=f"the URL of blue could not be determined: {_describe_error(error)}")
    return _apply_route(blue, route)


def _describe_error(error: Exception) -> str:
    if isinstance(error, AwsError):
        return str(error)
    return f"a response of the load balancer is malformed ({type(error).__name__}: {error})"


def _apply_route(side: Side, route: Route) -> Side:
    return replace(
        side,
        url=route.url,
        host=route.host,
        headers=route.headers,
        path_patterns=route.path_patterns,
        host_patterns=route.host_patterns,
        rules_above=route.rules_above,
        protocol=route.protocol,
        no_url=route.reason,
    )


def _add_green_url(
    aws: Aws,
    deployment: Deployment,
    group: dict[str, Any],
    green: Side,
    tags: dict[str, str],
    sleep: Callable[[float], None],
) -> Side:
    """Add the URL that reaches green at this stage, or the reason why it has no URL."""
    if deployment.stage in _NO_URL_YET:
        return replace(green, no_url=_NO_URL_YET[deployment.stage])
    pairs = group.get("loadBalancerInfo", {}).get("targetGroupPairInfoList") or [{}]
    kind = "prodTrafficRoute" if deployment.stage == "AfterAllowTraffic" else "testTrafficRoute"
    listeners = pairs[0].get(kind, {}).get("listenerArns") or []
    if not listeners:
        return replace(
            green,
            no_url="the deployment group has no test listener, so only users can reach green; add one to the group",
        )
    route = Route(reason="the load balancer was not queried")
    for pause in (1.0, 2.0, 3.0, None):  # a listener may show a change by CodeDeploy seconds later
        try:
            route = find_route(aws, listeners[0], green.target_group, tags.get(HOST_TAG, ""))
        except (AwsError, LookupError, TypeError, AttributeError) as error:  # a malformed response raises the others
            # Without its URL green can still be checked through AWS; checks that need the URL report this reason.
            return replace(green, no_url=f"the URL of green could not be determined: {_describe_error(error)}")
        if route.url or pause is None:
            break
        sleep(pause)
    return _apply_route(green, route)
