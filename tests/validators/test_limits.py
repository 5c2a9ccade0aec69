"""A check that time, size or a number kept from asking everything passes in no validator.

Each row of the table is a service or an account that is fine as far as the check gets, with the rest out of its reach.
"""

from __future__ import annotations

import datetime
import io
import itertools
import json
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from greenlight.api import Finding, Outcome, Side
from greenlight.testing import FakeClock, HttpServer, tcp_server
from tests.support.function_server import DEPLOYMENT, Functions
from tests.support.wire import Peer, Server, answer, answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[..., Finding]

JSON = "content-type: application/json"
NOW = datetime.datetime.now(datetime.UTC)
GREEN: dict[str, Any] = {"deployment": {"cluster": "c", "service": "s"}, "task_set": "ecs-svc/2"}
FUNCTION: dict[str, Any] = {"deployment": {"platform": "lambda", "function": "f"}, "version": "7"}
DIGEST = "ab" * 32
PINNED = f"111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop@sha256:{DIGEST}"


class Answers:
    """AWS that gives the same answer to every call of an operation; functions get the number of the call."""

    def __init__(self, **answers: Any) -> None:
        self._answers = answers
        self._numbers = {name: itertools.count() for name in answers}

    def client(self, _service: str, **_settings: Any) -> Answers:
        return self

    def __getattr__(self, operation: str) -> Any:
        def call(**_parameters: Any) -> Any:
            response = self._answers[operation]
            return response(next(self._numbers[operation])) if callable(response) else response

        if operation not in self._answers:
            raise AttributeError(operation)
        return call


class Row(NamedTuple):
    """A part of the finding's message, validator, its parameters, AWS's answers, and settings of the run."""

    message: str
    validator: str
    params: dict[str, Any]
    aws: Answers
    settings: dict[str, Any]


def pages(name: str, item: Any, key: str = "nextToken") -> Callable[[int], Any]:
    """Return answers without a last page."""
    return lambda number: {name: [item], key: f"page {number}"}


TASK = {
    "taskArn": "t/1",
    "startedBy": "ecs-svc/2",
    "lastStatus": "RUNNING",
    "containers": [{"name": "app", "imageDigest": f"sha256:{DIGEST}"}],
}
LINE = {"logStreamName": "2026/11/23/[7]abc", "message": "START"}
TRACE = {"Id": "1", "ResponseTime": 0.1}
ALARM = {"AlarmName": "a-1", "StateValue": "OK"}
HEALTHY = {"Target": {"Id": "10.0.0.1", "Port": 80}, "TargetHealth": {"State": "healthy"}}
INITIAL = {"Target": {"Id": "10.0.0.2", "Port": 80}, "TargetHealth": {"State": "initial"}}
TARGET_GROUP = "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/green/1"
TASK_SET = {"id": "ecs-svc/2", "stabilityStatus": "STABILIZING", "runningCount": 1, "pendingCount": 0}
ROWS = [[{"field": "n", "value": "1"}]] * 10_000
LARGE_OBJECT = {"Body": io.BytesIO(b'{"status": "ok"}' + b" " * 1024 * 1024), "ContentLength": 1024 * 1024 + 16}

