"""serves_green against services that answer as green, as blue, or without any proof."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.response import StreamingBody

from greenlight.api import Finding, Outcome, Side
from greenlight.testing import FakeClock
from tests.support.wire import Server, answer, answering, unused_port

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]

ARN = "arn:aws:ecs:mars-west-1:000000000000:task-definition/orders:42"


def serving(*bodies: dict[str, Any]) -> Server:
    head = ("connection: close", "X-Release: 7")
    return answering(*(answer(200, json.dumps(body).encode(), *head) for body in bodies))


def test_one_answer_of_blue_among_many_fails_and_is_counted(check: Check) -> None:
    with serving({"v": "7"}, {"v": "7"}, {"v": "6"}, {"v": "7"}) as server:
        finding = check("serves_green", {"get": "/", "json": {"v": "7"}, "interval": "1ms"}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert '"6\\" (1 of 5)' in finding.message


@pytest.mark.parametrize("body", [{}, {"v": None}, {"v": "77"}, {"v": True}, {"v": ["7"]}, {"v": 7.5}])
def test_an_answer_without_the_expected_value_fails(check: Check, body: dict[str, Any]) -> None:
    with serving(body) as server:
        finding = check("serves_green", {"get": "/", "json": {"v": "7"}, "interval": "1ms"}, server.url)
    assert finding.outcome is Outcome.FAIL


def test_a_header_that_is_missing_fails(check: Check) -> None:
    with serving({}) as server:
        finding = check("serves_green", {"get": "/", "headers": {"X-Task": "7"}, "interval": "1ms"}, server.url)
    assert (finding.outcome, "(nothing found)" in finding.message) == (Outcome.FAIL, True)


def test_a_value_that_blue_has_too_is_inconclusive(check: Check) -> None:
    with serving({"v": ARN}) as server:
        raw_params = {"get": "/", "json": {"v": ARN}}
        finding = check("serves_green", raw_params, server.url, blue=Side(task_definition=ARN))
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert server.connections == 0


def test_the_family_and_revision_of_blue_are_inconclusive(check: Check) -> None:
    with serving({"v": "orders:42"}) as server:
        raw_params = {"get": "/", "json": {"v": "orders:42"}}
        finding = check("serves_green", raw_params, server.url, blue=Side(task_definition=ARN))
    assert finding.outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("blue_body", "outcome"),
    [
        ({"v": "7", "team": "shop"}, Outcome.INCONCLUSIVE),
        ({"v": "6", "team": "shop"}, Outcome.PASS),
        ({}, Outcome.PASS),
    ],
)
def test_the_same_answer_from_blue_is_inconclusive(check: Check, blue_body: dict[str, Any], outcome: Outcome) -> None:
    raw_params = {"get": "/", "json": {"v": "7", "team": "shop"}, "interval": "1ms"}
    with serving({"v": "7", "team": "shop"}) as green, serving(blue_body) as blue:
        finding = check("serves_green", raw_params, green.url, blue=Side(url=blue.url))
    assert finding.outcome is outcome, finding.message


def test_a_blue_that_does_not_answer_does_not_matter(check: Check) -> None:
    with serving({"v": "7"}) as green:
        blue = Side(url=f"http://127.0.0.1:{unused_port()}")
        finding = check("serves_green", {"get": "/", "json": {"v": "7"}, "interval": "1ms"}, green.url, blue=blue)
    assert finding.outcome is Outcome.PASS, finding.message


def test_an_empty_value_is_an_error(check: Check) -> None:
    finding = check("serves_green", {"get": "/", "json": {"v": ""}}, "http://127.0.0.1:1")
    assert (finding.outcome, "is empty at AfterAllowTestTraffic" in finding.message) == (Outcome.ERROR, True)


def test_too_few_samples_are_inconclusive(check: Check) -> None:
    with serving({"v": "7"}) as server:
        raw_params = {"get": "/", "json": {"v": "7"}, "interval": "300ms", "samples": 50}
        finding = check("serves_green", raw_params, server.url, clock=FakeClock())
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "of 50 samples" in finding.message


def test_a_closed_port_fails_and_a_missing_url_is_an_error(check: Check) -> None:
    raw_params = {"get": "/", "json": {"v": "7"}}
    assert check("serves_green", raw_params, f"http://127.0.0.1:{unused_port()}").outcome is Outcome.FAIL
    assert check("serves_green", raw_params, no_url="no test listener").outcome is Outcome.ERROR
    assert check("serves_green", {}).outcome is Outcome.ERROR


@pytest.mark.parametrize(
    "raw_params",
    [
        {"get": "/"},
        {"get": "/", "json": {"v": "7"}, "samples": 1},
        {"get": "/", "json": {"v": "7"}, "through": "alias"},
        {"headers": {"X": "1"}},
        {"get": "/", "json": {"v[": "7"}},
        {"get": "/", "json": {"v": {"exists": True}}},
    ],
)
def test_parameters_without_proof_are_rejected(check: Check, raw_params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        check("serves_green", raw_params, "http://127.0.0.1:1")


def test_answers_that_are_all_from_green_pass_over_one_connection_each(check: Check) -> None:
    raw_params = {
        "get": "/version",
        "headers": {"X-Release": "7"},
        "json": {"v": "7", "build": 12, "task": ARN},
        "samples": 3,
        "interval": "1ms",
    }
    with serving({"v": 7, "build": 12, "task": "orders:42"}) as server:
        finding = check("serves_green", raw_params, server.url)
    assert finding.outcome is Outcome.PASS, finding.message
    assert server.connections == 3
    assert finding.message == "all 3 answers came from green"


# ---- Functions. moto does not shift the traffic of an alias, so Lambda's answers are given by botocore's Stubber.


@pytest.fixture
def answers(scripted: Any) -> Callable[..., None]:
    """Script one answer of Lambda, and the qualifier of its invocation."""

    def answer_with(qualifier: str, executed: str | None, payload: Any = None, **more: Any) -> None:
        raw = json.dumps(payload).encode()
        response = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(raw), len(raw)), **more}
        request = {"FunctionName": "orders", "Qualifier": qualifier, "Payload": b"{}"}
        scripted.add_response(
            "lambda", "invoke", response | ({"ExecutedVersion": executed} if executed else {}), request
        )

    return answer_with


@pytest.fixture
def run_check(check: Check, scripted: Any) -> Callable[..., Finding]:
    def run(stage: str, **raw_params: Any) -> Finding:
        about = {"platform": "lambda", "stage": stage, "function": "orders", "alias": "live"}
        all_params = {"samples": 2, "interval": "1ms", **raw_params}
        return check("serves_green", all_params, deployment=about, aws=scripted, version="7")

    return run


def test_an_alias_that_still_answers_with_blue_fails(
    answers: Callable[..., None], run_check: Callable[..., Finding]
) -> None:
    answers("live", "7")
    answers("live", "6")
    finding = run_check("AfterAllowTraffic")
    assert finding.outcome is Outcome.FAIL
    assert "ExecutedVersion is" in finding.message


def test_an_error_of_the_function_fails(answers: Callable[..., None], run_check: Callable[..., Finding]) -> None:
    answers("7", "7", {"errorType": "KeyError"}, FunctionError="Unhandled")
    finding = run_check("BeforeAllowTraffic")
    assert (finding.outcome, "KeyError" in finding.message) == (Outcome.FAIL, True)


def test_an_answer_without_the_executed_version_fails(
    answers: Callable[..., None], run_check: Callable[..., Finding]
) -> None:
    answers("7", None)
    answers("7", None)
    assert run_check("BeforeAllowTraffic").outcome is Outcome.FAIL


def test_a_function_that_may_not_be_invoked_is_an_error(scripted: Any, run_check: Callable[..., Finding]) -> None:
    scripted.add_client_error("lambda", "invoke", "AccessDeniedException")
    finding = run_check("BeforeAllowTraffic")
    assert (finding.outcome, "lambda:InvokeFunction" in finding.message) == (Outcome.ERROR, True)


def test_green_passes_through_its_version_and_once_shifted_through_the_alias(
    answers: Callable[..., None], run_check: Callable[..., Finding]
) -> None:
    for qualifier in ("7", "7", "live", "live"):
        answers(qualifier, "7", {"v": 3})
    assert run_check("BeforeAllowTraffic", json={"v": 3}).outcome is Outcome.PASS
    assert run_check("AfterAllowTraffic").outcome is Outcome.PASS
