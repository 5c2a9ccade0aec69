"""http: all expectations of a response, and values that must not be shown; against real servers."""

from __future__ import annotations

import datetime
import hashlib
import re
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme

from greenlight.api import Finding, Outcome, Side
from greenlight.network.client import MAX_BODY_BYTES
from greenlight.testing import HttpServer, context_for, ecs_deployment, load_validator, run_check
from tests.support.wire import Server, answer, answering, sending

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Check = Callable[..., Finding]

XML = b'<order xmlns="urn:o"><id>7</id><item>Pen</item><item>Ink</item></order>'
HTML = b"<h1>Good <b>morning</b></h1><ul><li>Pen<li>Ink</ul><input name=csrf value=t0k3n>"
COOKIES = (
    "set-cookie: session=0123456789abcdef; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=3600",
    "set-cookie: lang=de; Domain=.shop.example; Expires=Wed, 09 Jun 2100 10:18:14 GMT",
)


def check_answer(check: Check, response: bytes, expect: dict[str, Any], **more: Any) -> Finding:
    """Check a server that sends this response."""
    with answering(response) as server:
        return check("http", {"get": "/x", "expect": expect, **more}, server.url)


def text_of_case(item: Any) -> str:
    """Return the id of a case: its texts alone, because responses are long."""
    return item if isinstance(item, str) else ""


def page(body: bytes, media_type: str = "text/html", *headers: str) -> bytes:
    return answer(200, body, f"content-type: {media_type}", *headers)


# ---- Green is wrong


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize(
    "expect",
    [
        {"body": {"not": {"contains": "ERROR"}}},
        {"body": {"ne": "ERROR"}},
        {"bytes": {"not": {"starts_with": "1f"}}},
        {"sha256": {"ne": "0" * 64}},
        {"size": {"lte": "64KiB"}},
        {"json": {"errors": {"exists": False}}},
        {"xml": {"//error": {"exists": False}}},
        {"html": {".error": {"exists": False}}},
    ],
)
def test_response_without_a_body_passes_no_negative_expectation_of_it(
    check: Check, expect: dict[str, Any], status: int
) -> None:
    response = f"HTTP/1.1 {status} Said\r\ncontent-type: text/html\r\n\r\n".encode()
    finding = check_answer(check, response, {"status": {"lt": 400}, **expect})
    assert finding.outcome is Outcome.FAIL
    assert f"a response with status {status} has no body" in finding.message


@pytest.mark.parametrize("expect", [{"body": ""}, {"body": {"empty": True}}, {"body": {"length": 0}}, {"size": "0B"}])
def test_empty_body_may_be_expected_of_a_response_without_one(check: Check, expect: dict[str, Any]) -> None:
    response = b"HTTP/1.1 204 Said\r\n\r\n"
    assert check_answer(check, response, {"status": 204, **expect}).outcome is Outcome.PASS
    assert check_answer(check, answer(200), {"status": 200, **expect}).outcome is Outcome.PASS
    with answering(b"HTTP/1.1 200 Said\r\ncontent-length: 5\r\n\r\n") as server:
        raw_params = {"head": "/", "expect": {"status": 200, **expect}}
        assert check("http", raw_params, server.url).outcome is Outcome.PASS


@pytest.mark.parametrize("expectation", ["ok", {"not": {"eq": "broken"}}, {"exists": True}, {"ne": "x"}])
@pytest.mark.parametrize(
    "body",
    [b'{"status":"broken","status":"ok"}', b'{"status":"ok","list":[{"a":1,"a":2}]}', b'{"status":"ok","status":"ok"}'],
)
def test_body_that_repeats_a_json_key_passes_nothing(check: Check, body: bytes, expectation: Any) -> None:
    finding = check_answer(check, answer(200, body), {"status": 200, "json": {"status": expectation}})
    assert finding.outcome is Outcome.FAIL
    assert "twice in one object" in finding.message


def test_filter_does_not_read_json_that_repeats_a_key(check: Check) -> None:
    body = rb'{"inner":"{\"a\":1,\"a\":2}"}'
    expect = {"json": {"inner": {"filters": ["json"], "eq": {"a": 2}}}}
    finding = check_answer(check, answer(200, body), expect)
    assert (finding.outcome, "has the JSON key 'a' twice" in finding.message) == (Outcome.FAIL, True)


