"""Checks of an ECS service and of the route to it: task definition, target groups, listeners."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.core.deployment import Platform, Side
from greenlight.core.errors import GuardError
from greenlight.discovery.ecs import HOST_TAG
from greenlight.discovery.load_balancer import find_route, traffic_share
from greenlight.network.request_target import find_taken, resolve_request

from ..lint.appspec import FILLED_LATER
from .rules import make_symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.plan.model import Plan

    from .deployment_group import GroupState
    from .rules import Symptom

_ROUTES = {"production listener": "prodTrafficRoute", "test listener": "testTrafficRoute"}
_LISTENER_OF_STAGE = {
    "AfterAllowTestTraffic": "test listener",
    "BeforeAllowTraffic": "test listener",
    "AfterAllowTraffic": "production listener",
}
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_PATH_KEYS = (*_METHODS, "path", "paths", "requests", "document")
LISTENER_NOT_FOUND = ("ListenerNotFound", "ListenerNotFoundException")


# ---- The service -----------------------------------------------------------------------------------------------------


def check_service(state: GroupState) -> Iterator[Symptom]:
    """Check that the ECS service exists and that CodeDeploy deploys it."""
    cluster, name = _service_names(state)
    service = _read_service(state)
    if service is None or service.get("status") != "ACTIVE":
        status = "does not exist" if service is None else f"is {service.get('status')}"
        yield make_symptom(
            "service",
            f"the ECS service {name} in the cluster {cluster} {status}",
            fix=state.update_command("--ecs-services serviceName=SERVICE,clusterName=CLUSTER"),
        )
        return
    controller = service.get("deploymentController", {}).get("type", "ECS")
    if controller != "CODE_DEPLOY":
        yield make_symptom(
            "controller",
            f"the deployment controller of the service {name} is {controller}, so "
            "CodeDeploy cannot deploy it and calls no hook",
            f"deploymentController.type: {controller}",
            fix="ECS does not allow changing the controller: create a new service with\n"
            "DeploymentController: {Type: CODE_DEPLOY}",
        )
    elif not _primary_task_set(service):
        yield make_symptom(
            "first-deployment",
            f"the service {name} has no primary task set, and CodeDeploy calls no hooks for the first deployment",
            fix="check the release yourself: greenlight check PLAN --stage AfterAllowTestTraffic --url URL",
        )


def _service_names(state: GroupState) -> tuple[str, str]:
    services = state.info.get("ecsServices") or [{}]
    return str(services[0].get("clusterName", "")), str(services[0].get("serviceName", ""))


def _read_service(state: GroupState) -> dict[str, Any] | None:
    cluster, name = _service_names(state)
    absent = ("ClusterNotFoundException", "ServiceNotFoundException")
    response = state.reader.find("ecs", "describe_services", absent, cluster=cluster, services=[name])
    return next(iter((response or {}).get("services", [])), None)


def _primary_task_set(service: dict[str, Any]) -> dict[str, Any]:
    task_sets = service.get("taskSets", [])
    return next((task_set for task_set in task_sets if task_set.get("status") == "PRIMARY"), {})


def _primary_target_group(state: GroupState) -> str:
    """Return the ARN of the target group of the primary task set, which serves users now; "" if unknown."""
    names = [f":targetgroup/{name}/" for name in state.target_group_names]
    load_balancers = _primary_task_set(_read_service(state) or {}).get("loadBalancers") or []
    arns = [str(load_balancer.get("targetGroupArn", "")) for load_balancer in load_balancers]
    return next((arn for arn in arns if any(name in arn for name in names)), next(iter(arns), ""))


# ---- The task definition ---------------------------------------------------------------------------------------------


def check_task_definition(state: GroupState) -> Iterator[Symptom]:
    """Compare the AppSpec of the next deployment with its task definition."""
    properties = state.appspec.properties if state.appspec and state.appspec.is_next else {}
    name = properties.get("taskdefinition")
    if not isinstance(name, str) or FILLED_LATER.search(name):
        return
    definition = _read_task_definition(state, name)
    if definition is None or definition.get("status") == "INACTIVE":
        family = name.split("/")[-1].split(":")[0]
        yield make_symptom(
            "task-definition",
            f"the AppSpec names the task definition {name}, which "
            f"{'does not exist' if definition is None else 'is INACTIVE'}",
            fix="write an active task definition; to list them: aws ecs list-task-definitions "
            f"--family-prefix {shlex.quote(family)} --sort DESC --max-items 3",
        )
        return
    load_balancer = properties.get("loadbalancerinfo")
    load_balancer = load_balancer if isinstance(load_balancer, dict) else {}
    container, port = load_balancer.get("containername"), load_balancer.get("containerport")
    if isinstance(container, str) and not FILLED_LATER.search(container):
        yield from _check_container(name, definition, container, port)


def _check_container(name: str, definition: dict[str, Any], container: str, port: Any) -> Iterator[Symptom]:
    ports = {
        str(other.get("name")): [mapping.get("containerPort") for mapping in other.get("portMappings", [])]
        for other in definition.get("containerDefinitions", [])
    }
    if container not in ports:
        missing = f"no container {container}"
    elif isinstance(port, int) and port not in ports[container]:
        missing = f"no port {port} in its container {container}"
    else:
        return
    example = next(
        (f"{name}, ContainerPort: {numbers[0]}" for name, numbers in ports.items() if numbers),
        "NAME, ContainerPort: PORT",
    )
    yield make_symptom(
        "task-definition",
        f"the task definition {name} has {missing}, to which the AppSpec routes traffic",
        *(f"{name}: {', '.join(map(str, numbers)) or 'no port'}" for name, numbers in ports.items()),
        fix=f"write in the AppSpec:\nLoadBalancerInfo: {{ContainerName: {example}}}",
    )


def _read_task_definition(state: GroupState, name: str) -> dict[str, Any] | None:
    response = state.reader.find("ecs", "describe_task_definition", ("ClientException",), taskDefinition=name)
    return None if response is None else dict(response["taskDefinition"])


def task_roles(state: GroupState) -> list[str]:
    """Return the roles that CodeDeploy passes to the tasks of the primary task set."""
    name = str(_primary_task_set(_read_service(state) or {}).get("taskDefinition", ""))
    definition = (_read_task_definition(state, name) if name else None) or {}
    return [str(definition[key]) for key in ("executionRoleArn", "taskRoleArn") if definition.get(key)]


# ---- The target groups -----------------------------------------------------------------------------------------------


def check_target_groups(state: GroupState) -> Iterator[Symptom]:
    """Check that there are two target groups that match, and that the targets of the primary task set are healthy."""
    names = state.target_group_names
    absent = ("TargetGroupNotFound",)
    response = state.reader.find("elbv2", "describe_target_groups", absent, Names=names) if names else {}
    groups = {str(group["TargetGroupName"]): group for group in (response or {}).get("TargetGroups", [])}
    if len(names) != 2 or set(names) - set(groups):
        pair = (*sorted(groups), "ONE", "TWO")[:2]
        yield make_symptom(
            "target-groups",
            "the deployment group needs two target groups that exist, one for blue and one for green",
            f"in the deployment group: {', '.join(names) or 'none'}",
            f"existing: {', '.join(sorted(groups)) or 'none'}",
            fix=f"create the missing target group, and set both:\n{state.load_balancer_command(groups=pair)}",
        )
        return
    primary = _primary_target_group(state)
    yield from _check_matching(state, groups, primary)
    if primary and not state.is_deploying:
        yield from _check_health(state, primary)


def _check_health(state: GroupState, target_group: str) -> Iterator[Symptom]:
    response = state.reader.call("elbv2", "describe_target_health", TargetGroupArn=target_group)
    targets = response["TargetHealthDescriptions"]
    unhealthy = [
        target for target in targets if target.get("TargetHealth", {}).get("State") not in ("healthy", "draining")
    ]
    if targets and not unhealthy:
        return
    message = "the target group of the primary task set has no targets; a rollback returns to it"
    if targets:
        message = (
            f"{len(unhealthy)} of the {len(targets)} targets that serve users "
            "now are unhealthy; a rollback returns to them"
        )
    yield make_symptom(
        "targets-unhealthy",
        message,
        *(f"{target['Target']['Id']}: {_describe_health(target['TargetHealth'])}" for target in unhealthy),
        fix=f"aws elbv2 describe-target-health --target-group-arn {target_group}",
    )


def _describe_health(health: dict[str, Any]) -> str:
    return f"{health.get('State')}, {health.get('Description') or health.get('Reason', 'no reason given')}"


def _check_matching(state: GroupState, groups: dict[str, dict[str, Any]], primary: str) -> Iterator[Symptom]:
    """Check that tasks fit both target groups, and that the primary task set is in one of them."""
    for key in ("VpcId", "TargetType", "ProtocolVersion"):
        values = {name: str(group[key]) for name, group in groups.items() if group.get(key)}
        if len(set(values.values())) > 1:
            yield make_symptom(
                "target-groups",
                f"the two target groups differ in {key}, so the same tasks cannot be targets of both",
                *(f"{name}: {value}" for name, value in values.items()),
                fix="create a second target group like the one that serves users now, and set both:\n"
                + state.load_balancer_command(groups=(*groups,)),
            )
    arns = {str(group["TargetGroupArn"]) for group in groups.values() if group.get("TargetGroupArn")}
    if primary and arns and primary not in arns:
        name = primary.split("/")[1] if "/" in primary else "ONE"
        yield make_symptom(
            "target-groups",
            "the primary task set is in a third target group, so CodeDeploy refuses to start a deployment",
            f"primary task set: {primary}",
            *sorted(arns),
            fix="replace one of the two target groups by that of the primary task set:\n"
            + state.load_balancer_command(groups=(name, next(iter(groups)))),
        )


# ---- The listeners ---------------------------------------------------------------------------------------------------


def check_test_listener(state: GroupState) -> Iterator[Symptom]:
    """Check that AfterAllowTestTraffic can run."""
    has_hook = state.appspec is not None and "AfterAllowTestTraffic" in state.appspec.hooks
    production, test = state.listener_arn("prodTrafficRoute"), state.listener_arn("testTrafficRoute")
    if test and test == production:
        yield make_symptom(
            "test-is-production",
            "the test listener is the production listener, so AllowTestTraffic sends users to green before any check",
            test,
            fix=create_listener_commands(state),
        )
    if has_hook and not test:
        yield make_symptom(
            "no-test-listener",
            "the AppSpec names a hook for AfterAllowTestTraffic, but without a test listener CodeDeploy skips that "
            "lifecycle event without an error, and the smoke tests never run",
            fix=create_listener_commands(state),
        )


def create_listener_commands(state: GroupState) -> str:
    """Return the commands that create a test listener on the production load balancer and add it to the group."""
    parts = state.listener_arn("prodTrafficRoute").replace(":listener/", ":loadbalancer/").split("/")
    load_balancer = "/".join(parts[:-1]) if len(parts) == 5 else "LOAD-BALANCER"
    return (
        f"aws elbv2 create-listener --load-balancer-arn {load_balancer} --protocol HTTP --port 9000 "
        f"--default-actions Type=forward,TargetGroupArn={_primary_target_group(state) or 'GROUP'}\n"
        + state.load_balancer_command(test="ITS-ARN")
    )


def check_listeners(state: GroupState) -> Iterator[Symptom]:
    """Check where the listeners forward to; while no deployment runs, both forward to the primary task set."""
    primary = _primary_target_group(state)
    load_balancers: dict[str, str] = {}
    for name, route in _ROUTES.items():
        arn = state.listener_arn(route)
        if not arn:
            continue
        response = state.reader.find("elbv2", "describe_listeners", LISTENER_NOT_FOUND, ListenerArns=[arn])
        listener = next(iter((response or {}).get("Listeners", [])), None)
        if listener is None:
            is_test = name == "test listener"
            fix = state.load_balancer_command(test="ARN") if is_test else state.load_balancer_command(production="ARN")
            yield make_symptom("listener", f"the {name} does not exist", arn, fix=fix)
            continue
        load_balancers[name] = str(listener["LoadBalancerArn"])
        if primary and not state.is_deploying:
            yield from _check_forwarding(state, name, listener, primary)
    yield from _check_load_balancers(state, load_balancers)


def _check_load_balancers(state: GroupState, load_balancers: dict[str, str]) -> Iterator[Symptom]:
    arns = load_balancers.values()
    if len(set(arns)) > 1:
        yield make_symptom(
            "listeners-apart",
            "the test listener and the production listener must be on the same load balancer",
            *(f"{name}: {arn}" for name, arn in load_balancers.items()),
            fix=create_listener_commands(state),
        )
    all_at_once = "CodeDeployDefault.ECSAllAtOnce"
    config = state.deployment_config
    if any(":loadbalancer/net/" in arn for arn in arns) and config not in (all_at_once, ""):
        yield make_symptom(
            "network-balancer",
            f"a Network Load Balancer cannot shift traffic in steps, as the deployment configuration {config} requires",
            *arns,
            fix=state.update_command(f"--deployment-config-name {all_at_once}"),
        )


def _check_forwarding(state: GroupState, name: str, listener: dict[str, Any], primary: str) -> Iterator[Symptom]:
    """Check that a listener forwards to the primary task set, with the gate's own discovery."""
    arn = str(listener["ListenerArn"])
    route = find_route(state.reader, arn, primary, state.tags.get(HOST_TAG, ""), "the primary task set")
    if route.url:
        return
    is_http = listener.get("Protocol") in ("HTTP", "HTTPS")
    rules = state.reader.pages("elbv2", "describe_rules", "Rules", ListenerArn=arn) if is_http else []
    action_lists = [rule.get("Actions", []) for rule in rules] or [listener.get("DefaultActions", [])]
    share = max((traffic_share(actions, primary) for actions in action_lists), default=0.0)
    message, evidence = f"the {name}: {route.reason}", (arn, f"target group of the primary task set: {primary}")
    if share == 1 and route.rules_above:
        yield make_symptom("rule-above", message, *evidence, fix=_order_command(arn))
        return
    if share == 1:
        fix = "give the service a rule whose conditions use only host, path or header, or use the default action"
        yield make_symptom("listener-rule", message, *evidence, fix=fix)
        return
    fix = (
        f"read its rules (aws elbv2 describe-rules --listener-arn {arn}), then: aws elbv2 modify-listener "
        f"--listener-arn {arn} --default-actions Type=forward,TargetGroupArn={primary}"
    )
    if share:
        yield make_symptom("listener-split", message, *evidence, fix=fix)
    else:
        message += "; CodeDeploy refuses to start a deployment"
        yield make_symptom("listener-elsewhere", message, *evidence, fix=fix)


