"""What several validators look up in AWS: the tasks of the service under deployment, and its deployment group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from greenlight.checks.context import Context


def list_service_tasks(context: Context, status: Literal["RUNNING", "STOPPED"]) -> list[dict[str, Any]]:
    """Give the tasks of the service, of all its task sets, that ECS wants in this status, as DescribeTasks has them.

    ECS shows stopped tasks for about an hour. A task's `startedBy` is the id of its task set. The actions it needs are
    ecs:ListTasks and ecs:DescribeTasks.

    Raises:
        GreenlightError: AWS refused or did not answer, or there are more than can be read.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
    """
    deployment = context.deployment
    found: list[dict[str, Any]] = []
    for page in context.aws_pages(
        "ecs", "list_tasks", cluster=deployment.cluster, serviceName=deployment.service, desiredStatus=status
    ):
        if arns := page.get("taskArns", []):
            found += context.aws_call("ecs", "describe_tasks", cluster=deployment.cluster, tasks=arns).get("tasks", [])
    return found


def get_deployment_group(context: Context) -> dict[str, Any]:
    """Give the deployment group as GetDeploymentGroup has it; the action it needs is codedeploy:GetDeploymentGroup.

    Raises:
        GreenlightError: AWS refused or did not answer.
    """
    deployment = context.deployment
    answer = context.aws_call(
        "codedeploy",
        "get_deployment_group",
        applicationName=deployment.application,
        deploymentGroupName=deployment.group,
    )
    return dict(answer["deploymentGroupInfo"])
