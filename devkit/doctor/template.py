"""A service's template of SAM or CloudFormation, offline: what will go wrong once it is deployed."""

from __future__ import annotations

import datetime
from itertools import chain
from typing import TYPE_CHECKING, Any

from devkit.doctor import permissions
from devkit.doctor.cloudformation import FUNCTION, GROUP, SAM_HOOKS, logical, shift
from devkit.doctor.group import ROLLBACK
from devkit.doctor.hooks import ANSWER, ROLES, name_of, of_installation
from devkit.doctor.revision import repair
from devkit.doctor.rules import SHORT_S, from_lint, symptom
from devkit.lint.appspec import HOOK_PREFIX
from devkit.lint.limits import Limits
from devkit.lint.linter import problems
from greenlight.checks.registry import Registry
from greenlight.core.deployment import STAGES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devkit.doctor.cloudformation import Template
    from devkit.doctor.revision import AppSpec
    from devkit.doctor.rules import Symptom

_UPDATES = {"BeforeAllowTrafficHook": "BeforeAllowTraffic", "AfterAllowTrafficHook": "AfterAllowTraffic"}
_PREFIX_ONLY = (
    "AWSCodeDeployRoleForLambda",
    "AWSCodeDeployRoleForLambdaLimited",
    "AWSCodeDeployRoleForECSLimited",
    "AWSCodeDeployRoleForCloudFormation",
)
"""AWS's managed policies that let CodeDeploy call functions named CodeDeployHook_… and no others."""
_PLATFORMS = {
    "AWSCodeDeployRoleForECS": "ECS",
    "AWSCodeDeployRoleForECSLimited": "ECS",
    "AWSCodeDeployRoleForLambda": "Lambda",
    "AWSCodeDeployRoleForLambdaLimited": "Lambda",
    "AWSCodeDeployRole": "Server",
}
"""What AWS's managed policies are for."""
_OF_SERVERS = ("Ec2TagFilters", "Ec2TagSet", "AutoScalingGroups", "OnPremisesInstanceTagFilters", "OnPremisesTagSet")
_NOT_ANSWERING = ("AWSLambdaBasicExecutionRole", "AWSLambdaVPCAccessExecutionRole", "AWSXRayDaemonWriteAccess")
"""Managed policies of which it is known that they let nobody answer CodeDeploy."""


def examine(template: Template, appspec: AppSpec | None = None, installation: str = "greenlight") -> Iterator[Symptom]:
    """Find what is wrong with a template, and with the AppSpec that its group is deployed with."""
    gated = False
    for found in chain(
        _functions(template, installation), _aliases(template, installation), _groups(template, appspec)
    ):
        gated = True
        if found is not None:
            yield found
    for name in _hooks(template):
        gated = True
        yield from _hook(template, name, installation)
    yield from _plans(template)
    yield from _appspec(appspec, installation)
    transforms = template.data.get("Transform")
    if "AWS::CodeDeployBlueGreen" in (transforms if isinstance(transforms, list) else [transforms]):
        gated = True
        yield symptom(
            "bluegreen-transform",
            "with this transform CodeDeploy tells a hook neither service nor listener; the hook cannot find green",
            fix="deploy with a deployment group of your own (examples/ecs), or give the plan a target: {url: …}",
            line=template.line("Transform"),
        )
    if not gated:
        yield symptom(
            "could-not-look",
            "the template deploys nothing by CodeDeploy: no function with a DeploymentPreference, no deployment group (Step Functions shifts state machines by itself and calls no hook)"
            if template.resources("AWS::Serverless::StateMachine")
            else "the template deploys nothing by CodeDeploy: no DeploymentPreference, no deployment group",
            fix="name the template that has them; in SAM a function joins with AutoPublishAlias and DeploymentPreference",
        )


