"""The deployment group itself: what happens when a gate closes, and what watches beside the gate."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from devkit.doctor import revision
from devkit.doctor.rules import symptom
from greenlight.core.deployment import STAGES, Platform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devkit.doctor.deployment_group import GroupState
    from devkit.doctor.rules import Symptom

ROLLBACK = "enabled=true,events=DEPLOYMENT_FAILURE,DEPLOYMENT_STOP_ON_ALARM,DEPLOYMENT_STOP_ON_REQUEST"


def rollback(scene: GroupState) -> Iterator[Symptom]:
    """Look whether CodeDeploy takes a stopped release back by itself."""
    configured = scene.info.get("autoRollbackConfiguration", {})
    events = configured.get("events", []) if configured.get("enabled") is True else []
    fix = scene.update(f"--auto-rollback-configuration {ROLLBACK}")
    if "DEPLOYMENT_FAILURE" not in events:
        yield symptom(
            "no-rollback",
            "when a gate closes nothing is taken back: the deployment stops, and users stay where they are, on green after the shift",
            f"autoRollbackConfiguration: enabled {configured.get('enabled', False)}, events {', '.join(events) or 'none'}",
            fix=fix,
        )
    elif bound(scene) and "DEPLOYMENT_STOP_ON_ALARM" not in events:
        yield symptom(
            "no-rollback-on-alarm",
            "an alarm that rings stops the deployment in the middle, and a part of the users stays on green",
            f"autoRollbackConfiguration.events: {', '.join(events)}",
            f"alarms: {', '.join(bound(scene))}",
            fix=fix,
        )


def bound(scene: GroupState) -> list[str]:
    """Give the alarms that are bound and heeded."""
    configured = scene.info.get("alarmConfiguration", {})
    return [str(each.get("name")) for each in configured.get("alarms", [])] if configured.get("enabled") else []


def alarms(scene: GroupState) -> Iterator[Symptom]:
    """Look at the alarms that are bound: there are some, they exist, they have data and do not ring."""
    configured, named = scene.info.get("alarmConfiguration", {}), bound(scene)
    if not named:
        listed = ", ".join(str(each.get("name")) for each in configured.get("alarms", []))
        yield symptom(
            "no-alarms",
            "no alarm stops a deployment, and no hook runs between the first and the last user who comes over to green",
            f"alarmConfiguration: enabled {configured.get('enabled', False)}, alarms {listed or 'none'}",
            fix=_heed(scene, ["ALARM"]),
        )
        return
    if configured.get("ignorePollAlarmFailure") is True:
        yield symptom(
            "alarms-overlooked",
            "where CodeDeploy cannot read the alarms' state, it goes on as if all were well",
            "alarmConfiguration.ignorePollAlarmFailure: true",
            fix=_heed(scene, named),
        )
    answer = scene.reader.call(
        "cloudwatch", "describe_alarms", AlarmNames=named, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    found = {
        str(each["AlarmName"]): each for each in (*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", []))
    }
    for name in named:
        yield from _alarm(scene, name, found.get(name))


def _heed(scene: GroupState, names: list[str]) -> str:
    """Write the command that binds alarms, and no others."""
    listed = ",".join(f"{{name={each}}}" for each in names)
    alarms = f"enabled=true,ignorePollAlarmFailure=false,alarms=[{listed}]" if names else "enabled=false,alarms=[]"
    return scene.update(f"--alarm-configuration {shlex.quote(alarms)}")


def _alarm(scene: GroupState, name: str, found: dict[str, Any] | None) -> Iterator[Symptom]:
    history = f"aws cloudwatch describe-alarm-history --alarm-name {shlex.quote(name)} --max-items 5"
    if found is None:
        yield symptom(
            "alarm-missing",
            f"the alarm {name} is bound and does not exist; CodeDeploy stops where it cannot read an alarm",
            fix="create the alarm again, or take its name out:\n"
            + _heed(scene, [each for each in bound(scene) if each != name]),
        )
        return
    state, since = found.get("StateValue"), found.get("StateUpdatedTimestamp", "unknown")
    evidence = (f"since {since}", f"reason: {found.get('StateReason', 'none given')}")
    if state == "ALARM":
        yield symptom(
            "alarm-rings",
            f"the alarm {name} rings now; CodeDeploy stops every deployment while it does",
            *evidence,
            fix=f"find out why before you deploy: {history}",
        )
    elif state == "INSUFFICIENT_DATA":
        yield symptom(
            "alarm-without-data",
            f"the alarm {name} has no data; as long as that lasts it cannot ring",
            *evidence,
            fix=f"compare its metric and dimensions with what the service writes, and its TreatMissingData: {history}",
        )


def shape(scene: GroupState) -> Iterator[Symptom]:
    """Look at how users come over and when blue ends."""
    attempted = scene.info.get("lastAttemptedDeployment", {})
    if scene.running:
        yield symptom(
            "deployment-running",
            f"the deployment {attempted.get('deploymentId')} is running, and another one is refused until it ends; listeners and alias are in between, so they were not judged",
            f"status: {attempted.get('status')}",
            fix=f"aws deploy wait deployment-successful --deployment-id {shlex.quote(str(attempted.get('deploymentId')))}",
        )
    config = str(scene.info.get("deploymentConfigName", ""))
    if scene.appspec and list(scene.appspec.hooks) == ["AfterAllowTraffic"] and config.endswith("AllAtOnce"):
        earlier = "BeforeAllowTraffic"
        yield symptom(
            "all-at-once-after",
            "all users come to green at once, and the only hook runs after that",
            f"deploymentConfigName: {config}",
            fix=f"name a hook that runs before, too, in the AppSpec:\nHooks:\n  - {earlier}: CodeDeployHook_{scene.installation}-{earlier}",
        )
    ready = scene.info.get("blueGreenDeploymentConfiguration", {}).get("deploymentReadyOption", {})
    if ready.get("actionOnTimeout") == "STOP_DEPLOYMENT":
        minutes = ready.get("waitTimeInMinutes", 0)
        yield symptom(
            "waits-for-somebody",
            f"before users come over each deployment waits {minutes} minutes for somebody who lets it go on, and is stopped where nobody does",
            "deploymentReadyOption.actionOnTimeout: STOP_DEPLOYMENT",
            fix="be there: aws deploy continue-deployment --deployment-id ID --deployment-wait-type READY_WAIT\nor let the hooks decide alone: "
            + scene.update(
                "--blue-green-deployment-configuration 'deploymentReadyOption={actionOnTimeout=CONTINUE_DEPLOYMENT}'"
            ),
        )
    ends = scene.info.get("blueGreenDeploymentConfiguration", {}).get("terminateBlueInstancesOnDeploymentSuccess", {})
    if (
        scene.platform is Platform.ECS
        and ends.get("action") == "TERMINATE"
        and not ends.get("terminationWaitTimeInMinutes")
    ):
        yield symptom(
            "blue-ends-at-once",
            "blue ends as soon as all users are on green, so that going back takes a whole deployment",
            "terminationWaitTimeInMinutes: 0",
            fix=scene.update(
                "--blue-green-deployment-configuration 'terminateBlueInstancesOnDeploymentSuccess={action=TERMINATE,terminationWaitTimeInMinutes=30},deploymentReadyOption={actionOnTimeout=CONTINUE_DEPLOYMENT}'"
            ),
        )


def appspec(scene: GroupState) -> Iterator[Symptom]:
    """Look at the AppSpec: it is right, and names hooks."""
    if scene.appspec is None:
        return
    for problem in scene.appspec.problems:
        yield symptom("appspec", f"{scene.appspec.source}: {problem}", fix=revision.repair(scene.appspec))
    if not scene.appspec.hooks and not scene.appspec.problems:
        stages = STAGES[-2:] if scene.platform is Platform.LAMBDA else STAGES[-3:]
        lines = "\n".join(f"  - {stage}: CodeDeployHook_{scene.installation}-{stage}" for stage in stages)
        yield symptom(
            "no-hooks",
            f"{scene.appspec.source} names no hook, so releases ship as they are",
            fix=f"write into the AppSpec (of a Lambda function by SAM: DeploymentPreference.Hooks):\nHooks:\n{lines}",
        )
