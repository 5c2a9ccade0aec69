"""The hooks: CodeDeploy may call them, they run, and they can answer."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from devkit.doctor import ecs_routing, group, network, permissions
from devkit.doctor.reader import run_check
from devkit.doctor.rules import SHORT_S, symptom
from greenlight.core.deployment import STAGES, Platform
from greenlight.core.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devkit.doctor.deployment_group import GroupState
    from devkit.doctor.permissions import Role
    from devkit.doctor.reader import Reader
    from devkit.doctor.rules import Symptom

CODEDEPLOY_WAITS_S = 3600
ANSWER = "codedeploy:PutLifecycleEventHookExecutionStatus"
_ABSENT = ("ResourceNotFoundException",)
NEEDED: dict[str, tuple[str, ...]] = {
    Platform.LAMBDA: ("lambda:GetAlias", "lambda:UpdateAlias"),
    Platform.ECS: (
        *(f"ecs:{each}" for each in ("DescribeServices", "CreateTaskSet", "UpdateServicePrimaryTaskSet", "DeleteTaskSet")),
        *(f"elasticloadbalancing:{each}" for each in ("DescribeTargetGroups", "DescribeListeners", "DescribeRules", "ModifyListener")),
    ),
}  # fmt: skip
"""What CodeDeploy's service role needs on each platform besides calling hooks.

Source: the managed policies AWSCodeDeployRoleForLambda and AWSCodeDeployRoleForECS."""
ROLES: dict[str, str] = {
    Platform.LAMBDA: "service-role/AWSCodeDeployRoleForLambda",
    Platform.ECS: "AWSCodeDeployRoleForECS",
}
"""AWS's managed policy for each platform."""
_HANDLERS = {
    "".join(f"_{c.lower()}" if c.isupper() else c for c in stage).lstrip("_") + ".handler": stage for stage in STAGES
}
"""The stage of each of greenlight's own hooks, by its handler."""


def name_of(function: str) -> str:
    """Give the plain name of a function that is written as name or ARN, qualified or not."""
    return function.split(":function:")[-1].split(":")[0]


def stage_of(configuration: dict[str, Any]) -> str:
    """Give the stage of a hook of greenlight; "" for a function that is none."""
    variables = configuration.get("Environment", {}).get("Variables", {})
    ours = any(str(name).startswith("GREENLIGHT_") for name in variables)
    return _HANDLERS.get(str(configuration.get("Handler")), "") if ours else ""


def of_installation(installation: str, stage: str) -> str:
    """Give the name of an installation's hook."""
    return f"CodeDeployHook_{installation}-{stage}"


def configuration(reader: Reader, function: str) -> dict[str, Any] | None:
    """Read a function's configuration; None where there is no such function.

    Raises:
        UnseenError: Lambda refused.
    """
    return reader.found("lambda", "get_function_configuration", _ABSENT, FunctionName=name_of(function))


def existing(scene: GroupState) -> Iterator[Symptom]:
    """Look whether the functions are there, in this region, each at its own stage."""
    named = scene.appspec.hooks if scene.appspec else {}
    gone = [event for event, function in named.items() if here(scene, function) and event not in scene.hooks]
    ours = [event for event in gone if name_of(named[event]).startswith(f"CodeDeployHook_{scene.installation}-")]
    if ours and set(ours) == set(gone) and not _installed(scene):
        return  # said once, of the installation
    for event, function in named.items():
        name = name_of(function)
        if not here(scene, function):
            yield symptom(
                "hook-elsewhere",
                f"the hook of {event} is not in {scene.region} of account {scene.account}, and CodeDeploy calls hooks where it deploys",
                function,
                fix="name a function of this region and account: deploy greenlight here, too, and name it without ARN",
            )
        elif event in gone:
            known = [of_installation(scene.installation, stage) for stage in STAGES]
            yield symptom(
                "hook-missing",
                f"the hook of {event} is {name}, and {scene.region} has no function of this name{did_you_mean(name, known)}",
                fix=f"correct the name in the AppSpec; see: aws lambda list-functions --region {scene.region} --query 'Functions[].FunctionName'",
            )
        elif (stage := stage_of(scene.hooks[event])) not in ("", event):
            yield symptom(
                "hook-wrong-stage",
                f"{event} calls greenlight's hook of {stage}, which refuses to answer for another stage",
                f"{event}: {name}",
                fix=f"write into the AppSpec:\nHooks:\n  - {event}: {name.replace(stage, event)}",
            )