def _functions(template: Template, installation: str) -> Iterator[Symptom | None]:
    """Look at functions that SAM deploys gradually; None for each that is one."""
    for name in template.resources(FUNCTION):
        properties = template.properties(name)
        preference = shift(properties)
        if preference is None or name in _hooks(template):
            continue
        yield None
        line = template.line("Resources", name, "Properties", "DeploymentPreference")
        if not properties.get("AutoPublishAlias"):
            yield symptom(
                "no-alias",
                f"{name} has a DeploymentPreference and no alias that could be shifted",
                fix="AutoPublishAlias: live",
                line=line,
            )
        hooks = preference.get("Hooks")
        hooks = hooks if isinstance(hooks, dict) else {}
        lines = "\n".join(f"  {key}: !ImportValue {installation}-{event}" for key, event in SAM_HOOKS.items())
        yield from _named(
            template,
            name,
            {event: hooks[key] for key, event in SAM_HOOKS.items() if key in hooks},
            f"Hooks:\n{lines}",
            line,
            prefix_only=not preference.get("Role"),
            at_once="AllAtOnce" in str(preference.get("Type")),
        )
        if not preference.get("Alarms"):
            yield symptom(
                "no-alarms",
                f"no alarm stops a deployment of {name}, and no hook runs between the first and the last user who comes over",
                fix="DeploymentPreference:\n  Alarms: [!Ref ERRORS]   # AWS/Lambda Errors of the alias",
                line=line,
            )


def _aliases(template: Template, installation: str) -> Iterator[Symptom | None]:
    """Look at aliases that CloudFormation itself lets CodeDeploy shift."""
    for name, resource in template.resources("AWS::Lambda::Alias").items():
        policy = template.value(resource.get("UpdatePolicy"))
        update = policy.get("CodeDeployLambdaAliasUpdate") if isinstance(policy, dict) else None
        if isinstance(update, dict):
            yield None
            lines = "\n".join(f"  {key}: !ImportValue {installation}-{event}" for key, event in _UPDATES.items())
            named = {event: update[key] for key, event in _UPDATES.items() if update.get(key)}
            line = template.line("Resources", name, "UpdatePolicy")
            group = template.properties(logical(update.get("DeploymentGroupName")))
            yield from _named(
                template,
                name,
                named,
                f"CodeDeployLambdaAliasUpdate:\n{lines}",
                line,
                prefix_only=_narrow(_managed(template, group)),
                at_once=str(group.get("DeploymentConfigName")).endswith("AllAtOnce"),
            )


def _named(
    template: Template,
    name: str,
    hooks: dict[str, Any],
    fix: str,
    line: int,
    *,
    prefix_only: bool,
    at_once: bool = False,
) -> Iterator[Symptom]:
    """Look at the hooks that something names: there are some, CodeDeploy may call them, each at its own stage."""
    if not hooks:
        yield symptom("no-hooks", f"{name} names no hook, so every release ships as it is", fix=fix, line=line)
    elif at_once and list(hooks) == ["AfterAllowTraffic"]:
        what = f"all users of {name} come at once, and the only hook runs when they are there"
        yield symptom("all-at-once-after", what, fix=fix, line=line)
    for event, value in hooks.items():
        called = _called(template, value)
        if prefix_only and called is not None and not called.startswith((HOOK_PREFIX, "${")):
            yield symptom(
                "hook-not-allowed",
                f"{event} of {name} calls a function that CodeDeploy's role may not call: AWS's managed policy allows only names that begin with {HOOK_PREFIX}",
                f"function name: {called or 'made up by CloudFormation'}",
                fix=f"give the hook a name: FunctionName: !Sub {HOOK_PREFIX}${{AWS::StackName}}-{event}",
                line=line,
            )
        yield from _staged(event, called or _imported(value), line)


def _staged(event: str, called: str, line: int) -> Iterator[Symptom]:
    """Say that a hook of greenlight is named for another stage; its name ends with its own."""
    stage = next((each for each in STAGES if called.endswith(f"-{each}")), event)
    if stage != event:
        yield symptom(
            "hook-wrong-stage",
            f"{event} calls {called}, which is the hook of {stage} by its name and refuses to answer for another stage",
            fix=f"{event}: {called.replace(stage, event)}",
            line=line,
        )


def _called(template: Template, value: Any) -> str | None:
    """Give the name of the function that a hook names, "" for one that CloudFormation makes up; None where nobody knows."""
    if isinstance(value, str):
        return name_of(value)
    named = logical(value)
    if named in template.resources(FUNCTION, "AWS::Lambda::Function"):
        name = template.properties(named).get("FunctionName", "")
        return name if isinstance(name, str) else None
    return None


def _imported(value: Any) -> str:
    inner = value.get("Fn::ImportValue") if isinstance(value, dict) else None
    return inner if isinstance(inner, str) else ""


