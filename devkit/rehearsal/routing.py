"""Conversion of Elastic Load Balancing's rules to caddy's routes."""

from __future__ import annotations

import re
from math import gcd
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def to_caddy_routes(
    rules: list[dict[str, Any]], targets_of: Callable[[str], list[tuple[str, int]]]
) -> list[dict[str, Any]]:
    """Convert a listener's rules, as DescribeRules returns them, to caddy's routes."""
    ordered = sorted(rules, key=lambda rule: (rule["IsDefault"], _priority(rule)))
    return [
        {
            **({"match": [_matcher(rule["Conditions"])]} if rule.get("Conditions") else {}),
            "handle": [_handler(rule["Actions"][-1], targets_of)],
            "terminal": True,
        }
        for rule in ordered
        if rule.get("Actions")
    ]


def fixed_response(status: int, body: str) -> dict[str, Any]:
    """Return the handler for a fixed response."""
    return {"handler": "static_response", "status_code": status, "body": body}


def read_weights(action: dict[str, Any]) -> dict[str, int]:
    """Return the weights of a forward action by target group ARN."""
    groups = (action.get("ForwardConfig") or {}).get("TargetGroups")
    if groups:
        return {group["TargetGroupArn"]: int(group.get("Weight", 1)) for group in groups}
    return {action["TargetGroupArn"]: 1} if action.get("TargetGroupArn") else {}


def _handler(action: dict[str, Any], targets_of: Callable[[str], list[tuple[str, int]]]) -> dict[str, Any]:
    if action["Type"] == "fixed-response":
        fixed = action.get("FixedResponseConfig") or {}
        return fixed_response(int(fixed.get("StatusCode", 503)), fixed.get("MessageBody") or "")
    shares = [
        (f"{address}:{port}", weight)
        for arn, weight in read_weights(action).items()
        if weight
        for address, port in targets_of(arn)
    ]
    if not shares:
        return fixed_response(503, "")
    # caddy sends as many requests in a row as the weight, so 9 and 1 mix better than 90 and 10.
    divisor = gcd(*(weight for _, weight in shares))
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": dial} for dial, _ in shares],
        "load_balancing": {
            "selection_policy": {
                "policy": "weighted_round_robin",
                "weights": [weight // divisor for _, weight in shares],
            }
        },
        "transport": {"protocol": "http", "dial_timeout": "5s", "response_header_timeout": "60s"},
    }


def _matcher(conditions: list[dict[str, Any]]) -> dict[str, Any]:
    matcher: dict[str, Any] = {}
    headers: dict[str, Any] = {}
    for condition in conditions:
        if condition["Field"] == "host-header":
            values = (condition.get("HostHeaderConfig") or {}).get("Values") or condition.get("Values") or []
            headers["Host"] = {"pattern": f"(?i)^(?:{_alternatives(values)})(?::[0-9]+)?$"}
        elif condition["Field"] == "path-pattern":
            values = (condition.get("PathPatternConfig") or {}).get("Values") or condition.get("Values") or []
            matcher["path_regexp"] = {"pattern": f"^(?:{_alternatives(values)})$"}
        elif condition["Field"] == "http-header":
            config = condition["HttpHeaderConfig"]
            headers[config["HttpHeaderName"]] = {"pattern": f"(?i)^(?:{_alternatives(config['Values'])})$"}
    if headers:
        matcher["header_regexp"] = headers
    return matcher


def _alternatives(patterns: Iterable[str]) -> str:
    """Convert ALB's patterns (`*` any characters, `?` one character) to one regular expression."""
    return "|".join(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".") for pattern in patterns)


def _priority(rule: dict[str, Any]) -> int:
    return int(rule["Priority"]) if str(rule["Priority"]).isdigit() else 0
