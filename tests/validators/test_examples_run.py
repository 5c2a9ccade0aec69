"""The examples in the validators' docstrings pass against a service and an AWS account that are as they expect.

Waiting times of an example are shortened; nothing else of it is changed. Examples that need more than one or two
responses are not run here, but in the tests of their validator.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import datetime
import inspect
import itertools
import json
import threading
import urllib.parse
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_health.v1 import health, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckResponse
from msgspec.structs import replace
from websockets.sync.server import serve

from devkit.reference.struct_docs import example
from greenlight.api import Deployment, Outcome, Side
from greenlight.checks.registry import Registry
from greenlight.plan import yaml_reader
from greenlight.testing import (
    HttpServer,
    RecordingAws,
    StubbedAws,
    context_for,
    ecs_deployment,
    lambda_deployment,
    load_validator,
    moto_aws,
    run_check,
    stubbed_aws,
    tcp_server,
)
from tests.support.function_server import Functions

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from websockets.sync.server import ServerConnection

RUN_ELSEWHERE = {
    "dns": "a name server",
    "listener": "listeners, their rules and a certificate",
    "pytest": "a suite in a bucket",
    "tls": "a certificate of Amazon's",
}
JSON = {"content-type": "application/json"}
BUILT = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
PINNED = f"123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/app@sha256:{BUILT}"


def examples(name: str) -> list[dict[str, Any]]:
    """Return the parameters of every check in the validator's example."""
    module = inspect.getmodule(load_validator(name).run)
    checks = yaml_reader.read(example(inspect.getdoc(module) or "")).data["checks"]
    return [check[name] for check in checks]


class Shop:
    """Service with a catalogue, orders and notes; its rows may also be in a table."""

    def __init__(self, side: Side, rows: dict[str, Any], table: Any = None) -> None:
        self.side, self.rows, self.table, self.numbers = side, rows, table, itertools.count(1)

    def __call__(self, method: str, target: str, body: bytes) -> tuple[int, dict[str, str], Any]:
        path = urllib.parse.urlsplit(target).path
        if method == "POST" and path == "/graphql":
            return 200, {}, self.graphql(json.loads(body)["query"])
        if method == "POST":
            name = str(next(self.numbers)) + path.strip("/")
            self.rows[name] = json.loads(body)
            if self.table is not None:
                self.table.put_item(Item={"order": name, "state": "new", "reference": self.rows[name]["reference"]})
            return 201, {}, {"id": name}
        name = path.rpartition("/")[2]
        if method == "DELETE":
            return (204 if self.rows.pop(name, None) else 404), {}, b""
        if path == "/version":
            release = "2026.11.2" if self.side.task_set == "ecs-svc/8" else "2026.11.1"
            return 200, {"X-Release": release}, {"task": self.side.task_definition}
        if path == "/openapi.json":
            return 200, JSON, OPENAPI
        return (200, JSON, self.rows.get(name, {"sku": "A1"})) if "admin" not in path else (500, {}, "")

    @staticmethod
    def graphql(query: str) -> dict[str, Any]:
        if "orders" in query:
            return {"data": {"me": None}, "errors": [{"message": "who are you?"}]}
        return {"data": {"products": [{"name": name, "price": {"amount": 40}} for name in ("apple", "bread")]}}


def _get() -> dict[str, Any]:
    schema = {"type": "object", "required": ["sku"]}
    return {"get": {"responses": {"200": {"description": "", "content": {"application/json": {"schema": schema}}}}}}


ORDER = {"name": "orderId", "in": "path", "required": True, "schema": {"type": "string"}}
OPENAPI: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "shop", "version": "1"},
    "paths": {
        **{path: _get() for path in ("/catalogue", "/health", "/prices", "/admin/users")},
        "/orders/{orderId}": {**_get(), "parameters": [ORDER]},
    },
}


# ---- AWS as the examples expect it.


def alarms(aws: RecordingAws) -> None:
    about = {"EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
    for name in ("orders-errors", "checkout-5xx"):
        aws.client("cloudwatch").put_metric_alarm(AlarmName=name, MetricName="e", Namespace="n", Period=60, **about)
        aws.client("cloudwatch").set_alarm_state(AlarmName=name, StateValue="OK", StateReason="so")


def alias(aws: StubbedAws) -> None:
    aws.add_response("lambda", "get_alias", {"FunctionVersion": "7", "Name": "live"})


def config(aws: StubbedAws) -> None:
    app = {"name": "app", "image": PINNED, "environment": [{"name": "STAGE", "value": "live"}]}
    for _ in ("green", "blue"):
        task = {"containerDefinitions": [app], "cpu": "256", "memory": "512"}
        aws.add_response("ecs", "describe_task_definition", {"taskDefinition": task})


def ecs_service(aws: StubbedAws) -> None:
    steady = {"stabilityStatus": "STEADY_STATE", "computedDesiredCount": 2, "runningCount": 2, "pendingCount": 0}
    aws.add_response("ecs", "describe_services", {"services": [{"taskSets": [{"id": "ecs-svc/8", **steady}]}]})
    aws.add_response("ecs", "list_tasks", {"taskArns": []})


def identity(aws: StubbedAws) -> None:
    app = {"name": "app", "imageDigest": f"sha256:{BUILT}"}
    task = {"taskArn": "t/1", "startedBy": "ecs-svc/8", "lastStatus": "RUNNING", "containers": [app]}
    aws.add_response("ecs", "list_tasks", {"taskArns": ["t/1"]})
    aws.add_response("ecs", "describe_tasks", {"tasks": [task]})


def image(aws: StubbedAws) -> None:
    scan = {"imageScanStatus": {"status": "COMPLETE"}, "imageScanFindings": {"findingSeverityCounts": {"HIGH": 3}}}
    pushed = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=3)
    containers = [{"name": "app", "image": PINNED}]
    aws.add_response("ecs", "describe_task_definition", {"taskDefinition": {"containerDefinitions": containers}})
    aws.add_response("ecr", "describe_images", {"imageDetails": [{"imagePushedAt": pushed}]})
    aws.add_response("ecr", "describe_image_scan_findings", scan)