@pytest.mark.parametrize(
    ("response", "expect", "reason"),
    [
        (answer(200), {"reason": "OK"}, 'reason is "Said", expected "OK"'),
        (answer(200), {"version": "1.0"}, 'version is "1.1", expected "1.0"'),
        (answer(200), {"version": "2"}, 'version is "1.1"'),
        (answer(200), {"version": 1.1}, 'version is "1.1"'),
        (answer(200), {"url": {"ends_with": "/y"}}, "url is "),
        (answer(200), {"hops": {"length": 1}}, "hops is []"),
        (answer(200), {"hops": {"every": {"contains": "http"}}}, "hops is []"),
        (answer(200, b"", "x: 1", "X: 2"), {"headers": {"x": "1"}}, 'header x is "1, 2"'),
        (answer(200, b"", "x: 1", "X: 2"), {"header_values": {"x": ["2", "1"]}}, 'header values x is ["1","2"]'),
        (answer(200), {"header_values": {"x": {"length": 0}}}, "header values x is (nothing found)"),
        (answer(200, b"ab"), {"bytes": "61"}, 'bytes is "61 62"'),
        (answer(200, b"\x1a\xb2"), {"bytes": {"contains": "ab"}}, 'bytes is "1a b2"'),
        (answer(200, b"ab"), {"sha256": {"starts_with": "0000"}}, 'sha256 is "fb8e'),
        (answer(200), {"tls": {"days_left": {"gte": -9999}}}, "tls days_left is (nothing found)"),
        (answer(200), {"timings": {"tls": {"lt": "1h"}}}, "tls (ms) is (nothing found)"),
        (answer(200), {"timings": {"first_byte": {"lt": "0ms"}}}, "first byte (ms) is "),
        (answer(200), {"timings": {"total": {"lt": "0ms"}}}, "total (ms) is "),
        (page(HTML), {"html": {"h1": "Good morning"}}, 'html h1 is ["Good morning"], expected "Good morning"'),
        (page(HTML), {"html": {"h2": {"length": 0}}}, "html h2 is (nothing found)"),
        (page(HTML), {"html": {"li": {"every": {"starts_with": "P"}}}}, 'html li is ["Pen","Ink"]'),
        (page(XML), {"xml": {"//item": {"length": 2}}}, "xml //item is (nothing found)"),
        (page(XML), {"xml": {"//o:item": {"length": 3}}, "namespaces": {"o": "urn:o"}}, 'is ["Pen","Ink"]'),
        (page(XML), {"xml": {"//o:item": {"length": 2}}, "namespaces": {"o": "urn:p"}}, "is (nothing found)"),
        (answer(200, b"", *COOKIES), {"cookies": {"gone": {"exists": True}}}, 'cookie gone is "not set"'),
        (answer(200, b"", *COOKIES), {"cookies": {"lang": {"exists": False}}}, 'cookie lang is "set"'),
        (answer(200, b"", *COOKIES), {"cookies": {"LANG": {"value": "de"}}}, "cookie LANG value is (nothing found)"),
        (
            answer(200, b"", *COOKIES),
            {"cookies": {"lang": {"value": "en"}}},
            'cookie lang value is "de", expected "en"',
        ),
        (answer(200, b"", *COOKIES), {"cookies": {"lang": {"secure": True}}}, "cookie lang secure is false"),
        (answer(200, b"", *COOKIES), {"cookies": {"gone": {"secure": False}}}, "secure is (nothing found)"),
        (answer(200, b"", *COOKIES), {"cookies": {"lang": {"same_site": {"ne": "Lax"}}}}, "is (nothing found)"),
        (answer(200, b"", *COOKIES), {"cookies": {"session": {"max_age": {"lte": "30m"}}}}, "max_age (ms) is 3600000"),
        (answer(200, b"", *COOKIES), {"cookies": {"session": {"domain": {"ne": "x"}}}}, "is (nothing found)"),
        (
            answer(200, b"", "set-cookie: a=1; path=/x; secure", "set-cookie: a=2; path=/"),
            {"cookies": {"a": {"secure": True}}},
            "cookie a secure is false",
        ),
    ],
    ids=text_of_case,
)
def test_an_unexpected_response_fails_and_shows_both_values(
    check: Check, response: bytes, expect: Any, reason: str
) -> None:
    finding = check_answer(check, response, expect)
    assert finding.outcome is Outcome.FAIL
    assert reason in finding.message
    assert all(item.where == "GET /x" for item in finding.evidence)


