"""Deployments for whose verdict a caller other than CodeDeploy waits, such as a pipeline.

CodeDeploy waits at the stage of its hook, so green stays as it is while the checks run. For another caller the
deployment may be anywhere. Its state has to show that green is what the stage means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import ROLLBACK_CREATORS
from greenlight.core.errors import DeploymentEndedError, DiscoveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PAUSES_S = (1.0, 2.0, 4.0, None)
"""CodeDeploy shows the state of a lifecycle event with a delay, and never too early."""

_BEFORE_SHIFT = ("AfterAllowTestTraffic", "BeforeAllowTraffic")
_AFTER_SHIFT = "AfterAllowTraffic"


def check_called_deployment(info: Mapping[str, Any], deployment_id: str, stage: str) -> None:
    """Check that a deployment's release is or may become live.

    Args:
        info: CodeDeploy's `deploymentInfo`.
        deployment_id: The deployment.
        stage: Stage of the gate.

    Raises:
        DeploymentEndedError: The deployment has failed or was stopped, or it is a rollback.
        DiscoveryError: The deployment has succeeded, and the stage is one before its end.
    """
    status = str(info.get("status", ""))
    if status in ("Failed", "Stopped"):
        raise DeploymentEndedError(f"the deployment {deployment_id} is {status}, so its release is not live")
    if info.get("creator") in ROLLBACK_CREATORS:
        raise DeploymentEndedError(
            f"the deployment {deployment_id} is a rollback, so the release before it failed and is not live"
        )
    if status == "Succeeded" and stage != _AFTER_SHIFT:
        raise DiscoveryError(
            f"the deployment {deployment_id} has succeeded, so green serves all production traffic; {stage} has "
            f"passed, and a gate can only be started at {_AFTER_SHIFT}"
        )


def wait_for_called_stage(
    status: str, stage: str, read_states: Callable[[], Mapping[str, str]], sleep: Callable[[float], None]
) -> None:
    """Wait until CodeDeploy shows that a deployment is at a stage, for at most some seconds.

    Args:
        status: Status of the deployment.
        stage: Stage of the gate.
        read_states: Returns the status of each lifecycle event by its name.
        sleep: Waits between attempts.

    Raises:
        DiscoveryError: The deployment is not at the stage.
    """
    if status == "Succeeded":
        return
    for pause in _PAUSES_S:
        states = read_states()
        if _is_at(status, stage, states):
            return
        if pause is not None:
            sleep(pause)
    running = [name for name, state in states.items() if state == "InProgress"]
    place = f"{running[0]} is in progress" if running else f"no lifecycle event is in progress (it is {status})"
    raise DiscoveryError(
        f"the deployment is not at {stage}: {place}. Start the gate while the hook of the stage waits, or at "
        f"{_AFTER_SHIFT} when all production traffic has shifted"
    )


def _is_at(status: str, stage: str, states: Mapping[str, str]) -> bool:
    """Return whether green is what the stage means, and stays so until the deployment is continued."""
    if states.get(stage) == "InProgress":
        return True
    if stage == _AFTER_SHIFT:
        return states.get("AllowTraffic") == "Succeeded"
    # Ready: CodeDeploy waits for ContinueDeployment before it shifts production traffic.
    return (
        status == "Ready"
        and stage in _BEFORE_SHIFT
        and states.get("AllowTestTraffic", "Succeeded") == "Succeeded"
        and states.get("AllowTraffic", "Pending") == "Pending"
    )
