"""Discovery of a CodeDeploy deployment from its id.

Source: API references of GetDeployment, ListDeploymentTargets, BatchGetDeploymentTargets, GetDeploymentGroup.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.deployment import SHIFT, STAGES, Deployment, Platform, Side
from greenlight.core.errors import AwsError, DeploymentEndedError, DiscoveryError
from greenlight.core.frozen import FrozenStruct
from greenlight.discovery.called import check_called_deployment, wait_for_called_stage
from greenlight.discovery.ecs import find_ecs_sides

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.aws.client import Aws

ENDED = ("Succeeded", "Failed", "Stopped")
"""Statuses of a deployment that has ended."""


class DiscoveredDeployment(FrozenStruct, frozen=True, kw_only=True):
    """A deployment and the tags of its deployment group."""

    deployment: Deployment
    tags: dict[str, str] = {}


def discover(
    aws: Aws,
    deployment_id: str,
    stage: str,
    sleep: Callable[[float], None] = SYSTEM_CLOCK.sleep,
    rollback_target: bool = False,
    is_called: bool = False,
) -> DiscoveredDeployment:
    """Discover a deployment: its platform, stage, blue and green.

    Args:
        aws: The account.
        deployment_id: From the hook's event.
        stage: Stage of the hook, or AllowTraffic, whose state its watcher reads itself.
        sleep: Waits between attempts, because CodeDeploy and the load balancer show changes with a delay.
        rollback_target: Also discover blue and green of a rollback, which its checks need.
        is_called: A caller other than CodeDeploy waits for the verdict, also after the deployment has succeeded.

    Raises:
        DiscoveryError: Required information is missing, or the hook is configured for another stage.
        DeploymentEndedError: The deployment has ended.
        AwsError: AWS denied a call or did not respond.
    """
    info = aws.read("codedeploy", "get_deployment", "deploymentInfo", deploymentId=deployment_id)
    if is_called:
        check_called_deployment(info, deployment_id, stage)
    elif info.get("status") in ENDED:
        raise DeploymentEndedError(
            f"the deployment is already {info['status']}; CodeDeploy no longer waits for this gate"
        )
    base = Deployment(
        id=deployment_id,
        platform=_parse_platform(info),
        stage=stage,
        application=info.get("applicationName", ""),
        group=info.get("deploymentGroupName", ""),
        config=info.get("deploymentConfigName", ""),
        creator=info.get("creator", ""),
        region=aws.client("codedeploy").meta.region_name or "",
    )
    if base.is_rollback and not rollback_target:
        return DiscoveredDeployment(deployment=base, tags={})
    target = _wait_for_target(aws, deployment_id, sleep)
    if is_called:
        wait_for_called_stage(
            str(info.get("status")), stage, lambda: _event_states(read_target(aws, deployment_id)), sleep
        )
    notes = () if is_called or stage == SHIFT else _check_stage(target, stage)
    group = _read_group(aws, base)
    tags, tag_notes = _read_group_tags(aws, base, group)
    deployment = _add_target(aws, base, target, group, tags, sleep)
    return DiscoveredDeployment(deployment=_add_notes(deployment, (*notes, *tag_notes)), tags=tags)


def is_answered(aws: Aws, deployment_id: str, stage: str) -> bool:
    """Return whether CodeDeploy has the answer of a stage's hook, or its deployment has ended.

    CodeDeploy may show an answer with a delay, but never before it has one.

    Raises:
        AwsError: AWS denied a call or did not respond.
    """
    info = aws.read("codedeploy", "get_deployment", "deploymentInfo", deploymentId=deployment_id)
    if info.get("status") in ENDED:
        return True
    target = read_target(aws, deployment_id)
    return bool(target) and _event_states(target).get(stage) in ("Succeeded", "Failed")


def _parse_platform(info: dict[str, Any]) -> Platform:
    raw = str(info.get("computePlatform", ""))
    if raw.upper() == "ECS":
        return Platform.ECS
    if raw == "Lambda":
        return Platform.LAMBDA
    raise DiscoveryError(
        f"the deployment's compute platform is {raw or 'missing'}; greenlight gates ECS and Lambda deployments"
    )


def _wait_for_target(aws: Aws, deployment_id: str, sleep: Callable[[float], None]) -> dict[str, Any]:
    """Return the deployment's only target, which may appear with a delay."""
    for pause in (0.5, 1.0, 2.0, None):
        try:
            if target := read_target(aws, deployment_id):
                return target
        except AwsError as error:
            if error.code != "DeploymentNotStartedException" or pause is None:
                raise
        if pause is not None:
            sleep(pause)
    raise DiscoveryError("CodeDeploy lists no target for the deployment")


def read_target(aws: Aws, deployment_id: str) -> dict[str, Any]:
    """Return the deployment's only target; {} if CodeDeploy lists none.

    Raises:
        AwsError: AWS denied a call or did not respond; DeploymentNotStartedException for a deployment that just began.
    """
    ids = aws.call("codedeploy", "list_deployment_targets", deploymentId=deployment_id).get("targetIds", [])
    if not ids:
        return {}
    targets = aws.read(
        "codedeploy",
        "batch_get_deployment_targets",
        "deploymentTargets",
        deploymentId=deployment_id,
        targetIds=ids[:1],
    )
    return dict(targets[0]) if targets else {}


