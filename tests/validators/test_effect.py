"""effect against a real green on loopback and moto's queues, tables, buckets and metrics.

moto 5.2 runs no state machine here and ignores most filter patterns of logs, so those two are held to botocore's models
by Stubber instead.
"""

from __future__ import annotations

import datetime
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import boto3
import botocore.session
import pytest
from botocore.stub import ANY, Stubber
from moto import mock_aws

from greenlight.api import Finding, Outcome
from greenlight.aws.client import Aws
from greenlight.testing import FakeClock, HttpServer
from tests.support.function_server import DEPLOYMENT, Failing, Functions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[..., Finding]

REGION = "eu-west-1"
ROW = {"table": "shipments", "key": {"id": "${probe}"}}
PLAN = {
    "capture": {"probe": "unique"},
    "cause": {"http": {"post": "/orders", "body": {"json": {"reference": "${probe}"}}}},
    "within": "300ms",
    "interval": "100ms",
}


class Account:
    """Clients of moto's account."""

    def client(self, service: str, **settings: Any) -> Any:
        return boto3.client(service, region_name=REGION, **settings)


@pytest.fixture
def account(no_aws_account: None) -> Iterator[Aws]:
    with mock_aws(config={"core": {"passthrough": {"urls": [r"http://127\.0\.0\.1.*"]}}}):
        yield Aws(Account())


@pytest.fixture
def table(account: Aws) -> Any:
    settings = boto3.resource("dynamodb", region_name=REGION)
    return settings.create_table(
        TableName="shipments",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def accept_orders(do: Callable[[str], Any], status: int = 201, deleting: int = 204) -> Callable[..., Any]:
    """Return a handler that calls `do` with the reference of each order."""

    def answer(method: str, _path: str, body: bytes) -> Any:
        if method == "DELETE":
            return deleting, {}, b""
        do(json.loads(body)["reference"])
        return status, {}, {"id": 7}

    return answer


def run_effect(check: Check, raw_params: Any, do: Any, aws: Any, **settings: Any) -> Finding:
    with HttpServer(accept_orders(do, **settings)) as green:
        return check("effect", {**PLAN, **raw_params}, green.url, aws=aws, timeout_s=4.0, clock=FakeClock())


def test_a_row_that_never_appears_fails(check: Check, account: Aws, table: Any) -> None:
    finding = run_effect(check, {"see": {"dynamodb": ROW}}, lambda _: None, account)
    assert finding.outcome is Outcome.FAIL
    assert "dynamodb is (nothing found)" in finding.message
    assert "after the cause began" in finding.message


def test_a_wrong_row_fails_and_the_expected_one_passes(check: Check, account: Aws, table: Any) -> None:
    def put(probe: str) -> None:
        table.put_item(Item={"id": probe, "state": "new", "count": 2, "tags": {"a"}})

    see = {"see": {"dynamodb": ROW}}
    finding = run_effect(check, {**see, "expect": {"state": "packed"}}, put, account)
    assert (finding.outcome, 'state is "new", expected "packed"' in finding.message) == (Outcome.FAIL, True)
    raw_params = {**see, "expect": {"state": "new", "count": 2, "id": "${probe}"}, "clean_up": [{"dynamodb": ROW}]}
    finding = run_effect(check, raw_params, put, account)
    assert finding.outcome is Outcome.PASS, finding.message
    assert len(table.scan()["Items"]) == 1


def test_a_row_from_before_is_inconclusive_and_the_cause_does_not_run(check: Check, account: Aws, table: Any) -> None:
    table.put_item(Item={"id": "fixed"})
    done: list[str] = []
    raw_params = {"see": {"dynamodb": {"table": "shipments", "key": {"id": "fixed"}}}}
    finding = run_effect(check, raw_params, done.append, account)
    assert (finding.outcome, done) == (Outcome.INCONCLUSIVE, [])


def test_a_missing_table_is_an_error(check: Check, account: Aws) -> None:
    finding = run_effect(check, {"see": {"dynamodb": ROW}}, lambda _: None, account)
    assert (finding.outcome, "ResourceNotFoundException" in finding.message) == (Outcome.ERROR, True)


def test_a_refused_cause_fails_and_still_cleans_up(check: Check, account: Aws, table: Any) -> None:
    raw_params = {"see": {"dynamodb": ROW}, "clean_up": [{"dynamodb": ROW}]}
    finding = run_effect(check, raw_params, lambda probe: table.put_item(Item={"id": probe}), account, status=500)
    assert (finding.outcome, "cause: status is 500" in finding.message) == (Outcome.FAIL, True)
    assert table.scan()["Items"] == []


def test_an_unexpected_response_is_an_error_and_still_cleans_up(check: Check, account: Aws, table: Any) -> None:
    methods: list[str] = []

    def answer(method: str, _path: str, _body: bytes) -> Any:
        methods.append(method)
        return (204, {}, b"") if method == "DELETE" else (201, {}, {"id": {"not": "a text"}})

    raw_params = {
        "capture": {"probe": "json.id"},
        "cause": {"http": {"post": "/orders"}},
        "see": {"dynamodb": ROW},
        "clean_up": [{"http": {"delete": "/orders"}}],
    }
    with HttpServer(answer) as green:
        finding = check("effect", {**PLAN, **raw_params}, green.url, aws=account, timeout_s=4.0)

    assert (finding.outcome, methods) == (Outcome.ERROR, ["POST", "DELETE"])


def test_a_failed_clean_up_is_an_error_and_hides_no_failure(check: Check, account: Aws, table: Any) -> None:
    raw_params = {"see": {"dynamodb": ROW}, "clean_up": [{"http": {"delete": "/orders/${probe}"}}, {"dynamodb": ROW}]}
    finding = run_effect(check, raw_params, lambda probe: table.put_item(Item={"id": probe}), account, deleting=500)
    assert finding.outcome is Outcome.ERROR
    assert "cleaning up failed: DELETE /orders/greenlight-" in finding.message
    assert table.scan()["Items"] == []
    finding = run_effect(check, raw_params, lambda _: None, account, deleting=500)
    assert (finding.outcome, "cleaning up failed" in finding.message) == (Outcome.FAIL, True)
    assert (
        run_effect(check, raw_params, lambda probe: table.put_item(Item={"id": probe}), account, deleting=404).outcome
        == "PASS"
    )


def test_only_the_expected_message_is_removed_from_a_queue(check: Check, account: Aws) -> None:
    sqs = boto3.client("sqs", region_name=REGION)
    url = sqs.create_queue(QueueName="out")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="from another sender")
    raw_params = {"see": {"sqs": {"url": url, "contains": "${probe}"}}, "expect": {"ref": "${probe}"}}
    assert run_effect(check, raw_params, lambda _: None, account).outcome is Outcome.FAIL
    finding = run_effect(
        check, raw_params, lambda probe: sqs.send_message(QueueUrl=url, MessageBody=json.dumps({"ref": probe})), account
    )
    assert finding.outcome is Outcome.PASS, finding.message
    left = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [item["Body"] for item in left] == ["from another sender"]


