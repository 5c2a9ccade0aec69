"""Task sets of the ECS service, and their stopped tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.api import Evidence, list_service_tasks

if TYPE_CHECKING:
    from collections.abc import Collection

    from greenlight.api import Context

_SCALED_IN = "Scaling activity initiated"


def find_task_set(context: Context, name: str) -> dict[str, Any] | None:
    """Return the task set with this id or ARN as DescribeServices returns it; None if the service does not have it.

    Raises:
        GreenlightError: AWS refused or did not answer.
    """
    deployment = context.deployment
    answer = context.aws_call("ecs", "describe_services", cluster=deployment.cluster, services=[deployment.service])
    task_sets = [task_set for service in answer.get("services", []) for task_set in service.get("taskSets", [])]
    for task_set in task_sets:
        if name in (task_set.get("id"), task_set.get("taskSetArn")):
            return dict(task_set)
    return None


def stopped_tasks(context: Context, task_set: dict[str, Any], ignore: Collection[str]) -> list[dict[str, Any]]:
    """Return the stopped tasks of the task set, except those scaled in or with a stop code in `ignore`.

    Raises:
        GreenlightError: AWS refused or did not answer.
    """
    return [
        task
        for task in list_service_tasks(context, "STOPPED")
        if _belongs_to(task, task_set)
        and task.get("stopCode") not in ignore
        and not str(task.get("stoppedReason", "")).startswith(_SCALED_IN)
    ]


def _belongs_to(task: dict[str, Any], task_set: dict[str, Any]) -> bool:
    """Return whether a task belongs to the task set; without `startedBy`, by task definition and time."""
    if task.get("startedBy"):
        return bool(task["startedBy"] == task_set.get("id"))
    task_set_created, task_created = task_set.get("createdAt"), task.get("createdAt")
    is_same_definition = task.get("taskDefinitionArn") == task_set.get("taskDefinition")
    return is_same_definition and (task_set_created is None or task_created is None or task_created >= task_set_created)


def stopped_task_evidence(task: dict[str, Any]) -> Evidence:
    """Build the evidence of a stopped task: its reason, and how each of its containers ended."""
    reasons = [str(task.get("stoppedReason") or task.get("stopCode") or "no reason given")]
    for container in task.get("containers", []):
        reason = f" {container['reason']}" if container.get("reason") else ""
        reasons.append(f"{container.get('name')} exited with {container.get('exitCode', 'no code')}{reason}")
    return Evidence(
        query=f"task {str(task.get('taskArn', '')).rpartition('/')[2]}",
        expected="not stopped",
        actual="; ".join(reasons),
        where=str(task.get("stopCode", "")),
    )
