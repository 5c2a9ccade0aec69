"""Expectations of a body that does not exist, or that cannot be read, never hold, in particular negative ones."""

from __future__ import annotations

import importlib
import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome, Side
from tests.support.function_server import DEPLOYMENT, Functions
from tests.support.wire import answer, answering

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]

NEGATIVE: dict[str, dict[str, Any]] = {
    "json absent": {"json": {"error": {"exists": False}}},
    "json not": {"json": {"status": {"not": {"eq": "broken"}}}},
    "json of a function": {"json": {"length(errors || `[]`)": 0}},
    "xml absent": {"xml": {"//error": {"exists": False}}},
    "html absent": {"html": {".error": {"exists": False}}},
}
TEXTS: dict[str, dict[str, Any]] = {
    "body not": {"body": {"not": {"contains": "ERROR"}}},
    "bytes not": {"bytes": {"not": {"contains": "ff"}}},
    "sha256 not": {"sha256": {"ne": "ab" * 32}},
}
BODIES: dict[str, tuple[bytes, str]] = {
    "no body": (b"", "application/json"),
    "blank": (b"  ", "application/json"),
    "text": (b"fine", "text/plain"),
    "cut JSON": (b'{"status": "ok"', "application/json"),
    "two values": (b"{} {}", "application/json"),
    "duplicate key": (b'{"error": 1, "error": null}', "application/json"),
    "not UTF-8": (b'{"a": "\xff"}', "application/json"),
    "NaN": (b'{"a": NaN}', "application/json"),
    "null": (b"null", "application/json"),
    "JSON text": (b'"fine"', "application/json"),
    "number": (b"0", "application/json"),
}


@pytest.mark.parametrize("expectation", NEGATIVE)
@pytest.mark.parametrize("body", BODIES)
def test_body_that_cannot_be_read_meets_no_negative_expectation(check: Check, expectation: str, body: str) -> None:
    data, media_type = BODIES[body]
    with answering(answer(200, data, f"content-type: {media_type}")) as server:
        finding = check("http", {"get": "/", "expect": {"status": 200, **NEGATIVE[expectation]}}, server.url)
    assert finding.outcome is Outcome.FAIL, finding.message


@pytest.mark.parametrize("expectation", NEGATIVE | TEXTS)
@pytest.mark.parametrize("status", [204, 205, 304])
def test_status_without_a_body_meets_no_expectation_of_it(check: Check, expectation: str, status: int) -> None:
    expect = {"status": {"in": [200, status]}, **(NEGATIVE | TEXTS)[expectation]}
    with answering(f"HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n".encode()) as server:
        finding = check("http", {"get": "/", "expect": expect}, server.url)
    assert finding.outcome is Outcome.FAIL, finding.message


@pytest.mark.parametrize("expectation", NEGATIVE | TEXTS)
@pytest.mark.parametrize(
    "request_and_status",
    [({"head": "/"}, 200), ({"get": "/"}, 204), ({"get": "/"}, 205), ({"get": "/"}, 304)],
    ids=["HEAD", "204", "205", "304"],
)
def test_plan_that_expects_a_body_that_cannot_exist_is_refused(
    check: Check, expectation: str, request_and_status: tuple[dict[str, str], int]
) -> None:
    request, status = request_and_status
    expect = {"status": status, **(NEGATIVE | TEXTS)[expectation]}
    with pytest.raises(ValueError, match="has no body"):
        check("http", {**request, "expect": expect}, "http://127.0.0.1:1")


@pytest.mark.parametrize("key", ["expect", "written"])
def test_migration_that_expects_a_body_that_cannot_exist_is_refused(check: Check, key: str) -> None:
    plan: dict[str, Any] = {
        "write": {"head": "/r"},
        "read": {"head": "/r"},
        "clean_up": {"delete": "/r"},
        "capture": {"probe": "unique"},
        "expect": {"json": {"error": {"exists": False}}},
        key: {"json": {"error": {"exists": False}}},
    }
    with pytest.raises(ValueError, match="has no body"):
        check("migration", plan, "http://127.0.0.1:1", blue=Side(url="http://127.0.0.1:2"))