@pytest.mark.parametrize("expect", [{"state": "packed"}, {"error": {"exists": False}}])
def test_message_that_repeats_a_key_fails(check: Check, account: Aws, expect: Any) -> None:
    sqs = boto3.client("sqs", region_name=REGION)
    url = sqs.create_queue(QueueName="twice")["QueueUrl"]
    raw_params = {"see": {"sqs": {"url": url, "contains": "${probe}"}}, "expect": expect}

    def send(probe: str) -> None:
        sqs.send_message(QueueUrl=url, MessageBody=f'{{"ref":"{probe}","state":"broken","state":"packed"}}')

    finding = run_effect(check, raw_params, send, account)
    assert (finding.outcome, finding.message) == (
        Outcome.FAIL,
        "the effect has the JSON key 'state' twice in one object",
    )


def test_an_object_is_seen_with_its_content(check: Check, account: Aws) -> None:
    s3 = boto3.client("s3", region_name=REGION)
    s3.create_bucket(Bucket="out", CreateBucketConfiguration={"LocationConstraint": REGION})
    place = {"bucket": "out", "key": "orders/${probe}.json"}
    raw_params = {"see": {"s3": place}, "expect": {"json.n": 1}, "clean_up": [{"s3": place}]}
    assert run_effect(check, raw_params, lambda _: None, account).outcome is Outcome.FAIL

    def put(probe: str) -> None:
        s3.put_object(Bucket="out", Key=f"orders/{probe}.json", Body=b'{"n": 1}')

    finding = run_effect(check, raw_params, put, account)
    assert finding.outcome is Outcome.PASS, finding.message
    assert s3.list_objects_v2(Bucket="out")["KeyCount"] == 0


