"""http: green answers as the plan expects, or the finding shows the difference."""

from __future__ import annotations

import base64
import email
import json
import re
import threading
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome, Side
from greenlight.core.routing_rules import RoutingRule, RuleCondition
from greenlight.network.client import MAX_BODY_BYTES
from tests.support.wire import Server, answer, answering, hang, sending, unused_port

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]

JSON = "content-type: application/json"


def json_answer(data: Any, status: int = 200, *headers: str) -> bytes:
    return answer(status, data if isinstance(data, bytes) else json.dumps(data).encode(), JSON, *headers)


def check_answer(check: Check, data: Any, expect: dict[str, Any], status: int = 200, **more: Any) -> Finding:
    """Check a server that answers with `data`."""
    with answering(json_answer(data, status)) as server:
        return check("http", {"get": "/x", "expect": expect, **more}, server.url)


# ---- Green is wrong


@pytest.mark.parametrize(
    ("data", "expect", "reason"),
    [
        ({}, {"status": 201}, "status is 200, expected 201"),
        ({}, {"status": {"in": [500, 503]}}, "status is 200"),
        ({"a": 1}, {"json": {"a": 2}}, "json a is 1, expected 2"),
        ({"a": 1}, {"json": {"a": True}}, "json a is 1, expected true"),
        ({"a": "1"}, {"json": {"a": 1}}, 'json a is "1", expected 1'),
        ({"a": None}, {"json": {"a": 0}}, "json a is null, expected 0"),
        ({}, {"json": {"a": None}}, "json a is (nothing found), expected null"),
        ({"a": {}}, {"json": {"a.b.c": {"exists": True}}}, "json a.b.c is (nothing found)"),
        ({"items": []}, {"json": {"length(items)": {"gte": 1}}}, "json length(items) is 0"),
        ({"items": []}, {"json": {"items": {"every": {"gt": 0}}}}, "json items is []"),
        ([1, 2], {"json": {"[5]": 1}}, "json [5] is (nothing found)"),
        ({"a": float("nan")}, {"json": {"a": {"lt": 1}}}, "json a is (nothing found)"),
        (b"<html>maintenance</html>", {"json": {"a": {"ne": 1}}}, "json a is (nothing found)"),
        (b"", {"json": {"a": {"not": {"eq": 1}}}}, "json a is (nothing found)"),
        (b'{"a": 1', {"json": {"a": 1}}, "json a is (nothing found)"),
        (b'{"a": 1} trailing', {"json": {"a": 1}}, "json a is (nothing found)"),
        (b"\xff\xfe{", {"json": {"a": 1}}, "json a is (nothing found)"),
        (b"[" * 100_000, {"json": {"a": 1}}, "json a is (nothing found)"),
        (b"hello", {"body": {"contains": "bye"}}, 'body is "hello"'),
        (b"hello", {"size": {"gt": "1KB"}}, "size is 5"),
        (b"hello", {"latency": {"lt": "0ms"}}, "latency (ms) is "),
        (b"hello", {"headers": {"x-release": "2"}}, "header x-release is (nothing found)"),
        (b"hello", {"headers": {"content-type": "text/html"}}, 'header content-type is "application/json"'),
    ],
)  # fmt: skip
def test_an_unexpected_answer_fails_and_shows_both_values(check: Check, data: Any, expect: Any, reason: str) -> None:
    finding = check_answer(check, data, expect)
    assert finding.outcome is Outcome.FAIL
    assert reason in finding.message
    assert "GET /x answered 200 in " in finding.message
    assert [item.passed for item in finding.evidence] == [False]


def test_the_start_of_the_body_is_shown(check: Check) -> None:
    finding = check_answer(check, b"Internal   error\n at line 5" + b"x" * 900, {"status": 200}, 500)
    assert "the body begins: Internal error at line 5xxx" in finding.message
    assert len(finding.message) < 400
    assert check_answer(check, b"", {"status": 200}, 500).message.endswith("the body is empty")


