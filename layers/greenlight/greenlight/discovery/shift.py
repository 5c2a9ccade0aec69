"""State of a deployment's traffic shift, as CodeDeploy shows it.

Source: API references of GetDeployment, ListDeploymentTargets and BatchGetDeploymentTargets.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import ROLLBACK_CREATORS, SHIFT, STAGES, Platform
from greenlight.core.errors import AwsError
from greenlight.core.frozen import FrozenStruct
from greenlight.discovery.deployment import ENDED, read_target

if TYPE_CHECKING:
    from greenlight.aws.client import Aws

_NOT_STARTED = "DeploymentNotStartedException"


class ShiftState(StrEnum):
    """Place of a deployment relative to its shift."""

    BEFORE = "before"
    DURING = "during"
    AFTER = "after"
    ENDED = "ended"


class Shift(FrozenStruct, frozen=True, kw_only=True):
    """A deployment's shift at one moment.

    Attributes:
        state: Whether traffic shifts now; `ended` if the deployment ended without all traffic on green.
        green_percent: Green's share of the users' traffic; None if CodeDeploy does not show it.
        status: CodeDeploy's status of the deployment.
        creator: CodeDeploy's name for the creator.
        application, group, config: Names of application, deployment group and deployment configuration.
        platform: Compute platform.
        error: CodeDeploy's code and message of a failed or stopped deployment; "" without one.
        rollback: Id of the rollback deployment; "" without one.
    """

    state: ShiftState
    green_percent: float | None = None
    status: str = ""
    creator: str = ""
    application: str = ""
    group: str = ""
    config: str = ""
    platform: Platform = Platform.ECS
    error: str = ""
    rollback: str = ""

    @property
    def is_rollback(self) -> bool:
        """Whether the deployment goes back to an earlier release."""
        return self.creator in ROLLBACK_CREATORS


def read_shift(aws: Aws, deployment_id: str) -> Shift:
    """Read the state of a shift.

    Raises:
        AwsError: AWS denied a call or did not respond.
    """
    info = aws.read("codedeploy", "get_deployment", "deploymentInfo", deploymentId=deployment_id)
    target = {} if info.get("status") in ENDED else _read_target(aws, deployment_id)
    return parse_shift(info, target)


def parse_shift(info: dict[str, Any], target: dict[str, Any]) -> Shift:
    """Return the state of a shift.

    Args:
        info: CodeDeploy's `deploymentInfo`.
        target: The deployment's target; {} if it does not exist yet, or the deployment has ended.
    """
    status, error = str(info.get("status", "")), info.get("errorInformation") or {}
    data = next(
        (dict(target[key]) for key in ("ecsTarget", "lambdaTarget", "cloudFormationTarget") if key in target), {}
    )
    return Shift(
        state=_state(status, data),
        green_percent=_green_percent(data),
        status=status,
        creator=str(info.get("creator", "")),
        application=str(info.get("applicationName", "")),
        group=str(info.get("deploymentGroupName", "")),
        config=str(info.get("deploymentConfigName", "")),
        platform=Platform.LAMBDA if info.get("computePlatform") == "Lambda" else Platform.ECS,
        error=": ".join(str(error[key]) for key in ("code", "message") if error.get(key)),
        rollback=str((info.get("rollbackInfo") or {}).get("rollbackDeploymentId") or ""),
    )


def _read_target(aws: Aws, deployment_id: str) -> dict[str, Any]:
    try:
        return read_target(aws, deployment_id)
    except AwsError as error:
        if error.code == _NOT_STARTED:
            return {}
        raise


def _state(status: str, data: dict[str, Any]) -> ShiftState:
    if status == "Succeeded":
        return ShiftState.AFTER
    if status in ENDED:
        return ShiftState.ENDED
    events = {event.get("lifecycleEventName"): event.get("status") for event in data.get("lifecycleEvents") or []}
    shift = events.get(SHIFT)
    if shift == "InProgress":
        return ShiftState.DURING
    # After a failed event CodeDeploy needs a moment to end the deployment; there is nothing left to stop.
    if "Failed" in events.values():
        return ShiftState.ENDED
    is_past = shift in ("Succeeded", "Skipped") or events.get(STAGES[-1]) in ("InProgress", "Succeeded")
    return ShiftState.AFTER if is_past else ShiftState.BEFORE


def _green_percent(data: dict[str, Any]) -> float | None:
    if "taskSetsInfo" in data:
        infos = data["taskSetsInfo"] or []
        green = next((info for info in infos if info.get("taskSetLabel") == "Green"), None)
        if green is None and not any(info.get("taskSetLabel") for info in infos):
            green = next((info for info in infos if info.get("status") != "PRIMARY"), None)
        weight = green.get("trafficWeight") if green else None
        return None if weight is None else float(weight)
    info = data.get("lambdaFunctionInfo") or data
    weight = info.get("targetVersionWeight")
    if weight is None:
        return None
    # The API calls it a percentage, and its values are those of the alias's routing: shares from 0 to 1.
    return float(weight) * 100 if weight <= 1 else float(weight)
