"""What is being deployed, asked of CodeDeploy with nothing but a deployment id.

Source: API references of GetDeployment, ListDeploymentTargets, BatchGetDeploymentTargets, GetDeploymentGroup.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from greenlight.core.deployment import STAGES, Deployment, Platform, Side
from greenlight.core.errors import AwsError, DiscoveryError
from greenlight.core.frozen import FrozenStruct
from greenlight.discovery.ecs import find_ecs_sides

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.aws.client import Aws

_OVER = ("Succeeded", "Failed", "Stopped")


class DeploymentEndedError(DiscoveryError):
    """The deployment has ended already; nothing that is found now matters to it."""


class DiscoveredDeployment(FrozenStruct, frozen=True, kw_only=True):
    """A deployment and the tags of its deployment group."""

    deployment: Deployment
    tags: dict[str, str] = {}


def discover(
    aws: Aws, deployment_id: str, stage: str, sleep: Callable[[float], None] = time.sleep
) -> DiscoveredDeployment:
    """Find out what a deployment id means.

    Args:
        aws: The account.
        deployment_id: From the hook's event.
        stage: Which hook was called.
        sleep: Waits between the tries that CodeDeploy's and the balancer's delays need.

    Raises:
        DiscoveryError: Something that must be known is not there, or the hook is wired to another stage.
        OverError: The deployment is over.
        AwsError: AWS refused or did not answer.
    """
    info = aws.call("codedeploy", "get_deployment", deploymentId=deployment_id)["deploymentInfo"]
    if info.get("status") in _OVER:
        raise DeploymentEndedError(f"the deployment is already {info['status']}; nobody waits for this gate any more")
    base = Deployment(
        id=deployment_id,
        platform=_platform(info),
        stage=stage,
        application=info.get("applicationName", ""),
        group=info.get("deploymentGroupName", ""),
        config=info.get("deploymentConfigName", ""),
        creator=info.get("creator", ""),
        region=aws.client("codedeploy").meta.region_name or "",
    )
    if base.creator == "codeDeployRollback":
        return DiscoveredDeployment(deployment=base, tags={})
    target = _target(aws, deployment_id, sleep)
    notes = _cross_checked(target, stage)
    group = _group(aws, base)
    tags, tag_notes = _tags(aws, base, group)
    found = _with_target(aws, base, target, group, tags, sleep)
    return DiscoveredDeployment(deployment=_noted(found, (*notes, *tag_notes)), tags=tags)


def _platform(info: dict[str, Any]) -> Platform:
    written = str(info.get("computePlatform", ""))
    if written.upper() == "ECS":
        return Platform.ECS
    if written == "Lambda":
        return Platform.LAMBDA
    raise DiscoveryError(
        f"the deployment's compute platform is {written or 'not given'}; greenlight gates ECS and Lambda deployments"
    )


def _target(aws: Aws, deployment_id: str, sleep: Callable[[float], None]) -> dict[str, Any]:
    """Give the deployment's one target, which may take a moment to appear."""
    for pause in (0.5, 1.0, 2.0, None):
        try:
            ids = aws.call("codedeploy", "list_deployment_targets", deploymentId=deployment_id).get("targetIds", [])
        except AwsError as error:
            if error.code != "DeploymentNotStartedException" or pause is None:
                raise
            ids = []
        if ids:
            answer = aws.call(
                "codedeploy", "batch_get_deployment_targets", deploymentId=deployment_id, targetIds=ids[:1]
            )
            targets = answer.get("deploymentTargets", [])
            if targets:
                return dict(targets[0])
        if pause is not None:
            sleep(pause)
    raise DiscoveryError("CodeDeploy names no target for the deployment")


def _kind(target: dict[str, Any]) -> dict[str, Any]:
    """Give the one member that holds the target's data, whatever its type is."""
    for member in ("lambdaTarget", "ecsTarget", "cloudFormationTarget"):
        if member in target:
            return dict(target[member])
    raise DiscoveryError(
        f"the deployment's target is of the type {target.get('deploymentTargetType', 'unknown')}, which is none of Lambda's or ECS's"
    )