LONG = page(b"<p>x</p>" + b" " * MAX_BODY_BYTES)


@pytest.mark.parametrize(
    ("response", "expect", "reason"),
    [
        (page(b"not json"), {"json": {"error": {"exists": False}}}, "the body is not JSON"),
        (LONG, {"json": {"error": {"exists": False}}}, "the body was cut"),
        (LONG, {"html": {".error": {"exists": False}}}, "the body was cut"),
        (LONG, {"xml": {"//error": {"exists": False}}}, "the body was cut"),
        (LONG, {"body": {"not": {"contains": "error"}}}, "the body was cut"),
        (LONG, {"bytes": {"exists": False}}, "the body was cut"),
        (LONG, {"sha256": {"exists": False}}, "the body was cut"),
        (LONG, {"size": {"gt": "1B"}}, "the body was cut"),
        (page(b"{}", "application/json"), {"html": {".error": {"exists": False}}}, "Content-Type is application/json"),
        (answer(200, b"<p>"), {"html": {".error": {"exists": False}}}, "Content-Type is missing"),
        (page(b""), {"html": {".error": {"exists": False}}}, "the body is not HTML"),
        (page(b"<a>"), {"xml": {"//error": {"exists": False}}}, "the body is not XML"),
        (page(b"\xe9"), {"body": {"exists": False}}, "the body is not text in utf-8"),
        (page(b"\xe9"), {"body": {"not": {"contains": "error"}}}, "the body is not text in utf-8"),
        (page(b"x", "text/html; charset=rot13"), {"body": "k"}, "the charset rot13 is not supported"),
        (page(b"x", "text/html; charset=punycode"), {"html": {"a": {"exists": False}}}, "the charset punycode"),
        (page(b"x", "text/plain; charset=utf-16"), {"body": {"exists": True}}, "the body is not text in utf-16"),
    ],
    ids=text_of_case,
)
def test_an_unreadable_body_meets_no_expectation_and_not_even_exists_false(
    check: Check, response: bytes, expect: Any, reason: str
) -> None:
    finding = check_answer(check, response, expect)
    assert finding.outcome is Outcome.FAIL
    assert " is (nothing found): " in finding.message
    assert reason in finding.message


# ---- Parameters that are rejected before anything runs


