"""A deployment for whose verdict another caller waits: green has to be what the stage means."""

from __future__ import annotations

import pytest

from greenlight.core.deployment import ROLLBACK_CREATORS, STAGES
from greenlight.core.errors import DeploymentEndedError, DiscoveryError
from greenlight.discovery.called import check_called_deployment, wait_for_called_stage

BEFORE_SHIFT = {"AllowTestTraffic": "Succeeded", "AllowTraffic": "Pending"}
AFTER_SHIFT = {"AllowTestTraffic": "Succeeded", "AllowTraffic": "Succeeded"}


def wait(status: str, stage: str, *states: dict[str, str]) -> list[float]:
    """Wait with these states, of which the last is repeated; return the pauses."""
    pauses: list[float] = []
    remaining = list(states)
    wait_for_called_stage(
        status, stage, lambda: remaining.pop(0) if len(remaining) > 1 else remaining[0], pauses.append
    )
    return pauses


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
@pytest.mark.parametrize("stage", STAGES)
def test_deployment_that_has_failed_is_refused_at_every_stage(status: str, stage: str) -> None:
    with pytest.raises(DeploymentEndedError, match=f"d-1 is {status}"):
        check_called_deployment({"status": status}, "d-1", stage)


@pytest.mark.parametrize("creator", ROLLBACK_CREATORS)
@pytest.mark.parametrize("status", ["Succeeded", "InProgress"])
def test_rollback_is_refused_because_the_release_is_not_live(creator: str, status: str) -> None:
    with pytest.raises(DeploymentEndedError, match="is a rollback"):
        check_called_deployment({"status": status, "creator": creator}, "d-1", "AfterAllowTraffic")


@pytest.mark.parametrize("stage", STAGES[:-1])
def test_deployment_that_has_succeeded_is_refused_before_its_last_stage(stage: str) -> None:
    with pytest.raises(DiscoveryError, match=f"{stage} has passed.*AfterAllowTraffic"):
        check_called_deployment({"status": "Succeeded"}, "d-1", stage)


def test_deployment_that_has_succeeded_is_checked_after_the_shift() -> None:
    check_called_deployment({"status": "Succeeded"}, "d-1", "AfterAllowTraffic")
    assert wait("Succeeded", "AfterAllowTraffic", {}) == []


@pytest.mark.parametrize(
    ("status", "stage", "states"),
    [
        ("Created", "BeforeInstall", {}),
        ("InProgress", "BeforeInstall", {"Install": "InProgress"}),
        ("InProgress", "AfterInstall", BEFORE_SHIFT),
        ("InProgress", "AfterAllowTestTraffic", BEFORE_SHIFT),
        ("Ready", "AfterInstall", BEFORE_SHIFT),
        ("Ready", "AfterAllowTestTraffic", AFTER_SHIFT),
        ("Ready", "BeforeAllowTraffic", BEFORE_SHIFT | {"AllowTestTraffic": "InProgress"}),
        ("Ready", "BeforeAllowTraffic", BEFORE_SHIFT | {"AllowTraffic": "InProgress"}),
        ("InProgress", "AfterAllowTraffic", {"AllowTraffic": "InProgress"}),
        ("InProgress", "AfterAllowTraffic", {"AllowTraffic": "Failed"}),
        ("Baking", "AfterAllowTraffic", {}),
    ],
)
def test_deployment_that_is_elsewhere_is_refused_after_some_seconds(
    status: str, stage: str, states: dict[str, str]
) -> None:
    with pytest.raises(DiscoveryError, match=f"is not at {stage}: .*Start the gate while"):
        wait(status, stage, states)


@pytest.mark.parametrize("stage", STAGES)
def test_stage_whose_hook_waits_is_checked(stage: str) -> None:
    assert wait("InProgress", stage, {stage: "InProgress"}) == []


@pytest.mark.parametrize(
    ("status", "stage", "states"),
    [
        ("Ready", "AfterAllowTestTraffic", BEFORE_SHIFT),
        ("Ready", "BeforeAllowTraffic", {}),
        ("InProgress", "AfterAllowTraffic", AFTER_SHIFT),
        ("Baking", "AfterAllowTraffic", AFTER_SHIFT),
    ],
)
def test_stage_whose_traffic_stays_is_checked(status: str, stage: str, states: dict[str, str]) -> None:
    assert wait(status, stage, states) == []


def test_state_that_codedeploy_shows_late_is_waited_for() -> None:
    assert wait("InProgress", "AfterInstall", {}, {}, {"AfterInstall": "InProgress"}) == [1.0, 2.0]
