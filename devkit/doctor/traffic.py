"""The way of users and of checks to an ECS service: the service, its target groups, its listeners."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from greenlight.discovery.balancer import route_to, share_of
from greenlight.discovery.ecs import HOST_TAG

from devkit.doctor.rules import symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devkit.doctor.rules import Symptom
    from devkit.doctor.scene import Scene

_ROUTES = {"production listener": "prodTrafficRoute", "test listener": "testTrafficRoute"}
_ABSENT = ("ListenerNotFound", "ListenerNotFoundException")
_ASK = "aws elbv2 describe-rules --listener-arn"


def service(scene: Scene) -> Iterator[Symptom]:
    """Look whether the service is there, and CodeDeploy's to deploy."""
    cluster, name = _names(scene)
    found = _service(scene)
    if found is None or found.get("status") != "ACTIVE":
        state = "does not exist" if found is None else f"is {found.get('status')}"
        yield symptom(
            "service",
            f"the ECS service {name} in the cluster {cluster} {state}",
            fix=scene.update("--ecs-services serviceName=SERVICE,clusterName=CLUSTER"),
        )
        return
    controller = found.get("deploymentController", {}).get("type", "ECS")
    if controller != "CODE_DEPLOY":
        yield symptom(
            "controller",
            f"the service {name} is deployed by {controller}, so CodeDeploy can deploy nothing to it and calls no hook",
            f"deploymentController.type: {controller}",
            fix="the controller cannot be changed: make a new service with\nDeploymentController: {Type: CODE_DEPLOY}",
        )
    elif not _primary(found):
        yield symptom(
            "first-deployment",
            f"the service {name} has no primary task set: the first release meets users without hooks",
            fix="check it yourself: greenlight check PLAN --stage AfterAllowTestTraffic --url URL",
        )


def _names(scene: Scene) -> tuple[str, str]:
    listed = scene.info.get("ecsServices") or [{}]
    return str(listed[0].get("clusterName", "")), str(listed[0].get("serviceName", ""))


def _service(scene: Scene) -> dict[str, Any] | None:
    cluster, name = _names(scene)
    absent = ("ClusterNotFoundException", "ServiceNotFoundException")
    answer = scene.reader.found("ecs", "describe_services", absent, cluster=cluster, services=[name])
    return next(iter((answer or {}).get("services", [])), None)


def _primary(found: dict[str, Any]) -> dict[str, Any]:
    return next((each for each in found.get("taskSets", []) if each.get("status") == "PRIMARY"), {})


def _users(scene: Scene) -> str:
    """Give the ARN of the target group that users have now: that of the primary task set; "" where none is known."""
    balancers = _primary(_service(scene) or {}).get("loadBalancers") or [{}]
    return str(balancers[0].get("targetGroupArn", ""))


def target_groups(scene: Scene) -> Iterator[Symptom]:
    """Look whether there are two target groups, and whether users' targets are healthy now."""
    names = [str(each.get("name")) for each in scene.pair.get("targetGroups", [])]
    answer = (
        scene.reader.found("elbv2", "describe_target_groups", ("TargetGroupNotFound",), Names=names) if names else {}
    )
    found = {str(each["TargetGroupName"]) for each in (answer or {}).get("TargetGroups", [])}
    if len(names) != 2 or set(names) - found:
        yield symptom(
            "target-groups",
            "blue and green need a target group each, and the deployment group does not have two that exist",
            f"named: {', '.join(names) or 'none'}",
            f"existing: {', '.join(sorted(found)) or 'none'}",
            fix="make the missing target group, and name both:\n"
            + scene.update(
                "--load-balancer-info 'targetGroupPairInfoList=[{targetGroups=[{name=ONE},{name=TWO}],prodTrafficRoute={listenerArns=[ARN]},testTrafficRoute={listenerArns=[ARN]}}]'"
            ),
        )
        return
    users = _users(scene)
    if not users or scene.running:
        return
    health = scene.reader.call("elbv2", "describe_target_health", TargetGroupArn=users)["TargetHealthDescriptions"]
    ill = [each for each in health if each.get("TargetHealth", {}).get("State") not in ("healthy", "draining")]
    if ill or not health:
        yield symptom(
            "targets-unhealthy",
            f"of the {len(health)} targets that users have now {len(ill)} are not healthy; a rollback goes back to them"
            if health
            else "users have no target at all now; a rollback goes back to that",
            *(
                f"{each['Target']['Id']}: {each['TargetHealth'].get('State')}, {each['TargetHealth'].get('Description') or each['TargetHealth'].get('Reason', 'no reason given')}"
                for each in ill
            ),
            fix=f"aws elbv2 describe-target-health --target-group-arn {users}",
        )


def test_listener(scene: Scene) -> Iterator[Symptom]:
    """Look whether the stage AfterAllowTestTraffic can take place."""
    wanted = scene.appspec is not None and "AfterAllowTestTraffic" in scene.appspec.hooks
    if wanted and not scene.listener("testTrafficRoute"):
        yield symptom(
            "no-test-listener",
            "the AppSpec names a hook for AfterAllowTestTraffic, and without a test listener CodeDeploy leaves it out and says nothing: the smoke tests never run",
            fix="add a listener on another port of the same load balancer, and name it in the deployment group:\n"
            "TestTrafficRoute: {ListenerArns: [ARN]}",
        )


