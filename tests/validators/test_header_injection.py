"""Line breaks in texts of a plan, of a document or of green's responses never reach green as headers or requests."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, GreenlightError, Outcome, Side
from greenlight.network.request_target import resolve_request
from tests.support.wire import answer, answering

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.wire import Server

BREAK = "a\r\nX-Injected: yes\r\n\r\nGET /injected HTTP/1.1"
HEADERS = {"x-trace": BREAK}
STATUS = {"expect": {"status": 200}}
JSON = answer(
    200, json.dumps({"status": "ok", "token": BREAK, "data": {"a": 1}}).encode(), "content-type: application/json"
)

OPENAPI = {
    "openapi": "3.1.0",
    "paths": {
        "/orders/{id}": {
            "get": {
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "example": BREAK},
                    {"name": "q", "in": "query", "required": True, "example": BREAK},
                    {"name": "x-trace", "in": "header", "required": True, "example": BREAK},
                ],
                "responses": {"200": {"description": "ok"}},
            }
        }
    },
}

REQUEST: dict[str, Any] = {"get": "/", "headers": HEADERS}
PLANS: list[tuple[str, dict[str, Any]]] = [
    ("http", {**REQUEST, **STATUS}),
    ("http", {"get": f"/{BREAK}", **STATUS}),
    ("http", {"get": "/", "basic": {"user": BREAK, "password": BREAK}, **STATUS}),
    ("http", {"post": "/", "body": {"multipart": {BREAK: {"filename": BREAK, "text": "a"}}}, **STATUS}),
    ("http", {"post": "/", "body": {"multipart": {"f": {"filename": "a", "type": BREAK, "text": "a"}}}, **STATUS}),
    ("graphql", {"query": "{a}", "headers": HEADERS}),
    ("graphql", {"query": "{a}", "path": f"/{BREAK}"}),
    ("load", {"paths": ["/"], "headers": HEADERS, "requests": 2, "minimum_samples": 1, "warm_up": 0}),
    ("load", {"paths": [f"/{BREAK}"], "requests": 2, "minimum_samples": 1, "warm_up": 0}),
    ("compare", {"requests": [REQUEST]}),
    ("compare", {"requests": [f"/{BREAK}"]}),
    ("openapi", {"text": json.dumps(OPENAPI)}),
    ("openapi", {"text": json.dumps(OPENAPI), "headers": HEADERS}),
    ("openapi", {"document": f"/{BREAK}"}),
    ("serves_green", {"path": f"/{BREAK}"}),
    ("serves_green", {"path": "/", "headers": HEADERS}),
    ("websocket", {"headers": HEADERS}),
    ("websocket", {"path": f"/{BREAK}"}),
    ("websocket", {"subprotocols": [BREAK]}),
    ("grpc_health", {"metadata": HEADERS}),
]

CAPTURED: list[dict[str, Any]] = [
    {"get": "/", "headers": {"x-trace": "${token}"}},
    {"get": "/${token}"},
    {"get": "/", "query": {"q": "${token}"}},
    {"get": "/", "basic": {"user": "${token}", "password": "${token}"}},
    {"post": "/", "body": {"form": {"f": "${token}"}}},
    {"post": "/", "body": {"multipart": {"f": {"filename": "${token}", "text": "a"}}}},
]


def _assert_no_injection(server: Server) -> None:
    for first, headers, _ in server.requests:
        assert not first.startswith("GET /injected")
        assert "x-injected" not in headers


@pytest.mark.parametrize(("name", "plan"), PLANS, ids=[f"{name}-{number}" for number, (name, _) in enumerate(PLANS)])
def test_line_break_of_a_plan_does_not_reach_green(
    check: Callable[..., Finding], name: str, plan: dict[str, Any]
) -> None:
    with answering(JSON) as server:
        with contextlib.suppress(ValueError):  # the plan itself is refused
            check(name, plan, server.url, blue=Side(url=server.url), timeout_s=2.0)
        _assert_no_injection(server)


@pytest.mark.parametrize("step", CAPTURED, ids=[str(number) for number in range(len(CAPTURED))])
def test_line_break_of_a_captured_value_does_not_reach_green(
    check: Callable[..., Finding], step: dict[str, Any]
) -> None:
    first = {"get": "/", "expect": {"status": 200}, "capture": {"token": "json.token"}}
    with answering(JSON) as server:
        check("http", {"steps": [first, {**step, **STATUS}]}, server.url)
        assert server.requests
        _assert_no_injection(server)


def test_captured_value_with_a_line_break_in_a_header_does_not_pass(check: Callable[..., Finding]) -> None:
    first = {"get": "/", "expect": {"status": 200}, "capture": {"token": "json.token"}}
    second = {"get": "/", "headers": {"x-trace": "${token}"}, **STATUS}
    with answering(JSON) as server:
        finding = check("http", {"steps": [first, second]}, server.url)
    assert finding.outcome is Outcome.ERROR
    assert "the header x-trace cannot be sent" in finding.message


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_target_of_any_protocol_refuses_a_header_with_a_line_break(method: str) -> None:
    with pytest.raises(GreenlightError, match="x-trace cannot be sent"):
        resolve_request(Side(url="http://green.test"), "/", HEADERS, method)


def test_target_refuses_a_header_of_a_foreign_url_with_a_line_break() -> None:
    with pytest.raises(GreenlightError, match="x-trace cannot be sent"):
        resolve_request(Side(), "ws://other.test/", HEADERS)


@pytest.mark.parametrize("path", [f"/{BREAK}", f"http://other.test/{BREAK}", "/a\0", "/\x85"])
def test_target_of_any_protocol_refuses_a_path_with_control_characters(path: str) -> None:
    with pytest.raises(GreenlightError, match="contains control characters"):
        resolve_request(Side(url="http://green.test"), path, {})