def _hooks(template: Template) -> list[str]:
    """Give the logical ids of the functions that are hooks: by their names, or because something names them."""
    functions = template.resources(FUNCTION, "AWS::Lambda::Function")
    found = {}
    for name, resource in functions.items():
        own = resource.get("Properties")
        called = template.value(own.get("FunctionName")) if isinstance(own, dict) else ""
        if isinstance(called, str) and called.startswith(HOOK_PREFIX):
            found[name] = True
        hooks = (shift(template.properties(name)) or {}).get("Hooks")
        for value in hooks.values() if isinstance(hooks, dict) else ():
            if logical(value) in functions:
                found[logical(value)] = True
    for alias in template.resources("AWS::Lambda::Alias").values():
        policy = template.value(alias.get("UpdatePolicy"))
        update = policy.get("CodeDeployLambdaAliasUpdate") if isinstance(policy, dict) else None
        for named in [update.get(key) for key in _UPDATES] if isinstance(update, dict) else []:
            if logical(named) in functions:
                found[logical(named)] = True
    return list(found)


def _hook(template: Template, name: str, installation: str) -> Iterator[Symptom]:
    """Look at a function that is a hook."""
    properties, line = template.properties(name), template.line("Resources", name)
    if properties.get("AutoPublishAlias") or shift(properties) is not None:
        yield symptom(
            "hook-has-alias",
            f"the hook {name} is published or shifted like a service; what its EventInvokeConfig says holds for the alias, and CodeDeploy calls the plain name",
            fix=f"{name}: take out AutoPublishAlias, and write:\nDeploymentPreference: {{Enabled: false}}",
            line=line,
        )
    timeout = properties.get("Timeout", 3)
    if isinstance(timeout, int | str) and str(timeout).isdigit() and int(timeout) < SHORT_S:
        yield symptom(
            "hook-may-be-too-short",
            f"the hook {name} is ended after {timeout} seconds; a cold start and one slow answer take longer",
            fix="Timeout: 300",
            line=template.line("Resources", name, "Properties", "Timeout"),
        )
    if _may_answer(template, properties) is False:
        yield symptom(
            "hook-cannot-answer",
            f"the hook {name} may not tell CodeDeploy its verdict, and the deployment waits for an hour",
            fix=f"Policies:\n  - Statement:\n      - Effect: Allow\n        Action: {ANSWER}\n        Resource: !Sub arn:${{AWS::Partition}}:codedeploy:${{AWS::Region}}:${{AWS::AccountId}}:deploymentgroup:*",
            line=line,
        )
    invoked = properties.get("EventInvokeConfig")
    destination = invoked.get("DestinationConfig") if isinstance(invoked, dict) else None
    resort = isinstance(destination, dict) and destination.get("OnFailure")
    apart = any(
        logical(template.properties(each).get("FunctionName")) == name
        for each in template.resources("AWS::Lambda::EventInvokeConfig")
    )
    if not (resort or apart or properties.get("DeadLetterQueue") or properties.get("DeadLetterConfig")):
        yield symptom(
            "hook-without-last-resort",
            f"when the hook {name} is killed or runs out of time nobody answers CodeDeploy",
            fix="EventInvokeConfig:\n  MaximumRetryAttempts: 0\n  DestinationConfig:\n    OnFailure:\n      Type: Lambda\n"
            f"      Destination: !Sub arn:${{AWS::Partition}}:lambda:${{AWS::Region}}:${{AWS::AccountId}}:function:{installation}-LastResort",
            line=line,
        )


def _may_answer(template: Template, properties: dict[str, Any]) -> bool | None:
    """Tell whether a hook's role may answer; None where a policy is not in the template."""
    role = logical(properties.get("Role"))
    if properties.get("Role") and role not in template.resources("AWS::IAM::Role"):
        return None
    held = template.properties(role) if role else properties
    written = held.get("Policies", [])
    written = written if isinstance(written, list) else [written]
    managed = [
        each
        for each in (*written, *_list(held.get("ManagedPolicyArns")))
        if not (isinstance(each, dict) and _document(each))
    ]
    documents = [_document(each) for each in written if isinstance(each, dict)]
    unknown = False
    for each in managed:
        named = logical(each)
        if named in template.resources("AWS::IAM::ManagedPolicy"):
            documents.append(template.properties(named).get("PolicyDocument"))
        elif not any(str(each).rstrip("'}\"").endswith(harmless) for harmless in _NOT_ANSWERING):
            unknown = True
    if permissions.allows(permissions.statements(*documents), ANSWER, "*"):
        return True
    return None if unknown else False