def listeners(scene: Scene) -> Iterator[Symptom]:
    """Look where the listeners lead; while no deployment runs, both lead to the primary task set."""
    users = _users(scene)
    balancers: dict[str, str] = {}
    for what, route in _ROUTES.items():
        arn = scene.listener(route)
        if not arn:
            continue
        answer = scene.reader.found("elbv2", "describe_listeners", _ABSENT, ListenerArns=[arn])
        found = next(iter((answer or {}).get("Listeners", [])), None)
        if found is None:
            yield symptom(
                "listener", f"the {what} does not exist", arn, fix="name one that does in the deployment group"
            )
            continue
        balancers[what] = str(found["LoadBalancerArn"])
        if users and not scene.running:
            yield from _leading(scene, what, found, users)
    if len(set(balancers.values())) > 1:
        yield symptom(
            "listeners-apart",
            "test and production listener must be on the same load balancer",
            *(f"{what}: {arn}" for what, arn in balancers.items()),
            fix="make the test listener on the load balancer of the production listener, on another port",
        )
    config = str(scene.info.get("deploymentConfigName", ""))
    if any(":loadbalancer/net/" in arn for arn in balancers.values()) and config not in (
        "CodeDeployDefault.ECSAllAtOnce",
        "",
    ):
        yield symptom(
            "network-balancer",
            f"a network load balancer cannot send a part of its users to green, as {config} asks",
            *balancers.values(),
            fix=scene.update("--deployment-config-name CodeDeployDefault.ECSAllAtOnce"),
        )


def _leading(scene: Scene, what: str, found: dict[str, Any], users: str) -> Iterator[Symptom]:
    """Say why a listener does not lead where the primary task set is, as a gate would find it."""
    arn = str(found["ListenerArn"])
    route = route_to(scene.reader, arn, users, scene.tags.get(HOST_TAG, ""), "the primary task set")
    if route.url:
        return
    http = found.get("Protocol") in ("HTTP", "HTTPS")
    rules = scene.reader.pages("elbv2", "describe_rules", "Rules", ListenerArn=arn) if http else []
    actions = [each.get("Actions", []) for each in rules] or [found.get("DefaultActions", [])]
    shares = [share_of(each, users) for each in actions]
    share = max(shares, default=0.0)
    rule = "listener-rule" if share == 1 else "listener-split" if share else "listener-elsewhere"
    lead = f"aws elbv2 modify-listener --listener-arn {arn} --default-actions Type=forward,TargetGroupArn={users}"
    yield symptom(
        rule,
        f"the {what}: {route.why}" + ("; CodeDeploy refuses to begin" if rule == "listener-elsewhere" else ""),
        arn,
        f"target group of the primary task set: {users}",
        fix="give the service a rule with conditions on host, path or header alone, or the default action"
        if rule == "listener-rule"
        else f"look at it ({_ASK} {arn}), then: {lead}",
    )


def drift(scene: Scene) -> Iterator[Symptom]:
    """Look whether a stack of CloudFormation would lead a listener to the group without tasks."""
    users = _users(scene)
    arns = {what: arn for what, route in _ROUTES.items() if (arn := scene.listener(route))}
    if not users or not arns or scene.running:
        return
    described = scene.reader.call("elbv2", "describe_tags", ResourceArns=list(arns.values()))["TagDescriptions"]
    tags = {
        str(each["ResourceArn"]): {tag["Key"]: tag.get("Value", "") for tag in each.get("Tags", [])}
        for each in described
    }
    for what, arn in arns.items():
        stack = tags.get(arn, {}).get("aws:cloudformation:stack-name", "")
        logical = tags.get(arn, {}).get("aws:cloudformation:logical-id", "")
        first = _written(scene, stack, logical) if stack and logical else ""
        if first and first != users:
            yield symptom(
                "listener-of-stack",
                f"CodeDeploy has moved the {what}, and the stack {stack} still says where it led first: an update that touches {logical} sends everybody to the group without tasks",
                f"template: {first}",
                f"now: {users}",
                fix=f"leave {logical} of {stack} as it is, and after an update that changed it: "
                f"aws elbv2 modify-listener --listener-arn {arn} --default-actions Type=forward,TargetGroupArn={users}",
            )


def _written(scene: Scene, stack: str, logical: str) -> str:
    """Give the ARN of the target group that a stack's template gives a listener; "" where the template does not show it."""
    body = scene.reader.call("cloudformation", "get_template", StackName=stack, TemplateStage="Processed")[
        "TemplateBody"
    ]
    from devkit.doctor.written import (
        TemplateError,
        read,
    )  # YAML with CloudFormation's short forms, not needed by most accounts

    try:
        template = read(body if isinstance(body, str) else json.dumps(body))  # botocore reads JSON by itself
    except TemplateError:
        return ""
    actions = template.properties(logical).get("DefaultActions", [])
    groups = [each.get("TargetGroupArn") for each in actions if isinstance(each, dict)]
    named = groups[0].get("Ref", "") if len(groups) == 1 and isinstance(groups[0], dict) else ""
    if not named:
        return str(groups[0]) if len(groups) == 1 and isinstance(groups[0], str) else ""
    answer = scene.reader.call("cloudformation", "describe_stack_resources", StackName=stack, LogicalResourceId=named)
    return str(next((each.get("PhysicalResourceId", "") for each in answer.get("StackResources", [])), ""))