@pytest.mark.parametrize(
    ("raw_params", "reason"),
    [
        ({"expect": {"timings": {}}}, "nothing is expected"),
        ({"expect": {"timings": {"dns": 5}}}, "duration"),
        ({"expect": {"tls": {}}}, "nothing is expected"),
        ({"expect": {"tls": {"sans": "x"}}}, "unknown key 'sans'"),
        ({"expect": {"cookies": {"a": {}}}}, "write at least exists: true"),
        ({"expect": {"cookies": {"a": {"exists": False, "value": "b"}}}}, "must not exist"),
        ({"expect": {"cookies": {"a": {"max_age": 5}}}}, "duration"),
        ({"expect": {"cookies": {"a": {"httponly": True}}}}, "http_only"),
        ({"expect": {"namespaces": {"o": "urn:o"}}}, "expect is empty"),
        ({"expect": {"status": 200, "namespaces": {"": "urn:o"}}}, "needs a prefix and a URI"),
        ({"expect": {"xml": {"//o:item": "x"}}}, "the prefix 'o' is not defined"),
        ({"expect": {"xml": {"//item[": "x"}}}, "not a valid XPath expression"),
        ({"expect": {"html": {"li >": "x"}}}, "not a valid CSS selector"),
        ({"expect": {"sha256": "FB8E"}}, "64 digits"),
        ({"expect": {"status": 200}, "cookies": "keep"}, "this is the only one"),
        ({"expect": {"status": 200}, "cookies": "drop"}, "keep"),
        ({"capture": {"a": "cookies."}}, "captures nothing"),
        ({"capture": {"a": "headers"}}, "captures nothing"),
        ({"capture": {"a": "xml.//o:id"}}, "the prefix 'o'"),
        ({"capture": {"a": "html.li >"}}, "not a valid CSS selector"),
        ({"capture": {"a": "regex.("}}, "not a valid pattern"),
        ({"capture": {"a": "regex.(a)(b)"}}, "several groups"),
    ],
)
def test_invalid_parameters_are_rejected(check: Check, raw_params: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        check("http", {"get": "/", **raw_params}, "http://127.0.0.1:1")


# ---- Green is right


@pytest.mark.parametrize(
    ("response", "expect"),
    [
        (
            answer(200),
            {"reason": "Said", "version": "1.1", "url": {"matches": "^http://127.0.0.1:[0-9]+/x$"}, "hops": []},
        ),
        (b"HTTP/1.0 200 \r\n\r\n", {"version": "1.0", "reason": {"exists": False}}),
        (answer(200, b"", "x: 1", "X: 2, 3"), {"headers": {"x": "1, 2, 3"}, "header_values": {"x": ["1", "2, 3"]}}),
        (answer(200, b"", *COOKIES), {"header_values": {"set-cookie": {"length": 2}}}),
        (answer(200, b"\x89PNG"), {"bytes": "89 50 4e 47", "sha256": hashlib.sha256(b"\x89PNG").hexdigest()}),
        (answer(200), {"bytes": "", "size": "0B", "body": ""}),
        (answer(200), {"timings": {"dns": {"lt": "2s"}, "connect": {"lt": "2s"}, "first_byte": {"lt": "2s"}}}),
        (page(HTML), {"html": {"h1": ["Good morning"], "li": {"contains": "Ink"}, "input@value": ["t0k3n"]}}),
        (page(HTML), {"html": {"count(//li)": 2, ".error": {"exists": False}}}),
        (
            page(XML, "text/xml"),
            {"xml": {"//o:item": {"length": 2}, "string(//o:id)": "7"}, "namespaces": {"o": "urn:o"}},
        ),
        (page(b"caf\xe9", "text/plain; charset=ISO-8859-1"), {"body": "café"}),
        (page(b"caf\xe9", 'text/plain; x=y; Charset="latin1"'), {"body": "café"}),
        (page("猫".encode("shift_jis"), "text/plain; charset=Shift_JIS"), {"body": "猫"}),
        (page(b"\xef\xbb\xbfa"), {"body": "a", "bytes": {"starts_with": "ef bb bf"}}),
        (page(b'{"a": "\xc3\xa9"}', "application/json; charset=iso-8859-1"), {"json": {"a": "é"}}),
        (
            answer(200, b"", *COOKIES),
            {
                "cookies": {
                    "session": {
                        "exists": True,
                        "value": {"length": 16},
                        "path": "/",
                        "secure": True,
                        "http_only": True,
                        "same_site": "Lax",
                        "max_age": {"gte": "30m", "lte": "1h"},
                        "domain": {"exists": False},
                    },
                    "lang": {
                        "value": "de",
                        "domain": "shop.example",
                        "expires": "2100-06-09T10:18:14Z",
                        "secure": False,
                    },
                    "gone": {"exists": False},
                }
            },
        ),
    ],
    ids=text_of_case,
)
def test_an_answer_as_expected_passes(check: Check, response: bytes, expect: Any) -> None:
    with Server(sending(response)) as server:
        finding = check("http", {"get": "/x", "expect": expect}, server.url)
    assert finding.outcome is Outcome.PASS, finding.message


def test_url_and_hops_are_those_of_the_redirects(check: Check) -> None:
    expect = {"url": {"ends_with": "/c"}, "hops": {"length": 2, "any": {"ends_with": "/x"}}}
    with answering(answer(302, b"", "location: /b"), answer(301, b"", "location: /c"), answer(200)) as server:
        finding = check("http", {"get": "/x", "redirects": 3, "expect": expect}, server.url)
    assert finding.outcome is Outcome.PASS, finding.message
    assert finding.evidence[1].actual == [f"{server.url}/x", f"{server.url}/b"]


# ---- The connection


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """Certificate authority that this process trusts."""
    new_authority = trustme.CA()
    new_authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    return new_authority


def secured(authority: trustme.CA, days: float) -> Server:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    until = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=days, hours=1)
    authority.issue_cert("localhost", not_after=until, common_name="localhost").configure_cert(context)
    return answering(answer(200), tls=context)


def test_a_certificate_that_ends_too_soon_fails(check: Check, authority: trustme.CA) -> None:
    with secured(authority, 10) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        finding = check("http", {"get": "/", "expect": {"tls": {"days_left": {"gte": 30}}}}, url)
    assert finding.outcome is Outcome.FAIL
    assert 'tls days_left is 10, expected {"gte":30}' in finding.message


