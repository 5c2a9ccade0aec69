"""Assertions of Hurl's own tests, written as plans and run against a real server.

Source: https://github.com/Orange-OpenSource/hurl, integration/hurl/tests_ok; the first cases have its file names.
The responses are shortened, and the failing cases are the opposites of the passing ones. Two things differ: Hurl takes
namespaces from the document, with `_` for the default one, and greenlight takes them from the plan. Hurl's `redirects`
are the targets of redirects; greenlight's `hops` are the URLs that redirected, and the last target is `url`.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Context, Deployment, Outcome, Platform, Side
from greenlight.checks.registry import Registry
from greenlight.network.client import Client
from greenlight.network.guard import Guard
from greenlight.plan.decoder import convert
from tests.support.wire import answer, answering

if TYPE_CHECKING:
    from greenlight.api import Finding
    from tests.support.wire import Server

BOOKS = b"""<?xml version="1.0"?>
<bk:book xmlns:bk='urn:loc.gov:books' xmlns:isbn='urn:ISBN:0-395-36341-6'>
  <bk:title>Cheaper by the Dozen</bk:title><isbn:number>1568491379</isbn:number></bk:book>"""
NOTES = b"""<?xml version="1.0"?>
<book xmlns='urn:loc.gov:books' xmlns:isbn='urn:ISBN:0-395-36341-6'><title>Cheaper by the Dozen</title>
  <isbn:number>1568491379</isbn:number>
  <notes><p xmlns='http://www.w3.org/1999/xhtml'>This is a <i>funny</i> book!</p></notes></book>"""
SVG = b"""<svg xmlns="http://www.w3.org/2000/svg"><g><circle r="1"/><circle r="2"/><circle r="3"/></g></svg>"""
NAMES = {"bk": "urn:loc.gov:books", "isbn": "urn:ISBN:0-395-36341-6", "svg": "http://www.w3.org/2000/svg"}
HEADERS = answer(
    200, b"", "Content-Type: text/html; charset=utf-8", "Header1: value1", 'ETag: "33a64df5"',
    "Expires: Wed, 21 Oct 2015 07:28:00 GMT", "Set-Cookie: cookie1=value1; Path=/",
    "Set-Cookie: cookie2=value2; Path=/",
    "Set-Cookie: cookie3=value3; Path=/", "X-Fruit: Banana", "X-Fruit: Lemon", "x-fruit: Grape", "X-Fruit: Strawberry",
)  # fmt: skip
COOKIES = answer(
    200, b"",
    "Set-Cookie: LSID=DQAAAKEaem_vYg; Expires=Wed, 13 Jan 2021 22:23:01 GMT; Secure; HttpOnly; Path=/accounts",
    "Set-Cookie: HSID=AYQEVnDKrdst; Domain=localhost; Expires=Wed, 13 Jan 2021 22:23:01 GMT; HttpOnly; Path=/",
    "Set-Cookie: cookie2=; Max-Age=0; Path=/",
)  # fmt: skip

PASSING: list[tuple[str, bytes, dict[str, Any]]] = [
    ("assert/assert_xpath", answer(200, "<data>café</data>".encode()), {"xml": {
        "normalize-space(//data)": "café", "//toto": {"exists": False}}}),
    ("assert/assert_xpath, prefixes", answer(200, BOOKS), {"namespaces": NAMES, "xml": {
        "string(//bk:book/bk:title)": "Cheaper by the Dozen",
        "string(//*[name()='bk:book']/*[name()='bk:title'])": "Cheaper by the Dozen",
        "string(//*[local-name()='book']/*[local-name()='title'])": "Cheaper by the Dozen",
        "string(//bk:book/isbn:number)": "1568491379"}}),
    ("assert/assert_xpath, svg", answer(200, SVG), {"namespaces": NAMES, "xml": {
        "//svg:svg/svg:g/svg:circle": {"length": 3},
        "//*[name()='svg']/*[name()='g']/*[name()='circle']": {"length": 3}}}),
    ("assert/assert_xpath, default namespace", answer(200, NOTES), {"namespaces": NAMES, "xml": {
        "string(//bk:book/bk:title)": {"starts_with": "Cheaper"},
        "//*[name()='book']/*[name()='notes']": {"length": 1},
        "//bk:book/bk:notes/*[local-name()='p']": ["This is a funny book!"]}}),
    ("assert/assert_header", HEADERS, {
        "headers": {"Custom": {"exists": False}, "Content-Type": {"exists": True}, "Header1": "value1",
                    "ETag": '"33a64df5"', "Expires": "Wed, 21 Oct 2015 07:28:00 GMT"},
        "header_values": {"Set-Cookie": {"length": 3, "contains": "cookie1=value1; Path=/",
                                         "not": {"contains": "cookie4=value4; Path=/"}},
                          "x-fruit": ["Banana", "Lemon", "Grape", "Strawberry"],
                          "X-Fruit": {"type": "list", "length": 4}}}),
    ("cookies", COOKIES, {"cookies": {
        "LSID": {"value": "DQAAAKEaem_vYg", "expires": "2021-01-13T22:23:01Z", "max_age": {"exists": False},
                 "domain": {"exists": False}, "path": "/accounts", "secure": True, "http_only": True,
                 "same_site": {"exists": False}},
        "HSID": {"domain": "localhost", "secure": False},
        "cookie2": {"value": "", "max_age": "0s"}}}),
    ("bytes", answer(200, base64.b64decode("AQID")), {"bytes": "01 02 03", "size": "3B",
        "sha256": "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81"}),
    ("bytes_empty", answer(200), {"bytes": "", "size": "0B",
        "sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}),
    ("gb2312", answer(200, "<p>你好世界</p>".encode("gb2312"), "content-type: text/html; charset=gb2312"), {
        "body": {"contains": "你好世界"}, "html": {"string(//p)": "你好世界"},
        "bytes": {"starts_with": "3c 70 3e c4 e3"}}),
    ("charset", answer(200, b"caf\xe9", "content-type: text/plain; charset=ISO-8859-1"), {"body": "café"}),
    ("assert/assert_status_code", answer(200), {"status": {"gte": 200, "lt": 300}, "version": "1.1"}),
    ("delay", answer(200), {"latency": {"lt": "2s"}}),
]  # fmt: skip

FAILING: list[tuple[str, bytes, dict[str, Any]]] = [
    ("assert_xpath", answer(200, b"<data>1</data>"), {"xml": {"string(//datum)": {"exists": True}}}),
    ("assert_xpath, invalid XML", answer(200, b"<a"), {"xml": {"//a": {"exists": False}}}),
    ("assert_header", HEADERS, {"headers": {"Header1": "value2"}}),
    ("assert_header, not found", HEADERS, {"headers": {"unknown": {"ne": "x"}}}),
    ("assert_header, collection", HEADERS, {"header_values": {"X-Fruit": {"length": 3}}}),
    ("assert_cookie", COOKIES, {"cookies": {"LSID": {"secure": False}}}),
    ("assert_bytes", answer(200, b"\1\2\3"), {"bytes": "01 02"}),
    ("charset", answer(200, b"caf\xe9", "content-type: text/plain; charset=unknown"), {"body": {"exists": True}}),
    ("body is not utf-8", answer(200, b"caf\xe9"), {"body": {"starts_with": "caf"}}),
    ("max_time", answer(200), {"latency": {"gt": "1h"}}),
]  # fmt: skip


def run_http(server: Server, data: dict[str, Any]) -> Finding:
    validator = Registry().get("http")
    assert validator is not None
    params, mistakes = convert({"get": "/x", **data}, validator.params)
    assert not mistakes
    client = Client(Guard({"127.0.0.1"}, allow_loopback=True))
    deployment = Deployment(
        id="d-TEST00001",
        platform=Platform.ECS,
        stage="AfterAllowTestTraffic",
        green=Side(url=server.url),
        blue=Side(),
    )
    try:
        finding: Finding = validator(params, Context(deployment, 3.0, client, None, {}))  # type: ignore[arg-type]
    finally:
        client.close()
    return finding


@pytest.mark.parametrize(("response", "expect"), [case[1:] for case in PASSING], ids=[case[0] for case in PASSING])
def test_case_that_passes_in_hurl_passes(response: bytes, expect: dict[str, Any]) -> None:
    with answering(response) as server:
        finding = run_http(server, {"expect": expect})
    assert finding.outcome is Outcome.PASS, finding.message


@pytest.mark.parametrize(("response", "expect"), [case[1:] for case in FAILING], ids=[case[0] for case in FAILING])
def test_case_that_fails_in_hurl_fails(response: bytes, expect: dict[str, Any]) -> None:
    with answering(response) as server:
        assert run_http(server, {"expect": expect}).outcome is Outcome.FAIL


def test_redirects_are_recorded_in_order() -> None:
    """assert/assert_redirects."""
    redirects = [answer(302, b"", f"location: /{to}") for to in ("redirect-2", "redirect-1", "redirected")]
    expect = {"hops": {"length": 3, "any": {"ends_with": "/redirect-1"}}, "url": {"matches": "^http://.*redirected$"}}
    with answering(*redirects, answer(200, b"Redirected")) as server:
        finding = run_http(server, {"redirects": 3, "expect": {**expect, "body": "Redirected"}})
    assert finding.outcome is Outcome.PASS, finding.message