def test_a_metric_is_summed(check: Check, account: Aws) -> None:
    cloudwatch = boto3.client("cloudwatch", region_name=REGION)
    raw_params = {"see": {"metric": {"namespace": "shop", "name": "Orders"}}, "expect": {"value": {"gte": 3}}}

    def count(_probe: str) -> None:
        cloudwatch.put_metric_data(Namespace="shop", MetricData=[{"MetricName": "Orders", "Value": 3.0}])

    assert run_effect(check, raw_params, lambda _: None, account).outcome is Outcome.FAIL
    assert run_effect(check, raw_params, count, account).outcome is Outcome.PASS


def test_a_metric_that_was_high_enough_before_is_inconclusive(check: Check, account: Aws) -> None:
    data = [{"MetricName": "Orders", "Value": 3.0}]
    boto3.client("cloudwatch", region_name=REGION).put_metric_data(Namespace="shop", MetricData=data)
    raw_params = {"see": {"metric": {"namespace": "shop", "name": "Orders"}}, "expect": {"value": {"gte": 3}}}
    finding = run_effect(check, raw_params, lambda _: None, account)
    assert (finding.outcome, "before the cause" in finding.message) == (Outcome.INCONCLUSIVE, True)


def test_a_message_from_before_the_cause_does_not_count_and_stays(check: Check) -> None:
    aws = Stubbed()
    stub = aws.stubs["sqs"]
    sent = str(int((time.time() - 60) * 1000))
    old = {"Body": "order-x", "ReceiptHandle": "r", "Attributes": {"SentTimestamp": sent}}
    place = {"QueueUrl": "http://queue/out"}
    stub.add_response("receive_message", {"Messages": [old]})
    stub.add_response("change_message_visibility", {}, {**place, "ReceiptHandle": "r", "VisibilityTimeout": 0})
    raw_params = {"see": {"sqs": {"url": place["QueueUrl"], "contains": "order-x"}}, "within": "50ms"}
    assert run_effect(check, raw_params, lambda _: None, Aws(aws)).outcome is Outcome.FAIL
    stub.assert_no_pending_responses()