def test_cause_that_expects_a_body_that_cannot_exist_is_refused(check: Check) -> None:
    plan = {
        "cause": {"http": {"head": "/r"}, "expect": {"status": 200, "json": {"error": {"exists": False}}}},
        "see": {"dynamodb": {"table": "t", "key": {"id": "1"}}},
    }
    with pytest.raises(ValueError, match="has no body"):
        check("effect", plan, "http://127.0.0.1:1")


@pytest.mark.parametrize("event", [{}, {"event": {"api_gateway_v2": {"get": "/"}}}], ids=["payload", "http"])
@pytest.mark.parametrize("body", ["", "fine", '{"a": 1', None])
def test_answer_of_a_function_that_cannot_be_read_meets_no_negative_expectation(
    check: Check, event: dict[str, Any], body: str | None
) -> None:
    response = {"statusCode": 200, **({} if body is None else {"body": body})} if event else body
    with Functions({"7": lambda _event: response}) as functions:
        params = {**event, "expect": {"json": {"error": {"exists": False}}}}
        finding = check("lambda_invoke", params, aws=functions.aws(), deployment=DEPLOYMENT, version="7")
    assert finding.outcome is Outcome.FAIL, finding.message


def test_json_that_lacks_the_field_meets_the_expectation(check: Check) -> None:
    body = json.dumps({"status": "ok"}).encode()
    with answering(answer(200, body, "content-type: application/json")) as server:
        finding = check("http", {"get": "/", "expect": {"json": {"error": {"exists": False}}}}, server.url)
    assert finding.outcome is Outcome.PASS, finding.message


@pytest.mark.parametrize(
    ("kind", "effect", "query", "gap"),
    [
        ("queue.Queue", "fine", "error", "the text is not JSON"),
        ("queue.Queue", None, "error", "null has no fields"),
        ("queue.Queue", "fine", "contains(@, 'fine')", ""),
        ("queue.Queue", {"a": 1}, "error", ""),
        (
            "execution.Execution",
            {"status": "SUCCEEDED", "output": "cut {"},
            "output.error",
            "output is a text that is not JSON",
        ),
        ("execution.Execution", {"status": "RUNNING"}, "output.error", ""),
        ("s3_object.Object", {"size": 1, "text": "fine"}, "json.error", "the object is not json"),
        ("s3_object.Object", {"size": 1, "json": {}}, "text", "the object is not text"),
        ("s3_object.Object", {"size": 9}, "json.error", "the object is larger than 1 MiB"),
        ("s3_object.Object", {"size": 1, "json": {"a": 1}}, "json.error", ""),
        ("s3_object.Object", {"size": 9}, "size", ""),
    ],
)
def test_effect_that_cannot_be_read_shows_no_absence(kind: str, effect: Any, query: str, gap: str) -> None:
    module, _, name = kind.partition(".")
    place = getattr(importlib.import_module(f"validators._effects.{module}"), name)
    values = {"url": "u", "contains": "c", "state_machine": "s", "bucket": "b", "key": "k"}
    part = place(**{field: values[field] for field in place.__struct_fields__})
    assert part.gap(effect, query) == gap


@pytest.mark.parametrize(("text", "outcome"), [("null", Outcome.FAIL), ('"fine"', Outcome.FAIL), ("{}", Outcome.PASS)])
def test_message_without_fields_meets_no_negative_expectation(check: Check, text: str, outcome: Outcome) -> None:
    from websockets.sync.server import serve

    step = {"expect": {"json": {"error": {"exists": False}}}}
    with serve(lambda connection: connection.send(text), "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        port = server.socket.getsockname()[1]
        finding = check("websocket", {"steps": [step]}, f"http://127.0.0.1:{port}")
        server.shutdown()
        thread.join()
    assert finding.outcome is outcome, finding.message
