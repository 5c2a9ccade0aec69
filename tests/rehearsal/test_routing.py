"""Conversion of a listener's rules to the balancer's routes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from devkit.rehearsal.routing import read_weights, to_caddy_routes

TARGETS = {"blue": [("127.0.0.1", 1)], "green": [("127.0.0.1", 2)], "empty": []}


def forward(**shares: int) -> dict[str, Any]:
    groups = [{"TargetGroupArn": name, "Weight": weight} for name, weight in shares.items()]
    return {"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}


def rule(
    action: dict[str, Any], conditions: list[dict[str, Any]] | None = None, priority: str = "default"
) -> dict[str, Any]:
    return {
        "Priority": priority,
        "IsDefault": priority == "default",
        "Conditions": conditions or [],
        "Actions": [action],
    }


def convert_rules(*rules: dict[str, Any]) -> list[dict[str, Any]]:
    return to_caddy_routes(list(rules), lambda arn: TARGETS[arn])


def test_group_without_weight_gets_no_requests() -> None:
    (route,) = convert_rules(rule(forward(blue=100, green=0)))
    assert route["handle"][0]["upstreams"] == [{"dial": "127.0.0.1:1"}]


def test_weights_are_reduced_to_the_smallest_numbers() -> None:
    (route,) = convert_rules(rule(forward(blue=90, green=10)))
    assert route["handle"][0]["load_balancing"]["selection_policy"]["weights"] == [9, 1]


@pytest.mark.parametrize("action", [forward(empty=100), forward(blue=0, green=0)])
def test_rule_without_targets_answers_503(action: dict[str, Any]) -> None:
    (route,) = convert_rules(rule(action))
    assert route["handle"] == [{"handler": "static_response", "status_code": 503, "body": ""}]


def test_single_target_group_of_a_forward_action_is_accepted() -> None:
    assert read_weights({"Type": "forward", "TargetGroupArn": "blue"}) == {"blue": 1}
    assert read_weights({"Type": "redirect"}) == {}


def test_rules_are_ordered_by_priority_with_the_default_last() -> None:
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "MessageBody": "no"}}
    ordered = convert_rules(rule(fixed), rule(forward(green=1), priority="20"), rule(forward(blue=1), priority="3"))
    assert [route["handle"][0].get("upstreams", [{}])[0].get("dial") for route in ordered] == [
        "127.0.0.1:1",
        "127.0.0.1:2",
        None,
    ]
    assert ordered[-1]["handle"][0]["status_code"] == 404


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        ("*.example.com", "shop.example.com", "example.com"),
        ("shop.example.com", "SHOP.example.com:8443", "shopxexample.com"),
        ("s?op.example.com", "shop.example.com", "sop.example.com"),
    ],
)
def test_host_patterns_match_as_in_an_application_load_balancer(pattern: str, matching: str, other: str) -> None:
    condition = {"Field": "host-header", "HostHeaderConfig": {"Values": [pattern]}}
    (route,) = convert_rules(rule(forward(blue=1), [condition]))
    expression = route["match"][0]["header_regexp"]["Host"]["pattern"]
    assert re.search(expression, matching)
    assert not re.search(expression, other)


def test_paths_are_case_sensitive_and_headers_are_not() -> None:
    path = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*", "/v1"]}}
    header = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Env", "Values": ["test"]}}
    (route,) = convert_rules(rule(forward(blue=1), [path, header]))
    matcher = route["match"][0]
    assert re.search(matcher["path_regexp"]["pattern"], "/api/orders")
    assert re.search(matcher["path_regexp"]["pattern"], "/v1")
    assert not re.search(matcher["path_regexp"]["pattern"], "/API/orders")
    assert re.search(matcher["header_regexp"]["X-Env"]["pattern"], "TEST")