def check_rules_above(state: GroupState, plan: Plan) -> Iterator[Symptom]:
    """Check that no rule before the service's takes a request of the plan's checks."""
    primary = _primary_target_group(state) if state.platform is Platform.ECS else ""
    if not primary or state.is_deploying or plan.target.url:
        return
    sides: dict[str, Side] = {}
    for stage, name in _LISTENER_OF_STAGE.items():
        arn = state.listener_arn(_ROUTES[name])
        if stage not in plan.stages or not arn:
            continue
        if arn not in sides:
            sides[arn] = _read_side(state, arn, primary, plan.target.host or "")
        for check in plan.stages[stage].checks:
            for method, path, headers in _requests(check.params):
                if taken := _find_taken(sides[arn], path, headers, method):
                    yield make_symptom(
                        "rule-above",
                        f"the {name}: {taken}, so the check {check.name!r} of {stage} ends as an error",
                        arn,
                        fix=f"request another path in the plan, or {_order_command(arn)}",
                    )


def _order_command(listener: str) -> str:
    return (
        "evaluate the rule of the service first (to list the rules: aws elbv2 describe-rules "
        f"--listener-arn {listener}):\naws elbv2 set-rule-priorities --rule-priorities RuleArn=ARN,Priority=1"
    )


def _read_side(state: GroupState, listener: str, target_group: str, host: str) -> Side:
    """Return how requests reach the primary task set through a listener, as green's will."""
    response = state.reader.find("elbv2", "describe_listeners", LISTENER_NOT_FOUND, ListenerArns=[listener])
    if not (response or {}).get("Listeners"):
        return Side()
    route = find_route(state.reader, listener, target_group, state.tags.get(HOST_TAG, ""))
    return Side(
        url=route.url,
        host=host or route.host,
        headers=route.headers,
        path_patterns=route.path_patterns,
        rules_above=route.rules_above,
    )


