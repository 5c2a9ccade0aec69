"""AWS lookups that several validators share: the tasks of the service under deployment, and its deployment group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from greenlight.checks.context import Context


def list_service_tasks(context: Context, status: Literal["RUNNING", "STOPPED"]) -> list[dict[str, Any]]:
    """Return the tasks of all task sets of the service with this desired status, as DescribeTasks returns them.

    ECS lists stopped tasks for about an hour. A task's `startedBy` is the id of its task set. The function needs the
    actions ecs:ListTasks and ecs:DescribeTasks.

    Raises:
        GreenlightError: AWS refused a call or did not answer, or there are more tasks than can be read.

    Source: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
    """
    cluster, service = context.deployment.cluster, context.deployment.service
    tasks: list[dict[str, Any]] = []
    for page in context.aws_pages("ecs", "list_tasks", cluster=cluster, serviceName=service, desiredStatus=status):
        if arns := page.get("taskArns", []):
            tasks += context.aws_call("ecs", "describe_tasks", cluster=cluster, tasks=arns).get("tasks", [])
    return tasks


def get_deployment_group(context: Context) -> dict[str, Any]:
    """Return the deployment group as GetDeploymentGroup returns it; it needs codedeploy:GetDeploymentGroup.

    Raises:
        GreenlightError: AWS refused the call or did not answer.
    """
    response = context.aws_call(
        "codedeploy",
        "get_deployment_group",
        applicationName=context.deployment.application,
        deploymentGroupName=context.deployment.group,
    )
    return dict(response["deploymentGroupInfo"])
