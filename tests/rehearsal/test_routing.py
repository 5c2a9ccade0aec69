"""From a listener's rules to the balancer's routes."""

from __future__ import annotations

import re
from typing import Any

import pytest

from devkit.rehearsal.routing import routes, weights

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


def made(*rules: dict[str, Any]) -> list[dict[str, Any]]:
    return routes(list(rules), lambda arn: TARGETS[arn])


def test_a_group_without_weight_gets_nothing() -> None:
    (route,) = made(rule(forward(blue=100, green=0)))
    assert route["handle"][0]["upstreams"] == [{"dial": "127.0.0.1:1"}]


def test_weights_are_dealt_out_in_the_smallest_blocks() -> None:
    (route,) = made(rule(forward(blue=90, green=10)))
    assert route["handle"][0]["load_balancing"]["selection_policy"]["weights"] == [9, 1]


@pytest.mark.parametrize("action", [forward(empty=100), forward(blue=0, green=0)])
def test_nobody_to_send_to_is_a_503(action: dict[str, Any]) -> None:
    (route,) = made(rule(action))
    assert route["handle"] == [{"handler": "static_response", "status_code": 503, "body": ""}]


def test_the_old_scalar_form_of_a_forward_is_read_as_well() -> None:
    assert weights({"Type": "forward", "TargetGroupArn": "blue"}) == {"blue": 1}
    assert weights({"Type": "redirect"}) == {}


def test_rules_come_by_priority_and_the_default_last() -> None:
    fixed = {"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404", "MessageBody": "no"}}
    found = made(rule(fixed), rule(forward(green=1), priority="20"), rule(forward(blue=1), priority="3"))
    assert [route["handle"][0].get("upstreams", [{}])[0].get("dial") for route in found] == [
        "127.0.0.1:1",
        "127.0.0.1:2",
        None,
    ]
    assert found[-1]["handle"][0]["status_code"] == 404


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        ("*.example.com", "shop.example.com", "example.com"),
        ("shop.example.com", "SHOP.example.com:8443", "shopxexample.com"),
        ("s?op.example.com", "shop.example.com", "sop.example.com"),
    ],
)
def test_host_patterns_mean_what_they_mean_to_an_alb(pattern: str, fits: str, does_not: str) -> None:
    condition = {"Field": "host-header", "HostHeaderConfig": {"Values": [pattern]}}
    (route,) = made(rule(forward(blue=1), [condition]))
    expression = route["match"][0]["header_regexp"]["Host"]["pattern"]
    assert re.search(expression, fits)
    assert not re.search(expression, does_not)


def test_paths_mind_the_case_and_headers_do_not() -> None:
    path = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/api/*", "/v1"]}}
    header = {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Env", "Values": ["test"]}}
    (route,) = made(rule(forward(blue=1), [path, header]))
    matcher = route["match"][0]
    assert re.search(matcher["path_regexp"]["pattern"], "/api/orders")
    assert re.search(matcher["path_regexp"]["pattern"], "/v1")
    assert not re.search(matcher["path_regexp"]["pattern"], "/API/orders")
    assert re.search(matcher["header_regexp"]["X-Env"]["pattern"], "TEST")
