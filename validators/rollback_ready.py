"""rollback_ready: if this release goes wrong, CodeDeploy takes it back by itself, and to something that is there.

Automatic rollback is on for failures and alarms; alarms are bound, exist, are polled strictly and do not ring already
(one that rings stops every deployment); the previous version, or blue's task set with running tasks, still exists.
What the deployment overrides counts more than its group. moto keeps no alarm configuration and no task sets, so the
tests use answers written down.

Example:
    checks:
      - name: there is a way back
        rollback_ready: {}

Source: https://docs.aws.amazon.com/codedeploy/latest/userguide/deployments-rollback-and-redeploy.html
"""

from __future__ import annotations

from typing import Any

from greenlight.api import (
    Context,
    Evidence,
    Finding,
    GreenlightError,
    Params,
    error,
    finding_from,
    get_deployment_group,
    validator,
)

_GONE = ("ResourceNotFoundException",)


class RollbackReady(Params, frozen=True, kw_only=True):
    """`alarms` false asks for no alarms on the deployment group; `previous` false for nothing to go back to."""

    alarms: bool = True
    previous: bool = True


@validator(
    RollbackReady,
    iam=(
        "codedeploy:GetDeployment",
        "codedeploy:GetDeploymentGroup",
        "cloudwatch:DescribeAlarms",
        "lambda:GetFunctionConfiguration",
        "ecs:DescribeServices",
    ),
    remediation=(
        "Turn on what the finding says is off, in the deployment group: automatic rollback for failures and "
        "alarms, and alarms bound to it. Do not deploy while a bound alarm rings; if the previous version or task "
        "set is gone, decide how you would go back before you go on."
    ),
    cost="Four or five read requests; nothing reaches green.",
)
def rollback_ready(params: RollbackReady, context: Context) -> Finding:
    """CodeDeploy takes this release back by itself if it goes wrong, and to something that is there."""
    try:
        rollback, alarms = _configured(context)
        found = _automatic(rollback, params.alarms)
        if params.alarms:
            found += _bound(alarms)
            found += _quiet(alarms, context)
        if params.previous:
            found.append(_version(context) if context.deployment.platform == "lambda" else _task_set(context))
    except GreenlightError as problem:
        return error(str(problem))
    return finding_from(found, f"{context.deployment.group} can go back by itself")


def _configured(context: Context) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give the rollback and the alarm configuration that count for this deployment."""
    group = get_deployment_group(context)
    own = context.aws_call("codedeploy", "get_deployment", deploymentId=context.deployment.id)["deploymentInfo"]
    rollback = own.get("autoRollbackConfiguration") or group.get("autoRollbackConfiguration") or {}
    alarms = own.get("overrideAlarmConfiguration") or group.get("alarmConfiguration") or {}
    return dict(rollback), dict(alarms)


def _automatic(rollback: dict[str, Any], with_alarms: bool) -> list[Evidence]:
    events = rollback.get("events", []) if rollback.get("enabled") is True else []
    wanted = ["DEPLOYMENT_FAILURE", *(["DEPLOYMENT_STOP_ON_ALARM"] if with_alarms else [])]
    return [
        Evidence(
            query=f"rollback on {event}",
            expected="on",
            actual="on" if event in events else "off",
            passed=event in events,
        )
        for event in wanted
    ]


def _bound(alarms: dict[str, Any]) -> list[Evidence]:
    names = [each.get("name") for each in alarms.get("alarms", [])]
    enabled, ignoring = alarms.get("enabled") is True, alarms.get("ignorePollAlarmFailure") is True
    return [
        Evidence(query="alarms bound", expected="at least one", actual=names, passed=bool(names)),
        Evidence(query="alarms heeded", expected=True, actual=enabled, passed=enabled),
        Evidence(
            query="alarm states that cannot be read are ignored", expected=False, actual=ignoring, passed=not ignoring
        ),
    ]


def _quiet(alarms: dict[str, Any], context: Context) -> list[Evidence]:
    """Say of each bound alarm whether it exists and does not ring; a deployment group has ten at most."""
    names = [str(each.get("name")) for each in alarms.get("alarms", [])]
    if not names:
        return []
    answer = context.aws_call(
        "cloudwatch", "describe_alarms", AlarmNames=names, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    states = {
        each["AlarmName"]: str(each.get("StateValue"))
        for each in (*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", []))
    }
    return [
        Evidence(
            query=f"alarm {name}",
            expected="exists and is not in ALARM",
            actual=states.get(name, "does not exist"),
            passed=states.get(name) in ("OK", "INSUFFICIENT_DATA"),
        )
        for name in names
    ]


def _version(context: Context) -> Evidence:
    function, version = context.deployment.function, context.deployment.blue.version
    actual = "none: this is the first version"
    if version:
        try:
            answer = context.aws_call("lambda", "get_function_configuration", FunctionName=function, Qualifier=version)
            # A version that was idle for weeks is Inactive and wakes when it is called.
            actual = answer.get("State", "Active")
        except GreenlightError as problem:
            if getattr(problem, "code", "") not in _GONE:
                raise
            actual = "deleted"
    return Evidence(
        query=f"previous version {version}".strip(),
        expected="Active",
        actual=actual,
        passed=actual in ("Active", "Inactive"),
        where=function,
    )


def _task_set(context: Context) -> Evidence:
    deployment, wanted = context.deployment, context.deployment.blue.task_set
    actual: Any = "none: there is no blue task set"
    if wanted:
        answer = context.aws_call("ecs", "describe_services", cluster=deployment.cluster, services=[deployment.service])
        sets = [each for service in answer.get("services", []) for each in service.get("taskSets", [])]
        running = [each.get("runningCount", 0) for each in sets if wanted in (each.get("id"), each.get("taskSetArn"))]
        actual = f"{running[0]} tasks running" if running else "deleted"
    return Evidence(
        query=f"blue task set {wanted}".strip(),
        expected="with running tasks",
        actual=actual,
        passed=str(actual).endswith("running") and not str(actual).startswith("0 "),
        where=deployment.service,
    )
