"""The doctor looks at the deployment group: rollback, alarms, the shape of its deployments, its AppSpec."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.doctor_world import appspec, found_alone, ids

if TYPE_CHECKING:
    from tests.support.doctor_world import Change, Mistake


MISTAKES: list[Mistake] = [
    ("no-rollback", "ECS", lambda w: w.group.pop("autoRollbackConfiguration")),
    ("no-rollback", "Lambda", lambda w: w.group["autoRollbackConfiguration"].update(enabled=False)),
    ("no-rollback", "Lambda", lambda w: w.group["autoRollbackConfiguration"].update(events=["DEPLOYMENT_STOP_ON_REQUEST"])),
    ("no-rollback-on-alarm", "ECS", lambda w: w.group["autoRollbackConfiguration"].update(events=["DEPLOYMENT_FAILURE"])),
    ("no-alarms", "ECS", lambda w: w.group.pop("alarmConfiguration")),
    ("no-alarms", "ECS", lambda w: w.group["alarmConfiguration"].update(enabled=False)),
    ("alarms-overlooked", "ECS", lambda w: w.group["alarmConfiguration"].update(ignorePollAlarmFailure=True)),
    ("alarm-rings", "Lambda", lambda w: w.alarms[0].update(StateValue="ALARM")),
    ("alarm-without-data", "Lambda", lambda w: w.alarms[0].update(StateValue="INSUFFICIENT_DATA")),
    ("alarm-missing", "Lambda", lambda w: w.alarms.clear()),
    ("deployment-running", "ECS", lambda w: w.group["lastAttemptedDeployment"].update(status="InProgress")),
    ("blue-ends-at-once", "ECS", lambda w: w.group["blueGreenDeploymentConfiguration"]["terminateBlueInstancesOnDeploymentSuccess"].update(terminationWaitTimeInMinutes=0)),
    ("all-at-once-after", "Lambda", lambda w: (w.group.update(deploymentConfigName="CodeDeployDefault.LambdaAllAtOnce"), setattr(w, "appspec", appspec("Lambda", {"AfterAllowTraffic": "CodeDeployHook_greenlight-AfterAllowTraffic"})))),
    ("no-hooks", "Lambda", lambda w: setattr(w, "appspec", appspec("Lambda", {}))),
    ("appspec", "ECS", lambda w: setattr(w, "appspec", w.appspec.replace('"ContainerPort": 80', '"ContainerPort": "80"'))),
    ("waits-for-somebody", "ECS", lambda w: w.group["blueGreenDeploymentConfiguration"].update(deploymentReadyOption={"actionOnTimeout": "STOP_DEPLOYMENT", "waitTimeInMinutes": 60})),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "platform", "wrong"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, wrong: Change) -> None:
    found_alone(rule, platform, wrong)