def _document(policy: dict[str, Any]) -> Any:
    return policy.get("PolicyDocument") or (policy if "Statement" in policy else None)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _groups(template: Template, appspec: AppSpec | None) -> Iterator[Symptom | None]:
    """Look at deployment groups; None for each that is one."""
    for name in template.resources(GROUP):
        yield None
        properties, line = template.properties(name), template.line("Resources", name)
        platform = _platform(template, properties)
        if platform == "Server":
            what = f"{name} deploys to servers; greenlight gates ECS services and Lambda functions"
            yield symptom("could-not-look", what, fix="name a template with a group for one of these", line=line)
            continue
        rollback, alarms = properties.get("AutoRollbackConfiguration"), properties.get("AlarmConfiguration")
        yield from _rollback(name, rollback if isinstance(rollback, dict) else {}, alarms, line)
        yield from _alarms(name, alarms, line)
        yield from _role(template, name, properties, platform)
        if platform == "ECS":
            yield from _ecs(template, name, properties, appspec)
        if appspec:
            yield from _allowed(template, name, properties, appspec)


def _platform(template: Template, properties: dict[str, Any]) -> str:
    """Give the compute platform of a group: as its application says, or as its properties show; "" where neither does."""
    if properties.get("ECSServices") or _pairs(properties):
        return "ECS"
    application = logical(properties.get("ApplicationName"))
    if application in template.resources("AWS::CodeDeploy::Application"):
        said = template.properties(application).get("ComputePlatform", "Server")
        return said if isinstance(said, str) else ""
    return "Server" if any(properties.get(key) for key in _OF_SERVERS) else ""


def _managed(template: Template, properties: dict[str, Any]) -> list[str]:
    """Give the names of AWS's managed policies, where a group's role is in the template and holds nothing else."""
    role = template.properties(logical(properties.get("ServiceRoleArn")))
    written = [str(each).rstrip("'}\"").rsplit("/", 1)[-1] for each in _list(role.get("ManagedPolicyArns"))]
    return written if not role.get("Policies") and all(each in _PLATFORMS for each in written) else []


def _narrow(managed: list[str]) -> bool:
    return bool(managed) and all(each in _PREFIX_ONLY for each in managed)


def _role(template: Template, name: str, properties: dict[str, Any], platform: str) -> Iterator[Symptom]:
    managed = _managed(template, properties)
    if platform and managed and platform not in {_PLATFORMS[each] for each in managed}:
        yield symptom(
            "service-role-lacks",
            f"the role of {name} is made for deployments of another platform, and this one ends with IAM_ROLE_PERMISSIONS",
            f"platform {platform}, policies {', '.join(managed)}",
            fix=f"ManagedPolicyArns: [!Sub 'arn:${{AWS::Partition}}:iam::aws:policy/{ROLES.get(platform.lower(), '')}']",
            line=template.line("Resources", name, "Properties", "ServiceRoleArn"),
        )


def _rollback(name: str, rollback: dict[str, Any], alarms: Any, line: int) -> Iterator[Symptom]:
    enabled, events = rollback.get("Enabled"), rollback.get("Events", [])
    if isinstance(enabled, dict) or not isinstance(events, list) or any(isinstance(each, dict) for each in events):
        return  # only the deployment knows
    fix = (
        "AutoRollbackConfiguration:\n  Enabled: true\n  Events: ["
        + ", ".join(ROLLBACK.split("events=")[1].split(","))
        + "]"
    )
    if str(enabled).lower() != "true" or "DEPLOYMENT_FAILURE" not in events:
        what = f"when a gate closes {name} takes nothing back: users stay where they are, on green after the shift"
        yield symptom("no-rollback", what, fix=fix, line=line)
    elif isinstance(alarms, dict) and alarms.get("Alarms") and "DEPLOYMENT_STOP_ON_ALARM" not in events:
        what = (
            f"an alarm of {name} that rings stops the deployment in the middle, and a part of the users stays on green"
        )
        yield symptom("no-rollback-on-alarm", what, fix=fix, line=line)


