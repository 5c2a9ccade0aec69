"""State of a traffic shift as CodeDeploy shows it: only one that surely goes on is `during`."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.core.deployment import Platform
from greenlight.core.errors import AwsError
from greenlight.discovery.shift import Shift, ShiftState, parse_shift, read_shift

RUNNING = {"status": "InProgress", "creator": "user"}


def target(weight: float | None = 0.3, **events: str) -> dict[str, Any]:
    lifecycle = [{"lifecycleEventName": name, "status": status} for name, status in events.items()]
    return {"lambdaTarget": {"lifecycleEvents": lifecycle, "lambdaFunctionInfo": {"targetVersionWeight": weight}}}


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_deployment_that_has_ended_is_not_during_its_shift(status: str) -> None:
    shift = parse_shift({"status": status}, target(AllowTraffic="InProgress"))

    assert shift.state is ShiftState.ENDED


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ({}, ShiftState.BEFORE),
        ({"BeforeAllowTraffic": "InProgress", "AllowTraffic": "Pending"}, ShiftState.BEFORE),
        ({"BeforeAllowTraffic": "Failed", "AllowTraffic": "Pending"}, ShiftState.ENDED),
        ({"AllowTraffic": "InProgress"}, ShiftState.DURING),
        ({"AllowTraffic": "Failed"}, ShiftState.ENDED),
        ({"AllowTraffic": "Skipped"}, ShiftState.AFTER),
        ({"AllowTraffic": "Succeeded"}, ShiftState.AFTER),
        ({"AllowTraffic": "Unknown", "AfterAllowTraffic": "InProgress"}, ShiftState.AFTER),
    ],
)
def test_state_follows_the_lifecycle_events(events: dict[str, str], state: ShiftState) -> None:
    assert parse_shift(RUNNING, target(**events)).state is state


@pytest.mark.parametrize("status", ["Ready", "Created", "Queued", "Baking", ""])
def test_deployment_without_a_target_has_not_begun(status: str) -> None:
    assert parse_shift({"status": status}, {}) == Shift(state=ShiftState.BEFORE, status=status)


@pytest.mark.parametrize(("weight", "percent"), [(None, None), (0.0, 0.0), (0.3, 30.0), (1.0, 100.0), (40.0, 40.0)])
def test_weight_of_a_version_is_a_share_or_a_percentage(weight: float | None, percent: float | None) -> None:
    assert parse_shift(RUNNING, target(weight, AllowTraffic="InProgress")).green_percent == percent


def test_weight_of_green_is_that_of_its_task_set() -> None:
    labelled = [{"taskSetLabel": "Blue", "trafficWeight": 80.0}, {"taskSetLabel": "Green", "trafficWeight": 20.0}]
    bare = [{"status": "PRIMARY", "trafficWeight": 60.0}, {"status": "ACTIVE", "trafficWeight": 40.0}]

    assert parse_shift(RUNNING, {"ecsTarget": {"taskSetsInfo": labelled}}).green_percent == 20.0
    assert parse_shift(RUNNING, {"ecsTarget": {"taskSetsInfo": bare}}).green_percent == 40.0
    assert parse_shift(RUNNING, {"ecsTarget": {"taskSetsInfo": []}}).green_percent is None


def test_error_rollback_and_creator_are_kept() -> None:
    info = {
        "status": "Stopped",
        "creator": "codeDeployRollback",
        "applicationName": "shop",
        "deploymentGroupName": "web",
        "computePlatform": "Lambda",
        "errorInformation": {"code": "ALARM_ACTIVE", "message": "errors are in ALARM"},
        "rollbackInfo": {"rollbackDeploymentId": "d-2"},
    }

    shift = parse_shift(info, {})

    assert (shift.error, shift.rollback, shift.is_rollback) == ("ALARM_ACTIVE: errors are in ALARM", "d-2", True)
    assert (shift.application, shift.group, shift.platform) == ("shop", "web", Platform.LAMBDA)


class Account:
    """Account whose deployment has not started yet."""

    def __init__(self, code: str) -> None:
        self.code = code

    def read(self, *_arguments: Any, **_parameters: Any) -> dict[str, Any]:
        return RUNNING

    def call(self, *_arguments: Any, **_parameters: Any) -> dict[str, Any]:
        raise AwsError("no targets", self.code)


def test_deployment_that_has_not_started_has_no_target_and_other_errors_are_raised() -> None:
    assert read_shift(Account("DeploymentNotStartedException"), "d-1").state is ShiftState.BEFORE  # type: ignore[arg-type]
    with pytest.raises(AwsError):
        read_shift(Account("ThrottlingException"), "d-1")  # type: ignore[arg-type]
