"""ecs_service: green's task set is steady, all its tasks run, and none of them has stopped.

Waits for as long as the check may take until the task set is steady. A task of green that has stopped fails at once,
with its reason and its containers' exit codes; tasks stopped by scaling in do not count. ECS shows stopped tasks for
about an hour. moto starts no tasks and has no task sets, so the tests use answers written down.

Example:
    checks:
      - name: green is steady
        timeout: 2m
        ecs_service: {running: 2}

Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskSet.html (stabilityStatus);
https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from greenlight.api import (
    Context,
    Evidence,
    Finding,
    GreenlightError,
    Params,
    error,
    failed,
    finding_from,
    list_service_tasks,
    validator,
)

POLL_S = 3.0
_SCALED_IN = "Scaling activity initiated"

StopCode = Literal["UserInitiated", "ServiceSchedulerInitiated", "SpotInterruption", "TerminationNotice"]


class EcsService(Params, frozen=True, kw_only=True):
    """`running` tasks there must be at least; `stopped` tasks are tolerated, and those with a code of `ignore`."""

    running: Annotated[int, msgspec.Meta(ge=1)] = 1
    stopped: Annotated[int, msgspec.Meta(ge=0)] = 0
    ignore: list[StopCode] = []


@validator(
    EcsService,
    platforms=("ecs",),
    stages=("AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"),
    iam=("ecs:DescribeServices", "ecs:ListTasks", "ecs:DescribeTasks"),
    remediation=(
        "Read the stopped reason and exit code in the finding, then the task's log; `aws ecs describe-services` "
        "shows the service's events (no capacity, image not pulled, failed health checks). A task set that is "
        "only slow needs a longer `timeout`."
    ),
    cost=(
        "One DescribeServices, and one or more ListTasks and DescribeTasks requests every 3 s until green is "
        "steady; no load on green."
    ),
)
def ecs_service(params: EcsService, context: Context) -> Finding:
    """Green's task set is steady, all its tasks run, and none of them has stopped."""
    name = context.green.task_set
    if not name:
        return error(f"green has no task set at {context.deployment.stage}")
    while True:
        try:
            task_set = _task_set(context)
            stopped = _stopped(context, task_set, params) if task_set else []
        except GreenlightError as problem:
            return error(str(problem))
        if not task_set:
            return failed(f"the task set {name} is not among those of {context.deployment.service}, expected green's")
        shown = [_stop_evidence(each) for each in stopped]
        if len(stopped) > params.stopped:
            first = shown[0]
            more = f" (and {len(shown) - 1} more)" if len(shown) > 1 else ""
            return failed(
                f"{first.query} stopped: {first.actual}{more}; expected at most {params.stopped} stopped tasks", *shown
            )
        found = [*_states(task_set, params), *(msgspec.structs.replace(each, passed=True) for each in shown)]
        if all(each.passed for each in found):
            return finding_from(found, f"{name} is steady with {task_set.get('runningCount')} tasks running")
        if not context.sleep(POLL_S):
            verdict = finding_from(found, "")
            return msgspec.structs.replace(verdict, message=f"{name} did not become steady in time: {verdict.message}")


def _task_set(context: Context) -> dict[str, Any] | None:
    deployment = context.deployment
    answer = context.aws_call("ecs", "describe_services", cluster=deployment.cluster, services=[deployment.service])
    for service in answer.get("services", []):
        for each in service.get("taskSets", []):
            if context.green.task_set in (each.get("id"), each.get("taskSetArn")):
                return dict(each)
    return None


def _states(task_set: dict[str, Any], params: EcsService) -> list[Evidence]:
    where = str(task_set.get("id", ""))
    wanted = max(int(task_set.get("computedDesiredCount", 0)), params.running)
    pairs: list[tuple[str, Any, Any]] = [
        ("stabilityStatus", "STEADY_STATE", task_set.get("stabilityStatus", "unknown")),
        ("running tasks", wanted, task_set.get("runningCount", 0)),
        ("pending tasks", 0, task_set.get("pendingCount", "unknown")),
    ]
    return [
        Evidence(query=query, expected=expected, actual=actual, passed=expected == actual, where=where)
        for query, expected, actual in pairs
    ]


def _stopped(context: Context, task_set: dict[str, Any], params: EcsService) -> list[dict[str, Any]]:
    """Give the tasks of the task set that ended, other than by scaling in or with a code to ignore."""
    return [
        each
        for each in list_service_tasks(context, "STOPPED")
        if _is_of(each, task_set)
        and each.get("stopCode") not in params.ignore
        and not str(each.get("stoppedReason", "")).startswith(_SCALED_IN)
    ]


def _is_of(task: dict[str, Any], task_set: dict[str, Any]) -> bool:
    """Tell whether a task belongs to the task set; one that does not say who started it, by definition and time."""
    if task.get("startedBy"):
        return bool(task["startedBy"] == task_set.get("id"))
    began, created = task_set.get("createdAt"), task.get("createdAt")
    same = task.get("taskDefinitionArn") == task_set.get("taskDefinition")
    return same and (began is None or created is None or created >= began)


def _stop_evidence(task: dict[str, Any]) -> Evidence:
    containers = [
        f"{each.get('name')} exited with {each.get('exitCode', 'no code')}{' ' + each['reason'] if each.get('reason') else ''}"
        for each in task.get("containers", [])
    ]
    said = "; ".join([str(task.get("stoppedReason") or task.get("stopCode") or "no reason given"), *containers])
    return Evidence(
        query=f"task {str(task.get('taskArn', '')).rpartition('/')[2]}",
        expected="not stopped",
        actual=said,
        where=str(task.get("stopCode", "")),
    )