def test_messages_are_causes_too(check: Check, account: Aws) -> None:
    sqs, sns = boto3.client("sqs", region_name=REGION), boto3.client("sns", region_name=REGION)
    url = sqs.create_queue(QueueName="both")["QueueUrl"]
    topic = sns.create_topic(Name="orders")["TopicArn"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    for service, place in (("sqs", url), ("sns", topic)):
        raw_params = {
            **PLAN,
            "cause": {service: {"to": place, "message": {"ref": "${probe}"}}},
            "see": {"sqs": {"url": url, "contains": "${probe}"}},
        }
        finding = check("effect", raw_params, aws=account)
        assert finding.outcome is Outcome.PASS, finding.message


class Stubbed:
    """Clients whose answers are checked against botocore's models."""

    def __init__(self) -> None:
        session = botocore.session.Session()
        settings = {"region_name": REGION, "aws_access_key_id": "nobody", "aws_secret_access_key": "nothing"}
        self.clients = {name: session.create_client(name, **settings) for name in ("logs", "sqs", "stepfunctions")}
        self.stubs = {name: Stubber(client) for name, client in self.clients.items()}
        for stub in self.stubs.values():
            stub.activate()

    def client(self, service: str, **_settings: Any) -> Any:
        return self.clients[service]


def test_a_line_of_a_log_is_searched_for_on_every_page(check: Check) -> None:
    aws = Stubbed()
    request = {"logGroupName": "/shop", "filterPattern": ANY, "startTime": ANY, "limit": 100}
    aws.stubs["logs"].add_response("filter_log_events", {"events": [], "nextToken": "t"}, request)
    line = {"events": [{"message": '{"level": "INFO"}'}]}
    aws.stubs["logs"].add_response("filter_log_events", line, {**request, "nextToken": "t"})
    raw_params = {"see": {"log": {"group": "/shop", "pattern": '"${probe}"'}}, "expect": {"level": "INFO"}}
    finding = run_effect(check, raw_params, lambda _: None, Aws(aws))
    assert finding.outcome is Outcome.PASS, finding.message
    aws.stubs["logs"].assert_no_pending_responses()


@pytest.mark.parametrize(("status", "outcome"), [("SUCCEEDED", Outcome.PASS), ("FAILED", Outcome.FAIL)])
def test_an_execution_counts_if_it_contains_the_text(check: Check, status: str, outcome: Outcome) -> None:
    aws, stub = Stubbed(), None
    stub = aws.stubs["stepfunctions"]
    machine = "arn:aws:states:eu-west-1:123456789012:stateMachine:ship"
    now = datetime.datetime.now(datetime.UTC)
    started = {"stateMachineArn": machine, "status": status}
    old = {**started, "executionArn": f"{machine}:old", "name": "old", "startDate": now - datetime.timedelta(hours=1)}
    new = {
        **started,
        "executionArn": f"{machine}:new",
        "name": "order-x",
        "startDate": now + datetime.timedelta(seconds=1),
    }
    full = {**new, "input": '{"n": 1}', "output": '{"ok": true}'}
    stub.add_response("list_executions", {"executions": [old, new]}, {"stateMachineArn": machine, "maxResults": 20})
    stub.add_response("describe_execution", full, {"executionArn": f"{machine}:new"})
    see = {"execution": {"state_machine": machine, "contains": "order-x"}}
    raw_params = {"see": see, "expect": {"status": "SUCCEEDED", "output.ok": True}, "within": "50ms"}
    finding = run_effect(check, raw_params, lambda _: None, Aws(aws))
    assert finding.outcome is outcome, finding.message
    stub.assert_no_pending_responses()


def test_an_invocation_that_fails_is_a_failed_cause(check: Check) -> None:
    def broken(_event: Any) -> Any:
        raise Failing("no database")

    raw_params = {
        "cause": {"lambda_invoke": {"event": {"sqs": {"messages": ["x"]}}}},
        "see": {"log": {"group": "g", "pattern": "p"}},
    }
    with Functions({"7": broken}) as functions:
        finding = check("effect", raw_params, aws=functions.aws(), deployment=DEPLOYMENT, version="7")
    assert (finding.outcome, "no database" in finding.message) == (Outcome.FAIL, True)


def test_an_invocation_that_hangs_leaves_time_to_clean_up(check: Check) -> None:
    over, deleted = threading.Event(), []

    def deleting(method: str, _path: str, _body: bytes) -> Any:
        deleted.append(method)
        return 204, {}, b""

    raw_params = {
        "cause": {"lambda_invoke": {}},
        "see": {"log": {"group": "g", "pattern": "p"}},
        "clean_up": [{"http": {"delete": "/orders"}}],
    }
    with Functions({"7": lambda _event: over.wait(30)}) as functions, HttpServer(deleting) as green:
        finding = check(
            "effect", raw_params, green.url, aws=functions.aws(), deployment=DEPLOYMENT, version="7", timeout_s=3.0
        )
        over.set()
    assert (finding.outcome, "did not answer in time" in finding.message) == (Outcome.FAIL, True)
    assert deleted == ["DELETE"]


SEE = {"see": {"log": {"group": "g", "pattern": "p"}}}


@pytest.mark.parametrize(
    ("raw_params", "reason"),
    [
        ({"cause": {}, **SEE}, "exactly one of http"),
        ({"cause": {"http": {"get": "/"}}, "see": {}}, "exactly one of sqs"),
        (
            {"cause": {"lambda_invoke": {"payload": 1, "event": {"sqs": {"messages": ["x"]}}}}, **SEE},
            "exclude each other",
        ),
        ({"cause": {"http": {"get": "/"}}, "see": {"metric": {"namespace": "a", "name": "b"}}}, "expect is missing"),
        ({"cause": {"sqs": {"to": "u", "message": "x"}}, "capture": {"id": "json.id"}, **SEE}, "only unique"),
        ({"cause": {"sqs": {"to": "u", "message": "x"}, "expect": {"status": 200}}, **SEE}, "only an HTTP cause"),
        ({"cause": {"http": {"get": "/"}}, "see": {"log": {"group": "g", "pattern": ""}}}, "length >= 1"),
        ({"cause": {"http": {"get": "/"}}, "see": {"sqs": {"url": "u", "contains": ""}}}, "length >= 1"),
    ],
)
def test_invalid_parameters_are_rejected(check: Check, raw_params: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check("effect", raw_params)
