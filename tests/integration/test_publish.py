"""Where a report goes, and what the metrics of a gate look like."""

from __future__ import annotations

import json
from typing import Any

import pytest
from greenlight.aws import Aws
from greenlight.errors import AwsError
from greenlight.model import Deployment, PlanSource, Platform, Report, Status
from greenlight.publish import metrics, s3

from tests.integration.account import Account


def report(**deployment: Any) -> Report:
    about = Deployment(**{"id": "d-ABCDEF123", "platform": Platform.ECS, "stage": "AfterInstall"} | deployment)
    return Report(
        verdict=Status.FAILED, reasons=(), checks=(), deployment=about, plan=PlanSource(),
        started_at="2000-01-01T00:00:00.000+00:00", duration_ms=1.0, greenlight="0",
    )  # fmt: skip


def test_a_report_is_stored_as_json_under_its_deployment(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    uri = s3.store(aws, "reports", report(application="shop", group="web"))
    assert uri == "s3://reports/shop/web/d-ABCDEF123/AfterInstall.json"
    stored = aws.client("s3").get_object(Bucket="reports", Key=uri.removeprefix("s3://reports/"))
    assert stored["ContentType"] == "application/json"
    assert json.loads(stored["Body"].read())["deployment"]["application"] == "shop"


@pytest.mark.parametrize(
    ("about", "key"),
    [
        ({}, "unknown/unknown/d-ABCDEF123/AfterInstall.json"),
        ({"application": "a/b", "group": "../c"}, "a%2Fb/..%2Fc/d-ABCDEF123/AfterInstall.json"),
        ({"application": "ä b", "group": "g"}, "%C3%A4 b/g/d-ABCDEF123/AfterInstall.json"),
    ],
)
def test_a_name_never_adds_a_folder(about: dict[str, str], key: str) -> None:
    assert s3.key_of(report(**about)) == key


def test_a_bucket_that_refuses_names_the_permission() -> None:
    with pytest.raises(AwsError, match="s3:PutObject was denied"):
        s3.store(Aws(Account({"s3.put_object": "AccessDenied"})), "reports", report())


def test_metrics_are_one_line_in_the_embedded_format(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.emit("AfterInstall", {"GateStarted": 1, "GateDuration": 12.5})
    (line,) = capsys.readouterr().out.splitlines()
    data = json.loads(line)
    (described,) = data["_aws"]["CloudWatchMetrics"]
    assert described["Namespace"] == "greenlight"
    assert {each["Name"]: each["Unit"] for each in described["Metrics"]} == {
        "GateStarted": "Count",
        "GateDuration": "Milliseconds",
    }
    assert "stage" in described["Dimensions"][0]
    assert data["stage"] == "AfterInstall"
