"""ecs_service: a task set that is not steady, has too few tasks or loses some never passes.

moto starts no tasks and has no task sets, so the tests use scripted answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from greenlight.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

SERVICE = {"deployment": {"cluster": "c", "service": "orders"}, "task_set": "ecs-svc/2"}
TASK = {
    "taskArn": "arn:aws:ecs:eu-central-1:1:task/c/abc",
    "startedBy": "ecs-svc/2",
    "stopCode": "EssentialContainerExited",
    "stoppedReason": "Essential container in task exited",
    "containers": [{"name": "app", "exitCode": 137, "reason": "OutOfMemory"}],
}


def task_set(**changed: Any) -> dict[str, Any]:
    green = {"id": "ecs-svc/2", "stabilityStatus": "STEADY_STATE", "computedDesiredCount": 2, "runningCount": 2}
    blue = {"id": "ecs-svc/1", "stabilityStatus": "STEADY_STATE", "computedDesiredCount": 2, "runningCount": 2}
    return {"services": [{"taskSets": [blue, {**green, "pendingCount": 0, **changed}]}]}


def script_answers(aws: Any, service: dict[str, Any], *stopped: dict[str, Any]) -> None:
    aws.add_response("ecs", "describe_services", service, {"cluster": "c", "services": ["orders"]})
    arns = [f"arn:aws:ecs:eu-central-1:1:task/c/{n}" for n, _ in enumerate(stopped)]
    request = {"cluster": "c", "serviceName": "orders", "desiredStatus": "STOPPED"}
    aws.add_response("ecs", "list_tasks", {"taskArns": arns}, request)
    if stopped:
        aws.add_response("ecs", "describe_tasks", {"tasks": list(stopped)}, {"cluster": "c", "tasks": arns})


@pytest.mark.parametrize(
    "changed",
    [
        {"stabilityStatus": "STABILIZING"},
        {"runningCount": 1},
        {"pendingCount": 1},
        {"runningCount": 0, "computedDesiredCount": 0},
    ],
)
def test_a_task_set_that_is_not_steady_in_time_fails(
    check: Callable[..., Any], scripted: Any, changed: dict[str, Any]
) -> None:
    for _ in range(3):
        script_answers(scripted, task_set(**changed))

    finding = check("ecs_service", {}, aws=scripted, timeout_s=8.0, clock=FakeClock(), **SERVICE)

    assert finding.outcome == "FAIL"
    assert "did not become steady in time" in finding.message


def test_a_stopped_task_fails_with_its_reason_and_exit_code(check: Callable[..., Any], scripted: Any) -> None:
    script_answers(scripted, task_set(), TASK)

    finding = check("ecs_service", {}, aws=scripted, **SERVICE)

    assert finding.outcome == "FAIL"
    assert "task abc stopped: Essential container in task exited; app exited with 137 OutOfMemory" in finding.message


def test_tasks_of_blue_and_those_scaled_in_do_not_count(check: Callable[..., Any], scripted: Any) -> None:
    blue = {**TASK, "startedBy": "ecs-svc/1"}
    scaled_in = {**TASK, "stopCode": "ServiceSchedulerInitiated", "stoppedReason": "Scaling activity initiated by x"}
    script_answers(scripted, task_set(), blue, scaled_in)

    finding = check("ecs_service", {"running": 2}, aws=scripted, **SERVICE)

    assert (finding.outcome, finding.message) == ("PASS", "ecs-svc/2 is steady with 2 tasks running")


def test_stopped_tasks_within_the_limit_are_shown_and_pass(check: Callable[..., Any], scripted: Any) -> None:
    script_answers(scripted, task_set(), TASK, {**TASK, "stopCode": "SpotInterruption"})

    finding = check("ecs_service", {"stopped": 1, "ignore": ["SpotInterruption"]}, aws=scripted, **SERVICE)

    assert finding.outcome == "PASS"
    assert any("137" in str(item.actual) for item in finding.evidence)


def test_green_may_become_steady_within_the_time(check: Callable[..., Any], scripted: Any) -> None:
    clock = FakeClock()
    script_answers(scripted, task_set(runningCount=0, pendingCount=2, stabilityStatus="STABILIZING"))
    script_answers(scripted, task_set())

    assert check("ecs_service", {}, aws=scripted, timeout_s=60.0, clock=clock, **SERVICE).outcome == "PASS"
    assert clock.slept == [3.0]


def test_fewer_tasks_than_the_plan_requires_fail_even_if_ecs_requires_no_more(
    check: Callable[..., Any], scripted: Any
) -> None:
    script_answers(scripted, task_set())

    finding = check("ecs_service", {"running": 3}, aws=scripted, clock=FakeClock(), **SERVICE)

    assert finding.outcome == "FAIL"
    assert "running tasks is 2, expected 3" in finding.message


def test_a_missing_task_set_fails(check: Callable[..., Any], scripted: Any) -> None:
    scripted.add_response("ecs", "describe_services", {"services": []})

    assert check("ecs_service", {}, aws=scripted, **SERVICE).outcome == "FAIL"


def test_no_task_set_and_a_missing_permission_are_errors(check: Callable[..., Any], scripted: Any) -> None:
    assert check("ecs_service", {}, aws=scripted).outcome == "ERROR"

    scripted.add_client_error("ecs", "describe_services", "AccessDeniedException")
    assert "ecs:DescribeServices was denied" in check("ecs_service", {}, aws=scripted, **SERVICE).message


@pytest.mark.parametrize("raw_params", [{"running": 0}, {"stopped": -1}, {"ignore": ["EssentialContainerExited"]}])
def test_invalid_parameters_are_rejected(check: Callable[..., Any], raw_params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check("ecs_service", raw_params)
