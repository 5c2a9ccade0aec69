"""Checks of a deployment group's settings: automatic rollback, alarms, traffic shifting and the AppSpec."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from greenlight.core.deployment import STAGES, Platform

from .hook_names import hook_name
from .revision import fix_for
from .rules import make_symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .deployment_group import GroupState
    from .rules import Symptom

ROLLBACK_EVENTS = ("DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM", "DEPLOYMENT_STOP_ON_REQUEST")
_CONTINUE = "deploymentReadyOption={actionOnTimeout=CONTINUE_DEPLOYMENT}"


def check_rollback(state: GroupState) -> Iterator[Symptom]:
    """Check that CodeDeploy rolls back a failed or stopped deployment."""
    configuration = state.info.get("autoRollbackConfiguration", {})
    events = configuration.get("events", []) if configuration.get("enabled") is True else []
    alarms = alarm_names(state)
    fix = state.update_command(f"--auto-rollback-configuration enabled=true,events={','.join(ROLLBACK_EVENTS)}")
    if "DEPLOYMENT_FAILURE" not in events:
        yield make_symptom(
            "no-rollback",
            "CodeDeploy does not roll back a failed deployment: after a hook answers Failed, "
            "traffic stays where it is, and after the shift that is green",
            f"autoRollbackConfiguration: enabled {configuration.get('enabled', False)}, "
            f"events {', '.join(events) or 'none'}",
            fix=fix,
        )
    elif alarms and "DEPLOYMENT_STOP_ON_ALARM" not in events:
        yield make_symptom(
            "no-rollback-on-alarm",
            "an alarm stops the deployment without a rollback, so part of the traffic stays on green",
            f"autoRollbackConfiguration.events: {', '.join(events)}",
            f"alarms: {', '.join(alarms)}",
            fix=fix,
        )


def alarm_names(state: GroupState) -> list[str]:
    """Return the names of the alarms that can stop a deployment of the group."""
    configuration = state.info.get("alarmConfiguration", {})
    return _names(configuration) if configuration.get("enabled") else []


def _names(alarm_configuration: dict[str, Any]) -> list[str]:
    return [str(alarm.get("name")) for alarm in alarm_configuration.get("alarms", [])]


def check_alarms(state: GroupState) -> Iterator[Symptom]:
    """Check that the group has alarms, and that they exist, have data and are not in ALARM state."""
    configuration, names = state.info.get("alarmConfiguration", {}), alarm_names(state)
    if not names:
        yield make_symptom(
            "no-alarms",
            "the deployment group has no alarm, and no hook runs while "
            "traffic shifts: errors in that time do not stop the deployment",
            f"alarmConfiguration: enabled {configuration.get('enabled', False)}, "
            f"alarms {', '.join(_names(configuration)) or 'none'}",
            fix=_set_alarms(state, ["ALARM"]),
        )
        return
    if configuration.get("ignorePollAlarmFailure") is True:
        yield make_symptom(
            "alarms-overlooked",
            "the deployment continues when CodeDeploy cannot read the state of an alarm",
            "alarmConfiguration.ignorePollAlarmFailure: true",
            fix=_set_alarms(state, names),
        )
    response = state.reader.call(
        "cloudwatch", "describe_alarms", AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    alarms = {
        str(alarm["AlarmName"]): alarm
        for alarm in (*response.get("MetricAlarms", []), *response.get("CompositeAlarms", []))
    }
    for name in names:
        yield from _check_alarm(state, name, alarms.get(name))


def _set_alarms(state: GroupState, names: list[str]) -> str:
    """Return the command that sets exactly these alarms for the group."""
    alarms = ",".join(f"{{name={name}}}" for name in names)
    value = f"enabled=true,ignorePollAlarmFailure=false,alarms=[{alarms}]" if names else "enabled=false,alarms=[]"
    return state.update_command(f"--alarm-configuration {shlex.quote(value)}")


def _check_alarm(state: GroupState, name: str, alarm: dict[str, Any] | None) -> Iterator[Symptom]:
    history = f"aws cloudwatch describe-alarm-history --alarm-name {shlex.quote(name)} --max-items 5"
    if alarm is None:
        remaining = [other for other in alarm_names(state) if other != name]
        yield make_symptom(
            "alarm-missing",
            f"the alarm {name} of the deployment group does not exist; CodeDeploy "
            "stops a deployment when it cannot read an alarm",
            fix=f"create the alarm again, or remove its name from the group:\n{_set_alarms(state, remaining)}",
        )
        return
    value, since = alarm.get("StateValue"), alarm.get("StateUpdatedTimestamp", "unknown")
    evidence = (f"since {since}", f"reason: {alarm.get('StateReason', 'none')}")
    if value == "ALARM":
        yield make_symptom(
            "alarm-rings",
            f"the alarm {name} is in ALARM state; CodeDeploy stops every deployment until it is OK",
            *evidence,
            fix=f"find the cause before you deploy: {history}",
        )
    elif value == "INSUFFICIENT_DATA":
        yield make_symptom(
            "alarm-without-data",
            f"the alarm {name} has insufficient data, so it cannot stop a deployment",
            *evidence,
            fix="compare its metric and dimensions with those that the service publishes, and check "
            f"TreatMissingData: {history}",
        )


def check_shifting(state: GroupState) -> Iterator[Symptom]:
    """Check how traffic shifts, and when the original task set is terminated."""
    attempt = state.info.get("lastAttemptedDeployment", {})
    if state.is_deploying:
        deployment_id = str(attempt.get("deploymentId"))
        yield make_symptom(
            "deployment-running",
            f"the deployment {deployment_id} is running, and CodeDeploy refuses another until it ends; listeners and "
            "alias are in transition and were not checked",
            f"status: {attempt.get('status')}",
            fix=f"aws deploy wait deployment-successful --deployment-id {shlex.quote(deployment_id)}",
        )
    config = state.deployment_config
    if state.appspec and list(state.appspec.hooks) == ["AfterAllowTraffic"] and config.endswith("AllAtOnce"):
        event = "BeforeAllowTraffic"
        yield make_symptom(
            "all-at-once-after",
            "all traffic shifts to green at once, and the only hook runs after that",
            f"deploymentConfigName: {config}",
            fix="add a hook that runs before the traffic shift to the AppSpec:\n"
            f"Hooks:\n  - {event}: {hook_name(state.installation, event)}",
        )
    yield from _check_approval(state)
    yield from _check_termination(state)


def _check_approval(state: GroupState) -> Iterator[Symptom]:
    ready = state.blue_green.get("deploymentReadyOption", {})
    if ready.get("actionOnTimeout") != "STOP_DEPLOYMENT":
        return
    yield make_symptom(
        "waits-for-somebody",
        f"before traffic shifts, each deployment waits {ready.get('waitTimeInMinutes', 0)} minutes for a manual "
        "approval, and stops without one",
        "deploymentReadyOption.actionOnTimeout: STOP_DEPLOYMENT",
        fix="approve each deployment: aws deploy continue-deployment --deployment-id ID "
        "--deployment-wait-type READY_WAIT\nor let the hooks decide alone: "
        + state.update_command(f"--blue-green-deployment-configuration '{_CONTINUE}'"),
    )


def _check_termination(state: GroupState) -> Iterator[Symptom]:
    terminate = state.blue_green.get("terminateBlueInstancesOnDeploymentSuccess", {})
    if state.platform is not Platform.ECS or terminate.get("action") != "TERMINATE":
        return
    if terminate.get("terminationWaitTimeInMinutes"):
        return
    option = "terminateBlueInstancesOnDeploymentSuccess={action=TERMINATE,terminationWaitTimeInMinutes=30}," + _CONTINUE
    yield make_symptom(
        "blue-ends-at-once",
        "the original task set is terminated as soon as all traffic is on "
        "green, so a later rollback is a full deployment",
        "terminationWaitTimeInMinutes: 0",
        fix=state.update_command(f"--blue-green-deployment-configuration '{option}'"),
    )


def check_appspec(state: GroupState) -> Iterator[Symptom]:
    """Check that the AppSpec is valid and names hooks."""
    if state.appspec is None:
        return
    for problem in state.appspec.problems:
        yield make_symptom("appspec", f"{state.appspec.source}: {problem}", fix=fix_for(state.appspec))
    if not state.appspec.hooks and not state.appspec.problems:
        stages = STAGES[-2:] if state.platform is Platform.LAMBDA else STAGES[-3:]
        lines = "\n".join(f"  - {stage}: {hook_name(state.installation, stage)}" for stage in stages)
        yield make_symptom(
            "no-hooks",
            f"{state.appspec.source} names no hook, so no release is checked",
            fix="add hooks to the AppSpec (for a Lambda function of SAM: DeploymentPreference.Hooks):\n"
            f"Hooks:\n{lines}",
        )
