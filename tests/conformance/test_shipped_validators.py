"""The shipped validators pass the conformance kit that plugins are tested with."""

from __future__ import annotations

import json
from typing import Any

from greenlight.testing import (
    SECRET,
    Case,
    RecordingAws,
    RequestHandler,
    StubbedAws,
    check_validator,
    ecs_deployment,
)

GROUP = ecs_deployment().green.target_group


def healthy(_method: str, path: str, _body: bytes) -> tuple[int, dict[str, str], Any]:
    return (200, {}, {"status": "ok"}) if path == "/health" else (404, {}, {})


def test_http() -> None:
    expect = {"status": 200, "json": {"status": "ok"}}
    params = {"get": "/health", "headers": {"authorization": f"Bearer {SECRET}"}, "expect": expect}
    check_validator(
        "http",
        passing=Case(params=params, green=healthy),
        failing=Case(params={**params, "get": "/shop"}, green=healthy),
    )


def json_response(content: Any) -> tuple[int, dict[str, str], Any]:
    return 200, {"content-type": "application/json"}, content


def test_graphql() -> None:
    params = {"query": "{ me { name } }", "expect": {"data": {"me.name": "ann"}}}
    check_validator(
        "graphql",
        passing=Case(params=params, green=lambda *_: json_response({"data": {"me": {"name": "ann"}}})),
        failing=Case(params=params, green=lambda *_: json_response({"data": {"me": {"name": "bob"}}})),
    )


def test_openapi() -> None:
    status = {"type": "object", "required": ["status"], "properties": {"status": {"type": "string"}}}
    answer = {"description": "it is well", "content": {"application/json": {"schema": status}}}
    paths = {"/health": {"get": {"responses": {"200": answer}}}}
    document = {"openapi": "3.0.3", "info": {"title": "shop", "version": "1"}, "paths": paths}

    def serving(health: Any) -> RequestHandler:
        return lambda _method, path, _body: json_response(document if path == "/openapi.json" else health)

    check_validator(
        "openapi",
        passing=Case(params={"document": "/openapi.json"}, green=serving({"status": "ok"})),
        failing=Case(params={"document": "/openapi.json"}, green=serving({"status": 7})),
    )


def test_migration() -> None:
    rows: dict[str, str] = {}

    def notes(method: str, _path: str, body: bytes) -> tuple[int, dict[str, str], Any]:
        if method == "POST":
            rows["1"] = json.loads(body)["text"]
            return 201, {}, {"id": "1"}
        return json_response({"text": rows.get("1")}) if method == "GET" else (204, {}, "")

    def forgetful(method: str, path: str, body: bytes) -> tuple[int, dict[str, str], Any]:
        return json_response({"text": "lost"}) if method == "GET" else notes(method, path, body)

    params = {
        "capture": {"probe": "unique", "id": "json.id"},
        "write": {"post": "/notes", "body": {"json": {"text": "${probe}"}}},
        "written": {"status": 201},
        "read": {"get": "/notes/${id}"},
        "expect": {"status": 200, "json": {"text": "${probe}"}},
        "clean_up": {"delete": "/notes/${id}"},
    }
    check_validator(
        "migration",
        passing=Case(params=params, green=notes, blue=notes),
        failing=Case(params=params, green=forgetful, blue=forgetful),
    )


def alias_of_version(version: str) -> Any:
    return lambda aws: aws.add_response("lambda", "get_alias", {"FunctionVersion": version, "Name": "live"})


def test_alias() -> None:
    check_validator("alias", passing=Case(aws=alias_of_version("7")), failing=Case(aws=alias_of_version("3")))


def test_tcp() -> None:
    harmless = {
        "closed",
        "silent",
        "no_http",
        "status_500",
        "garbage",
        "empty",
    }  # tcp only needs a port that accepts connections
    check_validator(
        "tcp",
        passing=Case(green=healthy),
        failing=Case(params={"connect": {"lt": "0ms"}}, green=healthy),
        harmless_faults=harmless,
    )


def function_configuration(**configuration: str) -> Any:
    def script(aws: StubbedAws) -> None:
        aws.add_response(
            "lambda", "get_function_configuration", {"FunctionName": "orders", "Version": "8", **configuration}
        )
        for _ in ("version", "alias"):
            aws.add_client_error(
                "lambda", "get_provisioned_concurrency_config", "ProvisionedConcurrencyConfigNotFoundException"
            )

    return script


def inactive_function(aws: StubbedAws) -> None:
    function_configuration(State="Inactive")(aws)
    aws.add_client_error("lambda", "invoke", "ResourceNotReadyException")
    function_configuration(State="Active")(aws)


def test_lambda_state() -> None:
    check_validator(
        "lambda_state",
        passing=Case(aws=function_configuration(State="Active", LastUpdateStatus="Successful")),
        failing=Case(aws=function_configuration(State="Failed", LastUpdateStatus="Successful")),
        other_cases=[Case(aws=inactive_function)],
        # AWS omits the state of a function that is still in its first one.
        harmless_faults={
            "nothing:lambda:GetFunctionConfiguration",
            "nothing:lambda:GetProvisionedConcurrencyConfig",
            "absent",
        },
    )


def target_health(state: str) -> Any:
    def script(aws: StubbedAws) -> None:
        health = {"Target": {"Id": "10.0.0.1", "Port": 80}, "TargetHealth": {"State": state}}
        answer = {"TargetHealthDescriptions": [health]}
        aws.add_response("elbv2", "describe_target_health", answer, {"TargetGroupArn": GROUP})

    return script


def test_target_health() -> None:
    check_validator(
        "target_health",
        passing=Case(aws=target_health("healthy")),
        failing=Case(aws=target_health("unhealthy"), timeout_s=0.1),
    )


def test_alarms() -> None:
    def alarm(state: str) -> Any:
        def fill(aws: RecordingAws) -> None:
            settings = {"EvaluationPeriods": 1, "Threshold": 1.0, "ComparisonOperator": "GreaterThanThreshold"}
            cloudwatch = aws.client("cloudwatch")
            cloudwatch.put_metric_alarm(AlarmName="shop-errors", MetricName="e", Namespace="n", Period=60, **settings)
            cloudwatch.set_alarm_state(AlarmName="shop-errors", StateValue=state, StateReason="so")

        return fill

    check_validator(
        "alarms",
        passing=Case(params={"names": ["shop-errors"]}, moto=alarm("OK")),
        failing=Case(params={"names": ["shop-errors"]}, moto=alarm("ALARM")),
        harmless_faults={"absent"},  # alarms belong to the operator and not to green
    )