def _alarms(name: str, alarms: Any, line: int) -> Iterator[Symptom]:
    configured = alarms if isinstance(alarms, dict) else {}
    if not configured.get("Alarms") or str(configured.get("Enabled", True)).lower() == "false":
        what = f"no alarm stops a deployment of {name}, and no hook runs between the first and the last user who comes over"
        yield symptom(
            "no-alarms", what, fix="AlarmConfiguration:\n  Enabled: true\n  Alarms: [{Name: !Ref ERRORS}]", line=line
        )
    elif str(configured.get("IgnorePollAlarmFailure")).lower() == "true":
        what = f"where CodeDeploy cannot read the alarms of {name}, it goes on as if all were well"
        yield symptom("alarms-overlooked", what, fix="IgnorePollAlarmFailure: false", line=line)


def _pairs(properties: dict[str, Any]) -> list[Any]:
    balancer = properties.get("LoadBalancerInfo")
    return _list(balancer.get("TargetGroupPairInfoList")) if isinstance(balancer, dict) else []


def _ecs(template: Template, name: str, properties: dict[str, Any], appspec: AppSpec | None) -> Iterator[Symptom]:
    """Look at the deployment group of an ECS service."""
    line = template.line("Resources", name)
    pair = next((each for each in _pairs(properties) if isinstance(each, dict)), {})
    here = template.line("Resources", name, "Properties", "LoadBalancerInfo")
    groups = pair.get("TargetGroups", [])
    pairs = len(_pairs(properties))
    if pairs > 1 or (isinstance(groups, list) and len(groups) != 2):
        many = f"{pairs} pairs of them" if pairs > 1 else len(groups)
        yield symptom(
            "target-groups",
            f"blue and green need a target group each, in one pair, and {name} names {many}",
            fix="LoadBalancerInfo:\n  TargetGroupPairInfoList:\n    - TargetGroups: [{Name: !GetAtt First.TargetGroupName}, {Name: !GetAtt Second.TargetGroupName}]",
            line=here,
        )
    production, test = (_listener(pair.get(route)) for route in ("ProdTrafficRoute", "TestTrafficRoute"))
    for route in ("ProdTrafficRoute", "TestTrafficRoute"):
        if (count := len(_arns(pair.get(route)))) > 1:
            what = f"{route} of {name} names {count} listeners, and CodeDeploy moves one"
            yield symptom("listener", what, fix=f"{route}: {{ListenerArns: [!Ref Listener]}}", line=here)
    if test is not None and test == production:
        what = f"the test listener of {name} is its production listener, so users come to green before a check has run"
        yield symptom(
            "test-is-production", what, fix="TestTrafficRoute: {ListenerArns: [!Ref TestListener]}", line=here
        )
    if test is None and (appspec is None or "AfterAllowTestTraffic" in appspec.hooks):
        yield symptom(
            "no-test-listener",
            f"{name} has no test listener: CodeDeploy leaves AfterAllowTestTraffic out and says nothing, and nothing reaches green before users do",
            fix="TestTrafficRoute: {ListenerArns: [!Ref TestListener]}",
            line=here,
        )
    balancers = {_balancer(template, each) for each in (production, test)} - {""}
    if len(balancers) > 1:
        what = f"test and production listener of {name} must be on the same load balancer"
        yield symptom(
            "listeners-apart", what, *sorted(balancers), fix="LoadBalancerArn: the same for both listeners", line=here
        )
    config = properties.get("DeploymentConfigName")
    network = any(template.properties(each).get("Type") == "network" for each in balancers)
    if network and isinstance(config, str) and config != "CodeDeployDefault.ECSAllAtOnce":
        what = f"a network load balancer cannot send a part of its users to green, as {config} asks"
        yield symptom("network-balancer", what, fix="DeploymentConfigName: CodeDeployDefault.ECSAllAtOnce", line=line)
    shift = properties.get("BlueGreenDeploymentConfiguration")
    ready = shift.get("DeploymentReadyOption") if isinstance(shift, dict) else None
    if isinstance(ready, dict) and ready.get("ActionOnTimeout") == "STOP_DEPLOYMENT":
        what = f"before users come over each deployment of {name} waits for somebody who lets it go on, and is stopped where nobody does"
        yield symptom(
            "waits-for-somebody", what, fix="DeploymentReadyOption: {ActionOnTimeout: CONTINUE_DEPLOYMENT}", line=line
        )
    ends = shift.get("TerminateBlueInstancesOnDeploymentSuccess") if isinstance(shift, dict) else None
    if (
        isinstance(ends, dict)
        and str(ends.get("TerminationWaitTimeInMinutes", "0")) == "0"
        and ends.get("Action") == "TERMINATE"
    ):
        what = f"blue of {name} ends as soon as all users are on green, so that going back takes a whole deployment"
        yield symptom("blue-ends-at-once", what, fix="TerminationWaitTimeInMinutes: 30", line=line)
    yield from _controlled(template, name, properties)


