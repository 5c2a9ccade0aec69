"""The deployment of a gate for whose verdict a caller other than CodeDeploy waits.

Source: API references of ListDeployments and GetDeploymentGroup. The order of ListDeployments is not documented, so it
only shows the deployments that run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight.core.errors import AwsError, DeploymentEndedError, DiscoveryError, GreenlightError
from greenlight.core.finding import Cause
from greenlight.core.verdict import Status
from greenlight.gate.result import failed_result

if TYPE_CHECKING:
    from greenlight.aws.client import Aws
    from greenlight.gate.result import GateResult
    from greenlight.machine.documents import MachineGate
    from greenlight.machine.step import Step

_RUNNING = ["Created", "Queued", "InProgress", "Baking", "Ready"]
_MISSING = ("ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException")


def find_deployment(aws: Aws, gate: MachineGate) -> str:
    """Return the deployment id of a gate: its own, or that of the latest deployment of its group.

    Raises:
        DiscoveryError: The group does not exist, has no deployment, or has several that run.
        AwsError: AWS denied a call or did not respond.
    """
    return gate.deployment or find_latest(aws, gate.application, gate.group)


def find_latest(aws: Aws, application: str, group: str) -> str:
    """Return the id of the deployment of a group that runs, or else of the last one that ran.

    Raises:
        DiscoveryError: The group does not exist, has no deployment, or has several that run.
        AwsError: AWS denied a call or did not respond.
    """
    names = {"applicationName": application, "deploymentGroupName": group}
    try:
        running = aws.read("codedeploy", "list_deployments", "deployments", includeOnlyStatuses=_RUNNING, **names)
        if not running:
            info = aws.read("codedeploy", "get_deployment_group", "deploymentGroupInfo", **names)
            last = info.get("lastAttemptedDeployment") or {}
            running = [last["deploymentId"]] if last.get("deploymentId") else []
    except AwsError as error:
        if error.code in _MISSING:
            raise DiscoveryError(f"CodeDeploy has no deployment group {application}/{group}") from error
        raise
    if not running:
        raise DiscoveryError(f"the deployment group {application}/{group} has no deployment yet")
    if len(running) > 1:
        raise DiscoveryError(
            f"several deployments of {application}/{group} run ({', '.join(sorted(running)[:5])}); name one of them"
        )
    return str(running[0])


def check_current(aws: Aws, deployment_id: str) -> None:
    """Check that a deployment has not failed, and that none has followed it after its end.

    Raises:
        DeploymentEndedError: The release of the deployment is not live, or no longer.
        DiscoveryError: The latest deployment of the group cannot be determined.
        AwsError: AWS denied a call or did not respond.
    """
    info = aws.read("codedeploy", "get_deployment", "deploymentInfo", deploymentId=deployment_id)
    status = str(info.get("status", ""))
    if status in ("Failed", "Stopped"):
        raise DeploymentEndedError(f"the deployment {deployment_id} is {status}, so its release is not live")
    if status != "Succeeded":
        return
    latest = find_latest(aws, str(info.get("applicationName", "")), str(info.get("deploymentGroupName", "")))
    if latest != deployment_id:
        raise DeploymentEndedError(
            f"the deployment {latest} has followed {deployment_id}, so the release of {deployment_id} is not live"
        )


def confirm(step: Step, result: GateResult) -> GateResult:
    """Return the result; Failed instead of Succeeded for a caller whose deployment has failed in the meantime.

    CodeDeploy waits for its hooks and ignores the verdict of a deployment that has ended. A caller may not know of it.
    A failed result does not begin a hold, and keeps one that a person has decided.
    """
    if not step.gate.is_called or result.verdict.status is Status.FAILED:
        return result
    try:
        check_current(step.aws.repeating(step.state.read_until), result.deployment.id)
    except DeploymentEndedError as error:
        failed = failed_result(Cause.SUPERSEDED, str(error), result.deployment)
    except GreenlightError as error:
        message = f"it is not known whether the release is still live: {error}"
        failed = failed_result(error.cause, message, result.deployment)
    else:
        return result
    is_decided = result.hold is not None and bool(result.hold.decided_at)
    return replace(result, verdict=failed.verdict, hold=result.hold if is_decided else None)
