"""The way of users and of checks to an ECS service: the service, its target groups, its listeners."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from devkit.doctor.rules import symptom
from devkit.lint.appspec import FILLED_LATER
from greenlight.discovery.ecs import HOST_TAG
from greenlight.discovery.load_balancer import find_route, traffic_share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devkit.doctor.deployment_group import GroupState
    from devkit.doctor.rules import Symptom

_ROUTES = {"production listener": "prodTrafficRoute", "test listener": "testTrafficRoute"}
_ABSENT = ("ListenerNotFound", "ListenerNotFoundException")
_ASK = "aws elbv2 describe-rules --listener-arn"


def service(scene: GroupState) -> Iterator[Symptom]:
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


def _names(scene: GroupState) -> tuple[str, str]:
    listed = scene.info.get("ecsServices") or [{}]
    return str(listed[0].get("clusterName", "")), str(listed[0].get("serviceName", ""))


def _service(scene: GroupState) -> dict[str, Any] | None:
    cluster, name = _names(scene)
    absent = ("ClusterNotFoundException", "ServiceNotFoundException")
    answer = scene.reader.found("ecs", "describe_services", absent, cluster=cluster, services=[name])
    return next(iter((answer or {}).get("services", [])), None)


def _primary(found: dict[str, Any]) -> dict[str, Any]:
    return next((each for each in found.get("taskSets", []) if each.get("status") == "PRIMARY"), {})


def _users(scene: GroupState) -> str:
    """Give the ARN of the target group that users have now: that of the primary task set; "" where none is known."""
    named = [f":targetgroup/{each.get('name')}/" for each in scene.pair.get("targetGroups", [])]
    arns = [str(each.get("targetGroupArn", "")) for each in _primary(_service(scene) or {}).get("loadBalancers") or []]
    return next((arn for arn in arns if any(name in arn for name in named)), next(iter(arns), ""))


def task_definition(scene: GroupState) -> Iterator[Symptom]:
    """Hold the AppSpec of the next deployment against its task definition."""
    properties = scene.appspec.properties if scene.appspec and scene.appspec.next else {}
    named = properties.get("taskdefinition")
    if not isinstance(named, str) or FILLED_LATER.search(named):
        return
    found = _described(scene, named)
    if found is None or found.get("status") == "INACTIVE":
        family = named.split("/")[-1].split(":")[0]
        yield symptom(
            "task-definition",
            f"the AppSpec names the task definition {named}, which {'does not exist' if found is None else 'is INACTIVE'}",
            fix=f"write one that is there: aws ecs list-task-definitions --family-prefix {shlex.quote(family)} --sort DESC --max-items 3",
        )
        return
    balancer = properties.get("loadbalancerinfo")
    container, port = (balancer.get(key) if isinstance(balancer, dict) else None for key in ("containername", "containerport"))  # fmt: skip
    if not isinstance(container, str) or FILLED_LATER.search(container):
        return
    ports = {
        str(each.get("name")): [one.get("containerPort") for one in each.get("portMappings", [])]
        for each in found.get("containerDefinitions", [])
    }
    if container not in ports or (isinstance(port, int) and port not in ports[container]):
        lacks = (
            f"no container {container}" if container not in ports else f"no port {port} in its container {container}"
        )
        yield symptom(
            "task-definition",
            f"the task definition {named} has {lacks}, where the AppSpec sends users",
            *(f"{name}: {', '.join(map(str, each)) or 'no port'}" for name, each in ports.items()),
            fix="write into the AppSpec:\nLoadBalancerInfo: {ContainerName: "
            + next((f"{name}, ContainerPort: {each[0]}" for name, each in ports.items() if each), "NAME, ContainerPort: PORT")
            + "}",
        )  # fmt: skip


def _described(scene: GroupState, named: str) -> dict[str, Any] | None:
    answer = scene.reader.found("ecs", "describe_task_definition", ("ClientException",), taskDefinition=named)
    return None if answer is None else dict(answer["taskDefinition"])


def roles_of_tasks(scene: GroupState) -> list[str]:
    """Give the roles that CodeDeploy passes on to the tasks of the primary task set."""
    named = str(_primary(_service(scene) or {}).get("taskDefinition", ""))
    found = (_described(scene, named) if named else None) or {}
    return [str(found[key]) for key in ("executionRoleArn", "taskRoleArn") if found.get(key)]


def target_groups(scene: GroupState) -> Iterator[Symptom]:
    """Look whether there are two target groups, and whether users' targets are healthy now."""
    names = [str(each.get("name")) for each in scene.pair.get("targetGroups", [])]
    answer = (
        scene.reader.found("elbv2", "describe_target_groups", ("TargetGroupNotFound",), Names=names) if names else {}
    )
    groups = {str(each["TargetGroupName"]): each for each in (answer or {}).get("TargetGroups", [])}
    found = set(groups)
    if len(names) != 2 or set(names) - found:
        yield symptom(
            "target-groups",
            "blue and green need a target group each, and the deployment group does not have two that exist",
            f"named: {', '.join(names) or 'none'}",
            f"existing: {', '.join(sorted(found)) or 'none'}",
            fix=f"make the missing target group, and name both:\n{scene.balanced(groups=(*sorted(found), 'ONE', 'TWO')[:2])}",
        )
        return
    users = _users(scene)
    yield from _alike(scene, groups, users)
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