def _listener(route: Any) -> Any:
    return next(iter(_arns(route)), None)


def _arns(route: Any) -> list[Any]:
    arns = route.get("ListenerArns") if isinstance(route, dict) else route
    return arns if isinstance(arns, list) else [] if arns is None else [arns]


def _balancer(template: Template, listener: Any) -> str:
    """Give the logical id of a listener's load balancer; "" where the template does not say."""
    return logical(template.properties(logical(listener)).get("LoadBalancerArn")) if listener else ""


def _controlled(template: Template, name: str, properties: dict[str, Any]) -> Iterator[Symptom]:
    services = template.resources("AWS::ECS::Service")
    for each in _list(properties.get("ECSServices")):
        named = each.get("ServiceName") if isinstance(each, dict) else None
        by_name = [
            one for one in services if isinstance(named, str) and template.properties(one).get("ServiceName") == named
        ]
        for service in by_name or [one for one in services if one == logical(named)]:
            controller = template.properties(service).get("DeploymentController", {})
            kind = controller.get("Type", "ECS") if isinstance(controller, dict) else "ECS"
            if isinstance(kind, str) and kind != "CODE_DEPLOY":
                yield symptom(
                    "controller",
                    f"{name} deploys the service {service}, which is not CodeDeploy's to deploy: its controller is {kind}",
                    fix="DeploymentController: {Type: CODE_DEPLOY}",
                    line=template.line("Resources", service),
                )


def _allowed(template: Template, name: str, properties: dict[str, Any], appspec: AppSpec) -> Iterator[Symptom]:
    """Look whether the group's role may call the AppSpec's hooks, where it holds nothing but AWS's narrow policies."""
    managed = _managed(template, properties)
    if not _narrow(managed):
        return
    for event, function in appspec.hooks.items():
        called = name_of(function)
        if not called.startswith((HOOK_PREFIX, "${", "<")):
            yield symptom(
                "hook-not-allowed",
                f"the role of {name} may call only functions whose names begin with {HOOK_PREFIX}, and {event} names {called}",
                *managed,
                fix=f"call the function {HOOK_PREFIX}…, or give the role AWSCodeDeployRoleForECS",
                line=template.line("Resources", name, "Properties", "ServiceRoleArn"),
            )


def _appspec(appspec: AppSpec | None, installation: str) -> Iterator[Symptom]:
    if appspec is None:
        return
    for problem in appspec.problems:
        yield symptom("appspec", f"{appspec.source}: {problem}", fix=repair(appspec))
    if not appspec.hooks and not appspec.problems:
        stage = STAGES[-1]
        what = f"{appspec.source} names no hook, so releases ship as they are"
        yield symptom("no-hooks", what, fix=f"Hooks:\n  - {stage}: {of_installation(installation, stage)}")
    for event, function in appspec.hooks.items():
        yield from _staged(event, name_of(function), 0)


def _plans(template: Template) -> Iterator[Symptom]:
    """Lint the plans that stand in parameters of SSM."""
    limits = Limits(today=datetime.datetime.now(datetime.UTC).date())
    for name in template.resources("AWS::SSM::Parameter"):
        text = template.properties(name).get("Value")
        if not (isinstance(text, str) and "stages:" in text and "version:" in text):
            continue
        line = template.line("Resources", name, "Properties", "Value")
        for problem in problems(text, name, Registry(), limits):
            yield symptom(
                from_lint(problem),
                f"the plan in {name}: {problem}",
                f"line {problem.line or 1} of the plan [{problem.rule}]",
                fix=f"greenlight lint --explain {problem.rule}",
                line=line + (problem.line or 0),
            )
