"""AWS lookups that validators share: tasks, task definition, function configuration, deployment group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from greenlight.core.errors import AwsError, GreenlightError

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
            response = context.aws_call("ecs", "describe_tasks", cluster=cluster, tasks=arns)
            tasks += response.get("tasks", [])
            unread = [failure for failure in response.get("failures", []) if failure.get("reason") != "MISSING"]
            if unread:  # a task that is MISSING has ended since it was listed
                raise AwsError(f"ecs:DescribeTasks did not describe {unread[0].get('arn')}: {unread[0].get('reason')}")
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


def get_task_definition(context: Context, task_definition: str = "") -> dict[str, Any]:
    """Return a task definition, green's by default; it needs ecs:DescribeTaskDefinition.

    Raises:
        GreenlightError: Green has no task definition at this stage, or AWS refused the call or did not answer.
    """
    task_definition = task_definition or context.green.task_definition
    if not task_definition:
        raise GreenlightError(f"green has no task definition at {context.deployment.stage}")
    response = context.aws_call("ecs", "describe_task_definition", taskDefinition=task_definition)
    return dict(response["taskDefinition"])


def get_function_configuration(context: Context, version: str = "") -> dict[str, Any]:
    """Return a version's configuration, green's by default; it needs lambda:GetFunctionConfiguration.

    Raises:
        GreenlightError: AWS refused the call or did not answer.
    """
    return context.aws_call(
        "lambda",
        "get_function_configuration",
        FunctionName=context.deployment.function,
        Qualifier=version or context.green.version,
    )
