"""rollback_ready: CodeDeploy would roll this release back automatically, and the previous release still exists.

Automatic rollback is on for failures and alarms. The deployment group has alarms; they exist, are polled strictly and
are not in ALARM already (such an alarm stops every deployment). The previous version, or blue's task set with running
tasks, still exists; a version that is Inactive is woken. Settings of the deployment override those of its group.

Example:
    checks:
      - name: there is a way back
        rollback_ready: {}

Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html
"""

from __future__ import annotations

from typing import Any

from greenlight.api import Context, Evidence, Finding, Params, finding_from, get_deployment_group, validator

from ._rollback_target import check_rollback_target


class RollbackReady(Params, frozen=True, kw_only=True):
    """Requirements of the rollback; both are on by default.

    Attributes:
        alarms: Require alarms of the deployment group, and rollback on alarms.
        previous: Require a release to roll back to.
    """

    alarms: bool = True
    previous: bool = True


@validator(
    RollbackReady,
    iam=(
        "codedeploy:GetDeployment",
        "codedeploy:GetDeploymentGroup",
        "cloudwatch:DescribeAlarms",
        "lambda:GetFunctionConfiguration",
        "lambda:InvokeFunction",
        "ecs:DescribeServices",
    ),
    remediation=(
        "In the deployment group, turn on what the finding shows as off: automatic rollback for failures and "
        "alarms, and the group's alarms. Do not deploy while one of them is in ALARM. If the previous version or "
        "task set is gone, decide how you would roll back before you continue."
    ),
    cost="Four or five read requests; nothing reaches green. A previous version that is Inactive is invoked once.",
)
def rollback_ready(params: RollbackReady, context: Context) -> Finding:
    """CodeDeploy would roll this release back automatically, and the previous release still exists."""
    group = get_deployment_group(context)
    own = context.aws_call("codedeploy", "get_deployment", deploymentId=context.deployment.id)["deploymentInfo"]
    rollback = own.get("autoRollbackConfiguration") or group.get("autoRollbackConfiguration") or {}
    results = _check_automatic_rollback(rollback, params.alarms)
    if params.alarms:
        alarms = own.get("overrideAlarmConfiguration") or group.get("alarmConfiguration") or {}
        results += [*_check_alarm_settings(alarms), *_check_alarm_states(alarms, context)]
    if params.previous:
        results.append(check_rollback_target(context))
    return finding_from(results, f"{context.deployment.group} would be rolled back automatically")


def _check_automatic_rollback(rollback: dict[str, Any], on_alarms: bool) -> list[Evidence]:
    enabled = rollback.get("events", []) if rollback.get("enabled") is True else []
    events = ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"] if on_alarms else ["DEPLOYMENT_FAILURE"]
    states = {event: "on" if event in enabled else "off" for event in events}
    return [
        Evidence(query=f"rollback on {event}", expected="on", actual=state, passed=state == "on")
        for event, state in states.items()
    ]


def _check_alarm_settings(alarms: dict[str, Any]) -> list[Evidence]:
    names = [alarm.get("name") for alarm in alarms.get("alarms", [])]
    enabled, ignored = alarms.get("enabled") is True, alarms.get("ignorePollAlarmFailure") is True
    query = "alarm states that cannot be read are ignored"
    return [
        Evidence(query="alarms configured", expected="at least one", actual=names, passed=bool(names)),
        Evidence(query="alarms enabled", expected=True, actual=enabled, passed=enabled),
        Evidence(query=query, expected=False, actual=ignored, passed=not ignored),
    ]


def _check_alarm_states(alarms: dict[str, Any], context: Context) -> list[Evidence]:
    """Check that each alarm exists and is not in ALARM; a deployment group has ten alarms at most."""
    names = [str(alarm.get("name")) for alarm in alarms.get("alarms", [])]
    if not names:
        return []
    kinds = ["MetricAlarm", "CompositeAlarm"]
    response = context.aws_call("cloudwatch", "describe_alarms", AlarmNames=names, AlarmTypes=kinds)
    existing = [*response.get("MetricAlarms", []), *response.get("CompositeAlarms", [])]
    states = {alarm["AlarmName"]: str(alarm.get("StateValue")) for alarm in existing}
    expected = "exists and is not in ALARM"
    return [
        Evidence(
            query=f"alarm {name}",
            expected=expected,
            actual=states.get(name, "does not exist"),
            passed=states.get(name) in ("OK", "INSUFFICIENT_DATA"),
        )
        for name in names
    ]