def _target_data(target: dict[str, Any]) -> dict[str, Any]:
    """Return the target's data, whose member is named after the type of the target."""
    for member in ("lambdaTarget", "ecsTarget", "cloudFormationTarget"):
        if member in target:
            return dict(target[member])
    raise DiscoveryError(
        f"the deployment's target has the type {target.get('deploymentTargetType', 'unknown')}; "
        "greenlight supports targets of Lambda and ECS"
    )


def _event_states(target: dict[str, Any]) -> dict[str, str]:
    """Return the status of each lifecycle event by its name."""
    events = _target_data(target).get("lifecycleEvents", [])
    return {str(event.get("lifecycleEventName")): str(event.get("status")) for event in events}


def _check_stage(target: dict[str, Any], stage: str) -> tuple[str, ...]:
    """Compare the hook's stage with `lifecycleEvents`, which may be late but never ahead; return notes.

    Raises:
        DiscoveryError: The stage has ended, or a later one is in progress, so the AppSpec uses the wrong hook.
    """
    states = _event_states(target)
    if states.get(stage) == "InProgress":
        return ()
    later = [name for name in STAGES[STAGES.index(stage) + 1 :] if states.get(name) == "InProgress"]
    if later or states.get(stage) in ("Succeeded", "Failed"):
        state = f"{later[0]} is in progress" if later else f"{stage} is already {states[stage]}"
        raise DiscoveryError(
            f"this is the hook for {stage}, but CodeDeploy reports that {state}; "
            f"does {(later or [stage])[0]} in the AppSpec name the wrong function?"
        )
    return (f"CodeDeploy did not show {stage} as in progress yet",)


def _read_group(aws: Aws, deployment: Deployment) -> dict[str, Any]:
    """Return the deployment group; empty for one of CloudFormation's BlueGreen transform, which cannot be read."""
    if not (deployment.application and deployment.group):
        return {}
    try:
        group = aws.read(
            "codedeploy",
            "get_deployment_group",
            "deploymentGroupInfo",
            applicationName=deployment.application,
            deploymentGroupName=deployment.group,
        )
    except AwsError as error:
        if error.code in ("ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException"):
            return {}
        raise
    return dict(group)


def _read_group_tags(aws: Aws, deployment: Deployment, group: dict[str, Any]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Read the deployment group's tags; they may name the plan, so a denied call is an error."""
    if not group:
        return {}, ("CodeDeploy has no deployment group of this name; plan and target follow the naming convention",)
    # No response contains the group's own ARN; its service role has the same partition and account.
    _, partition, _, _, account, *_ = (str(group.get("serviceRoleArn", "")) + ":::::").split(":")
    name = f"{deployment.application}/{deployment.group}"
    arn = f"arn:{partition}:codedeploy:{deployment.region}:{account}:deploymentgroup:{name}"
    return read_tags(aws, arn), ()


def read_tags(aws: Aws, arn: str) -> dict[str, str]:
    """Read all tags of a deployment group, page by page.

    AWS documents `Tags` as part of every response; one without it is not taken for a group without tags, because a tag
    may name the plan.

    Raises:
        AwsError: CodeDeploy denied a call or did not respond, or a response has no list of tags.
    """
    tags: dict[str, str] = {}
    page: dict[str, Any] = {"NextToken": None}
    while "NextToken" in page:  # a resource has at most 50 tags
        more = {"NextToken": page["NextToken"]} if page["NextToken"] else {}
        page = aws.call_for("codedeploy", "list_tags_for_resource", "Tags", ResourceArn=arn, **more)
        tags |= {str(tag.get("Key", "")): str(tag.get("Value", "")) for tag in page["Tags"]}
    return tags


def _add_target(
    aws: Aws,
    base: Deployment,
    target: dict[str, Any],
    group: dict[str, Any],
    tags: dict[str, str],
    sleep: Callable[[float], None],
) -> Deployment:
    if "lambdaTarget" in target:
        return _add_function(base, _target_data(target).get("lambdaFunctionInfo", {}))
    if "ecsTarget" in target:
        blue, green, names = find_ecs_sides(aws, base, _target_data(target), group, tags, sleep)
        labels = {info.get("taskSetLabel") for info in _target_data(target).get("taskSetsInfo", [])}
        is_first = not blue.task_set and "Blue" not in labels
        return replace(base, blue=blue, green=green, first=is_first, cluster=names[0], service=names[1])
    no_url = "CodeDeploy does not know the listeners of a CloudFormation deployment; set target: {url: …} in the plan"
    return replace(base, green=Side(no_url=no_url))


def _add_function(base: Deployment, info: dict[str, Any]) -> Deployment:
    name, version = info.get("functionName", ""), str(info.get("targetVersion", ""))
    if not name or not version:
        raise DiscoveryError("CodeDeploy does not report which function and version it deploys")
    no_url = "a Lambda version has no URL; check it with lambda_invoke"
    return replace(
        base,
        first=not info.get("currentVersion"),
        function=name,
        alias=info.get("functionAlias", ""),
        blue=Side(version=str(info.get("currentVersion", "")), no_url=no_url),
        green=Side(version=version, no_url=no_url),
    )


def _add_notes(deployment: Deployment, notes: tuple[str, ...]) -> Deployment:
    return replace(deployment, notes=(*deployment.notes, *notes))
