"""alarms: what rings, what is missing and what has no data never passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from greenlight.aws.client import Aws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BOTH = ["MetricAlarm", "CompositeAlarm"]


def metric(name: str, state: str = "OK") -> dict[str, Any]:
    return {"AlarmName": name, "StateValue": state, "StateReason": "because"}


@pytest.fixture
def cloudwatch(no_aws_account: None) -> Iterator[Any]:
    """Give a CloudWatch with three alarms, all OK."""
    with mock_aws():
        client = Aws().client("cloudwatch")
        for name in ("orders-5xx", "orders-latency", "shop-5xx"):
            client.put_metric_alarm(
                AlarmName=name, ComparisonOperator="GreaterThanThreshold", EvaluationPeriods=1, Threshold=1.0,
                MetricName="m", Namespace="n", Period=60, Statistic="Sum",
            )  # fmt: skip
        yield client


def test_an_alarm_that_rings_already_is_named(check: Callable[..., Any], cloudwatch: Any) -> None:
    cloudwatch.set_alarm_state(AlarmName="orders-5xx", StateValue="ALARM", StateReason="12 of them")

    found = check("alarms", {"names": ["orders-*"]}, aws=Aws())

    assert (found.outcome, found.message) == ("FAIL", "orders-5xx is already in ALARM, expected OK")
    assert [(each.query, each.passed) for each in found.evidence] == [("orders-5xx", False), ("orders-latency", True)]
    assert "12 of them" in found.evidence[0].where


def test_a_name_without_an_alarm_is_an_error_beside_others_that_are_quiet(
    check: Callable[..., Any], cloudwatch: Any
) -> None:
    found = check("alarms", {"names": ["orders-*", "order-5xx", "[os]hop-*"]}, aws=Aws())

    assert found.outcome == "ERROR"
    assert "'order-5xx', '[os]hop-*'" in found.message


def test_alarms_that_are_all_ok_pass(check: Callable[..., Any], cloudwatch: Any) -> None:
    found = check("alarms", {"names": ["*-5x?", "orders-latency", "orders-*"]}, aws=Aws())

    assert (found.outcome, found.message) == ("PASS", "3 alarms are quiet")


@pytest.mark.parametrize(
    ("said", "outcome"),
    [({}, "INCONCLUSIVE"), ({"insufficient_data": "fail"}, "FAIL"), ({"insufficient_data": "pass"}, "PASS")],
)
def test_too_little_data_is_what_the_plan_says_and_inconclusive_when_it_says_nothing(
    check: Callable[..., Any], scripted: Any, said: dict[str, str], outcome: str
) -> None:
    scripted.answers("cloudwatch", "describe_alarms", {"MetricAlarms": [metric("a", "INSUFFICIENT_DATA")]})

    assert check("alarms", {"names": ["a"], **said}, aws=scripted).outcome == outcome


def test_a_composite_alarm_on_a_later_page_rings(check: Callable[..., Any], scripted: Any) -> None:
    asked = {"AlarmTypes": BOTH, "AlarmNamePrefix": "all-"}
    scripted.answers("cloudwatch", "describe_alarms", {"MetricAlarms": [metric("all-a")], "NextToken": "t"}, asked)
    scripted.answers(
        "cloudwatch", "describe_alarms", {"CompositeAlarms": [metric("all-b", "ALARM")]}, {**asked, "NextToken": "t"}
    )

    found = check("alarms", {"names": ["all-*"]}, aws=scripted)

    assert (found.outcome, found.message) == ("FAIL", "all-b is already in ALARM, expected OK")


def test_an_alarm_that_goes_off_during_the_watch_fails(
    check: Callable[..., Any], scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("validators.alarms.POLL_S", 0.01)
    for state in ("OK", "OK", "ALARM"):
        scripted.answers("cloudwatch", "describe_alarms", {"MetricAlarms": [metric("a", state)]})

    found = check("alarms", {"names": ["a"], "for": "2s"}, aws=scripted)

    assert (found.outcome, found.message) == ("FAIL", "a went into ALARM while being watched, expected OK")


def test_a_watch_is_as_long_as_it_says(
    check: Callable[..., Any], scripted: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("validators.alarms.POLL_S", 0.1)
    for _ in range(4):
        scripted.answers("cloudwatch", "describe_alarms", {"MetricAlarms": [metric("a")]})

    found = check("alarms", {"names": ["a"], "for": "300ms"}, aws=scripted)

    assert (found.outcome, found.message) == ("PASS", "1 alarm is quiet, watched for 300ms")


def test_a_watch_longer_than_the_checks_time_is_an_error(check: Callable[..., Any], scripted: Any) -> None:
    found = check("alarms", {"names": ["a"], "for": "5m"}, aws=scripted)

    assert found.outcome == "ERROR"
    assert "longer timeout" in found.message


def test_a_state_that_nobody_knows_is_an_error(check: Callable[..., Any], scripted: Any) -> None:
    # botocore does not hold answers against enumerations, and AWS may add to them.
    scripted.answers("cloudwatch", "describe_alarms", {"MetricAlarms": [metric("a", "MUTED")]})

    assert check("alarms", {"names": ["a"]}, aws=scripted).outcome == "ERROR"


def test_a_missing_permission_is_an_error_that_names_it(check: Callable[..., Any], scripted: Any) -> None:
    scripted.refuses("cloudwatch", "describe_alarms", "AccessDenied")

    found = check("alarms", {"names": ["a"]}, aws=scripted)

    assert found.outcome == "ERROR"
    assert "cloudwatch:DescribeAlarms" in found.message


@pytest.mark.parametrize("written", [{}, {"names": []}, {"names": [""]}, {"names": ["a"], "for": 5}])
def test_wrong_parameters_are_refused(check: Callable[..., Any], written: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check("alarms", written)