def test_green_that_does_not_answer_fails(check: Check) -> None:
    for script in (
        hang,
        lambda peer: peer.reset(),
        sending(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"),
        sending(b"garbage\r\n"),
    ):
        with Server(script) as server:
            finding = check("http", {"get": "/", "expect": {"status": 200}}, server.url, timeout_s=0.4)
            assert finding.outcome is Outcome.FAIL
    finding = check("http", {"get": "/", "expect": {"status": 200}}, f"http://127.0.0.1:{unused_port()}")
    assert (finding.outcome, "refuses connections" in finding.message) == (Outcome.FAIL, True)


@pytest.mark.parametrize(
    "expect", [{"json": {"a": {"exists": True}}}, {"body": {"contains": "x"}}, {"size": {"gt": "1B"}}]
)
def test_a_truncated_body_meets_no_expectation(check: Check, expect: dict[str, Any]) -> None:
    finding = check_answer(check, b"x" * (MAX_BODY_BYTES + 1), expect)
    seen = f"(nothing found): the body was cut after {MAX_BODY_BYTES} bytes"
    assert (finding.outcome, finding.evidence[0].actual) == (Outcome.FAIL, seen)


# ---- The check cannot be carried out


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"get": "http://elsewhere.test/"}, "AllowedHosts"),
        ({"get": "http://169.254.169.254/latest/meta-data"}, "AllowedHosts"),
        ({"get": "ftp://127.0.0.1/"}, "not an http or https URL"),
        ({"get": "/", "headers": {"X": "€"}}, "outside Latin-1"),
    ],
)
def test_a_request_that_cannot_be_sent_is_an_error_and_not_a_failure(
    check: Check, request_: dict[str, Any], reason: str
) -> None:
    with answering(answer(200)) as server:
        finding = check("http", {**request_, "expect": {"status": 200}}, server.url)
    assert finding.outcome is Outcome.ERROR
    assert reason in finding.message
    assert server.requests == []


def test_green_without_a_url_is_an_error_with_the_reason(check: Check) -> None:
    finding = check("http", {"get": "/", "expect": {"status": 200}}, "", no_url="the group has no test listener")
    assert (finding.outcome, finding.message) == (Outcome.ERROR, "the group has no test listener")


@pytest.mark.parametrize(
    "sent",
    [
        {"get": "/a/${id}"},
        {"get": "/a", "query": {"q": "${id}"}},
        {"get": "/a", "headers": {"x": "${id}"}},
        {"post": "/a", "body": {"json": {"x": "${id}"}}},
        {"post": "/a", "body": {"form": {"x": "${id}"}}},
    ],
)
def test_a_value_that_no_earlier_step_captured_sends_nothing(check: Check, sent: dict[str, Any]) -> None:
    steps = [{**sent, "expect": {"status": 200}}, {"get": "/b", "capture": {"id": "json.id"}}]
    with answering(json_answer({"id": 1})) as server:
        finding = check("http", {"steps": steps}, server.url)
    assert (finding.outcome, finding.message) == (Outcome.ERROR, "step 1: ${id} was not captured by an earlier step")
    assert server.requests == []


# ---- Parameters that are rejected before anything runs


WITHOUT_BODY: tuple[dict[str, Any], ...] = (
    {"body": {"not": {"contains": "ERROR"}}},
    {"body": {"ne": "ERROR"}},
    {"body": {"exists": False}},
    {"body": {"length": {"lte": 100}}},
    {"body": {"empty": False}},
    {"body": {"empty": True, "not": {"contains": "ERROR"}}},
    {"bytes": {"not": {"starts_with": "1f"}}},
    {"sha256": {"ne": "0" * 64}},
    {"size": {"lte": "64KiB"}},
    {"json": {"errors": {"exists": False}}},
    {"xml": {"//error": {"exists": False}}},
    {"html": {".error": {"exists": False}}},
)
"""Expectations that a response without a body must never pass, because they look at nothing."""