def _alike(scene: GroupState, groups: dict[str, dict[str, Any]], users: str) -> Iterator[Symptom]:
    """Look whether tasks can change between the two groups, and the primary task set is in one of them."""
    for key in ("VpcId", "TargetType", "ProtocolVersion"):
        values = {name: str(each[key]) for name, each in groups.items() if each.get(key)}
        if len(set(values.values())) > 1:
            yield symptom(
                "target-groups",
                f"the two target groups differ in {key}, so that tasks fit one of them alone",
                *(f"{name}: {value}" for name, value in values.items()),
                fix="make a second target group like the one that users have, and name both:\n"
                + scene.balanced(groups=(*groups,)),
            )
    arns = {str(each["TargetGroupArn"]) for each in groups.values() if each.get("TargetGroupArn")}
    if users and arns and users not in arns:
        yield symptom(
            "target-groups",
            "the primary task set is in a third target group, and CodeDeploy refuses to begin",
            f"primary task set: {users}",
            *sorted(arns),
            fix="name its target group in place of one of the two:\n"
            + scene.balanced(groups=(users.split("/")[1] if "/" in users else "ONE", next(iter(groups)))),
        )


def test_listener(scene: GroupState) -> Iterator[Symptom]:
    """Look whether the stage AfterAllowTestTraffic can take place."""
    wanted = scene.appspec is not None and "AfterAllowTestTraffic" in scene.appspec.hooks
    production, test = scene.listener("prodTrafficRoute"), scene.listener("testTrafficRoute")
    if test and test == production:
        yield symptom(
            "test-is-production",
            "the test listener is the production listener, so AllowTestTraffic sends users to green before a check has run",
            test,
            fix=another_listener(scene),
        )
    if wanted and not test:
        yield symptom(
            "no-test-listener",
            "the AppSpec names a hook for AfterAllowTestTraffic, and without a test listener CodeDeploy leaves it out and says nothing: the smoke tests never run",
            fix=another_listener(scene),
        )


def another_listener(scene: GroupState) -> str:
    """Write the commands that make a test listener on the load balancer of the production listener, and name it."""
    parts = scene.listener("prodTrafficRoute").replace(":listener/", ":loadbalancer/").split("/")
    balancer = "/".join(parts[:-1]) if len(parts) == 5 else "LOAD-BALANCER"
    return (
        f"aws elbv2 create-listener --load-balancer-arn {balancer} --protocol HTTP --port 9000 "
        f"--default-actions Type=forward,TargetGroupArn={_users(scene) or 'GROUP'}\n{scene.balanced(test='ITS-ARN')}"
    )


def listeners(scene: GroupState) -> Iterator[Symptom]:
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
            fix = scene.balanced(test="ARN") if what == "test listener" else scene.balanced(production="ARN")
            yield symptom("listener", f"the {what} does not exist", arn, fix=fix)
            continue
        balancers[what] = str(found["LoadBalancerArn"])
        if users and not scene.running:
            yield from _leading(scene, what, found, users)
    if len(set(balancers.values())) > 1:
        yield symptom(
            "listeners-apart",
            "test and production listener must be on the same load balancer",
            *(f"{what}: {arn}" for what, arn in balancers.items()),
            fix=another_listener(scene),
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


def _leading(scene: GroupState, what: str, found: dict[str, Any], users: str) -> Iterator[Symptom]:
    """Say why a listener does not lead where the primary task set is, as a gate would find it."""
    arn = str(found["ListenerArn"])
    route = find_route(scene.reader, arn, users, scene.tags.get(HOST_TAG, ""), "the primary task set")
    if route.url:
        return
    http = found.get("Protocol") in ("HTTP", "HTTPS")
    rules = scene.reader.pages("elbv2", "describe_rules", "Rules", ListenerArn=arn) if http else []
    actions = [each.get("Actions", []) for each in rules] or [found.get("DefaultActions", [])]
    shares = [traffic_share(each, users) for each in actions]
    share = max(shares, default=0.0)
    rule = "listener-rule" if share == 1 else "listener-split" if share else "listener-elsewhere"
    lead = f"aws elbv2 modify-listener --listener-arn {arn} --default-actions Type=forward,TargetGroupArn={users}"
    yield symptom(
        rule,
        f"the {what}: {route.reason}" + ("; CodeDeploy refuses to begin" if rule == "listener-elsewhere" else ""),
        arn,
        f"target group of the primary task set: {users}",
        fix="give the service a rule with conditions on host, path or header alone, or the default action"
        if rule == "listener-rule"
        else f"look at it ({_ASK} {arn}), then: {lead}",
    )


def drift(scene: GroupState) -> Iterator[Symptom]:
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


def _written(scene: GroupState, stack: str, logical: str) -> str:
    """Give the ARN of the target group that a stack's template gives a listener; "" where the template does not show it."""
    body = scene.reader.call("cloudformation", "get_template", StackName=stack, TemplateStage="Processed")[
        "TemplateBody"
    ]
    from devkit.doctor.cloudformation import (  # YAML with CloudFormation's short forms, not needed by most accounts
        TemplateError,
        read,
    )

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
