"""The way through a load balancer to one target group: URL, host name, and what its rule asks of a request.

Sources: API references of elbv2 DescribeListeners, DescribeRules, DescribeLoadBalancers; acm DescribeCertificate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.core.errors import AwsError
from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from greenlight.aws.client import Aws

_SCHEMES = {"HTTP": "http", "HTTPS": "https", "TLS": "https"}
_TLS_PORTS = (443, 8443)
_MET = {"host-header": "HostHeaderConfig", "path-pattern": "PathPatternConfig", "http-header": "HttpHeaderConfig"}
"""The conditions that a request can be made to satisfy, and where their patterns stand."""


class Route(FrozenStruct, frozen=True, kw_only=True):
    """How a request reaches the target group; `url` is "" when none surely does, and `why` says so."""

    url: str = ""
    host: str = ""
    headers: dict[str, str] = {}
    path_patterns: tuple[str, ...] = ()
    why: str = ""


def find_route(aws: Aws, listener_arn: str, target_group: str, host: str = "", side: str = "green") -> Route:
    """Find the way from a listener to a target group.

    Args:
        aws: The account.
        listener_arn: Test or production listener.
        target_group: Of the side to reach.
        host: A host name somebody configured; "" to discover one.
        side: What the target group serves, green or blue, for the sentences.

    Raises:
        AwsError: AWS refused or did not answer.
    """
    listeners = aws.call("elbv2", "describe_listeners", ListenerArns=[listener_arn]).get("Listeners", [])
    if not listeners:
        return Route(why=f"the listener {listener_arn} does not exist")
    listener = listeners[0]
    actions, conditions = listener.get("DefaultActions", []), []
    if listener.get("Protocol") in ("HTTP", "HTTPS"):
        found = aws.pages("elbv2", "describe_rules", "Rules", ListenerArn=listener_arn)
        rule, why = _rule_to(found, target_group, side)
        if rule is None:
            return Route(why=f"the listener on port {listener.get('Port')} does not lead to {side}: {why}")
        conditions = rule.get("Conditions", [])
    elif traffic_share(actions, target_group) < 1:
        return Route(why=f"the listener on port {listener.get('Port')} does not send all its traffic to {side}")
    balancer = aws.call("elbv2", "describe_load_balancers", LoadBalancerArns=[listener["LoadBalancerArn"]])[
        "LoadBalancers"
    ][0]
    secure = _scheme(listener) == "https"
    wanted = host or _host(conditions) or (_certified_host(aws, listener) if secure else "")
    return Route(
        url=f"{_scheme(listener)}://{balancer['DNSName'].lower()}:{listener['Port']}",
        host=wanted,
        headers=_headers(conditions),
        path_patterns=tuple(_values(conditions, "path-pattern")),
    )


def traffic_share(actions: list[dict[str, Any]], target_group: str) -> float:
    """Give the share of traffic, 0 to 1, that a rule's actions forward to a target group."""
    for action in actions:
        if action.get("Type") != "forward":
            continue
        groups = action.get("ForwardConfig", {}).get("TargetGroups") or [
            {"TargetGroupArn": action.get("TargetGroupArn"), "Weight": 1}
        ]
        if len(groups) == 1:  # a single group gets everything, whatever its weight says
            return float(groups[0].get("TargetGroupArn") == target_group)
        total = sum(each.get("Weight", 0) for each in groups)
        mine = sum(each.get("Weight", 0) for each in groups if each.get("TargetGroupArn") == target_group)
        return mine / total if total else 0.0
    return 0.0


def _rule_to(rules: list[dict[str, Any]], target_group: str, side: str) -> tuple[dict[str, Any] | None, str]:
    """Give the first rule that sends everything to the target group and that a check can satisfy, or why none does."""
    ordered = sorted(rules, key=lambda rule: (rule.get("IsDefault", False), _priority(rule)))
    shares = [(traffic_share(rule.get("Actions", []), target_group), rule) for rule in ordered]
    leading = [rule for share, rule in shares if share == 1]
    for rule in leading:
        if not _unmet(rule):
            return rule, ""
    if leading:
        return None, f"its rule asks for {' and '.join(_unmet(leading[0]))}, which no check can be sure to satisfy"
    best = max((share for share, _ in shares), default=0.0)
    if best:
        return None, f"it sends it only {best:.0%} of its traffic, so an answer might be the other side's"
    kinds = sorted({str(action.get("Type")) for rule in ordered for action in rule.get("Actions", [])})
    return (
        None,
        f"none of its {len(ordered)} rules forwards to {side}'s target group (actions: {', '.join(kinds) or 'none'})",
    )


def _unmet(rule: dict[str, Any]) -> list[str]:
    """Name the conditions of a rule that a request cannot be made to fit: other fields, and regular expressions."""
    return [str(each.get("Field")) for each in rule.get("Conditions", []) if not _patterns(each)]


def _patterns(condition: dict[str, Any]) -> list[str]:
    config = _MET.get(str(condition.get("Field")))
    if config is None:
        return []
    return [str(value) for value in condition.get(config, {}).get("Values") or condition.get("Values") or []]


def _priority(rule: dict[str, Any]) -> int:
    text = str(rule.get("Priority", ""))
    return int(text) if text.isdigit() else 1_000_000


def _scheme(listener: dict[str, Any]) -> str:
    protocol = str(listener.get("Protocol"))
    return _SCHEMES.get(protocol) or ("https" if listener.get("Port") in _TLS_PORTS else "http")


def _values(conditions: list[dict[str, Any]], field: str) -> list[str]:
    return [value for condition in conditions if condition.get("Field") == field for value in _patterns(condition)]


def _host(conditions: list[dict[str, Any]]) -> str:
    """Give a host name that satisfies the rule: its first without wildcards, or one made to fit."""
    hosts = _values(conditions, "host-header")
    return next((host for host in hosts if "*" not in host and "?" not in host), _fitting(hosts[0]) if hosts else "")


def _headers(conditions: list[dict[str, Any]]) -> dict[str, str]:
    wanted = (
        condition.get("HttpHeaderConfig", {}) for condition in conditions if condition.get("Field") == "http-header"
    )
    return {
        str(each["HttpHeaderName"]): _fitting(str(each["Values"][0]))
        for each in wanted
        if each.get("HttpHeaderName") and each.get("Values")
    }


def _fitting(pattern: str) -> str:
    return pattern.replace("*", "greenlight").replace("?", "x")


def _certified_host(aws: Aws, listener: dict[str, Any]) -> str:
    """Give a name of the listener's default certificate; "" when there is none or it may not be read."""
    certificates = listener.get("Certificates") or []
    arn = certificates[0].get("CertificateArn", "") if certificates else ""
    if ":acm:" not in arn:
        return ""
    try:
        certificate = aws.call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
    except AwsError:
        return ""  # the name of the balancer is tried then, and the TLS error says what to configure
    names = [*certificate.get("SubjectAlternativeNames", []), certificate.get("DomainName", "")]
    return next((name for name in names if name and "*" not in name), _fitting(names[0]) if names and names[0] else "")