def here(scene: GroupState, function: str) -> bool:
    """Tell whether a hook's name or ARN is one of this region and account."""
    parts = function.split(":")
    if len(parts) < 7 or not function.startswith("arn:"):
        return True
    return parts[3] == scene.region and parts[4] in (scene.account, "")


def _installed(scene: GroupState) -> bool:
    exports = scene.reader.pages("cloudformation", "list_exports", "Exports")
    return any(each["Name"] == f"{scene.installation}-PlanBucket" for each in exports)


def installation(scene: GroupState) -> Iterator[Symptom]:
    """Look whether greenlight is there, where the AppSpec counts on it or nobody knows the AppSpec."""
    prefix = f"CodeDeployHook_{scene.installation}-"
    named = {event: name_of(each) for event, each in scene.appspec.hooks.items()} if scene.appspec else {}
    wanted = {event for event, name in named.items() if name.startswith(prefix)} - scene.hooks.keys()
    if (scene.appspec is None or wanted) and not _installed(scene):
        yield symptom(
            "installation-missing",
            f"{scene.region} has no installation of greenlight called {scene.installation}",
            f"CloudFormation has no export {scene.installation}-PlanBucket",
            *(f"{event}: {named[event]}" for event in sorted(wanted)),
            fix="sam build && sam deploy, in the folder of greenlight; or say --installation NAME if it has another name",
        )


def callable_by_codedeploy(scene: GroupState) -> Iterator[Symptom]:
    """Look whether the service role exists and may call the hooks."""
    arn = str(scene.info.get("serviceRoleArn", ""))
    role = permissions.role(scene.reader, arn) if arn else None
    # Other partitions and some regions have principals of their own, such as codedeploy.cn-north-1.amazonaws.com.cn.
    if role is None or not any(each == "*" or each.startswith("codedeploy.") for each in role.trusts):
        why = (
            f"the service role {arn or '(none)'} does not exist"
            if role is None
            else f"CodeDeploy may not assume its service role {arn}"
        )
        yield symptom(
            "service-role",
            f"{why}, so no deployment begins",
            *([] if role is None else [f"it trusts {', '.join(role.trusts) or 'no service'}"]),
            fix='let the trust policy of the role allow sts:AssumeRole to {"Service": "codedeploy.amazonaws.com"}'
            if role
            else scene.update("--service-role-arn ARN"),
        )
        return
    for name, found in _once(scene).items():
        if not role.may("lambda:InvokeFunction", str(found["FunctionArn"])):
            yield _not_allowed(name, str(found["FunctionArn"]), role)


def service_role(scene: GroupState) -> Iterator[Symptom]:
    """Look whether the service role may do what CodeDeploy itself does in a deployment."""
    arn = str(scene.info.get("serviceRoleArn", ""))
    role = permissions.role(scene.reader, arn) if arn else None
    if role is None:
        return  # told above
    actions = [*NEEDED[scene.platform], *(["cloudwatch:DescribeAlarms"] if group.bound(scene) else [])]
    lacking = [each for each in actions if not role.may(each, "*")]
    passed = ecs_routing.roles_of_tasks(scene) if scene.platform is Platform.ECS else []
    lacking += [f"iam:PassRole on {each}" for each in passed if not role.may("iam:PassRole", each)]
    if lacking:
        policy = ROLES[scene.platform]
        yield symptom(
            "service-role-lacks",
            f"CodeDeploy's service role {role.name} may not do what a deployment of this platform needs, and it ends with IAM_ROLE_PERMISSIONS",
            f"missing: {', '.join(lacking)}",
            f"role {role.name}: {', '.join(role.policies) or 'no policies'}",
            fix=f"aws iam attach-role-policy --role-name {shlex.quote(role.name)} --policy-arn arn:{scene.partition}:iam::aws:policy/{policy}",
        )


