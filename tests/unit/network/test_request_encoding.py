"""Requests as bytes, and headers and methods that HTTP cannot carry."""

from __future__ import annotations

import pytest

from greenlight.core.errors import GuardError, HttpError
from greenlight.network.request_encoding import encode_request, parse_url, reject_unsendable

SECRET = "canary-7f3a9c21"


@pytest.mark.parametrize("text", ["a\r\nx: b", "a\nb", "a\rb", "a\0b", "\n", f"{SECRET}\r\n", "€"])
def test_value_that_would_not_be_sent_as_it_is_is_rejected(text: str) -> None:
    with pytest.raises(HttpError) as refusal:
        reject_unsendable("GET", {"x-token": text})
    assert "x-token" in str(refusal.value)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nb", "é", ":path"])
def test_name_of_a_header_that_is_not_a_token_is_rejected(name: str) -> None:
    with pytest.raises(HttpError):
        reject_unsendable("GET", {name: "a"})


@pytest.mark.parametrize("method", ["", "GET /", "GET\r\n", "G\0T"])
def test_method_that_is_not_a_token_is_rejected(method: str) -> None:
    with pytest.raises(HttpError):
        reject_unsendable(method, {})


@pytest.mark.parametrize("url", ["http://a/\r\nx: b", "http://a/\n", "http://a/\tb", "http://a\r\n/", "http://a/\0"])
def test_url_with_a_control_character_is_rejected(url: str) -> None:
    with pytest.raises(GuardError):
        parse_url(url)


def test_values_of_latin_1_and_tabs_are_accepted() -> None:
    reject_unsendable("PATCH", {"x-name": "Jos\u00e9\tP", "x-empty": ""})


def test_target_is_quoted_and_the_port_is_that_of_the_scheme() -> None:
    url = parse_url("https://API.test/caf\u00e9/a%2Fb?q=\u00e9&r=1#f")
    assert (url.host, url.port, url.target) == ("api.test", 443, "/caf%C3%A9/a%2Fb?q=%C3%A9&r=1")
    assert parse_url("http://[::1]:8080").origin == ("http", "::1", 8080)


def test_request_has_the_headers_that_the_plan_does_not_set() -> None:
    request = encode_request("POST", parse_url("http://api.test/a"), {"User-Agent": "smoke"}, b"x", "shop.test")
    head, _, body = request.partition(b"\r\n\r\n")
    assert body == b"x"
    assert head.decode().split("\r\n") == [
        "POST /a HTTP/1.1",
        "Host: shop.test",
        "Accept-Encoding: identity",
        "User-Agent: smoke",
        "Content-Length: 1",
    ]


@pytest.mark.parametrize(
    ("method", "body", "has_length"), [("GET", None, False), ("PUT", None, True), ("GET", b"", True)]
)
def test_length_is_sent_with_a_body_and_with_methods_that_have_one(
    method: str, body: bytes | None, has_length: bool
) -> None:
    request = encode_request(method, parse_url("http://api.test/"), {}, body, "")
    assert (b"\r\nContent-Length: 0\r\n" in request) is has_length