def _cross_checked(target: dict[str, Any], stage: str) -> tuple[str, ...]:
    """Hold the hook's own stage against `lifecycleEvents`, which may be late but never ahead.

    Raises:
        DiscoveryError: The stage is over, or a later one is in progress: the hook is wired to another stage than its own.
    """
    states = {
        event.get("lifecycleEventName"): event.get("status") for event in _kind(target).get("lifecycleEvents", [])
    }
    if states.get(stage) == "InProgress":
        return ()
    later = [name for name in STAGES[STAGES.index(stage) + 1 :] if states.get(name) == "InProgress"]
    if later or states.get(stage) in ("Succeeded", "Failed"):
        said = f"{later[0]} is in progress" if later else f"{stage} is already {states[stage]}"
        raise DiscoveryError(
            f"this is the hook for {stage}, but CodeDeploy says that {said}; is the AppSpec's {(later or [stage])[0]} wired to the wrong function?"
        )
    return (f"CodeDeploy did not show {stage} as in progress yet",)


def _group(aws: Aws, deployment: Deployment) -> dict[str, Any]:
    """Give the deployment group; one made by CloudFormation's BlueGreen transform is nobody's to read."""
    if not (deployment.application and deployment.group):
        return {}
    try:
        answer = aws.call(
            "codedeploy",
            "get_deployment_group",
            applicationName=deployment.application,
            deploymentGroupName=deployment.group,
        )
    except AwsError as error:
        if error.code in ("ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException"):
            return {}
        raise
    return dict(answer["deploymentGroupInfo"])


def _tags(aws: Aws, deployment: Deployment, group: dict[str, Any]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Read the deployment group's tags; which plan applies may stand there, so a refusal is not overlooked."""
    if not group:
        return {}, (
            "CodeDeploy has no deployment group of this name to read; plan and target come from the convention",
        )
    # The group's own ARN is in no answer; its service role is of the same partition and account.
    _, partition, _, _, account, *_ = (str(group.get("serviceRoleArn", "")) + ":::::").split(":")
    arn = f"arn:{partition}:codedeploy:{deployment.region}:{account}:deploymentgroup:{deployment.application}/{deployment.group}"
    return read_tags(aws, arn), ()


def read_tags(aws: Aws, arn: str) -> dict[str, str]:
    """Read all tags of a deployment group, of which CodeDeploy may give some at a time.

    Raises:
        AwsError: CodeDeploy refused.
    """
    tags: dict[str, str] = {}
    page: dict[str, Any] = {"NextToken": None}
    while "NextToken" in page:  # a resource has at most 50 tags
        more = {"NextToken": page["NextToken"]} if page["NextToken"] else {}
        page = aws.call("codedeploy", "list_tags_for_resource", ResourceArn=arn, **more)
        tags |= {str(tag.get("Key", "")): str(tag.get("Value", "")) for tag in page.get("Tags", [])}
    return tags


def _with_target(
    aws: Aws,
    base: Deployment,
    target: dict[str, Any],
    group: dict[str, Any],
    tags: dict[str, str],
    sleep: Callable[[float], None],
) -> Deployment:
    if "lambdaTarget" in target:
        return _with_function(base, _kind(target).get("lambdaFunctionInfo", {}))
    if "ecsTarget" in target:
        blue, green, names = find_ecs_sides(aws, base, _kind(target), group, tags, sleep)
        labels = {info.get("taskSetLabel") for info in _kind(target).get("taskSetsInfo", [])}
        first = not blue.task_set and "Blue" not in labels
        return replace(base, blue=blue, green=green, first=first, cluster=names[0], service=names[1])
    why = "CloudFormation deploys this without telling CodeDeploy of listeners; give the plan a target: {url: …}"
    return replace(base, green=Side(no_url=why))


def _with_function(base: Deployment, info: dict[str, Any]) -> Deployment:
    name, version = info.get("functionName", ""), str(info.get("targetVersion", ""))
    if not name or not version:
        raise DiscoveryError("CodeDeploy does not say which function and version it deploys")
    why = "a Lambda version has no URL; check it with lambda_invoke"
    return replace(
        base,
        first=not info.get("currentVersion"),
        function=name,
        alias=info.get("functionAlias", ""),
        blue=Side(version=str(info.get("currentVersion", "")), no_url=why),
        green=Side(version=version, no_url=why),
    )


def _noted(deployment: Deployment, notes: tuple[str, ...]) -> Deployment:
    return replace(deployment, notes=(*deployment.notes, *notes))