def _not_allowed(name: str, arn: str, role: Role) -> Symptom:
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}],
        }
    )
    return symptom(
        "hook-not-allowed",
        f"CodeDeploy's service role may not call {name}, and the deployment ends at once with IAM_ROLE_PERMISSIONS",
        f"role {role.name}: {', '.join(role.policies) or 'no policies'}",
        *([] if name.startswith("CodeDeployHook_") else ["AWS's managed roles allow the prefix CodeDeployHook_ alone"]),
        fix=f"call the function CodeDeployHook_…, or: aws iam put-role-policy --role-name {role.name} --policy-name hooks --policy-document {shlex.quote(policy)}",
    )


def _once(scene: GroupState) -> dict[str, dict[str, Any]]:
    """Give every function that is a hook, once, whatever number of events it serves."""
    return {str(each["FunctionName"]): each for each in scene.hooks.values()}


def each(scene: GroupState) -> Iterator[Symptom]:
    """Look at every function by itself, at one thing after the other: what may not be seen hides nothing else."""
    looks: tuple[tuple[str, Callable[[GroupState, dict[str, Any]], Iterator[Symptom]]], ...] = (
        ("the state of {}", _ready),
        ("the role of {}", _answers),
        ("what happens to failed events of {}", _last_resort),
        ("the reserved concurrency of {}", _throttled),
        ("the aliases of {}", _aliased),
        ("the network of {}", network.way_out),
        ("the log group of {}", _logged),
    )
    for name, found in _once(scene).items():
        for subject, check in looks:
            yield from run_check(subject.format(name), lambda check=check, found=found: check(scene, found))  # type: ignore[misc]


def _ready(_scene: GroupState, found: dict[str, Any]) -> Iterator[Symptom]:
    name, state, update = (
        found["FunctionName"],
        found.get("State", "Active"),
        found.get("LastUpdateStatus", "Successful"),
    )
    if state not in ("Active", "Inactive") or update == "Failed":  # one that was idle for weeks wakes when it is called
        yield symptom(
            "hook-not-ready",
            f"{name} cannot run: its state is {state} and its last update {update}",
            f"reason: {found.get('StateReason') or found.get('LastUpdateStatusReason') or 'none given'}",
            fix="deploy the stack of the hook again, and look at the reason there",
        )
    if int(found.get("Timeout", SHORT_S)) < SHORT_S:
        yield symptom(
            "hook-may-be-too-short",
            f"{name} is ended after {found['Timeout']} seconds; a cold start and one slow answer take longer",
            fix=f"aws lambda update-function-configuration --function-name {name} --timeout 600"
            + (" (of greenlight: its parameter HookTimeout)" if stage_of(found) else ""),
        )


def _answers(scene: GroupState, found: dict[str, Any]) -> Iterator[Symptom]:
    name, role = found["FunctionName"], permissions.role(scene.reader, str(found["Role"]))
    if role is None or not role.may(ANSWER, scene.arn):
        what = (
            f"the role {found['Role']} of {name} does not exist"
            if role is None
            else f"{name} may not answer CodeDeploy"
        )
        yield symptom(
            "hook-cannot-answer",
            f"{what}: its verdict gets lost, and the deployment waits for an hour",
            f"needed: {ANSWER} on {scene.arn}",
            *([] if role is None else [f"role {role.name}: {', '.join(role.policies) or 'no policies'}"]),
            fix="deploy greenlight again: its template has this permission"
            if stage_of(found)
            else f"add to the hook's role:\n- Effect: Allow\n  Action: {ANSWER}\n  Resource: {scene.arn}",
        )


