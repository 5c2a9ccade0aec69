"""AWS lookups that validators share: tasks, task definition, function configuration, deployment group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from greenlight.core.errors import GreenlightError

if TYPE_CHECKING:
    from greenlight.checks.context import Context


def service_tasks(context: Context, status: Literal["RUNNING", "STOPPED"]) -> list[dict[str, Any]]:
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


def deployment_group(context: Context) -> dict[str, Any]:
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


def get_task_definition(context: Context, task_definition: str = "") -> dict[str, Any]:
    """Return a task definition, green's by default; the action it needs is ecs:DescribeTaskDefinition.

    Raises:
        GreenlightError: There is none at this stage, or AWS refused or did not answer.
    """
    task_definition = task_definition or context.green.task_definition
    if not task_definition:
        raise GreenlightError(f"green has no task definition at {context.deployment.stage}")
    answer = context.aws_call("ecs", "describe_task_definition", taskDefinition=task_definition)
    return dict(answer["taskDefinition"])


def get_function_configuration(context: Context, version: str = "") -> dict[str, Any]:
    """Return a version's configuration, green's by default; the action it needs is lambda:GetFunctionConfiguration.

    Raises:
        GreenlightError: AWS refused or did not answer.
    """
    return context.aws_call(
        "lambda",
        "get_function_configuration",
        FunctionName=context.deployment.function,
        Qualifier=version or context.green.version,
    )
