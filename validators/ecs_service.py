"""ecs_service: green's task set is steady, all its tasks run, and none of them has stopped.

The check waits, up to its timeout, until the task set is steady. A stopped task of green fails it at once, with the
reason and the containers' exit codes; tasks that were stopped by scaling in do not count. ECS lists stopped tasks for
about an hour.

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

from greenlight.api import Context, Evidence, Finding, Params, error, failed, finding_from, validator

from ._task_set import find_task_set, stopped_task_evidence, stopped_tasks

POLL_S = 3.0


class EcsService(Params, frozen=True, kw_only=True):
    """Limits of green's tasks.

    Attributes:
        running: Minimum number of running tasks; ECS's own desired count applies as well.
        stopped: Maximum number of stopped tasks.
        ignore: Stop codes of tasks that do not count as stopped.
    """

    running: Annotated[int, msgspec.Meta(ge=1)] = 1
    stopped: Annotated[int, msgspec.Meta(ge=0)] = 0
    ignore: list[Literal["UserInitiated", "ServiceSchedulerInitiated", "SpotInterruption", "TerminationNotice"]] = []


@validator(
    EcsService,
    platforms=("ecs",),
    stages=("AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"),
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
        task_set = find_task_set(context, name)
        if task_set is None:
            return failed(f"the service {context.deployment.service} has no task set {name}, expected green's")
        stopped = [stopped_task_evidence(task) for task in stopped_tasks(context, task_set, params.ignore)]
        if len(stopped) > params.stopped:
            more = f" (and {len(stopped) - 1} more)" if len(stopped) > 1 else ""
            return failed(
                f"{stopped[0].query} stopped: {stopped[0].actual}{more}; "
                f"expected at most {params.stopped} stopped tasks",
                *stopped,
            )
        tolerated = [msgspec.structs.replace(task, passed=True) for task in stopped]
        evidence = [*_check_states(task_set, params), *tolerated]
        if all(item.passed for item in evidence):
            return finding_from(evidence, f"{name} is steady with {task_set.get('runningCount')} tasks running")
        if not context.sleep(POLL_S):
            finding = finding_from(evidence, "")
            return msgspec.structs.replace(finding, message=f"{name} did not become steady in time: {finding.message}")


def _check_states(task_set: dict[str, Any], params: EcsService) -> list[Evidence]:
    minimum_running = max(int(task_set.get("computedDesiredCount", 0)), params.running)
    rows: list[tuple[str, Any, Any]] = [
        ("stabilityStatus", "STEADY_STATE", task_set.get("stabilityStatus", "unknown")),
        ("running tasks", minimum_running, task_set.get("runningCount", 0)),
        ("pending tasks", 0, task_set.get("pendingCount", "unknown")),
    ]
    place = str(task_set.get("id", ""))
    return [
        Evidence(query=query, expected=expected, actual=actual, passed=expected == actual, where=place)
        for query, expected, actual in rows
    ]