@pytest.mark.parametrize(
    ("raw_params", "reason"),
    [
        ({}, "exactly one of get, post"),
        ({"get": "/", "post": "/", "expect": {"status": 200}}, "exactly one of get, post"),
        ({"get": "/"}, "expects nothing"),
        *(
            ({"head": "/", "expect": {"status": 200, **expect}}, "a response to HEAD has no body")
            for expect in WITHOUT_BODY
        ),
        *(
            ({"get": "/", "expect": {"status": status, **expect}}, f"a response with status {status} has no body")
            for expect in WITHOUT_BODY
            for status in (204, 304)
        ),
        ({"steps": [{"head": "/", "expect": {"body": {"exists": False}}}]}, "a response to HEAD has no body"),
        ({"get": "/", "expect": {}}, "expect is empty"),
        ({"get": "/", "expect": {"status": {}}}, "an empty map expects nothing"),
        ({"get": "/", "expect": {"stauts": 200}}, "stauts"),
        ({"get": "/", "expect": {"json": {"a[": 1}}}, "JMESPath"),
        ({"get": "/", "expect": {"latency": 5}}, "duration"),
        ({"get": "/", "expect": {"size": "5"}}, "size"),
        ({"get": "/", "redirects": 21, "expect": {"status": 200}}, "20"),
        ({"get": "/", "redirects": -1, "expect": {"status": 200}}, "0"),
        ({"get": "/", "capture": {"a": "cookie.x"}}, "captures nothing"),
        ({"get": "/", "capture": {"a": "json.["}}, "JMESPath"),
        ({"post": "/", "body": {}, "expect": {"status": 200}}, "exactly one of json, text, form, base64, multipart"),
        ({"post": "/", "body": {"multipart": {}}, "expect": {"status": 200}}, "at least one field"),
        (
            {"post": "/", "body": {"multipart": {"a": {"filename": "b"}}}, "expect": {"status": 200}},
            "exactly one of text",
        ),
        (
            {"post": "/", "body": {"multipart": {"a": {"filename": "b", "base64": "@"}}}, "expect": {"status": 200}},
            "base64",
        ),
        (
            {
                "post": "/",
                "body": {"multipart": {"a": {"filename": "b", "text": "", "type": "a\r\nb"}}},
                "expect": {"status": 200},
            },
            "printable",
        ),
        ({"get": "/", "basic": {"user": "a:b", "password": "c"}, "expect": {"status": 200}}, "no colon"),
        (
            {
                "get": "/",
                "basic": {"user": "a", "password": "c"},
                "headers": {"Authorization": "x"},
                "expect": {"status": 200},
            },
            "remove one",
        ),
        *[
            ({"get": "/", "headers": {"x-a": value}, "expect": {"status": 200}}, "headers.x-a: a header has one line")
            for value in ("a\r\nx-b: c", "a\n", "a\rb", "a\0b")
        ],
        ({"get": "/", "headers": {"x\n-a": "b"}, "expect": {"status": 200}}, "a header has one line"),
        ({"get": "/a\0b", "expect": {"status": 200}}, "get: a path has no control characters"),
        ({"post": "/a\nb", "expect": {"status": 200}}, "post: a path has no control characters"),
        ({"post": "/", "body": {"text": "a", "json": 1}, "expect": {"status": 200}}, "exactly one of json, text"),
        ({"post": "/", "body": {"base64": "@@"}, "expect": {"status": 200}}, "base64 cannot be decoded"),
        ({"steps": []}, "expect"),
        ({"steps": [{"get": "/", "capture": {"a": "status"}}]}, "none of the steps expects"),
        ({"steps": [{"get": "/", "expect": {"status": 200}}], "get": "/"}, "steps cannot be combined"),
        ({"steps": [{"get": "/", "expect": {"status": 200}}], "headers": {"a": "b"}}, "steps cannot be combined"),
    ],
)
def test_invalid_parameters_are_rejected(check: Check, raw_params: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        check("http", raw_params, "http://127.0.0.1:1")


# ---- Green is right


@pytest.mark.parametrize(
    ("data", "expect"),
    [
        ({}, {"status": 200}),
        ({}, {"status": {"in": [200, 204]}}),
        ({"a": None}, {"json": {"a": None}}),
        ({}, {"json": {"a": {"exists": False}}}),
        ({"a": {"b": [1, 2]}}, {"json": {"a.b[1]": 2, "a": {"eq": {"b": [1, 2]}}, "length(a.b)": 2}}),
        ({"a": 1.0}, {"json": {"a": 1}}),
        (b"caf\xc3\xa9", {"body": {"contains": "café"}}),
        (b"hello", {"size": "5B", "latency": {"lt": "5s"}, "headers": {"Content-Type": {"contains": "json"}}}),
    ],
)
def test_an_answer_as_expected_passes(check: Check, data: Any, expect: Any) -> None:
    finding = check_answer(check, data, expect)
    assert finding.outcome is Outcome.PASS, finding.message
    assert finding.message.startswith("GET /x answered 200 in ")
    assert all(item.passed for item in finding.evidence)
    assert len(finding.evidence) >= 1


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "head", "options"])
def test_every_method_is_sent(check: Check, method: str) -> None:
    with answering(answer(204)) as server:
        finding = check(
            "http", {method: "/x?y=1", "query": {"z": ["a b", "ü"], "n": 1}, "expect": {"status": 204}}, server.url
        )
    assert finding.outcome is Outcome.PASS
    assert server.requests[0][0] == f"{method.upper()} /x?y=1&z=a+b&z=%C3%BC&n=1 HTTP/1.1"


