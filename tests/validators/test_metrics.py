"""metrics never passes with values over their threshold, too few samples, or, by default, no data.

moto computes sums and averages, but neither metric math nor percentiles.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from greenlight.aws.client import Aws

if TYPE_CHECKING:
    from collections.abc import Callable

PARAMS: dict[str, Any] = {"queries": {"a": {"metric": "AWS/Lambda/Errors", "stat": "Sum"}}, "expect": {"a": {"lt": 5}}}


def data(aws: Any, status: str = "Complete", **series: list[float]) -> None:
    results = [{"Id": name, "Values": values, "StatusCode": status} for name, values in series.items()]
    aws.add_response("cloudwatch", "get_metric_data", {"MetricDataResults": results})


def test_one_data_point_over_the_threshold_fails(check: Callable[..., Any], scripted: Any) -> None:
    data(scripted, a=[1.0, 7.0, 2.0])

    finding = check("metrics", PARAMS, aws=scripted)

    assert (finding.outcome, finding.message) == ("FAIL", '1 of 3 data points: a is 7.0, expected {"lt":5}')


@pytest.mark.parametrize("series", [{}, {"a": []}])
@pytest.mark.parametrize(
    ("policy", "outcome"), [({}, "INCONCLUSIVE"), ({"no_data": "fail"}, "FAIL"), ({"no_data": "pass"}, "PASS")]
)
def test_no_data_is_inconclusive_unless_the_plan_sets_another_outcome(
    check: Callable[..., Any], scripted: Any, series: dict[str, list[float]], policy: dict[str, str], outcome: str
) -> None:
    data(scripted, **series)

    assert check("metrics", {**PARAMS, **policy}, aws=scripted).outcome == outcome


def test_too_few_samples_are_inconclusive_whatever_their_values(check: Callable[..., Any], scripted: Any) -> None:
    data(scripted, a=[0.0], samples_a=[4.0, 5.0])

    finding = check("metrics", {**PARAMS, "minimum_samples": {"a": 10}}, aws=scripted)

    assert (finding.outcome, finding.message) == ("INCONCLUSIVE", "a has 9 samples, fewer than 10")


@pytest.mark.parametrize("status", ["InternalError", "Forbidden", "PartialData"])
def test_incomplete_data_is_an_error(check: Callable[..., Any], scripted: Any, status: str) -> None:
    data(scripted, status, a=[0.0])

    assert check("metrics", PARAMS, aws=scripted).outcome == "ERROR"


def test_a_later_page_counts_like_the_first(check: Callable[..., Any], scripted: Any) -> None:
    first = {"Id": "a", "Values": [1.0], "StatusCode": "PartialData"}
    scripted.add_response("cloudwatch", "get_metric_data", {"MetricDataResults": [first], "NextToken": "t"})
    data(scripted, a=[9.0])

    assert check("metrics", PARAMS, aws=scripted).outcome == "FAIL"


def test_metric_math_and_percentiles_are_computed_by_cloudwatch(check: Callable[..., Any], scripted: Any) -> None:
    group = "arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/g/1"
    queries = {
        "slow": {
            "metric": "AWS/ApplicationELB/TargetResponseTime",
            "dimensions": {"TargetGroup": group},
            "stat": "p99",
        },
        "rate": {"expression": "slow * 2"},
    }
    data(scripted, slow=[0.1], rate=[0.2])

    finding = check("metrics", {"queries": queries, "expect": {"rate": {"lt": 1}}}, aws=scripted)

    assert (finding.outcome, finding.message) == ("PASS", "rate within thresholds for 5m")


def test_metrics_that_were_really_put_are_read(check: Callable[..., Any], no_aws_account: None) -> None:
    queries = {"a": {"metric": "Shop/Orders/Failed", "dimensions": {"Service": "s"}, "stat": "Sum"}}
    params = {"queries": queries, "expect": {"a": {"lt": 5}}, "minimum_samples": {"a": 2}}
    with mock_aws():
        point = {"MetricName": "Failed", "Dimensions": [{"Name": "Service", "Value": "s"}], "Value": 2.0}
        when = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=2)
        for _ in range(2):
            data = [{**point, "Timestamp": when}]
            Aws().client("cloudwatch").put_metric_data(Namespace="Shop/Orders", MetricData=data)

        assert check("metrics", params, aws=Aws()).outcome == "PASS"
        assert check("metrics", {**params, "expect": {"a": {"lt": 4}}}, aws=Aws()).outcome == "FAIL"


def test_settling_waits_before_the_request(check: Callable[..., Any], scripted: Any) -> None:
    data(scripted, a=[0.0])
    assert check("metrics", {**PARAMS, "settle": "50ms"}, aws=scripted).outcome == "PASS"
    assert check("metrics", {**PARAMS, "settle": "5m"}, aws=scripted).outcome == "ERROR"


@pytest.mark.parametrize(
    "raw_params",
    [
        {},
        {**PARAMS, "expect": {}},
        {**PARAMS, "expect": {"b": 1}},
        {**PARAMS, "minimum_samples": {"b": 1}},
        {**PARAMS, "period": "90s"},
        {**PARAMS, "window": "30s"},
        {"queries": {"A": {"metric": "a/b"}}, "expect": {"A": 1}},
        {"queries": {"a": {"metric": "b"}}, "expect": {"a": 1}},
        {"queries": {"a": {"metric": "a/b", "stat": "p999x"}}, "expect": {"a": 1}},
        {"queries": {"a": {"metric": "a/b", "expression": "c"}}, "expect": {"a": 1}},
        {"queries": {"a": {"expression": "1"}}, "expect": {"a": 1}, "minimum_samples": {"a": 1}},
    ],
)
def test_invalid_parameters_are_rejected(check: Callable[..., Any], raw_params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        check("metrics", raw_params)


def test_the_plot_has_the_threshold_and_the_points_with_a_timestamp(check: Callable[..., Any], scripted: Any) -> None:
    now = datetime.datetime.now(datetime.UTC)
    stamps = [now - datetime.timedelta(seconds=60), now - datetime.timedelta(seconds=120)]
    result = {"Id": "a", "Values": [1.0, 2.0, 9.0], "Timestamps": stamps, "StatusCode": "Complete"}
    scripted.add_response("cloudwatch", "get_metric_data", {"MetricDataResults": [result]})

    finding = check("metrics", PARAMS, aws=scripted)

    plot = finding.series[0]
    assert (finding.outcome, plot.values, plot.limits) == ("FAIL", (2.0, 1.0), {"lt": 5.0})
    assert [round(at, -1) for at in plot.at_s] == [-120, -60]
