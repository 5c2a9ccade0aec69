"""Listings are read completely or not at all."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from greenlight.api import (
    get_deployment_group,
    get_function_configuration,
    get_task_definition,
    list_service_tasks,
)
from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.testing import context_for, ecs_deployment, lambda_deployment
from tests.support.account import Account


def pages(account: dict[str, Any], timeout_s: float = 30.0) -> tuple[Account, Any]:
    scripted = Account(account)
    return scripted, context_for(ecs_deployment(cluster="prod", service="shop"), aws=Aws(scripted), timeout_s=timeout_s)


def test_listing_with_too_many_pages_is_an_error() -> None:
    numbers = itertools.count(1)
    account, made = pages({"ecs.list_tasks": lambda _: {"taskArns": [], "nextToken": str(next(numbers))}})
    with made as context, pytest.raises(AwsError, match="ecs:ListTasks has more than 50 pages; request fewer items"):
        list(context.aws_pages("ecs", "list_tasks", cluster="prod"))
    assert len(account.calls) == 50


def test_listing_that_outlasts_the_attempt_is_an_error() -> None:
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
def test_token_of_the_next_page_has_the_name_that_the_service_uses(operation: str, given: str, sent: str) -> None:
    asked = {"logGroupName": "g"} if operation.startswith("logs") else {}
    account, made = pages({operation: [{given: "2"}, {}]})
    with made as context:
        assert len(list(context.aws_pages(*operation.split("."), **asked))) == 2
    assert [parameters for _, parameters in account.calls] == [asked, {**asked, sent: "2"}]


def test_tasks_of_all_pages_are_described_and_an_empty_page_is_skipped() -> None:
    listed = [
        {"taskArns": ["arn:aws:ecs:r:1:task/a"], "nextToken": "2"},
        {"taskArns": [], "nextToken": "3"},
        {"taskArns": ["b"]},
    ]
    described: Any = lambda asked: {"tasks": [{"taskArn": arn} for arn in asked["tasks"]]}  # noqa: E731 - a table's entry
    account, made = pages({"ecs.list_tasks": listed, "ecs.describe_tasks": described})
    with made as context:
        tasks = list_service_tasks(context, "STOPPED")
    assert [task["taskArn"] for task in tasks] == ["arn:aws:ecs:r:1:task/a", "b"]
    assert account.calls[0][1] == {"cluster": "prod", "serviceName": "shop", "desiredStatus": "STOPPED"}
    assert account.names().count("ecs.describe_tasks") == 2


def test_deployment_group_is_that_of_the_deployment() -> None:
    account, made = pages({"codedeploy.get_deployment_group": {"deploymentGroupInfo": {"deploymentGroupName": "web"}}})
    with made as context:
        about = context.deployment
        assert get_deployment_group(context) == {"deploymentGroupName": "web"}
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