@pytest.mark.parametrize(
    ("body", "sent", "media_type"),
    [
        ({"json": {"a": [1, None, "ü"]}}, b'{"a": [1, null, "\\u00fc"]}', "application/json"),
        ({"json": None}, b"null", "application/json"),
        ({"text": "hé"}, "hé".encode(), "text/plain; charset=utf-8"),
        ({"form": {"a": "b c", "n": 1.5}}, b"a=b+c&n=1.5", "application/x-www-form-urlencoded"),
        ({"base64": "AP8="}, b"\x00\xff", "application/octet-stream"),
        ({"text": ""}, b"", "text/plain; charset=utf-8"),
    ],
)
def test_every_kind_of_body_is_sent_with_its_type(
    check: Check, body: dict[str, Any], sent: bytes, media_type: str
) -> None:
    with answering(answer(200)) as server:
        check("http", {"post": "/", "body": body, "expect": {"status": 200}}, server.url)
        check(
            "http",
            {"post": "/", "body": body, "headers": {"content-type": "x/y"}, "expect": {"status": 200}},
            server.url,
        )
    assert [(headers["content-type"], data) for _, headers, data in server.requests] == [
        (media_type, sent),
        ("x/y", sent),
    ]


def test_fields_and_files_are_sent_as_multipart_form_data(check: Check) -> None:
    body = {
        "multipart": {
            "note": 'für "alle"',
            "count": 2,
            'a"b': {"filename": "ü.csv", "type": "text/csv", "text": "a,b\r\n"},
            "raw": {"filename": "x.bin", "base64": "AP8="},
        }
    }
    with answering(answer(200)) as server:
        for _ in range(2):
            check("http", {"post": "/", "body": body, "expect": {"status": 200}}, server.url)
    (_, headers, sent), (_, again, same) = server.requests
    assert (headers["content-type"], sent) == (again["content-type"], same)
    message = email.message_from_bytes(f"Content-Type: {headers['content-type']}\r\n\r\n".encode() + sent)
    parts = [part for part in message.walk() if not part.is_multipart()]
    assert [part.get_payload(decode=True) for part in parts] == ['für "alle"'.encode(), b"2", b"a,b\r\n", b"\0\xff"]
    assert [part.get_content_type() for part in parts[2:]] == ["text/csv", "application/octet-stream"]
    assert 'name="a%22b"; filename="ü.csv"'.encode() in sent


def test_a_file_may_contain_captured_values(check: Check) -> None:
    created = {"post": "/", "expect": {"status": 200}, "capture": {"id": "json.id"}}
    upload = {"multipart": {"f": {"filename": "${id}.txt", "text": "id ${id}"}, "n": "${id}"}}
    with answering(json_answer({"id": 7})) as server:
        check("http", {"steps": [created, {"post": "/", "body": upload, "expect": {"status": 200}}]}, server.url)
    sent = server.requests[1][2]
    assert b'filename="7.txt"' in sent
    assert b"\r\n\r\nid 7\r\n" in sent
    assert b"\r\n\r\n7\r\n" in sent


