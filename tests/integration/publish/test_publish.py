"""Where a report goes, and what the metrics of a gate look like."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from greenlight.aws.client import Aws
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import AwsError
from greenlight.core.finding import Cause, Finding, Outcome
from greenlight.core.report import PlanSource, Report
from greenlight.core.verdict import Reason, Status
from greenlight.publish import eventbridge, index, metrics, s3, sns
from tests.support.account import Account


def report(**deployment: Any) -> Report:
    about = Deployment(**{"id": "d-ABCDEF123", "platform": Platform.ECS, "stage": "AfterInstall"} | deployment)
    return Report(
        verdict=Status.FAILED, reasons=(), checks=(), deployment=about, plan=PlanSource(),
        started_at="2000-01-01T00:00:00.000+00:00", duration_ms=1.0, greenlight="0",
    )  # fmt: skip


def test_report_is_stored_as_json_below_its_deployment(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    uri = s3.store(aws, "reports", report(application="shop", group="web"))
    assert uri == "s3://reports/shop/web/d-ABCDEF123/AfterInstall.json"
    stored = aws.client("s3").get_object(Bucket="reports", Key=uri.removeprefix("s3://reports/"))
    assert stored["ContentType"] == "application/json"
    assert json.loads(stored["Body"].read())["deployment"]["application"] == "shop"


def test_page_is_stored_next_to_the_report(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    uri = s3.store_page(aws, "reports", report(application="shop", group="web"))
    assert uri == "s3://reports/shop/web/d-ABCDEF123/AfterInstall.html"
    stored = aws.client("s3").get_object(Bucket="reports", Key=uri.removeprefix("s3://reports/"))
    assert stored["ContentType"] == "text/html; charset=utf-8"
    assert stored["Body"].read().startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    ("about", "key"),
    [
        ({}, "unknown/unknown/d-ABCDEF123/AfterInstall.json"),
        ({"application": "a/b", "group": "../c"}, "a%2Fb/..%2Fc/d-ABCDEF123/AfterInstall.json"),
        ({"application": "ä b", "group": "g"}, "%C3%A4 b/g/d-ABCDEF123/AfterInstall.json"),
    ],
)
def test_name_never_adds_a_folder(about: dict[str, str], key: str) -> None:
    assert s3.report_key(report(**about)) == key


def test_entry_of_the_index_refers_to_the_report(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    uri = index.store(aws, "reports", report(application="a/b", group="web"), "s3://reports/x.json")
    assert uri == "s3://reports/index/a%2Fb/web/9053315199999-20000101T000000Z-d-ABCDEF123-AfterInstall.json"
    stored = aws.client("s3").get_object(Bucket="reports", Key=uri.removeprefix("s3://reports/"))
    entry = json.loads(stored["Body"].read())
    assert (entry["schema"], entry["verdict"], entry["report"]) == (
        "greenlight.index/1",
        "Failed",
        "s3://reports/x.json",
    )


def test_unknown_deployment_has_an_entry_and_the_same_run_the_same_key(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    uris = {index.store(aws, "reports", report(), "") for _ in range(2)}
    assert len(uris) == 1
    assert uris.pop().startswith("s3://reports/index/unknown/unknown/")


def test_keys_sort_from_newest_to_oldest(aws: Aws) -> None:
    times = ["1999-12-31T23:59:59.999+00:00", "2000-01-01T00:00:00.000+00:00", "2026-02-01T10:00:00.000+01:00"]
    keys = [index.entry_key(msgspec.structs.replace(report(), started_at=at)) for at in times]
    assert sorted(keys) == keys[::-1]
    assert [index.parse_key_time(key) for key in keys] == [946684799.999, 946684800.0, 1769936400.0]


@pytest.mark.parametrize("key", ["", "index/a/g/AfterInstall.json", "index/a/d-A1/AfterInstall.json", "index/a/g/1-x"])
def test_invalid_key_has_no_time(key: str) -> None:
    assert index.parse_key_time(key) is None


def test_very_large_report_has_a_small_entry() -> None:
    reasons = tuple(Reason(cause=Cause.GATE_ERROR, message="x" * 5000) for _ in range(50))
    checks = tuple(Finding(outcome=Outcome.PASS, message="y" * 5000, name=f"n{n}") for n in range(600))
    entry = index.build_entry(msgspec.structs.replace(report(), reasons=reasons, checks=checks), "")
    assert (len(entry.reasons), len(entry.checks), entry.left_out) == (10, 500, 100)
    assert len(msgspec.json.encode(entry)) < 64 * 1024


def test_denied_put_names_the_permission() -> None:
    with pytest.raises(AwsError, match="s3:PutObject was denied"):
        s3.store(Aws(Account({"s3.put_object": "AccessDenied"})), "reports", report())


def test_metrics_are_one_line_in_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
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


def queue_of(aws: Aws) -> str:
    return str(aws.client("sqs").create_queue(QueueName="told")["QueueUrl"])


def arn_of(aws: Aws, queue: str) -> str:
    attributes = aws.client("sqs").get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
    return str(attributes["Attributes"]["QueueArn"])


def told(aws: Aws, queue: str) -> dict[str, Any]:
    (message,) = aws.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    body: dict[str, Any] = json.loads(message["Body"])
    return body


def test_event_matches_a_rule_for_failed_verdicts(aws: Aws) -> None:
    queue, events = queue_of(aws), aws.client("events")
    pattern = {"source": ["greenlight"], "detail": {"verdict": ["Failed"], "deployment": {"application": ["shop"]}}}
    events.put_rule(Name="closed", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="closed", Targets=[{"Id": "queue", "Arn": arn_of(aws, queue)}])
    eventbridge.put(aws, "default", report(application="other"), "")
    eventbridge.put(aws, "default", report(application="shop"), "s3://reports/x.json")
    event = told(aws, queue)
    assert (event["source"], event["detail-type"]) == ("greenlight", "greenlight verdict")
    assert event["detail"]["report"] == "s3://reports/x.json"


def test_unaccepted_event_is_an_error_despite_status_200() -> None:
    refused = {"FailedEntryCount": 1, "Entries": [{"ErrorCode": "NotAuthorized", "ErrorMessage": "not yours"}]}
    with pytest.raises(AwsError, match="did not accept the event"):
        eventbridge.put(Aws(Account({"events.put_events": refused})), "default", report(), "")


def test_notice_of_a_queue_has_attributes_and_the_event(aws: Aws) -> None:
    queue, sns_client = queue_of(aws), aws.client("sns")
    topic = sns_client.create_topic(Name="releases")["TopicArn"]
    filtered = {"FilterPolicy": json.dumps({"verdict": ["Failed"], "application": ["shop"]})}
    sns_client.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn_of(aws, queue), Attributes=filtered)
    sns.notify(aws, topic, report(application="other"), "")
    sns.notify(aws, topic, report(application="shop", group="ä" * 300), "s3://reports/x.json")
    notice = told(aws, queue)
    assert notice["MessageAttributes"]["stage"]["Value"] == "AfterInstall"
    assert json.loads(notice["Message"])["report"] == "s3://reports/x.json"
    assert notice["Subject"].isascii()
    assert len(notice["Subject"]) < 100


def test_denied_publish_names_the_permission() -> None:
    with pytest.raises(AwsError, match="sns:Publish was denied"):
        sns.notify(Aws(Account({"sns.publish": "AuthorizationError"})), "arn:aws:sns:::t", report(), "")