AWS_ROWS: dict[str, Row] = {
    "identity with more pages of tasks": Row(
        "more than 50 pages",
        "identity",
        {"sha256": DIGEST},
        Answers(list_tasks=pages("taskArns", "t/1"), describe_tasks={"tasks": [TASK]}),
        GREEN,
    ),
    "identity with a task that ECS did not describe": Row(
        "did not describe t/2: INTERNAL",
        "identity",
        {"sha256": DIGEST},
        Answers(
            list_tasks={"taskArns": ["t/1", "t/2"]},
            describe_tasks={"tasks": [TASK], "failures": [{"arn": "t/2", "reason": "INTERNAL"}]},
        ),
        GREEN,
    ),
    "image whose scan does not end": Row(
        "is IN_PROGRESS",
        "image",
        {"findings": {"CRITICAL": 0}},
        Answers(
            describe_task_definition={"taskDefinition": {"containerDefinitions": [{"name": "app", "image": PINNED}]}},
            describe_image_scan_findings={
                "imageScanStatus": {"status": "IN_PROGRESS"},
                "imageScanFindings": {"findingSeverityCounts": {}},
            },
        ),
        {"task_definition": "shop:1", "clock": FakeClock()},
    ),
    "logs with more pages of lines": Row(
        "more than 50 pages",
        "logs",
        {"group": "g", "expect": 0},
        Answers(filter_log_events=pages("events", LINE)),
        FUNCTION,
    ),
    "logs with more rows than Insights returns": Row(
        "has 10000 rows or more",
        "logs",
        {"group": "g", "query": "fields n", "rows": {"[?n > `1`]": {"length": 0}}},
        Answers(
            filter_log_events={"events": [LINE]},
            start_query={"queryId": "q"},
            get_query_results={"status": "Complete", "results": ROWS},
        ),
        FUNCTION,
    ),
    "logs whose query does not end": Row(
        "did not end within the check's time",
        "logs",
        {"group": "g", "query": "fields n", "rows": {"[?n > `1`]": {"length": 0}}},
        Answers(
            filter_log_events={"events": [LINE]},
            start_query={"queryId": "q"},
            get_query_results={"status": "Running", "results": []},
            stop_query={},
        ),
        {**FUNCTION, "clock": FakeClock()},
    ),
    "metrics with a part of the data": Row(
        "only a part of a",
        "metrics",
        {"queries": {"a": {"metric": "AWS/X/Y"}}, "expect": {"a": {"lt": 5}}},
        Answers(get_metric_data={"MetricDataResults": [{"Id": "a", "Values": [1.0], "StatusCode": "PartialData"}]}),
        {},
    ),
    "metrics with more pages": Row(
        "more than 50 pages",
        "metrics",
        {"queries": {"a": {"metric": "AWS/X/Y"}}, "expect": {"a": {"lt": 5}}},
        Answers(get_metric_data=pages("MetricDataResults", {"Id": "a", "Values": [1.0]}, "NextToken")),
        {},
    ),
    "traces with more pages": Row(
        "more than 50 pages",
        "traces",
        {"filter": "service()", "expect": {"faults": {"lt": 1}}},
        Answers(get_trace_summaries=pages("TraceSummaries", TRACE, "NextToken")),
        {},
    ),
    "alarms with more pages": Row(
        "more than 50 pages",
        "alarms",
        {"names": ["a-*"]},
        Answers(describe_alarms=pages("MetricAlarms", ALARM, "NextToken")),
        {},
    ),
    "alarms whose time ends while they are watched": Row(
        "before the alarms were watched for 2s",
        "alarms",
        {"names": ["a-1"], "for": "2s"},
        Answers(describe_alarms={"MetricAlarms": [ALARM]}),
        {"timeout_s": 2.02, "clock": FakeClock()},
    ),
    "synthetics whose run does not end": Row(
        "did not end within the check's time",
        "synthetics",
        {"canary": "shop", "start": True},
        Answers(
            get_canary_runs=lambda number: {"CanaryRuns": [{"Id": str(number), "Status": {"State": "RUNNING"}}]},
            start_canary={},
        ),
        {"clock": FakeClock()},
    ),
    "target_health with a target that is not ready": Row(
        "1 healthy, 1 initial",
        "target_health",
        {},
        Answers(describe_target_health={"TargetHealthDescriptions": [HEALTHY, INITIAL]}),
        {"target_group": TARGET_GROUP, "clock": FakeClock()},
    ),
    "ecs_service that does not become steady": Row(
        "did not become steady in time",
        "ecs_service",
        {},
        Answers(describe_services={"services": [{"taskSets": [TASK_SET]}]}, list_tasks={"taskArns": []}),
        {**GREEN, "clock": FakeClock()},
    ),
    "ecs_service with more pages of stopped tasks": Row(
        "more than 50 pages",
        "ecs_service",
        {},
        Answers(
            describe_services={"services": [{"taskSets": [{**TASK_SET, "stabilityStatus": "STEADY_STATE"}]}]},
            list_tasks=pages("taskArns", "t/1"),
            describe_tasks={"tasks": []},
        ),
        GREEN,
    ),
    "lambda_state of a version that stays pending": Row(
        "state is still Pending",
        "lambda_state",
        {},
        Answers(
            get_function_configuration={"Version": "7", "State": "Pending"},
            get_provisioned_concurrency_config={"Status": "READY"},
        ),
        {**FUNCTION, "deployment": {**FUNCTION["deployment"], "stage": "BeforeAllowTraffic"}, "clock": FakeClock()},
    ),
    "effect in an object whose content is too large": Row(
        "the object is larger than 1 MiB",
        "effect",
        {
            "cause": {"sns": {"to": "arn:aws:sns:eu-west-1:1:t", "message": "m"}},
            "see": {"s3": {"bucket": "b", "key": "k"}},
            "expect": {"json.error": {"exists": False}, "text": {"not": {"contains": "ERROR"}}},
            "within": "1s",
        },
        Answers(publish={}, get_object=lambda number: _absent() if number == 0 else {**LARGE_OBJECT}),
        {"clock": FakeClock()},
    ),
}


