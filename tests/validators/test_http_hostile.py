"""http: a green whose responses are not valid HTTP is at fault, not the gate."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome
from tests.support.hostile_server import ENDLESS, ILLEGAL, endless, illegal
from tests.support.wire import answer, answering

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]

EXPECTED: dict[str, Any] = {"get": "/", "expect": {"status": 200, "json": {"length(data)": 1}}}


@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_response_fails_with_the_reason(check: Check, name: str) -> None:
    with illegal(name) as server:
        finding = check("http", EXPECTED, server.url)
    assert finding.outcome is Outcome.FAIL
    assert "the response is not valid HTTP (" in finding.message
    assert "Traceback" not in finding.message


@pytest.mark.parametrize("name", sorted(ENDLESS))
def test_endless_response_fails(check: Check, name: str) -> None:
    with endless(name) as server:
        finding = check("http", EXPECTED, server.url)
    assert finding.outcome is Outcome.FAIL


@pytest.mark.parametrize("coding", ["gzip", "x-gzip"])
def test_text_in_the_second_member_of_a_gzip_body_is_found(check: Check, coding: str) -> None:
    body = gzip.compress(b"fine ") + gzip.compress(b"ERROR")
    expect = {"status": 200, "body": {"not": {"contains": "ERROR"}}}
    with answering(answer(200, body, f"content-encoding: {coding}", "content-type: text/plain")) as server:
        finding = check("http", {"get": "/", "expect": expect}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert finding.evidence[1].actual == "fine ERROR"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["get", "post"])
def test_redirect_to_an_invalid_url_fails(check: Check, method: str, status: int) -> None:
    with answering(answer(status, b"", "location: http://[")) as server:
        finding = check("http", {method: "/", "redirects": 3, "expect": {"status": 200}}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert "redirects to an invalid location: Invalid IPv6 URL" in finding.message
