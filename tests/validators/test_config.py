"""config: a wrong setting, a drifted one and one that nobody can find never pass; secrets are never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Side

if TYPE_CHECKING:
    from collections.abc import Callable

FUNCTION = {"deployment": {"platform": "lambda", "function": "f"}, "version": "7", "blue": Side(version="6")}
CONFIGURATION = {
    "MemorySize": 512,
    "Runtime": "python3.13",
    "Environment": {"Variables": {"KEY": "hunter2", "STAGE": "live"}},
}


def version(aws: Any, **changed: Any) -> None:
    aws.add_response("lambda", "get_function_configuration", {**CONFIGURATION, **changed})


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("MemorySize", 1024),
        ("Memory", 512),
        ("keys(Environment.Variables)", {"contains": "DEBUG"}),
        ("Environment.Variables.STAGE", "test"),
    ],
)
def test_a_setting_that_is_wrong_or_not_there_fails(
    check: Callable[..., Any], scripted: Any, query: str, expected: Any
) -> None:
    version(scripted)

    assert check("config", {"expect": {query: expected}}, aws=scripted, **FUNCTION).outcome == "FAIL"


def test_settings_that_are_right_pass_without_the_secrets_in_them(check: Callable[..., Any], scripted: Any) -> None:
    version(scripted)
    expect = {
        "MemorySize": {"between": [256, 1024]},
        "Environment.Variables.KEY": {"length": 7},
        "Environment": {"exists": True},
    }

    found = check("config", {"expect": expect}, aws=scripted, **FUNCTION)

    assert (found.outcome, found.message) == ("PASS", "3 settings are as they should be")
    assert "hunter2" not in repr(found)


@pytest.mark.parametrize(
    "expected", [{"filters": ["trim"], "eq": "x"}, {"contains": "x", "ne": "y"}, {"matches": "^x"}, {"length": 3}]
)
def test_why_a_secret_is_wrong_is_told_without_it(check: Callable[..., Any], scripted: Any, expected: Any) -> None:
    version(scripted)

    found = check("config", {"expect": {"Environment.Variables.KEY": expected}}, aws=scripted, **FUNCTION)

    assert (found.outcome, "hunter" in repr(found)) == ("FAIL", False)


def test_a_secret_that_changed_since_blue_is_told_and_not_shown(check: Callable[..., Any], scripted: Any) -> None:
    version(scripted)
    version(scripted, Environment={"Variables": {"KEY": "hunter1", "STAGE": "live"}})

    found = check("config", {"unchanged": ["Environment.Variables"]}, aws=scripted, **FUNCTION)

    assert found.outcome == "FAIL"
    assert "another than blue's" in found.message
    assert "hunter" not in repr(found)


def test_drift_from_blue_fails_with_both_values(check: Callable[..., Any], scripted: Any) -> None:
    version(scripted, MemorySize=256)
    version(scripted, MemorySize=512)

    found = check("config", {"unchanged": ["Runtime", "MemorySize"]}, aws=scripted, **FUNCTION)

    assert (found.outcome, found.message) == ("FAIL", "blue to green: MemorySize is 256, expected 512")


def test_a_query_that_finds_nothing_on_both_sides_is_not_unchanged(check: Callable[..., Any], scripted: Any) -> None:
    version(scripted)
    version(scripted)

    assert check("config", {"unchanged": ["Runtim"]}, aws=scripted, **FUNCTION).outcome == "FAIL"


def test_a_projection_that_finds_nothing_on_both_sides_is_not_unchanged(
    check: Callable[..., Any], scripted: Any
) -> None:
    version(scripted, Layers=[{"Arn": "a"}], FileSystemConfigs=[])
    version(scripted, Layers=[{"Arn": "a"}], FileSystemConfigs=[])

    found = check("config", {"unchanged": ["Layers[].Am", "FileSystemConfigs"]}, aws=scripted, **FUNCTION)

    assert [(each.query, each.passed) for each in found.evidence] == [
        ("Layers[].Am", False),
        ("FileSystemConfigs", True),
    ]


def test_a_first_version_cannot_be_held_against_blue(check: Callable[..., Any], scripted: Any) -> None:
    version(scripted)

    first = {**FUNCTION, "blue": Side()}
    params = {"unchanged": ["Runtime"], "expect": {"Runtime": "python3.13"}}
    assert check("config", params, aws=scripted, **first).outcome == "INCONCLUSIVE"


def test_reserved_concurrency_and_log_retention_are_read_when_asked_for(
    check: Callable[..., Any], scripted: Any
) -> None:
    version(scripted)
    scripted.add_response(
        "lambda", "get_function_concurrency", {"ReservedConcurrentExecutions": 5}, {"FunctionName": "f"}
    )
    groups = [{"logGroupName": "/aws/lambda/f2", "retentionInDays": 1}, {"logGroupName": "/aws/lambda/f"}]
    scripted.add_response("logs", "describe_log_groups", {"logGroups": groups}, {"logGroupNamePrefix": "/aws/lambda/f"})
    params = {"Concurrency.ReservedConcurrentExecutions": 5, "LogGroup.retentionInDays": {"lte": 30}}

    found = check("config", {"expect": params}, aws=scripted, **FUNCTION)

    assert (found.outcome, [each.passed for each in found.evidence]) == ("FAIL", [True, False])


def test_a_task_definition_is_asked_of_ecs(check: Callable[..., Any], scripted: Any) -> None:
    environment = [{"name": "KEY", "value": "hunter2"}]
    containers = [{"name": "app", "image": "i@sha256:1", "environment": environment}]
    answer = {"taskDefinition": {"cpu": "256", "containerDefinitions": containers}}
    scripted.add_response("ecs", "describe_task_definition", answer, {"taskDefinition": "orders:7"})
    expect = {"cpu": "256", "containerDefinitions[0].environment": {"length": 1}}

    found = check("config", {"expect": expect}, aws=scripted, task_definition="orders:7")

    assert found.outcome == "PASS"
    assert "hunter2" not in repr(found)


def test_what_cannot_be_read_is_an_error(check: Callable[..., Any], scripted: Any) -> None:
    scripted.add_client_error("lambda", "get_function_configuration", "AccessDeniedException")

    assert check("config", {"expect": {"Runtime": "x"}}, aws=scripted, **FUNCTION).outcome == "ERROR"
    assert check("config", {"expect": {"cpu": "x"}}, aws=scripted).outcome == "ERROR"


@pytest.mark.parametrize("written", [{}, {"expect": {}}, {"unchanged": ["a["]}, {"expect": {"a[": 1}}])
def test_wrong_parameters_are_refused(check: Callable[..., Any], written: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check("config", written)