def _absent() -> Any:
    from botocore.exceptions import ClientError

    raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "GetObject")


@pytest.mark.parametrize("name", AWS_ROWS)
def test_check_of_aws_does_not_pass_what_a_limit_left_out(check: Check, name: str) -> None:
    row = AWS_ROWS[name]
    finding = check(row.validator, row.params, aws=row.aws, **row.settings)
    assert finding.outcome is not Outcome.PASS
    assert row.message in finding.message


# ---- Requests to green


class Service(NamedTuple):
    """A part of the finding's message, validator, its parameters, green, and the check's time."""

    message: str
    validator: str
    params: dict[str, Any]
    green: Callable[[], Any]
    timeout_s: float = 1.0


def slowing(data: Any, fast: int) -> Callable[[], HttpServer]:
    """Return a green that answers the first requests at once, and each further one after half a second."""

    def make() -> HttpServer:
        numbers = itertools.count()

        def respond(_method: str, _path: str, _body: bytes) -> Any:
            if next(numbers) >= fast:
                time.sleep(0.5)
            return 200, {"content-type": "application/json"}, data

        return HttpServer(respond)

    return make


def sending(body: bytes, *headers: str) -> Callable[[], Server]:
    return lambda: answering(answer(200, body, *(headers or (JSON,))))


