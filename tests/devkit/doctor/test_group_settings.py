"""Checks of a deployment group: rollback, alarms, traffic shifting, AppSpec."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.doctor_account import appspec, assert_only_finding, ids

if TYPE_CHECKING:
    from tests.support.doctor_account import Change, Mistake


MISTAKES: list[Mistake] = [
    ("no-rollback", "ECS", lambda account: account.group.pop("autoRollbackConfiguration")),
    ("no-rollback", "Lambda", lambda account: account.group["autoRollbackConfiguration"].update(enabled=False)),
    (
        "no-rollback",
        "Lambda",
        lambda account: account.group["autoRollbackConfiguration"].update(events=["DEPLOYMENT_STOP_ON_REQUEST"]),
    ),
    (
        "no-rollback-on-alarm",
        "ECS",
        lambda account: account.group["autoRollbackConfiguration"].update(events=["DEPLOYMENT_FAILURE"]),
    ),
    ("no-alarms", "ECS", lambda account: account.group.pop("alarmConfiguration")),
    ("no-alarms", "ECS", lambda account: account.group["alarmConfiguration"].update(enabled=False)),
    (
        "alarms-overlooked",
        "ECS",
        lambda account: account.group["alarmConfiguration"].update(ignorePollAlarmFailure=True),
    ),
    ("alarm-rings", "Lambda", lambda account: account.alarms[0].update(StateValue="ALARM")),
    ("alarm-without-data", "Lambda", lambda account: account.alarms[0].update(StateValue="INSUFFICIENT_DATA")),
    ("alarm-missing", "Lambda", lambda account: account.alarms.clear()),
    ("deployment-running", "ECS", lambda account: account.group["lastAttemptedDeployment"].update(status="InProgress")),
    (
        "blue-ends-at-once",
        "ECS",
        lambda account: account.group["blueGreenDeploymentConfiguration"][
            "terminateBlueInstancesOnDeploymentSuccess"
        ].update(terminationWaitTimeInMinutes=0),
    ),
    (
        "all-at-once-after",
        "Lambda",
        lambda account: (
            account.group.update(deploymentConfigName="CodeDeployDefault.LambdaAllAtOnce"),
            setattr(
                account,
                "appspec",
                appspec("Lambda", {"AfterAllowTraffic": "CodeDeployHook_greenlight-AfterAllowTraffic"}),
            ),
        ),
    ),
    ("no-hooks", "Lambda", lambda account: setattr(account, "appspec", appspec("Lambda", {}))),
    (
        "appspec",
        "ECS",
        lambda account: setattr(
            account, "appspec", account.appspec.replace('"ContainerPort": 80', '"ContainerPort": "80"')
        ),
    ),
    (
        "waits-for-somebody",
        "ECS",
        lambda account: account.group["blueGreenDeploymentConfiguration"].update(
            deploymentReadyOption={"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 60}
        ),
    ),
]


@pytest.mark.parametrize(("rule", "platform", "change"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, change: Change) -> None:
    assert_only_finding(rule, platform, change)
