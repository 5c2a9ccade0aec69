"""rollback_ready never passes for a deployment that would not roll back automatically.

moto has neither alarm configurations nor task sets, so the tests use scripted answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Side

if TYPE_CHECKING:
    from collections.abc import Callable

GOOD: dict[str, Any] = {
    "autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]},
    "alarmConfiguration": {
        "enabled": True,
        "ignorePollAlarmFailure": False,
        "alarms": [{"name": "a"}, {"name": "all"}],
    },
}
FUNCTION = {
    "deployment": {"platform": "lambda", "application": "shop", "group": "live", "function": "f"},
    "blue": Side(version="6"),
}
SERVICE = {
    "deployment": {"application": "shop", "group": "live", "cluster": "c", "service": "s"},
    "blue": Side(task_set="ecs-svc/1"),
}


def script_answers(
    aws: Any,
    group: dict[str, Any],
    *,
    override: dict[str, Any] | None = None,
    state: str = "OK",
    exists: bool = True,
) -> None:
    request = {"applicationName": "shop", "deploymentGroupName": "live"}
    aws.add_response("codedeploy", "get_deployment_group", {"deploymentGroupInfo": group}, request)
    aws.add_response(
        "codedeploy", "get_deployment", {"deploymentInfo": override or {}}, {"deploymentId": "d-TEST00001"}
    )
    composite = [{"AlarmName": "all", "StateValue": state}] if exists else []
    if group.get("alarmConfiguration", {}).get("alarms"):
        alarm = {"MetricAlarms": [{"AlarmName": "a", "StateValue": "OK"}], "CompositeAlarms": composite}
        aws.add_response("cloudwatch", "describe_alarms", alarm)


def script_version(aws: Any, state: str = "Active") -> None:
    asked = {"FunctionName": "f", "Qualifier": "6"}
    aws.add_response("lambda", "get_function_configuration", {"State": state}, asked)


def without(key: str, **changed: Any) -> dict[str, Any]:
    return {**GOOD, key: {**GOOD[key], **changed}}


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ({}, "rollback on DEPLOYMENT_FAILURE"),
        (without("autoRollbackConfiguration", enabled=False), "rollback on DEPLOYMENT_FAILURE"),
        (without("autoRollbackConfiguration", events=["DEPLOYMENT_FAILURE"]), "rollback on DEPLOYMENT_STOP_ON_ALARM"),
        (without("alarmConfiguration", alarms=[]), "alarms configured"),
        (without("alarmConfiguration", enabled=False), "alarms enabled"),
        (without("alarmConfiguration", ignorePollAlarmFailure=True), "cannot be read are ignored"),
    ],
)
def test_a_group_that_would_not_roll_back_fails_with_the_reason(
    check: Callable[..., Any], scripted: Any, group: dict[str, Any], message: str
) -> None:
    script_answers(scripted, group)
    script_version(scripted)

    finding = check("rollback_ready", {}, aws=scripted, **FUNCTION)

    assert finding.outcome == "FAIL"
    assert message in finding.message


@pytest.mark.parametrize(("state", "exists", "message"), [("ALARM", True, "ALARM"), ("OK", False, "does not exist")])
def test_a_bound_alarm_in_alarm_or_a_deleted_one_fails(
    check: Callable[..., Any], scripted: Any, state: str, exists: bool, message: str
) -> None:
    script_answers(scripted, GOOD, state=state, exists=exists)
    script_version(scripted)

    finding = check("rollback_ready", {}, aws=scripted, **FUNCTION)

    assert (finding.outcome, finding.message) == (
        "FAIL", f'alarm all is "{message}", expected "exists and is not in ALARM"',
    )  # fmt: skip


def test_a_deployment_that_overrides_its_group_is_judged_by_the_override(
    check: Callable[..., Any], scripted: Any
) -> None:
    script_answers(scripted, GOOD, override={"autoRollbackConfiguration": {"enabled": False}})
    script_version(scripted)

    assert check("rollback_ready", {}, aws=scripted, **FUNCTION).outcome == "FAIL"


def test_a_previous_version_that_was_deleted_fails(check: Callable[..., Any], scripted: Any) -> None:
    script_answers(scripted, GOOD)
    scripted.add_client_error("lambda", "get_function_configuration", "ResourceNotFoundException")

    finding = check("rollback_ready", {}, aws=scripted, **FUNCTION)

    assert (finding.outcome, finding.message) == ("FAIL", 'f: previous version 6 is "deleted", expected "Active"')


@pytest.mark.parametrize(
    ("states", "timeout_s", "outcome"),
    [
        (["Inactive", "Pending", "Active"], 10, "PASS"),
        (["Inactive", "Failed"], 10, "FAIL"),
        (["Inactive"], 0.1, "FAIL"),
    ],
)
def test_a_previous_version_that_is_inactive_is_woken(
    check: Callable[..., Any], scripted: Any, states: list[str], timeout_s: float, outcome: str
) -> None:
    script_answers(scripted, GOOD)
    script_version(scripted, states[0])
    scripted.add_client_error("lambda", "invoke", "ResourceNotReadyException")
    for state in states[1:]:
        script_version(scripted, state)

    finding = check("rollback_ready", {}, aws=scripted, timeout_s=timeout_s, **FUNCTION)

    assert finding.outcome == outcome
    assert states[-1] in str(finding.evidence[-1].actual)


@pytest.mark.parametrize(("sets", "outcome"), [([], "FAIL"), ([0], "FAIL"), ([2], "PASS")])
def test_the_blue_task_set_must_be_there_with_running_tasks(
    check: Callable[..., Any], scripted: Any, sets: list[int], outcome: str
) -> None:
    script_answers(scripted, GOOD)
    exists = [{"id": "ecs-svc/1", "runningCount": count} for count in sets]
    scripted.add_response("ecs", "describe_services", {"services": [{"taskSets": exists}]})

    assert check("rollback_ready", {}, aws=scripted, **SERVICE).outcome == outcome


def test_a_first_deployment_fails_unless_the_plan_requires_no_previous_release(
    check: Callable[..., Any], scripted: Any
) -> None:
    first = {**FUNCTION, "blue": Side()}
    script_answers(scripted, GOOD)
    assert check("rollback_ready", {}, aws=scripted, **first).outcome == "FAIL"

    script_answers(scripted, GOOD)
    assert check("rollback_ready", {"previous": False}, aws=scripted, **first).outcome == "PASS"


def test_a_group_without_alarms_passes_where_the_plan_asks_for_none(check: Callable[..., Any], scripted: Any) -> None:
    rollback = {"autoRollbackConfiguration": {"enabled": True, "events": ["DEPLOYMENT_FAILURE"]}}
    script_answers(scripted, rollback)
    script_version(scripted)

    finding = check("rollback_ready", {"alarms": False}, aws=scripted, **FUNCTION)

    assert (finding.outcome, finding.message) == ("PASS", "live would be rolled back automatically")


def test_a_denied_request_is_an_error(check: Callable[..., Any], scripted: Any) -> None:
    scripted.add_client_error("codedeploy", "get_deployment_group", "AccessDeniedException")

    assert check("rollback_ready", {}, aws=scripted, **FUNCTION).outcome == "ERROR"
