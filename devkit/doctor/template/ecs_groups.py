"""Checks of deployment groups of ECS services in a template: target groups, listeners, traffic shifting, services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cloudformation import as_list, logical_id
from ..rules import make_symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cloudformation import Template
    from ..revision import AppSpec
    from ..rules import Symptom

_TEST_ROUTE_FIX = "TestTrafficRoute: {ListenerArns: [!Ref TestListener]}"


def check_ecs_group(template: Template, name: str, appspec: AppSpec | None) -> Iterator[Symptom]:
    """Check the deployment group of an ECS service."""
    group, line = template.properties(name), template.line("Resources", name)
    pairs = target_group_pairs(group)
    pair = next((pair for pair in pairs if isinstance(pair, dict)), {})
    routing_line = template.line("Resources", name, "Properties", "LoadBalancerInfo")
    yield from _check_target_groups(name, pairs, pair, routing_line)
    yield from _check_listeners(name, pair, appspec, routing_line)
    listeners = [_listener(pair.get(route)) for route in ("ProdTrafficRoute", "TestTrafficRoute")]
    load_balancers = sorted({_load_balancer(template, listener) for listener in listeners} - {""})
    if len(load_balancers) > 1:
        yield make_symptom(
            "listeners-apart",
            f"the test listener and the production listener of {name} must be on the same load balancer",
            *load_balancers,
            fix="LoadBalancerArn: the same for both listeners",
            line=routing_line,
        )
    config = group.get("DeploymentConfigName")
    is_network = any(template.properties(resource).get("Type") == "network" for resource in load_balancers)
    if is_network and isinstance(config, str) and config != "CodeDeployDefault.ECSAllAtOnce":
        yield make_symptom(
            "network-balancer",
            "a Network Load Balancer cannot shift traffic in steps, as the "
            f"deployment configuration {config} of {name} requires",
            fix="DeploymentConfigName: CodeDeployDefault.ECSAllAtOnce",
            line=line,
        )
    yield from _check_shifting(name, group.get("BlueGreenDeploymentConfiguration"), line)
    yield from _check_controllers(template, name, group)


def target_group_pairs(group: dict[str, Any]) -> list[Any]:
    """Return TargetGroupPairInfoList of a deployment group."""
    load_balancer = group.get("LoadBalancerInfo")
    return as_list(load_balancer.get("TargetGroupPairInfoList")) if isinstance(load_balancer, dict) else []


def _check_target_groups(name: str, pairs: list[Any], pair: dict[str, Any], line: int) -> Iterator[Symptom]:
    groups = pair.get("TargetGroups", [])
    if len(pairs) > 1:
        count = f"{len(pairs)} pairs"
    elif isinstance(groups, list) and len(groups) != 2:
        count = f"{len(groups)} target groups"
    else:
        return
    yield make_symptom(
        "target-groups",
        f"{name} needs one pair of target groups, one for blue and one for green, but has {count}",
        fix="LoadBalancerInfo:\n  TargetGroupPairInfoList:\n"
        "    - TargetGroups: [{Name: !GetAtt First.TargetGroupName}, {Name: !GetAtt Second.TargetGroupName}]",
        line=line,
    )


def _check_listeners(name: str, pair: dict[str, Any], appspec: AppSpec | None, line: int) -> Iterator[Symptom]:
    for route in ("ProdTrafficRoute", "TestTrafficRoute"):
        if (count := len(_listener_arns(pair.get(route)))) > 1:
            yield make_symptom(
                "listener",
                f"{route} of {name} names {count} listeners, but CodeDeploy modifies only one",
                fix=f"{route}: {{ListenerArns: [!Ref Listener]}}",
                line=line,
            )
    production, test = _listener(pair.get("ProdTrafficRoute")), _listener(pair.get("TestTrafficRoute"))
    if test is not None and test == production:
        yield make_symptom(
            "test-is-production",
            f"the test listener of {name} is its production listener, so "
            "AllowTestTraffic sends users to green before any check",
            fix=_TEST_ROUTE_FIX,
            line=line,
        )
    if test is None and (appspec is None or "AfterAllowTestTraffic" in appspec.hooks):
        yield make_symptom(
            "no-test-listener",
            f"{name} has no test listener: CodeDeploy skips AfterAllowTestTraffic without "
            "an error, and no check reaches green before users do",
            fix=_TEST_ROUTE_FIX,
            line=line,
        )


def _check_shifting(name: str, blue_green: Any, line: int) -> Iterator[Symptom]:
    blue_green = blue_green if isinstance(blue_green, dict) else {}
    ready = blue_green.get("DeploymentReadyOption")
    if isinstance(ready, dict) and ready.get("ActionOnTimeout") == "STOP_DEPLOYMENT":
        yield make_symptom(
            "waits-for-somebody",
            f"before traffic shifts, each deployment of {name} waits for a manual approval, and stops without one",
            fix="DeploymentReadyOption: {ActionOnTimeout: CONTINUE_DEPLOYMENT}",
            line=line,
        )
    terminate = blue_green.get("TerminateBlueInstancesOnDeploymentSuccess")
    if (
        isinstance(terminate, dict)
        and str(terminate.get("TerminationWaitTimeInMinutes", "0")) == "0"
        and terminate.get("Action") == "TERMINATE"
    ):
        yield make_symptom(
            "blue-ends-at-once",
            f"the original task set of {name} is terminated as soon as all traffic is "
            "on green, so a later rollback is a full deployment",
            fix="TerminationWaitTimeInMinutes: 30",
            line=line,
        )


def _listener(route: Any) -> Any:
    return next(iter(_listener_arns(route)), None)


def _listener_arns(route: Any) -> list[Any]:
    arns = route.get("ListenerArns") if isinstance(route, dict) else route
    if arns is None:
        return []
    return arns if isinstance(arns, list) else [arns]


def _load_balancer(template: Template, listener: Any) -> str:
    """Return the logical id of a listener's load balancer; "" if it is not in the template."""
    return logical_id(template.properties(logical_id(listener)).get("LoadBalancerArn")) if listener else ""


def _check_controllers(template: Template, name: str, group: dict[str, Any]) -> Iterator[Symptom]:
    for reference in as_list(group.get("ECSServices")):
        for service in _services(template, reference):
            controller = template.properties(service).get("DeploymentController", {})
            kind = controller.get("Type", "ECS") if isinstance(controller, dict) else "ECS"
            if isinstance(kind, str) and kind != "CODE_DEPLOY":
                yield make_symptom(
                    "controller",
                    f"CodeDeploy cannot deploy the service {service} of {name}: its deployment controller is {kind}",
                    fix="DeploymentController: {Type: CODE_DEPLOY}",
                    line=template.line("Resources", service),
                )


def _services(template: Template, reference: Any) -> list[str]:
    """Return the logical ids of the services that an entry of ECSServices names, by name or by reference."""
    services = template.resources("AWS::ECS::Service")
    value = reference.get("ServiceName") if isinstance(reference, dict) else None
    by_name = [
        service
        for service in services
        if isinstance(value, str) and template.properties(service).get("ServiceName") == value
    ]
    return by_name or [service for service in services if service == logical_id(value)]