def lambda_state(aws: StubbedAws) -> None:
    active = {"Version": "8", "State": "Active", "LastUpdateStatus": "Successful"}
    aws.add_response("lambda", "get_function_configuration", active)
    for _ in ("version", "alias"):
        aws.add_response("lambda", "get_provisioned_concurrency_config", {"Status": "READY"})


def metrics(aws: StubbedAws) -> None:
    series = {"errors": [0.0], "calls": [60.0], "rate": [0.0], "samples_calls": [60.0]}
    results = [{"Id": name, "Values": values, "StatusCode": "Complete"} for name, values in series.items()]
    aws.add_response("cloudwatch", "get_metric_data", {"MetricDataResults": results})


def rollback_ready(aws: StubbedAws) -> None:
    on = {"enabled": True, "events": ["DEPLOYMENT_FAILURE", "DEPLOYMENT_STOP_ON_ALARM"]}
    group = {"autoRollbackConfiguration": on, "alarmConfiguration": {"enabled": True, "alarms": [{"name": "a"}]}}
    aws.add_response("codedeploy", "get_deployment_group", {"deploymentGroupInfo": group})
    aws.add_response("codedeploy", "get_deployment", {"deploymentInfo": {}})
    aws.add_response("cloudwatch", "describe_alarms", {"MetricAlarms": [{"AlarmName": "a", "StateValue": "OK"}]})
    aws.add_response("lambda", "get_function_configuration", {"State": "Active"})


def logs(aws: StubbedAws) -> None:
    aws.add_response("lambda", "get_function_configuration", {"LoggingConfig": {"LogGroup": "/aws/lambda/orders"}})
    for version, lines in ((8, ["START"]), (8, []), (7, ["START"]), (7, [])):  # all lines, then those of the pattern
        events = [{"logStreamName": f"2026/11/23/[{version}]abc", "message": line} for line in lines]
        aws.add_response("logs", "filter_log_events", {"events": events})


def synthetics(aws: StubbedAws) -> None:
    now = datetime.datetime.now(datetime.UTC)
    old, new = ({"Id": name, "Status": {"State": "PASSED"}, "Timeline": {"Completed": now}} for name in ("old", "new"))
    aws.add_response("synthetics", "get_canary_runs", {"CanaryRuns": [old]})
    aws.add_response("synthetics", "start_canary", {})
    aws.add_response("synthetics", "get_canary_runs", {"CanaryRuns": [new, old]})


def target_health(aws: StubbedAws) -> None:
    targets = [{"Target": {"Id": f"10.0.0.{n}", "Port": 80}, "TargetHealth": {"State": "healthy"}} for n in (1, 2)]
    aws.add_response("elbv2", "describe_target_health", {"TargetHealthDescriptions": targets})


def traces(aws: StubbedAws) -> None:
    summaries = [{"Id": str(number), "ResponseTime": 0.1} for number in range(50)]
    aws.add_response("xray", "get_trace_summaries", {"TraceSummaries": summaries})