def _find_taken(side: Side, path: str, headers: dict[str, str], method: str) -> str:
    if not (side.url and side.rules_above):
        return ""
    try:
        request = resolve_request(replace(side, rules_above=()), path, headers)
    except GuardError:
        return ""
    return find_taken(side, request.url, request.headers, method)


def _requests(params: Any, key: str = "") -> Iterator[tuple[str, str, dict[str, str]]]:
    """Yield method, path and headers of the requests to green in a check's parameters; "" is an unknown method."""
    if isinstance(params, list):
        for item in params:
            yield from _requests(item, key)
    elif isinstance(params, dict):
        headers = params.get("headers")
        headers = headers if isinstance(headers, dict) else {}
        for name, value in params.items():
            for method, path, inner in _requests(value, str(name)):
                yield method, path, {**{str(header): str(text) for header, text in headers.items()}, **inner}
    elif isinstance(params, str) and key in _PATH_KEYS and params.startswith("/") and "${" not in params:
        yield key.upper() if key in _METHODS else "", params, {}


# ---- Stacks of the listeners -----------------------------------------------------------------------------------------


def check_drift(state: GroupState) -> Iterator[Symptom]:
    """Check whether a CloudFormation stack update would reset a listener to the target group without tasks."""
    primary = _primary_target_group(state)
    arns = {name: arn for name, route in _ROUTES.items() if (arn := state.listener_arn(route))}
    if not primary or not arns or state.is_deploying:
        return
    response = state.reader.call("elbv2", "describe_tags", ResourceArns=list(arns.values()))
    tags = {
        str(description["ResourceArn"]): {tag["Key"]: tag.get("Value", "") for tag in description.get("Tags", [])}
        for description in response["TagDescriptions"]
    }
    for name, arn in arns.items():
        stack = tags.get(arn, {}).get("aws:cloudformation:stack-name", "")
        resource = tags.get(arn, {}).get("aws:cloudformation:logical-id", "")
        declared = _target_group_in_stack(state, stack, resource) if stack and resource else ""
        if declared and declared != primary:
            yield make_symptom(
                "listener-of-stack",
                f"CodeDeploy has moved the {name}, but the template of the stack {stack} still has its original target "
                f"group: an update that touches {resource} sends all users to a target group without tasks",
                f"template: {declared}",
                f"now: {primary}",
                fix=f"do not change {resource} in {stack}; after an update that did: aws elbv2 modify-listener "
                f"--listener-arn {arn} --default-actions Type=forward,TargetGroupArn={primary}",
            )


def _target_group_in_stack(state: GroupState, stack: str, listener: str) -> str:
    """Return the ARN of the target group that a stack's template sets for a listener; "" if unknown."""
    response = state.reader.call("cloudformation", "get_template", StackName=stack, TemplateStage="Processed")
    body = response["TemplateBody"]
    # Import here: parsing short forms needs PyYAML, and most accounts need no template.
    from .cloudformation import TemplateError, parse_template

    try:
        template = parse_template(body if isinstance(body, str) else json.dumps(body))  # botocore parses JSON itself
    except TemplateError:
        return ""
    actions = template.properties(listener).get("DefaultActions", [])
    groups = [action.get("TargetGroupArn") for action in actions if isinstance(action, dict)]
    if len(groups) != 1:
        return ""
    name = groups[0].get("Ref", "") if isinstance(groups[0], dict) else ""
    if not name:
        return groups[0] if isinstance(groups[0], str) else ""
    response = state.reader.call("cloudformation", "describe_stack_resources", StackName=stack, LogicalResourceId=name)
    ids = (resource.get("PhysicalResourceId", "") for resource in response.get("StackResources", []))
    return str(next(ids, ""))