def test_the_certificate_and_the_time_of_the_handshake_can_be_checked(check: Check, authority: trustme.CA) -> None:
    expect = {
        "tls": {
            "subject": {"starts_with": "CN=localhost"},
            "issuer": {"contains": "trustme"},
            "names": ["localhost"],
            "days_left": 90,
            "version": {"in": ["TLSv1.2", "TLSv1.3"]},
            "cipher": {"exists": True},
        },
        "timings": {"tls": {"between": ["0ms", "2s"]}, "connect": {"lt": "2s"}, "total": {"lt": "3s"}},
    }
    steps = [{"get": "/", "expect": {"status": 200}}, {"get": "/", "expect": expect}, {"get": "/", "expect": expect}]
    with secured(authority, 90) as server:
        finding = check("http", {"steps": steps}, server.url.replace("127.0.0.1", "localhost"))
    assert finding.outcome is Outcome.PASS, finding.message
    assert server.connections == 3


@pytest.mark.parametrize(
    ("expect", "connections"),
    [
        ({"status": 200, "latency": {"lt": "5s"}}, 1),
        ({"timings": {"first_byte": {"lt": "5s"}}}, 1),
        ({"timings": {"total": {"lt": "5s"}}}, 3),
    ],
)
def test_only_connection_timings_open_a_new_connection(check: Check, expect: dict[str, Any], connections: int) -> None:
    with answering(answer(200)) as server:
        finding = check("http", {"steps": [{"get": "/", "expect": expect}] * 3}, server.url)
    assert finding.outcome is Outcome.PASS, finding.message
    assert server.connections == connections


# ---- Values that are not shown


@pytest.mark.parametrize(
    "expect",
    [
        {"cookies": {"session": {"value": {"length": 4}}}},
        {"cookies": {"session": {"value": {"matches": "^x"}}}},
        {"headers": {"set-cookie": {"contains": "Strict"}}},
        {"header_values": {"Set-Cookie": {"length": 5}}},
        {"cookies": {"session": {"value": {"filters": ["upper"], "matches": "^x"}}}},
        {"cookies": {"session": {"value": {"filters": ["trim"], "eq": "x"}}}},
        {"cookies": {"session": {"value": {"ne": "x", "length": 4}}}},
        {"headers": {"set-cookie": {"filters": ["trim"], "eq": "x"}}},
    ],
)
def test_the_value_of_a_cookie_is_checked_and_not_shown(check: Check, expect: dict[str, Any]) -> None:
    finding = check_answer(check, answer(200, b"", *COOKIES), expect)
    assert finding.outcome is Outcome.FAIL
    assert "0123456789abcdef" not in f"{finding}"
    assert "***" in finding.message


def test_a_header_is_shown_with_the_names_and_attributes_of_its_cookies(check: Check) -> None:
    finding = check_answer(check, answer(200, b"", *COOKIES), {"headers": {"set-cookie": "x"}})
    assert "session=***; Path=/; Secure; HttpOnly" in finding.message


@pytest.mark.parametrize("name", ["token", "csrf", "session_id"])
def test_a_captured_token_is_shown_nowhere(name: str) -> None:
    def green(_method: str, path: str, _body: bytes) -> Any:
        return 200, {}, {"access": "q7Rz81kL", "path": path}

    steps = [
        {"get": "/login", "expect": {"json": {"access": {"exists": True}}}, "capture": {name: "json.access"}},
        {"get": f"/orders?t=${{{name}}}", "expect": {"json": {"access": "other", "path": {"ends_with": "x"}}}},
    ]
    with HttpServer(green) as service, context_for(ecs_deployment(green=Side(url=service.url))) as context:
        finding = run_check(load_validator("http"), {"steps": steps}, context)
    assert finding.outcome is Outcome.FAIL
    assert "q7Rz81kL" not in f"{finding}"
    assert "/orders?t=***" in finding.message


# ---- Captures