def shipments(aws: RecordingAws) -> None:
    key = {"AttributeName": "order"}
    aws.client("dynamodb").create_table(
        TableName="shipments",
        KeySchema=[{**key, "KeyType": "HASH"}],
        AttributeDefinitions=[{**key, "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


STUBBED = {script.__name__: script for script in (
    alias, config, ecs_service, identity, image, lambda_state, logs, metrics, rollback_ready, synthetics, target_health,
    traces,
)}  # fmt: skip
BY_HTTP = ("compare", "graphql", "http", "load", "migration", "openapi", "serves_green")
BY_MOTO = {"alarms": alarms, "effect": shipments}
INVOKED = ("lambda_invoke", "warm")
SHORTENED: dict[str, dict[str, Any]] = {
    "alarms": {"for": "50ms"},
    "compare": {"samples": 5, "latency": {}},  # two servers on one machine slow each other down
    "load": {"duration": "500ms", "rate": 60},
    "metrics": {"settle": "10ms"},
}
NOT_RUN = {("http", 1): "a page over TLS"}
EXAMPLES = [
    (name, number) for name in (*STUBBED, *BY_HTTP, *BY_MOTO, *INVOKED) for number in range(len(examples(name)))
]


def function(event: dict[str, Any]) -> dict[str, Any]:
    if "Records" in event:
        return {"batchItemFailures": []}
    return {"statusCode": 200, "body": json.dumps({"id": event["rawPath"].rpartition("/")[2]})}


@contextlib.contextmanager
def set_up(name: str, stage: str, stack: contextlib.ExitStack) -> Iterator[tuple[Deployment, Any]]:
    """Set up the deployment and the AWS account in which the example of a validator passes."""
    is_lambda = name in ("logs", "rollback_ready", *INVOKED) or "ecs" not in load_validator(name).platforms
    deployment = lambda_deployment(stage, blue=Side(version="7")) if is_lambda else ecs_deployment(stage)
    aws: Any = None
    if name in STUBBED:
        aws = stack.enter_context(stubbed_aws())
        STUBBED[name](aws)
    elif name in BY_MOTO:
        aws = stack.enter_context(moto_aws())
        BY_MOTO[name](aws)
    elif name in INVOKED:
        aws = stack.enter_context(Functions({"8": function})).aws()
    if name in (*BY_HTTP, "effect"):
        rows: dict[str, Any] = {}
        table = _Table(aws.client("dynamodb")) if name == "effect" else None
        services = ecs_deployment(stage)
        green, blue = (
            replace(side, url=stack.enter_context(HttpServer(Shop(side, rows, table))).url)
            for side in (services.green, services.blue)
        )
        deployment = replace(services, green=green, blue=blue)
    yield deployment, aws


class _Table:
    """The table of the service; moto's clients share it with the validator."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def put_item(self, Item: dict[str, str]) -> None:  # noqa: N803 - boto3's name
        self._client.put_item(TableName="shipments", Item={name: {"S": value} for name, value in Item.items()})


@pytest.mark.parametrize(("name", "number"), [case for case in EXAMPLES if case not in NOT_RUN])
def test_the_example_of_a_validator_passes_when_all_is_well(name: str, number: int) -> None:
    stages = load_validator(name).stages
    stage = "AfterAllowTestTraffic" if "AfterAllowTestTraffic" in stages else "BeforeAllowTraffic"
    with contextlib.ExitStack() as stack:
        deployment, aws = stack.enter_context(set_up(name, stage, stack))
        context = stack.enter_context(context_for(deployment, aws=aws, timeout_s=8))
        finding = run_check(
            load_validator(name), examples(name)[number] | SHORTENED.get(name, {}), context, patience_s=2
        )
    assert (finding.outcome, bool(finding.evidence)) == (Outcome.PASS, True), finding.message


def test_the_example_of_tcp_passes_on_an_open_port() -> None:
    def accept(connection: socket.socket) -> None:
        connection.recv(1)

    (raw_params,) = examples("tcp")
    with tcp_server(accept) as url:
        options: Any = {"allowed_hosts": (raw_params["host"],), "resolver": lambda *_: ["127.0.0.1"]}
        port = int(url.rpartition(":")[2])
        with context_for(ecs_deployment(), **options) as context:
            finding = run_check(load_validator("tcp"), {**raw_params, "port": port}, context)
    assert finding.outcome is Outcome.PASS


def test_the_example_of_grpc_health_passes_for_a_healthy_service() -> None:
    (raw_params,) = examples("grpc_health")
    servicer = health.HealthServicer()
    servicer.set(raw_params["service"], HealthCheckResponse.SERVING)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    green = Side(url=f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}")
    server.start()
    with context_for(ecs_deployment(green=green)) as context:
        finding = run_check(load_validator("grpc_health"), raw_params, context)
    server.stop(None).wait()
    assert finding.outcome is Outcome.PASS


def test_the_example_of_websocket_passes_when_prices_come() -> None:
    def prices(socket: ServerConnection) -> None:
        symbol = json.loads(socket.recv())["subscribe"]
        for message in ({"type": "subscribed", "symbol": symbol}, {"type": "beat"}, {"type": "price", "amount": 4}):
            socket.send(json.dumps(message))

    (raw_params,) = examples("websocket")
    with serve(prices, "127.0.0.1", 0, subprotocols=["prices.v1"]) as server:  # type: ignore[list-item]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        green = Side(url=f"http://127.0.0.1:{server.socket.getsockname()[1]}")
        with context_for(ecs_deployment(green=green)) as context:
            finding = run_check(load_validator("websocket"), raw_params, context)
    assert finding.outcome is Outcome.PASS, finding.message


def test_every_example_is_run_here_or_listed_with_what_it_needs() -> None:
    names = {name for name in Registry().names() if name.isidentifier()}
    assert names == {name for name, _ in EXAMPLES} | RUN_ELSEWHERE.keys() | {"tcp", "grpc_health", "websocket"}