def dripping() -> Server:
    """Return a green whose body never ends."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99999\r\n\r\n{}")
        peer.drip(b" " * 1000, 0.05)

    return Server(script)


def openapi(schema: Any, count: int = 5) -> dict[str, Any]:
    responses = {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}
    paths = {f"/p{number}": {"get": {"responses": responses}} for number in range(count)}
    return {"text": json.dumps({"openapi": "3.1.0", "paths": paths})}


LARGE = b'{"status": "ok", "pad": "' + b"x" * 1024 * 1024 + b'"}'
MANY = json.dumps({f"k{number}": 1 for number in range(3000)}).encode()

GREEN_ROWS: dict[str, Service] = {
    "http with a body that is cut": Service(
        "the body was cut after 1048576 bytes",
        "http",
        {"get": "/", "expect": {"body": {"not": {"contains": "ERROR"}}}},
        sending(LARGE),
    ),
    "http with JSON that is cut": Service(
        "the body was cut after 1048576 bytes",
        "http",
        {"get": "/", "expect": {"json": {"error": {"exists": False}}}},
        sending(LARGE),
    ),
    "http with HTML that is cut": Service(
        "the body was cut after 1048576 bytes",
        "http",
        {"get": "/", "expect": {"html": {".error": {"exists": False}}}},
        sending(LARGE, "content-type: text/html"),
    ),
    "http with XML that is cut": Service(
        "the body was cut after 1048576 bytes",
        "http",
        {"get": "/", "expect": {"xml": {"//error": {"exists": False}}}},
        sending(LARGE, "content-type: text/xml"),
    ),
    "http with a body of bytes that is cut": Service(
        "the body was cut after 1048576 bytes",
        "http",
        {"get": "/", "expect": {"bytes": {"not": {"contains": "ff"}}, "size": {"lte": "2MiB"}}},
        sending(LARGE),
    ),
    "http whose time ends before the last step": Service(
        "timed out", "http", {"steps": [{"get": "/", "expect": {"status": 200}}] * 5}, slowing({}, 1)
    ),
    "http whose body does not end": Service("timed out", "http", {"get": "/", "expect": {"status": 200}}, dripping),
    "graphql with an answer that is cut": Service(
        "is not a GraphQL answer", "graphql", {"query": "{a}"}, sending(LARGE)
    ),
    "graphql whose answer does not end": Service("timed out", "graphql", {"query": "{a}"}, dripping),
    "compare whose time ends": Service(
        "the check's time ended after", "compare", {"requests": ["/a"], "samples": 5}, slowing({"a": 1}, 4)
    ),
    "compare with a body that is cut": Service(
        "larger than the 1048576 bytes", "compare", {"requests": ["/a"]}, sending(LARGE)
    ),
    "load whose time ends": Service(
        "of 200 requests",
        "load",
        {"paths": ["/"], "requests": 200, "concurrency": 1, "warm_up": 0, "minimum_samples": 1},
        slowing({}, 5),
    ),
    "load whose time ends before its duration": Service(
        "before the 5s of the burst",
        "load",
        {"paths": ["/"], "duration": "5s", "concurrency": 1, "warm_up": 0, "minimum_samples": 1},
        slowing({}, 500),
    ),
    "openapi whose time ends": Service("(the check's time ended)", "openapi", openapi({}), slowing({}, 2)),
    "openapi with an answer that is cut": Service(
        "beyond a limit of the check", "openapi", openapi({}, 1), sending(LARGE)
    ),
    "serves_green whose time ends": Service(
        "timed out",
        "serves_green",
        {"get": "/", "json": {"v": 2}, "samples": 5, "interval": "10ms"},
        slowing({"v": 2}, 2),
    ),
    "migration whose time ends": Service(
        "timed out",
        "migration",
        {
            "write": {"post": "/r"},
            "read": {"get": "/r"},
            "clean_up": {"delete": "/r"},
            "capture": {"probe": "unique"},
            "expect": {"json": {"v": 2}},
        },
        slowing({"v": 2}, 3),
    ),
    "websocket whose handshake does not end": Service("did not come in time", "websocket", {}, dripping),
    "grpc_health whose answer does not end": Service("HTTP/1 answered", "grpc_health", {}, dripping),
}


@pytest.mark.parametrize("name", GREEN_ROWS)
def test_check_of_green_does_not_pass_what_a_limit_left_out(check: Check, name: str) -> None:
    row = GREEN_ROWS[name]
    with row.green() as green:
        blue = Side(url=f"{green.url}/blue")
        finding = check(row.validator, row.params, green.url, blue=blue, timeout_s=row.timeout_s)
    assert finding.outcome is not Outcome.PASS
    assert row.message in finding.message


@pytest.mark.parametrize("size", [3000])
def test_comparison_with_too_many_differences_is_inconclusive(check: Check, size: int) -> None:
    """Every answer has other keys, so the difference of `status` comes after the limit."""
    numbers = itertools.count()

    def respond(_method: str, path: str, _body: bytes) -> Any:
        data: dict[str, Any] = {f"key {number}": next(numbers) for number in range(size)}
        return 200, {"content-type": "application/json"}, {**data, "status": "ok" if "blue" in path else "broken"}

    with HttpServer(respond) as green:
        finding = check("compare", {"requests": ["/a"]}, green.url, blue=Side(url=f"{green.url}/blue"))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "too many differences" in finding.message


def test_items_of_a_list_that_differ_hide_no_difference_behind_them(check: Check) -> None:
    numbers = itertools.count()

    def respond(_method: str, path: str, _body: bytes) -> Any:
        items = [{"at": next(numbers)} for _ in range(3000)]
        return 200, {"content-type": "application/json"}, {"items": items, "z": "ok" if "blue" in path else "broken"}

    with HttpServer(respond) as green:
        finding = check("compare", {"requests": ["/a"]}, green.url, blue=Side(url=f"{green.url}/blue"))
    assert finding.outcome is Outcome.FAIL
    assert "broken" in finding.message


def test_blue_that_time_kept_from_answering_is_inconclusive(check: Check) -> None:
    def respond(_method: str, path: str, _body: bytes) -> Any:
        if "blue" in path:
            time.sleep(2)
        return 200, {"content-type": "application/json"}, {"v": 2}

    params = {"get": "/", "json": {"v": 2}, "samples": 2, "interval": "10ms"}
    with HttpServer(respond) as green:
        finding = check("serves_green", params, green.url, blue=Side(url=f"{green.url}/blue"), timeout_s=1.0)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "before blue gave its own answer" in finding.message


def test_burst_that_ends_at_the_limit_of_requests_is_inconclusive(check: Check) -> None:
    """The clock stands almost still, so ten thousand requests are sent long before the duration is over."""
    body = answer(200, b"{}", JSON)

    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(body)

    params = {"paths": ["/"], "duration": "10m", "concurrency": 4, "warm_up": 0, "expect": {"p95": {"lte": "5s"}}}
    with Server(script) as green:
        finding = check("load", params, green.url, timeout_s=700)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "the limit of 10000 requests was reached" in finding.message


@pytest.mark.parametrize("validator", ["tls", "grpc_health", "websocket"])
def test_connection_without_an_answer_does_not_pass(check: Check, validator: str) -> None:
    with tcp_server(lambda _connection: time.sleep(0.5)) as url:
        scheme = "https" if validator == "tls" else "http"
        finding = check(validator, {}, f"{scheme}://{url.rpartition('/')[2]}", timeout_s=0.4)
    assert finding.outcome is not Outcome.PASS


@pytest.fixture
def functions() -> Iterator[Functions]:
    """A function whose first invocation answers at once, and each further one after a second."""
    numbers = itertools.count()

    def run(_event: Any) -> Any:
        if next(numbers):
            time.sleep(1.0)
        return {"ok": True}

    with Functions({"7": run}) as server:
        yield server


@pytest.mark.parametrize(
    ("validator", "params"),
    [("warm", {"count": 4}), ("serves_green", {"samples": 4, "interval": "10ms"})],
)
def test_invocations_that_time_left_out_do_not_pass(
    check: Check, functions: Functions, validator: str, params: dict[str, Any]
) -> None:
    finding = check(validator, params, aws=functions.aws(), deployment=DEPLOYMENT, version="7", timeout_s=0.9)
    assert finding.outcome is not Outcome.PASS, finding.message


def test_payload_that_is_too_large_does_not_pass(check: Check) -> None:
    body = io.BytesIO(b'{"pad": "' + b"x" * 6 * 1024 * 1024 + b'"}')
    aws = Answers(invoke={"ExecutedVersion": "7", "Payload": body, "LogResult": ""})
    params = {"expect": {"json": {"error": {"exists": False}}}}
    finding = check("lambda_invoke", params, aws=aws, deployment=DEPLOYMENT, version="7")
    assert finding.outcome is not Outcome.PASS, finding.message