def _last_resort(scene: GroupState, found: dict[str, Any]) -> Iterator[Symptom]:
    name = str(found["FunctionName"])
    settings = scene.reader.found("lambda", "get_function_event_invoke_config", _ABSENT, FunctionName=name) or {}
    to = str(settings.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination", ""))
    to = to or str(found.get("DeadLetterConfig", {}).get("TargetArn", ""))
    gone = ":function:" in to and configuration(scene.reader, to) is None
    if not to or gone:
        yield symptom(
            "hook-without-last-resort",
            f"when {name} is killed or runs out of time nobody answers: {'its destination does not exist' if gone else 'its failed events go nowhere'}",
            *([to] if gone else []),
            fix=f"deploy greenlight and send failed events to its last resort: aws lambda put-function-event-invoke-config --function-name {name} --maximum-retry-attempts 0 --destination-config 'OnFailure={{Destination=arn:{scene.partition}:lambda:{scene.region}:{scene.account}:function:{scene.installation}-LastResort}}'",
        )
    elif settings.get("MaximumRetryAttempts", 2):
        yield symptom(
            "hook-retried",
            f"Lambda calls {name} up to {settings.get('MaximumRetryAttempts', 2)} times again when it fails, minutes later",
            fix=f"aws lambda update-function-event-invoke-config --function-name {name} --maximum-retry-attempts 0",
        )
    elif settings.get("MaximumEventAgeInSeconds", 21600) >= CODEDEPLOY_WAITS_S:
        yield symptom(
            "hook-retried",
            f"where {name} is throttled, Lambda keeps its event for longer than the hour that CodeDeploy waits, and the last resort comes too late",
            f"MaximumEventAgeInSeconds: {settings.get('MaximumEventAgeInSeconds', 'not set, 6 hours')}",
            fix=f"aws lambda update-function-event-invoke-config --function-name {name} --maximum-event-age-in-seconds 300",
        )


def _throttled(scene: GroupState, found: dict[str, Any]) -> Iterator[Symptom]:
    name = found["FunctionName"]
    answer = scene.reader.call("lambda", "get_function_concurrency", FunctionName=name)
    if answer.get("ReservedConcurrentExecutions") == 0:
        yield symptom(
            "hook-throttled",
            f"{name} never runs: its reserved concurrency is 0",
            fix=f"aws lambda delete-function-concurrency --function-name {name}",
        )


def _aliased(scene: GroupState, found: dict[str, Any]) -> Iterator[Symptom]:
    name = found["FunctionName"]
    aliases = scene.reader.pages("lambda", "list_aliases", "Aliases", FunctionName=name)
    if aliases:
        yield symptom(
            "hook-has-alias",
            f"{name} is published behind an alias; CodeDeploy calls the plain name, for which what SAM writes of failed events does not hold",
            f"aliases: {', '.join(str(each['Name']) for each in aliases)}",
            fix="in the hook's template take out AutoPublishAlias, and write:\nDeploymentPreference: {Enabled: false}",
        )


def _logged(scene: GroupState, found: dict[str, Any]) -> Iterator[Symptom]:
    usual = f"/aws/lambda/{found['FunctionName']}"
    wanted = str(found.get("LoggingConfig", {}).get("LogGroup") or usual)
    groups = scene.reader.pages("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=wanted)
    if any(each.get("logGroupName") == wanted for each in groups):
        return
    role = permissions.role(scene.reader, str(found["Role"]))
    arn = f"arn:{scene.partition}:logs:{scene.region}:{scene.account}:log-group:{wanted}"
    if role is None or not role.may("logs:CreateLogGroup", arn):
        yield symptom(
            "hook-without-log",
            f"{found['FunctionName']} writes to the log group {wanted}, which does not exist, and its role may not make it",
            fix=f"aws logs create-log-group --log-group-name {wanted}",
        )
