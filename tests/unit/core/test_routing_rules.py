"""Rules of a listener that may take a request before the rule of green."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.routing_rules import RoutedRequest, RoutingRule, RuleCondition, describe_taken, takes_everything


def condition(field: str, *values: str, name: str = "", pairs: tuple[tuple[str, str], ...] = ()) -> RuleCondition:
    return RuleCondition(field=field, name=name, values=values, pairs=pairs)


def taken(
    *conditions: RuleCondition, target: str = "/api/version", method: str = "GET", host: str = "shop.test:8080",
    **headers: str,
) -> str:  # fmt: skip
    request = RoutedRequest(
        method=method,
        target=target,
        host=host,
        headers={name.replace("_", "-"): value for name, value in headers.items()},
    )
    return describe_taken((RoutingRule(priority="5", conditions=conditions),), request)


API = condition("path-pattern", "/api/*")


def test_rule_that_takes_a_path_is_named_with_its_priority() -> None:
    assert taken(API) == "rule 5 (/api/*) takes GET /api/version before green's rule"
    assert taken() == "rule 5 (every request) takes GET /api/version before green's rule"


@pytest.mark.parametrize(
    "target",
    [
        "/api/",
        "/api/a?b",
        "/api/%61",
        "/%61pi/x",
        "//api/x",
        "/x/../api/y",
        "/./api/y",
        "/api/%2e%2e/x",
        "/x/%2e%2e/api/y",
        "/api/x#f",
    ],
)
def test_path_in_another_spelling_is_taken_as_well(target: str) -> None:
    assert taken(API, target=target)


@pytest.mark.parametrize("target", ["/", "/api", "/API/x", "/shop/api/", "/x?y=/api/z", "/apix/"])
def test_other_path_is_not_taken(target: str) -> None:
    assert taken(API, target=target) == ""


@pytest.mark.parametrize(
    "unclear",
    [
        condition("source-ip", "10.0.0.0/8"),
        condition("path-pattern"),
        condition("a-new-field", "x"),
        condition("http-header", "curl*", name="User-Agent"),
        condition("http-header", "a\\*", name="X-A"),
    ],
)
def test_condition_that_cannot_be_evaluated_may_hold(unclear: RuleCondition) -> None:
    assert " may take GET /api/version before green's rule" in taken(API, unclear, X_A="a*")
    assert taken(API, unclear, X_A="a*", target="/health") == "", "another condition certainly does not hold"


@pytest.mark.parametrize(
    ("holding", "failing"),
    [
        (condition("host-header", "SHOP.*"), condition("host-header", "*.shop.test")),
        (condition("http-request-method", "POST", "GET"), condition("http-request-method", "POST")),
        (condition("http-header", "on*", name="x-beta"), condition("http-header", "of?", name="x-beta")),
        (condition("http-header", "on*", name="x-beta"), condition("http-header", "*", name="x-other")),
        (condition("query-string", pairs=(("v", "1*"),)), condition("query-string", pairs=(("v", "2"), ("w", "*")))),
        (condition("query-string", pairs=(("", "12"),)), condition("query-string", pairs=(("", "13"),))),
    ],
)
def test_each_kind_of_condition_is_compared_with_the_request(holding: RuleCondition, failing: RuleCondition) -> None:
    assert "takes" in taken(API, holding, target="/api/a?v=12", X_Beta="On now")
    assert taken(API, failing, target="/api/a?v=12", X_Beta="On now") == ""


def test_unknown_method_may_be_the_rules() -> None:
    assert "may take /api/version before" in taken(API, condition("http-request-method", "POST"), method="")


def test_query_condition_does_not_take_a_request_without_a_query() -> None:
    assert taken(API, condition("query-string", pairs=(("v", "*"),))) == ""


def test_host_of_the_plans_header_counts() -> None:
    rule = condition("host-header", "other.test")
    assert taken(rule) == ""
    assert taken(rule, Host="other.test:80")


def test_many_values_are_shortened_in_the_message() -> None:
    text = taken(condition("path-pattern", "/api/*", "/b", "/c", "/d", "/e"))
    assert text.startswith("rule 5 (/api/*, /b, /c and 2 more) takes")


@pytest.mark.parametrize(
    ("conditions", "hosts", "paths", "headers", "everything"),
    [
        ((), (), (), {}, True),
        ((condition("path-pattern", "/*"),), ("shop.test",), (), {}, True),
        ((condition("path-pattern", "/shop/*"),), (), ("/shop/a/*", "/shop/b"), {}, True),
        ((condition("host-header", "*.test"),), ("Shop.test",), (), {}, True),
        ((condition("http-header", "a*", name="x-a"),), (), (), {"X-A": "ab"}, True),
        ((condition("path-pattern", "/?hop/*"),), (), ("/*hop/*",), {}, False),
        ((condition("path-pattern", "/api/*"),), (), (), {}, False),
        ((condition("path-pattern", "/api/*"),), (), ("/api/*", "/shop/*"), {}, False),
        ((condition("host-header", "a.test"),), ("a.test", "b.test"), (), {}, False),
        ((condition("host-header", "a.test"),), (), (), {}, False),
        ((condition("source-ip", "0.0.0.0/0"),), (), (), {}, False),
        ((condition("http-request-method", "GET"),), (), (), {}, False),
    ],
)
def test_rule_takes_everything_only_if_that_is_certain(
    conditions: tuple[RuleCondition, ...],
    hosts: tuple[str, ...],
    paths: tuple[str, ...],
    headers: dict[str, str],
    everything: bool,
) -> None:
    assert takes_everything(RoutingRule(priority="1", conditions=conditions), hosts, paths, headers) is everything


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text()))
def test_any_request_can_be_compared(target: str, host: str, headers: dict[str, str]) -> None:
    rule = RoutingRule(
        priority="1",
        conditions=(API, condition("host-header", "a"), condition("query-string", pairs=(("", "x"),))),
    )
    describe_taken((rule,), RoutedRequest(method="GET", target=target, host=host, headers=headers))