@pytest.mark.parametrize(
    ("source", "response", "value"),
    [
        ("url", answer(200), "/x"),
        ("cookies.session", answer(200, b"", *COOKIES), "0123456789abcdef"),
        ("html.input[name=csrf]@value", page(HTML), "t0k3n"),
        ("html.h1", page(HTML), "Good morning"),
        ("html.count(//li)", page(HTML), "2"),
        ("xml.//*[local-name()='id']", page(XML), "7"),
        ("xml.//o:id", page(XML), "7"),
        ("regex.value=([a-z0-9]+)", page(HTML), "t0k3n"),
        ("regex.t0[a-z0-9]+", page(HTML), "t0k3n"),
        ("json[1]", answer(200, b"[1, 2]"), "2"),
        ("body", page(b"caf\xe9", "text/plain; charset=latin-1"), "café"),
    ],
    ids=text_of_case,
)
def test_a_later_step_uses_captured_values(check: Check, source: str, response: bytes, value: str) -> None:
    first = {"get": "/x", "capture": {"it": source}, "expect": {"status": 200, "namespaces": {"o": "urn:o"}}}
    with answering(response, answer(200)) as server:
        finding = check(
            "http", {"steps": [first, {"post": "/", "body": {"text": "${it}"}, "expect": {"status": 200}}]}, server.url
        )
    assert finding.outcome is Outcome.PASS, finding.message
    assert server.requests[1][2].decode().endswith(value)


@pytest.mark.parametrize(
    ("source", "response"),
    [
        ("cookies.gone", answer(200, b"", *COOKIES)),
        ("cookies.a", answer(200, b"", "set-cookie: a=1", "set-cookie: a=2; path=/x")),
        ("html.li", page(HTML)),
        ("html.h2", page(HTML)),
        ("html.h1", page(HTML, "text/plain")),
        ("xml.//o:item", page(XML)),
        ("xml.//id", page(b"<a>")),
        ("regex.nothing", page(HTML)),
        ("regex.Good(x)?", page(HTML)),
        ("regex.(a+)+$", page(b"a" * 5000 + b"b")),
        ("regex.x", page(b"\xe9x")),
        ("body", page(b"\xe9")),
    ],
    ids=text_of_case,
)
def test_a_missing_or_ambiguous_value_is_not_captured(check: Check, source: str, response: bytes) -> None:
    expect = {"status": 200, "namespaces": {"o": "urn:o"}}
    finding = check_answer(check, response, expect, capture={"it": source})
    assert (finding.outcome, finding.evidence[-1].query) == (Outcome.FAIL, f"capture it: {source}")


# ---- Cookies


def test_cookies_are_discarded_by_default(check: Check) -> None:
    steps = [{"get": "/", "expect": {"status": 200}}] * 2
    with answering(answer(200, b"", "set-cookie: a=b")) as server:
        check("http", {"steps": steps}, server.url)
    assert "cookie" not in server.requests[1][1]


def test_kept_cookies_go_with_later_steps_and_across_redirects(check: Check) -> None:
    login = {"post": "/login", "body": {"form": {"user": "smoke"}}, "redirects": 2, "expect": {"status": 200}}
    with answering(
        answer(302, b"", "location: /home", "set-cookie: session=1; path=/"),
        answer(200, b"", "set-cookie: seen=2; path=/"),
        answer(200),
    ) as server:
        own = {"get": "/", "headers": {"Cookie": "mine=3"}, "expect": {"status": 200}}
        plain = {"get": "/orders", "expect": {"status": 200}}
        finding = check("http", {"cookies": "keep", "steps": [login, plain, own]}, server.url)
    assert finding.outcome is Outcome.PASS, finding.message
    sent = [headers.get("cookie") for _, headers, _ in server.requests]
    assert sent == [None, "session=1", "session=1; seen=2", "mine=3"]


def test_kept_cookies_go_to_no_other_host(check: Check) -> None:
    with answering(answer(200)) as other, answering(answer(200, b"", "set-cookie: a=b; path=/")) as server:
        elsewhere = other.url.replace("127.0.0.1", "localhost")
        steps = [{"get": where, "expect": {"status": 200}} for where in ("/", elsewhere, "/")]
        check("http", {"cookies": "keep", "steps": steps}, server.url)
    assert "cookie" not in other.requests[0][1]
    assert server.requests[1][1]["cookie"] == "a=b"


def test_cookies_are_kept_within_one_attempt_of_one_check(check: Check) -> None:
    with answering(answer(200, b"", "set-cookie: a=b; path=/")) as server:
        for _ in range(2):
            check("http", {"cookies": "keep", "steps": [{"get": "/", "expect": {"status": 200}}]}, server.url)
    assert all("cookie" not in headers for _, headers, _ in server.requests)
