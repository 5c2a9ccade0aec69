"""Cookies: parsing Set-Cookie, storing and sending cookies."""

from __future__ import annotations

import pytest

from greenlight.network.cookies import (
    MAX_COOKIE_LENGTH,
    MAX_COOKIES,
    Cookie,
    CookieJar,
    find_cookies,
    format_iso,
    mask_value,
    parse_date,
    parse_set_cookie,
)

NOW = 1_700_000_000.0
GREEN = "https://shop.example/account/login"


def sent(*headers: str, to: str = GREEN, at: str = GREEN, later_s: float = 0) -> str:
    """Return the Cookie header for `to`, after `at` has set these cookies."""
    jar = CookieJar()
    host = at.split("/")[2].partition(":")[0]
    jar.store([("Set-Cookie", header) for header in headers], at, host, NOW)
    return jar.cookie_header(to, to.split("/")[2].partition(":")[0], NOW + later_s)


# ---- Invalid cookies


@pytest.mark.parametrize("header", ["", "a", "=b", " =b", ";a=b", "a\x01=b", "a=b\x7f", "a=b; path=\x00"])
def test_invalid_set_cookie_header_is_ignored(header: str) -> None:
    assert parse_set_cookie(header) is None


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "1 Jan 2030", "00:00:00 1 Jan", "00:00:00 31 Feb 2030", "24:00:00 1 Jan 2030",
     "00:60:00 1 Jan 2030", "00:00:00 1 Jan 1600", "00:00:00 1 Jan 203", "00:00:00 32 Jan 2030", "0:0 1 Jan 2030"],
)  # fmt: skip
def test_invalid_date_parses_to_none(text: str) -> None:
    assert parse_date(text) is None


@pytest.mark.parametrize(
    ("attribute", "field"),
    [("max-age=1.5", "max_age"), ("max-age=+5", "max_age"), ("max-age=", "max_age"), ("expires=soon", "expires"),
     ("domain=", "domain"), ("path=", "path"), ("path=a", "path"), ("samesite=very", "same_site"),
     ("samesite", "same_site")],
)  # fmt: skip
def test_invalid_attribute_is_ignored(attribute: str, field: str) -> None:
    cookie = parse_set_cookie(f"a=b; {attribute}")
    assert cookie is not None
    assert getattr(cookie, field) is None


def test_cookie_has_all_attributes_of_its_header() -> None:
    header = (
        "id = a=b ; Expires=Wed, 09 Jun 2100 10:18:14 GMT;MAX-AGE= -5;Domain=.Shop.EXAMPLE; Path=/a;secure=no; "
        "HttpOnly;SameSite=lax; x=y"
    )
    assert parse_set_cookie(header) == Cookie(
        name="id", value="a=b", expires=4116219494.0, max_age=-5, domain="shop.example", path="/a", secure=True,
        http_only=True, same_site="Lax",
    )  # fmt: skip


def test_last_valid_occurrence_of_an_attribute_wins() -> None:
    cookie = parse_set_cookie("a=b; max-age=1; max-age=2; max-age=x; path=/a; path=b")
    assert cookie is not None
    assert (cookie.max_age, cookie.path) == (2, None)


@pytest.mark.parametrize(
    ("text", "iso"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"),
        ("Sunday, 06-Nov-94 08:49:37 GMT", "1994-11-06T08:49:37Z"),
        ("Sun Nov  6 08:49:37 1994", "1994-11-06T08:49:37Z"),
        ("8:49:37 6 november 69", "2069-11-06T08:49:37Z"),
    ],
)
def test_date_is_parsed_in_every_format(text: str, iso: str) -> None:
    seconds = parse_date(text)
    assert seconds is not None
    assert format_iso(seconds) == iso


def test_last_cookie_per_name_domain_and_path_wins() -> None:
    headers = [("set-cookie", header) for header in ("a=1", "b=2", "a=3", "a=4; path=/x")]
    assert [cookie.value for cookie in find_cookies("a", headers)] == ["3", "4"]
    assert find_cookies("A", headers) == []


@pytest.mark.parametrize(
    ("header", "masked"), [("a=secret; Path=/", "a=***; Path=/"), ("a=b=c", "a=***"), ("secret; x", "***; x")]
)
def test_mask_value_replaces_only_the_value(header: str, masked: str) -> None:
    assert mask_value(header) == masked


# ---- The jar


@pytest.mark.parametrize(
    ("header", "to"),
    [
        ("a=b", "https://other.example/account/x"),
        ("a=b", "https://example/account/x"),
        ("a=b; domain=example", "https://other.example/account/x"),
        ("a=b; domain=shop.example", "https://sub.shop.example/account/x"),
        ("a=b; domain=other.example", "https://shop.example/account/x"),
        ("a=b", "https://shop.example/"),
        ("a=b", "https://shop.example/accounts"),
        ("a=b; path=/x", "https://shop.example/account/login"),
        ("a=b; secure", "http://shop.example/account/login"),
        ("a=b; max-age=0", GREEN),
        ("a=b; max-age=-1", GREEN),
        ("a=b; expires=Thu, 01 Jan 1970 00:00:01 GMT", GREEN),
        (f"a={'b' * MAX_COOKIE_LENGTH}", GREEN),
    ],
)
def test_cookie_is_not_sent_to_other_hosts_paths_or_times(header: str, to: str) -> None:
    assert sent(header, to=to) == ""


def test_secure_cookie_is_not_accepted_over_plain_http() -> None:
    assert sent("a=b; secure", at="http://shop.example/", to="https://shop.example/") == ""


@pytest.mark.parametrize(
    ("header", "to"),
    [
        ("a=b", GREEN),
        ("a=b", "https://shop.example/account/x/y"),
        ("a=b", "https://shop.example:8443/account"),
        ("a=b; path=/", "https://shop.example"),
        ("a=b; path=/", "http://shop.example/x"),
        ("a=b; domain=.example; secure", GREEN),
        ("a=b; max-age=5; expires=Thu, 01 Jan 1970 00:00:01 GMT", GREEN),
    ],
)
def test_cookie_is_sent_back_to_the_host_that_set_it(header: str, to: str) -> None:
    assert sent(header, to=to) == "a=b"


def test_cookie_expires_after_its_max_age() -> None:
    assert sent("a=b; max-age=10", later_s=9) == "a=b"
    assert sent("a=b; max-age=10", later_s=10) == ""


def test_cookie_is_replaced_and_deleted_by_name_and_path() -> None:
    assert sent("a=1; path=/", "a=2; path=/", "b=3; path=/account", "c=4") == "b=3; c=4; a=2"
    assert sent("a=1; path=/", "a=; path=/; max-age=0") == ""


def test_jar_stores_a_limited_number_of_cookies() -> None:
    headers = [f"c{number}=x; path=/" for number in range(MAX_COOKIES + 5)]
    assert sent(*headers).count("=") == MAX_COOKIES
