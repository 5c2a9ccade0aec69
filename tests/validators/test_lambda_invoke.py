"""lambda_invoke against functions that are called over HTTP, with events of every kind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome
from tests.support.function_server import DEPLOYMENT, Failing, Functions

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]


def run_check(check: Check, raw_params: Any, function: Callable[[Any], Any], **settings: Any) -> Finding:
    with Functions({"7": function}) as functions:
        for name, value in settings.items():
            setattr(functions, name, value)
        return check("lambda_invoke", raw_params, aws=functions.aws(), deployment=DEPLOYMENT, version="7")


def fail(_event: Any) -> Any:
    raise Failing("no database")


def test_an_error_of_the_function_fails(check: Check) -> None:
    finding = run_check(check, {}, fail)
    assert finding.outcome is Outcome.FAIL
    assert "Failing: no database" in finding.message


def test_an_error_of_the_function_fails_behind_an_api_too(check: Check) -> None:
    finding = run_check(check, {"event": {"api_gateway_v2": {"get": "/"}}, "expect": {"status": 200}}, fail)
    assert finding.outcome is Outcome.FAIL
    assert "Failing: no database" in finding.message


def test_an_answer_of_another_version_shows_nothing(check: Check) -> None:
    finding = run_check(check, {}, lambda event: event, executed="6")
    assert finding.outcome is Outcome.ERROR
    assert "version 7 was invoked, but 6 answered" in finding.message


def test_a_throttled_invocation_is_an_error(check: Check) -> None:
    finding = run_check(check, {}, lambda event: event, refuse="TooManyRequestsException")
    assert (finding.outcome, "TooManyRequestsException" in finding.message) == (Outcome.ERROR, True)


def test_a_version_that_does_not_answer_fails(check: Check) -> None:
    with Functions({"7": lambda _event: time.sleep(1.5)}) as functions:
        finding = check("lambda_invoke", {}, aws=functions.aws(), deployment=DEPLOYMENT, version="7", timeout_s=0.3)
    assert (finding.outcome, finding.message) == (Outcome.FAIL, "orders:7 did not answer in time")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"body": "x"}, "not an object with a statusCode"),
        ({"statusCode": 200, "body": {"id": 7}}, "its body is not text"),
        ({"statusCode": "abc"}, "its statusCode is 'abc'"),
        ({"statusCode": True}, "its statusCode is True"),
        ({"statusCode": 200, "headers": ["x"]}, "its headers are not a map"),
        ({"statusCode": 200, "headers": {"x": ["y"]}}, "its header x is ['y'], and not text"),
        ({"statusCode": 200, "body": "§", "isBase64Encoded": True}, "is marked as base64 and is not"),
        (b"no json", "not an object with a statusCode"),
    ],
)
def test_an_answer_that_an_api_could_not_pass_on_fails(check: Check, answer: Any, reason: str) -> None:
    raw_params = {"event": {"api_gateway_v1": {"get": "/"}}, "expect": {"status": 200}}
    finding = run_check(check, raw_params, lambda _event: answer)
    assert finding.outcome is Outcome.FAIL
    assert reason in finding.message


def test_a_plain_value_is_an_answer_for_an_http_api_and_none_for_a_load_balancer(check: Check) -> None:
    expect = {"status": 200, "json": {"id": 7}, "headers": {"content-type": "application/json"}}
    event = {"get": "/"}
    assert (
        run_check(check, {"event": {"api_gateway_v2": event}, "expect": expect}, lambda _: {"id": 7}).outcome == "PASS"
    )
    assert run_check(check, {"event": {"function_url": event}, "expect": expect}, lambda _: {"id": 7}).outcome == "PASS"
    assert run_check(check, {"event": {"alb": event}, "expect": expect}, lambda _: {"id": 7}).outcome == "FAIL"


@pytest.mark.parametrize("kind", ["api_gateway_v2", "api_gateway_v1", "alb", "function_url"])
def test_expectations_hold_for_the_response(check: Check, kind: str) -> None:
    def orders(event: Any) -> Any:
        assert event.get("path", event.get("rawPath")) == "/orders/7"
        return {"statusCode": 201, "headers": {"X-Release": "7"}, "body": '{"id": 7}'}

    event = {kind: {"post": "/orders/7", "body": {"json": {"sku": "A1"}}}}
    good = {"status": 201, "headers": {"x-release": "7"}, "json": {"id": 7}, "body": {"contains": "id"}}
    assert run_check(check, {"event": event, "expect": good}, orders).outcome is Outcome.PASS
    for wrong in ({"status": 200}, {"headers": {"x-release": "6"}}, {"json": {"id": 8}}, {"body": "x"}):
        finding = run_check(check, {"event": event, "expect": wrong}, orders)
        assert finding.outcome is Outcome.FAIL
        assert len(finding.evidence) == 2


@pytest.mark.parametrize(
    "event",
    [
        {"sqs": {"messages": ["a"]}},
        {"kinesis": {"records": ["a"]}},
        {"dynamodb_stream": {"changes": [{"keys": {"id": 1}, "new": {}}]}},
    ],
)
def test_failed_items_of_a_batch_fail_unless_they_are_expected(check: Check, event: Any) -> None:
    def half(_event: Any) -> Any:
        return {"batchItemFailures": [{"itemIdentifier": "1"}]}

    finding = run_check(check, {"event": event}, half)
    assert finding.outcome is Outcome.FAIL
    assert "failed items" in finding.message
    raw_params = {"event": event, "expect": {"json": {"length(batchItemFailures)": 1}}}
    assert run_check(check, raw_params, half).outcome is Outcome.PASS
    assert run_check(check, {"event": event}, lambda _event: {"batchItemFailures": []}).outcome is Outcome.PASS


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"error":"broken","error":""}', "the payload has the JSON key 'error' twice in one object"),
        (b"no json", "the payload is not valid JSON"),
        (b"[" * 200_000, "the payload is nested too deep"),
    ],
)
@pytest.mark.parametrize("expect", [{"json": {"absent": {"exists": False}}}, {"payload": {"exists": False}}])
def test_payload_that_cannot_be_read_passes_nothing(check: Check, payload: bytes, reason: str, expect: Any) -> None:
    finding = run_check(check, {"expect": expect}, lambda _event: payload)
    assert finding.outcome is Outcome.FAIL
    assert reason in finding.message


def test_batch_whose_failed_items_are_stated_twice_fails(check: Check) -> None:
    payload = b'{"batchItemFailures":[{"itemIdentifier":"1"}],"batchItemFailures":[]}'
    finding = run_check(check, {"event": {"sqs": {"messages": ["a"]}}}, lambda _event: payload)
    assert finding.outcome is Outcome.FAIL
    assert "'batchItemFailures' twice" in finding.message


def test_response_body_that_repeats_a_key_fails_behind_an_api(check: Check) -> None:
    answer = {"statusCode": 200, "body": '{"status":"broken","status":"ok"}'}
    raw_params = {"event": {"alb": {"get": "/"}}, "expect": {"json": {"status": "ok"}}}
    finding = run_check(check, raw_params, lambda _event: answer)
    assert (finding.outcome, "'status' twice" in finding.message) == (Outcome.FAIL, True)


def test_durations_come_from_lambdas_own_report(check: Check) -> None:
    expect = {"duration": {"lte": "4ms"}, "init_duration": {"gte": "100ms"}}
    finding = run_check(check, {"payload": {"quantity": 2}, "expect": expect}, lambda event: event)
    assert finding.outcome is Outcome.PASS
    assert "answered in 4 ms, cold start 120 ms" in finding.message


@pytest.mark.parametrize(
    ("raw_params", "reason"),
    [
        ({"payload": {}, "event": {"sqs": {"messages": ["a"]}}}, "exclude each other"),
        ({"expect": {"status": 200}}, "only an HTTP event has status"),
        ({"event": {"alb": {"get": "/"}}}, "an error page would pass"),
        ({"event": {"alb": {"get": "/"}}, "expect": {"error": {"exists": False}}}, "an error page would pass"),
        ({"event": {}}, "exactly one of api_gateway_v2"),
        ({"event": {"alb": {"get": "/a", "post": "/b"}}}, "exactly one of get"),
        ({"event": {"api_gateway_v2": {"get": "/x", "route": "/orders/{id}"}}}, "does not fit the route"),
        ({"event": {"sqs": {"messages": []}}}, "length >= 1"),
    ],
)
def test_invalid_parameters_are_rejected_with_a_reason(check: Check, raw_params: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check("lambda_invoke", raw_params)