def test_basic_credentials_go_in_a_header_and_to_no_other_host(check: Check) -> None:
    with answering(answer(200)) as other:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        with answering(answer(302, b"", f"location: {elsewhere}/")) as server:
            asked = {"get": "/", "basic": {"user": "smoke", "password": "päss:word"}, "redirects": 1}
            check("http", {**asked, "expect": {"status": 200}}, server.url)
    assert server.requests[0][1]["authorization"] == f"Basic {base64.b64encode('smoke:päss:word'.encode()).decode()}"
    assert "authorization" not in other.requests[0][1]


def test_redirects_are_followed_up_to_the_limit(check: Check) -> None:
    with answering(answer(302, b"", "location: /b"), answer(200)) as server:
        assert check("http", {"get": "/a", "expect": {"status": 302}}, server.url).outcome is Outcome.PASS
    with answering(answer(302, b"", "location: /b"), answer(200)) as server:
        assert (
            check("http", {"get": "/a", "redirects": 1, "expect": {"status": 200}}, server.url).outcome is Outcome.PASS
        )


def test_a_path_uses_the_host_and_headers_of_greens_rule(check: Check) -> None:
    with answering(answer(200)) as server:
        green = {"host": "shop.test", "headers": {"X-Tenant": "smoke"}, "path_patterns": ("/shop/*",)}
        check("http", {"get": "/health", "expect": {"status": 200}}, server.url, **green)
    first, headers, _ = server.requests[0]
    assert (first, headers["host"], headers["x-tenant"]) == ("GET /shop/health HTTP/1.1", "shop.test", "smoke")


ABOVE = (RoutingRule(priority="5", conditions=(RuleCondition(field="path-pattern", values=("/api/*",)),)),)


def test_path_that_another_rule_takes_is_an_error_and_is_not_sent(check: Check) -> None:
    with answering(answer(200)) as server:
        finding = check("http", {"get": "/api/a", "expect": {"status": 200}}, server.url, rules_above=ABOVE)
    assert finding.outcome is Outcome.ERROR
    assert "rule 5 (/api/*) takes GET /api/a before green's rule" in finding.message
    assert server.requests == []


def test_redirect_to_a_path_that_another_rule_takes_is_an_error(check: Check) -> None:
    with answering(answer(302, b"", "location: /api/a"), answer(200)) as server:
        params = {"get": "/", "redirects": 1, "expect": {"status": 200}}
        finding = check("http", params, server.url, rules_above=ABOVE)
    assert finding.outcome is Outcome.ERROR
    assert "rule 5 (/api/*) may take /api/a" in finding.message or "takes /api/a before" in finding.message


def test_a_url_in_a_query_is_not_the_target(check: Check) -> None:
    with answering(answer(200)) as server:
        check("http", {"get": "/login?next=https://elsewhere.test/x", "expect": {"status": 200}}, server.url)
    assert server.requests[0][0] == "GET /login?next=https://elsewhere.test/x HTTP/1.1"


def test_only_green_gets_requests(check: Check) -> None:
    with answering(answer(200)) as green, answering(answer(200)) as blue:
        check("http", {"get": "/", "expect": {"status": 200}}, green.url, blue=Side(url=blue.url))
    assert (green.connections, blue.connections) == (1, 0)


# ---- Steps


def test_steps_pass_on_captured_values(check: Check) -> None:
    created = json_answer({"id": "a/b ü", "n": 7, "ok": True, "list": [1]}, 201, "Location: /orders/77", "X-Trace: t-1")
    steps = [
        {
            "post": "/orders",
            "body": {"json": {"sku": "A1"}},
            "expect": {"status": 201},
            "capture": {
                "id": "json.id",
                "n": "json.n",
                "ok": "json.ok",
                "to": "headers.Location",
                "code": "status",
                "all": "body",
            },
        },
        {
            "get": "/orders/${id}",
            "query": {"n": "${n}", "ok": "${ok}"},
            "headers": {"x-ok": "${ok}", "x-to": "at ${to}"},
            "expect": {"status": 200, "json": {"n": "${n}", "id": {"contains": "${id}"}}},
        },
        {"post": "/", "body": {"json": {"n": "${n}", "text": "n=${n}", "code": "${code}"}}, "expect": {"status": 200}},
        {"post": "/", "body": {"form": {"ok": "${ok}", "id": "${id}"}}, "expect": {"status": 200}},
        {"put": "/", "body": {"text": "${all}"}, "expect": {"status": 200}},
    ]
    with answering(created, json_answer({"n": 7, "id": "a/b ü"}), answer(200)) as server:
        finding = check("http", {"steps": steps}, server.url)
    assert finding.outcome is Outcome.PASS, finding.message
    assert finding.message.startswith("all 5 steps answered as expected; last PUT / answered 200")
    firsts = [first for first, _, _ in server.requests]
    assert firsts[1] == "GET /orders/a%2Fb%20%C3%BC?n=7&ok=true HTTP/1.1"
    assert (server.requests[1][1]["x-ok"], server.requests[1][1]["x-to"]) == ("true", "at /orders/77")
    assert json.loads(server.requests[2][2]) == {"n": 7, "text": "n=7", "code": 201}
    assert server.requests[3][2] == b"ok=true&id=a%2Fb+%C3%BC"
    assert json.loads(server.requests[4][2])["n"] == 7


