"""alarms: an alarm in ALARM, a missing one and one without data never pass.

moto keeps alarms in the state that a test sets and never evaluates them; it has no composite alarms. Such tests use
scripted answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from greenlight.aws.client import Aws
from greenlight.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BOTH = ["MetricAlarm", "CompositeAlarm"]


def metric(name: str, state: str = "OK") -> dict[str, Any]:
    return {"AlarmName": name, "StateValue": state, "StateReason": "because"}


@pytest.fixture
def cloudwatch(no_aws_account: None) -> Iterator[Any]:
    """CloudWatch with three alarms, all OK."""
    with mock_aws():
        client = Aws().client("cloudwatch")
        for name in ("orders-5xx", "orders-latency", "shop-5xx"):
            client.put_metric_alarm(
                AlarmName=name, ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, Threshold=1.0,
                MetricName="m", Namespace="n", Period=60, Statistic="Sum",
            )  # fmt: skip
        yield client


def test_an_alarm_in_alarm_before_the_check_fails_with_its_name(check: Callable[..., Any], cloudwatch: Any) -> None:
    cloudwatch.set_alarm_state(AlarmName="orders-5xx", StateValue="ALARM", StateReason="12 of them")

    finding = check("alarms", {"names": ["orders-*"]}, aws=Aws())

    assert (finding.outcome, finding.message) == ("FAIL", "orders-5xx is already in ALARM, expected OK")
    assert [(item.query, item.passed) for item in finding.evidence] == [("orders-5xx", False), ("orders-latency", True)]
    assert "12 of them" in finding.evidence[0].where


def test_a_name_without_an_alarm_is_an_error_even_if_other_alarms_are_ok(
    check: Callable[..., Any], cloudwatch: Any
) -> None:
    finding = check("alarms", {"names": ["orders-*", "order-5xx", "[os]hop-*"]}, aws=Aws())

    assert finding.outcome == "ERROR"
    assert "'order-5xx', '[os]hop-*'" in finding.message


def test_alarms_that_are_all_ok_pass(check: Callable[..., Any], cloudwatch: Any) -> None:
    finding = check("alarms", {"names": ["*-5x?", "orders-latency", "orders-*"]}, aws=Aws())

    assert (finding.outcome, finding.message) == ("PASS", "3 alarms are quiet")


@pytest.mark.parametrize(
    ("params", "outcome"),
    [({}, "INCONCLUSIVE"), ({"insufficient_data": "fail"}, "FAIL"), ({"insufficient_data": "pass"}, "PASS")],
)
def test_insufficient_data_is_inconclusive_unless_the_plan_decides_otherwise(
    check: Callable[..., Any], scripted: Any, params: dict[str, str], outcome: str
) -> None:
    scripted.add_response("cloudwatch", "describe_alarms", {"MetricAlarms": [metric("a", "INSUFFICIENT_DATA")]})

    assert check("alarms", {"names": ["a"], **params}, aws=scripted).outcome == outcome


def test_a_composite_alarm_on_a_later_page_fails(check: Callable[..., Any], scripted: Any) -> None:
    request = {"AlarmTypes": BOTH, "AlarmNamePrefix": "all-"}
    scripted.add_response(
        "cloudwatch", "describe_alarms", {"MetricAlarms": [metric("all-a")], "NextToken": "t"}, request
    )
    scripted.add_response(
        "cloudwatch", "describe_alarms", {"CompositeAlarms": [metric("all-b", "ALARM")]}, {**request, "NextToken": "t"}
    )

    finding = check("alarms", {"names": ["all-*"]}, aws=scripted)

    assert (finding.outcome, finding.message) == ("FAIL", "all-b is already in ALARM, expected OK")


def test_an_alarm_that_enters_alarm_during_the_watch_fails(check: Callable[..., Any], scripted: Any) -> None:
    clock = FakeClock()
    for state in ("OK", "OK", "ALARM"):
        scripted.add_response("cloudwatch", "describe_alarms", {"MetricAlarms": [metric("a", state)]})

    finding = check("alarms", {"names": ["a"], "for": "5m"}, aws=scripted, timeout_s=360.0, clock=clock)

    assert (finding.outcome, finding.message) == ("FAIL", "a went into ALARM while being watched, expected OK")
    assert clock.slept == [5.0, 5.0]


def test_a_watch_takes_as_long_as_the_plan_says(check: Callable[..., Any], scripted: Any) -> None:
    clock = FakeClock()
    for _ in range(4):
        scripted.add_response("cloudwatch", "describe_alarms", {"MetricAlarms": [metric("a")]})

    finding = check("alarms", {"names": ["a"], "for": "12s"}, aws=scripted, timeout_s=60.0, clock=clock)

    assert (finding.outcome, finding.message) == ("PASS", "1 alarm is quiet, watched for 12s")
    assert clock.slept[:2] == [5.0, 5.0]
    assert 0 < clock.slept[2] <= 2.0


def test_a_watch_longer_than_the_checks_time_is_an_error(check: Callable[..., Any], scripted: Any) -> None:
    finding = check("alarms", {"names": ["a"], "for": "5m"}, aws=scripted)

    assert finding.outcome == "ERROR"
    assert "longer timeout" in finding.message


def test_an_undocumented_state_is_an_error(check: Callable[..., Any], scripted: Any) -> None:
    # botocore does not validate enumerations in answers, and AWS may add values.
    scripted.add_response("cloudwatch", "describe_alarms", {"MetricAlarms": [metric("a", "MUTED")]})

    assert check("alarms", {"names": ["a"]}, aws=scripted).outcome == "ERROR"


def test_a_missing_permission_is_an_error_that_names_it(check: Callable[..., Any], scripted: Any) -> None:
    scripted.add_client_error("cloudwatch", "describe_alarms", "AccessDenied")

    finding = check("alarms", {"names": ["a"]}, aws=scripted)

    assert finding.outcome == "ERROR"
    assert "cloudwatch:DescribeAlarms" in finding.message


@pytest.mark.parametrize("params", [{}, {"names": []}, {"names": [""]}, {"names": ["a"], "for": 5}])
def test_invalid_parameters_are_rejected(check: Callable[..., Any], params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check("alarms", params)
