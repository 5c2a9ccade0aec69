"""Listings that validators read: every page of them, or a sentence; never a part that looks like all."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from greenlight.api import deployment_group, get_function_configuration, get_task_definition, service_tasks
from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.testing import context_for, ecs_deployment, lambda_deployment
from tests.support.account import Account


def pages(account: dict[str, Any], timeout_s: float = 30.0) -> tuple[Account, Any]:
    written = Account(account)
    return written, context_for(ecs_deployment(cluster="prod", service="shop"), aws=Aws(written), timeout_s=timeout_s)


def test_more_pages_than_a_check_reads_are_refused() -> None:
    numbers = itertools.count(1)
    account, made = pages({"ecs.list_tasks": lambda _: {"taskArns": [], "nextToken": str(next(numbers))}})
    with made as context, pytest.raises(AwsError, match="ecs:ListTasks has more than 50 pages; ask for less at once"):
        list(context.aws_pages("ecs", "list_tasks", cluster="prod"))
    assert len(account.calls) == 50


def test_pages_that_the_time_is_too_short_for_are_refused() -> None:
    account, made = pages({"ecs.list_tasks": {"taskArns": ["a"], "nextToken": "more"}}, timeout_s=0.05)
    with made as context, pytest.raises(AwsError, match="reading all pages of ecs:ListTasks did not end"):
        list(context.aws_pages("ecs", "list_tasks", cluster="prod"))
    assert len(account.calls) == 1


@pytest.mark.parametrize(
    ("operation", "given", "sent"),
    [
        ("elbv2.describe_rules", "NextMarker", "Marker"),
        ("cloudwatch.describe_alarms", "NextToken", "NextToken"),
        ("logs.filter_log_events", "nextToken", "nextToken"),
    ],
)
def test_the_next_page_is_asked_for_in_the_words_of_the_service(operation: str, given: str, sent: str) -> None:
    asked = {"logGroupName": "g"} if operation.startswith("logs") else {}
    account, made = pages({operation: [{given: "2"}, {}]})
    with made as context:
        assert len(list(context.aws_pages(*operation.split("."), **asked))) == 2
    assert [parameters for _, parameters in account.calls] == [asked, {**asked, sent: "2"}]


def test_tasks_of_all_pages_are_described_and_a_page_without_any_is_none() -> None:
    listed = [
        {"taskArns": ["arn:aws:ecs:r:1:task/a"], "nextToken": "2"},
        {"taskArns": [], "nextToken": "3"},
        {"taskArns": ["b"]},
    ]
    described: Any = lambda asked: {"tasks": [{"taskArn": each} for each in asked["tasks"]]}  # noqa: E731 - a table's entry
    account, made = pages({"ecs.list_tasks": listed, "ecs.describe_tasks": described})
    with made as context:
        found = service_tasks(context, "STOPPED")
    assert [each["taskArn"] for each in found] == ["arn:aws:ecs:r:1:task/a", "b"]
    assert account.calls[0][1] == {"cluster": "prod", "serviceName": "shop", "desiredStatus": "STOPPED"}
    assert account.names().count("ecs.describe_tasks") == 2


def test_the_deployment_group_is_the_deployments_own() -> None:
    account, made = pages({"codedeploy.get_deployment_group": {"deploymentGroupInfo": {"deploymentGroupName": "web"}}})
    with made as context:
        about = context.deployment
        assert deployment_group(context) == {"deploymentGroupName": "web"}
    assert account.calls[0][1] == {"applicationName": about.application, "deploymentGroupName": about.group}


def test_task_definition_is_greens_unless_another_is_named() -> None:
    account, made = pages({"ecs.describe_task_definition": {"taskDefinition": {"cpu": "256"}}})
    with made as context:
        green = context.green.task_definition
        assert [get_task_definition(context), get_task_definition(context, "web:7")] == [{"cpu": "256"}] * 2
    assert [parameters["taskDefinition"] for _, parameters in account.calls] == [green, "web:7"]


def test_missing_task_definition_is_an_error_without_a_call() -> None:
    account = Account({})
    without = context_for(lambda_deployment(), aws=Aws(account))
    with without as context, pytest.raises(GreenlightError, match="green has no task definition at BeforeAllowTraffic"):
        get_task_definition(context)
    assert account.calls == []


def test_function_configuration_is_of_greens_version_unless_another_is_named() -> None:
    account = Account({"lambda.get_function_configuration": {"MemorySize": 512}})
    with context_for(lambda_deployment(), aws=Aws(account)) as context:
        assert get_function_configuration(context) == {"MemorySize": 512}
        get_function_configuration(context, "7")
    assert [parameters["Qualifier"] for _, parameters in account.calls] == ["8", "7"]
