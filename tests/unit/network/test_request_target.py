"""Paths and hosts of a plan resolve to green and to no other host."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from greenlight.core.deployment import Side
from greenlight.core.errors import GuardError
from greenlight.core.routing_rules import RoutingRule, RuleCondition
from greenlight.network.request_target import resolve_endpoint, resolve_request

GREEN = Side(url="http://balancer:8080", host="shop.example.com", headers={"X-Stage": "test"})


def test_path_without_a_url_of_green_is_rejected_with_the_reason() -> None:
    with pytest.raises(GuardError, match="the listener has no test port"):
        resolve_request(Side(no_url="the listener has no test port"), "/health", {})
    with pytest.raises(GuardError, match="green has no URL at this stage"):
        resolve_request(Side(), "/health", {})


@pytest.mark.parametrize(
    ("patterns", "path"),
    [(("/shop",), "/health"), (("/v?/shop",), "/health"), (("*.png",), "/health"), (("/a/*/c",), "/b")],
)
def test_path_that_the_rule_does_not_match_is_rejected(patterns: tuple[str, ...], path: str) -> None:
    side = Side(url="http://balancer", path_patterns=patterns)

    with pytest.raises(GuardError, match=f"not {path}"):
        resolve_request(side, path, {})


@pytest.mark.parametrize(
    ("patterns", "path", "sent"),
    [
        ((), "/health", "/health"),
        (("/shop/*",), "/shop/health?a=1", "/shop/health?a=1"),
        (("/shop/*",), "/health?a=/shop/", "/shop/health?a=/shop/"),
        (("/shop*",), "/health", "/shop/health"),
        (("/v?/*", "/health"), "/health", "/health"),
        (("/a[b]/*",), "/x", "/a[b]/x"),
        (("/a[b]/*",), "/ab/x", "/a[b]/ab/x"),
        (("*",), "/anything", "/anything"),
    ],
)
def test_path_outside_the_rule_is_prefixed_with_its_first_pattern(
    patterns: tuple[str, ...], path: str, sent: str
) -> None:
    request = resolve_request(Side(url="http://balancer", path_patterns=patterns), path, {})

    assert request.url == f"http://balancer{sent}"


@pytest.mark.parametrize(
    ("path", "url"),
    [
        ("/health", "http://balancer:8080/health"),
        ("health", "http://balancer:8080/health"),
        ("", "http://balancer:8080/"),
        ("/login?next=http://elsewhere/", "http://balancer:8080/login?next=http://elsewhere/"),
        ("//elsewhere/x", "http://balancer:8080//elsewhere/x"),
        ("@elsewhere/x", "http://balancer:8080/@elsewhere/x"),
        (":99/x", "http://balancer:8080/:99/x"),
        ("http://balancer:8080/health", "http://balancer:8080/health"),
        ("http://balancer:8080?a=1", "http://balancer:8080/?a=1"),
        ("http://balancer:8080", "http://balancer:8080/"),
    ],
)
def test_path_resolves_to_green_with_host_and_headers_of_the_rule(path: str, url: str) -> None:
    request = resolve_request(GREEN, path, {"Accept": "text/plain"})

    assert (request.url, request.host) == (url, "shop.example.com")
    assert request.headers == {"X-Stage": "test", "Accept": "text/plain"}


@pytest.mark.parametrize("url", ["https://api.example.com/x", "http://balancer:80801/x", "http://balancer:8080.evil/x"])
def test_url_of_another_host_is_not_changed(url: str) -> None:
    request = resolve_request(GREEN, url, {"Accept": "text/plain"})

    assert (request.url, request.host, request.headers) == (url, "", {"Accept": "text/plain"})


def test_header_of_the_plan_overrides_the_rules_header_in_any_case() -> None:
    assert resolve_request(GREEN, "/", {"x-stage": "mine"}).headers == {"x-stage": "mine"}


@pytest.mark.parametrize(
    ("side", "host", "port", "reason"),
    [
        (Side(no_url="no test port"), "", 0, "no test port; set host and port"),
        (Side(), "cache.test", 0, "green has no URL at this stage; set host and port"),
        (GREEN, "cache.test", 0, "set the port to connect to at cache.test"),
    ],
)
def test_incomplete_endpoint_is_rejected(side: Side, host: str, port: int, reason: str) -> None:
    with pytest.raises(GuardError, match=reason):
        resolve_endpoint(side, host, port)


@pytest.mark.parametrize(
    ("side", "host", "port", "endpoint"),
    [
        (GREEN, "", 0, ("balancer", 8080, "shop.example.com")),
        (GREEN, "", 99, ("balancer", 99, "shop.example.com")),
        (GREEN, "cache.test", 6379, ("cache.test", 6379, "cache.test")),
        (Side(), "cache.test", 6379, ("cache.test", 6379, "cache.test")),
        (Side(url="https://green"), "", 0, ("green", 443, "green")),
        (Side(url="http://green"), "green", 0, ("green", 80, "green")),
    ],
)
def test_missing_parts_of_an_endpoint_come_from_green(
    side: Side, host: str, port: int, endpoint: tuple[str, int, str]
) -> None:
    resolved = resolve_endpoint(side, host, port)

    assert (resolved.host, resolved.port, resolved.name) == endpoint


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_any_path_stays_on_greens_host_or_is_another_url(path: str) -> None:
    request = resolve_request(GREEN, path, {})

    assert request.url.startswith("http://balancer:8080/") or "://" in path


ABOVE = (RoutingRule(priority="5", conditions=(RuleCondition(field="path-pattern", values=("/api/*",)),)),)


@pytest.mark.parametrize("path", ["/api/version", "http://balancer:8080/api/version", "api/version"])
def test_path_that_a_rule_above_takes_is_rejected_with_its_priority(path: str) -> None:
    message = r"rule 5 \(/api/\*\) takes GET /api/version before green's rule"
    with pytest.raises(GuardError, match=message):
        resolve_request(replace(GREEN, rules_above=ABOVE), path, {}, "GET")


def test_prefixed_path_is_compared_with_the_rules_above() -> None:
    side = replace(GREEN, path_patterns=("/api/v2/*",), rules_above=ABOVE)
    with pytest.raises(GuardError, match=r"takes GET /api/v2/health before blue's rule"):
        resolve_request(side, "/health", {}, "GET", "blue")


def test_path_of_no_rule_above_is_sent() -> None:
    side = replace(GREEN, rules_above=ABOVE)
    assert resolve_request(side, "/health", {}, "GET").url == "http://balancer:8080/health"
    assert resolve_request(side, "https://other.example.com/api/version", {}).url.startswith("https://other")