def test_no_step_is_sent_after_the_first_that_fails(check: Check) -> None:
    steps = [{"get": f"/{n}", "expect": {"status": 200}} for n in range(1, 4)]
    with answering(answer(200), answer(500, b"broken")) as server:
        finding = check("http", {"steps": steps}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert finding.message.startswith("step 2: GET /2: status is 500, expected 200")
    assert len(server.requests) == 2
    assert [item.passed for item in finding.evidence] == [True, False]


@pytest.mark.parametrize(
    ("captured", "data"),
    [
        ("json.id", {}),
        ("json.id", b"not json"),
        ("headers.X-Id", {}),
        ("json[3]", [1]),
        ("body", b"x" * (MAX_BODY_BYTES + 1)),
    ],
)
def test_a_value_that_cannot_be_captured_fails_the_step(check: Check, captured: str, data: Any) -> None:
    steps = [{"get": "/1", "capture": {"id": captured}}, {"get": "/${id}", "expect": {"status": 200}}]
    with answering(json_answer(data)) as server:
        finding = check("http", {"steps": steps}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert f"capture id: {captured} is (nothing found)" in finding.message
    assert len(server.requests) == 1


def test_a_captured_text_cannot_leave_its_place_in_the_path(check: Check) -> None:
    for evil in ("../../admin", "x?admin=1", "x#y", "//evil.test/", "a\r\nX-Injected: 1", "http://evil.test/"):
        steps = [{"get": "/1", "capture": {"id": "json.id"}}, {"get": "/o/${id}/end", "expect": {"status": 200}}]
        with answering(json_answer({"id": evil}), answer(200)) as server:
            check("http", {"steps": steps}, server.url)
        first, headers, _ = server.requests[1]
        assert first.startswith("GET /o/")
        assert first.endswith("/end HTTP/1.1")
        assert first.count("/") == 4, "two of the path, one of the id's place, one of HTTP/1.1"
        assert "x-injected" not in headers


def test_a_captured_text_with_a_line_break_does_not_become_a_header(check: Check) -> None:
    steps = [
        {"get": "/1", "capture": {"id": "json.id"}},
        {"get": "/2", "headers": {"x": "${id}"}, "expect": {"status": 200}},
    ]
    with answering(json_answer({"id": "a\r\nX-Injected: 1"})) as server:
        finding = check("http", {"steps": steps}, server.url)
    assert (finding.outcome, len(server.requests)) == (Outcome.ERROR, 1)


def test_a_request_that_only_captures_is_inconclusive(check: Check) -> None:
    with answering(json_answer({"a": 1})) as server:
        assert check("http", {"get": "/", "capture": {"a": "json.a"}}, server.url).outcome is Outcome.INCONCLUSIVE


def test_all_steps_share_the_time_of_the_attempt(check: Check) -> None:
    def slow(peer: Any) -> None:
        while True:
            peer.request()
            threading.Event().wait(0.25)
            peer.send(answer(200))

    with Server(slow) as server:
        steps = [{"get": f"/{n}", "expect": {"status": 200}} for n in range(5)]
        finding = check("http", {"steps": steps}, server.url, timeout_s=0.6)
    assert finding.outcome is Outcome.FAIL
    assert re.search(r"timed out after 0\.\d+ s before a complete response arrived$", finding.message)
