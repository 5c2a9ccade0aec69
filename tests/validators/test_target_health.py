"""target_health passes only when the load balancer itself reports every target as healthy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome, Side
from greenlight.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]

ARN = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/green/1"


def target(number: int, state: str, reason: str = "") -> dict[str, Any]:
    health = {"State": state} | ({"Reason": reason, "Description": "said so"} if reason else {})
    return {"Target": {"Id": f"10.0.0.{number}", "Port": 80}, "TargetHealth": health}


def run_check(
    check: Check, scripted: Any, *polls: list[dict[str, Any]], raw_params: Any = None, **more: Any
) -> Finding:
    for targets in polls:
        scripted.add_response(
            "elbv2", "describe_target_health", {"TargetHealthDescriptions": targets}, {"TargetGroupArn": ARN}
        )
    settings = {"target_group": ARN, "timeout_s": 1.0, "clock": FakeClock(), **more}
    return check("target_health", raw_params or {}, aws=scripted, **settings)


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        ([], "no targets are registered"),
        ([target(1, "unhealthy", "Target.FailedHealthChecks")], "1 unhealthy"),
        ([target(1, "healthy"), target(2, "unhealthy")], "1 healthy, 1 unhealthy"),
        ([target(1, "initial", "Elb.RegistrationInProgress")], "1 initial"),
        ([target(1, "unavailable")], "1 unavailable"),
        ([target(1, "draining")], "no targets are registered"),
        ([{"Target": {"Id": "x"}}], "1 unknown"),
    ],
)
def test_targets_that_are_not_healthy_fail(check: Check, scripted: Any, targets: list[Any], message: str) -> None:
    finding = run_check(check, scripted, targets)
    assert finding.outcome is Outcome.FAIL
    assert finding.message.startswith(f"green: {message}; expected all healthy and at least 1")


def test_a_throttle_that_lasts_is_an_error_that_names_the_call(check: Check, scripted: Any) -> None:
    scripted.add_client_error("elbv2", "describe_target_health", "Throttling")
    finding = run_check(check, scripted, timeout_s=0.1)
    assert finding.outcome is Outcome.ERROR
    assert "elasticloadbalancing:DescribeTargetHealth failed with Throttling" in finding.message


@pytest.mark.parametrize("code", ["Throttling", "ThrottlingException", "InternalFailure", "ServiceUnavailable"])
def test_polling_goes_on_after_reads_that_fail_for_a_reason_that_passes(check: Check, scripted: Any, code: str) -> None:
    for _ in range(3):
        scripted.add_client_error("elbv2", "describe_target_health", code)
    finding = run_check(check, scripted, [target(1, "healthy")], timeout_s=20)
    assert finding.outcome is Outcome.PASS


def test_a_denied_read_ends_the_polling(check: Check, scripted: Any) -> None:
    scripted.add_client_error("elbv2", "describe_target_health", "AccessDenied")
    assert run_check(check, scripted, timeout_s=20).outcome is Outcome.ERROR


def test_the_message_has_the_reason_and_its_remedy(check: Check, scripted: Any) -> None:
    finding = run_check(check, scripted, [target(1, "unused", "Target.NotInUse")])
    assert "use a test listener, or a canary or linear configuration" in finding.message
    assert finding.evidence[0].actual == "unused Target.NotInUse said so"


def test_too_few_healthy_targets_fail(check: Check, scripted: Any) -> None:
    finding = run_check(check, scripted, [target(1, "healthy"), target(2, "draining")], raw_params={"healthy": 2})
    assert (finding.outcome, finding.message) == (Outcome.FAIL, "green: 1 healthy; expected all healthy and at least 2")


def test_a_denied_call_is_an_error_that_names_the_permission(check: Check, scripted: Any) -> None:
    scripted.add_client_error("elbv2", "describe_target_health", "AccessDenied")
    finding = run_check(check, scripted)
    assert finding.outcome is Outcome.ERROR
    assert "elasticloadbalancing:DescribeTargetHealth was denied" in finding.message


def test_a_side_without_a_target_group_is_an_error(check: Check, scripted: Any) -> None:
    finding = run_check(check, scripted, target_group="")
    assert (finding.outcome, finding.message) == (Outcome.ERROR, "green has no target group at AfterAllowTestTraffic")


@pytest.mark.parametrize(
    ("raw_params", "reason"), [({"healthy": 0}, "0 is too small"), ({"side": "red"}, "red"), ({"helthy": 1}, "helthy")]
)
def test_invalid_parameters_are_rejected_with_a_reason(
    check: Check, scripted: Any, raw_params: Any, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        run_check(check, scripted, raw_params=raw_params)


def test_healthy_targets_pass_and_draining_ones_do_not_count(check: Check, scripted: Any) -> None:
    finding = run_check(
        check, scripted, [target(1, "healthy"), target(2, "healthy"), target(3, "draining")], raw_params={"healthy": 2}
    )
    assert (finding.outcome, finding.message, len(finding.evidence)) == (Outcome.PASS, "2 healthy in green", 2)


def test_the_check_waits_for_healthy_targets(check: Check, scripted: Any) -> None:
    clock = FakeClock()
    finding = run_check(check, scripted, [target(1, "initial")], [target(1, "healthy")], timeout_s=60.0, clock=clock)
    assert finding.outcome is Outcome.PASS
    assert clock.slept == [2.0]


def test_blue_can_be_checked(check: Check, scripted: Any) -> None:
    finding = run_check(
        check,
        scripted,
        [target(1, "healthy")],
        raw_params={"side": "blue"},
        target_group="",
        blue=Side(target_group=ARN),
    )
    assert finding.outcome is Outcome.PASS
    assert (finding.asked.green_resource, finding.asked.aws) == (0, 1), "blue's health is not evidence of green"
