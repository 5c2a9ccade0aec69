"""Route through a load balancer to a target group: URL, host name, and the headers and paths that its rule requires.

Sources: API references of elbv2 DescribeListeners, DescribeRules, DescribeLoadBalancers; acm DescribeCertificate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.core.errors import AwsError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.routing_rules import RoutingRule, RuleCondition, takes_everything

if TYPE_CHECKING:
    from greenlight.aws.client import Aws

_SCHEMES = {"HTTP": "http", "HTTPS": "https", "TLS": "https"}
_TLS_PORTS = (443, 8443)
_CONDITION_FIELDS = {
    "host-header": "HostHeaderConfig",
    "path-pattern": "PathPatternConfig",
    "http-header": "HttpHeaderConfig",
}
"""Conditions that a request can satisfy, and the member of each that contains its patterns."""


class Route(FrozenStruct, frozen=True, kw_only=True):
    """Route of a request to the target group.

    Attributes:
        url: "" if no request is certain to reach it.
        host: Name for the Host header; "" for the URL's.
        headers: Headers that the rule requires.
        path_patterns: Path patterns of the rule; empty if it accepts every path.
        host_patterns: Patterns of host names of the rule; empty if it accepts every name.
        rules_above: Rules that the listener evaluates before this one, and that lead elsewhere.
        protocol: Protocol of the listener, as AWS names it.
        reason: Why there is no URL.
    """

    url: str = ""
    host: str = ""
    headers: dict[str, str] = {}
    path_patterns: tuple[str, ...] = ()
    host_patterns: tuple[str, ...] = ()
    rules_above: tuple[RoutingRule, ...] = ()
    protocol: str = ""
    reason: str = ""


def find_route(aws: Aws, listener_arn: str, target_group: str, host: str = "", side: str = "green") -> Route:
    """Find the route from a listener to a target group.

    Args:
        aws: The account.
        listener_arn: Test or production listener.
        target_group: ARN.
        host: Configured host name; "" to discover one.
        side: Name of the target group's side in messages, green or blue.

    Raises:
        AwsError: AWS denied a call or did not respond.
    """
    listeners = aws.call("elbv2", "describe_listeners", ListenerArns=[listener_arn]).get("Listeners", [])
    if not listeners:
        return Route(reason=f"the listener {listener_arn} does not exist")
    listener = listeners[0]
    actions, conditions = listener.get("DefaultActions", []), []
    above: tuple[RoutingRule, ...] = ()
    if listener.get("Protocol") in ("HTTP", "HTTPS"):
        rules = aws.pages("elbv2", "describe_rules", "Rules", ListenerArn=listener_arn)
        rule, above, reason = _find_rule(rules, target_group, side)
        if rule is None:
            reason = f"the listener on port {listener.get('Port')} does not route to {side}: {reason}"
            return Route(reason=reason, rules_above=above)
        conditions = rule.get("Conditions", [])
    elif traffic_share(actions, target_group) < 1:
        return Route(reason=f"the listener on port {listener.get('Port')} does not send all its traffic to {side}")
    described = aws.call("elbv2", "describe_load_balancers", LoadBalancerArns=[listener["LoadBalancerArn"]])
    balancer = described["LoadBalancers"][0]
    scheme = _scheme(listener)
    host = host or _host(conditions)
    if not host and scheme == "https":
        host = _certificate_host(aws, listener)
    return Route(
        url=f"{scheme}://{balancer['DNSName'].lower()}:{listener['Port']}",
        host=host,
        headers=_required_headers(conditions),
        path_patterns=tuple(_patterns_of(conditions, "path-pattern")),
        host_patterns=tuple(_patterns_of(conditions, "host-header")),
        rules_above=above,
        protocol=str(listener.get("Protocol", "")),
    )


def traffic_share(actions: list[dict[str, Any]], target_group: str) -> float:
    """Return the share of traffic, 0 to 1, that a rule's actions forward to a target group."""
    for action in actions:
        if action.get("Type") != "forward":
            continue
        groups = action.get("ForwardConfig", {}).get("TargetGroups") or [
            {"TargetGroupArn": action.get("TargetGroupArn"), "Weight": 1}
        ]
        if len(groups) == 1:  # a single group gets all traffic, whatever its weight is
            return float(groups[0].get("TargetGroupArn") == target_group)
        total = sum(group.get("Weight", 0) for group in groups)
        weight = sum(group.get("Weight", 0) for group in groups if group.get("TargetGroupArn") == target_group)
        return weight / total if total else 0.0
    return 0.0


def _find_rule(
    rules: list[dict[str, Any]], target_group: str, side: str
) -> tuple[dict[str, Any] | None, tuple[RoutingRule, ...], str]:
    """Return the first rule that a check can satisfy and that sends all its traffic to the group, or a reason.

    With it come the rules before it that lead elsewhere.
    """
    ordered = _in_order(rules)
    shares = [(traffic_share(rule.get("Actions", []), target_group), rule) for rule in ordered]
    candidates = [rule for share, rule in shares if share == 1]
    shadowed: tuple[tuple[RoutingRule, ...], str] | None = None
    for rule in candidates:
        if _unsupported_conditions(rule):
            continue
        above = _rules_above(rules, rule, target_group)
        shadow = _find_shadow(above, rule.get("Conditions", []))
        if shadow is None:
            return rule, above, ""
        shadowed = shadowed or (above, f"{shadow} takes every request before {side}'s rule")
    if shadowed:
        return None, *shadowed
    if candidates:
        fields = " and ".join(_unsupported_conditions(candidates[0]))
        return None, (), f"its rule requires {fields}, which a check cannot be certain to satisfy"
    best = max((share for share, _ in shares), default=0.0)
    if best:
        return None, (), f"it sends {side} only {best:.0%} of its traffic, so a response might come from the other side"
    actions = sorted({str(action.get("Type")) for rule in ordered for action in rule.get("Actions", [])})
    return (
        None,
        (),
        f"none of its {len(ordered)} rules forwards to {side}'s target group (actions: {', '.join(actions) or 'none'})",
    )


def _in_order(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rules, key=lambda rule: (rule.get("IsDefault", False), _priority(rule)))


def _rules_above(rules: list[dict[str, Any]], own: dict[str, Any], target_group: str) -> tuple[RoutingRule, ...]:
    """Return the rules before `own` whose requests do not all reach the target group."""
    ordered = _in_order(rules)
    return tuple(
        RoutingRule(
            priority=str(rule.get("Priority", "")), conditions=tuple(map(_to_condition, rule.get("Conditions", [])))
        )
        for rule in ordered[: ordered.index(own)]
        if not _only_forwards(rule, target_group)
    )


def _only_forwards(rule: dict[str, Any], target_group: str) -> bool:
    """Return whether all requests of a rule reach the target group; an action that authenticates may answer them."""
    actions = rule.get("Actions", [])
    return all(action.get("Type") == "forward" for action in actions) and traffic_share(actions, target_group) == 1


def _find_shadow(above: tuple[RoutingRule, ...], conditions: list[dict[str, Any]]) -> RoutingRule | None:
    hosts, paths = _patterns_of(conditions, "host-header"), _patterns_of(conditions, "path-pattern")
    headers = _required_headers(conditions)
    return next((rule for rule in above if takes_everything(rule, hosts, paths, headers)), None)


def _to_condition(condition: dict[str, Any]) -> RuleCondition:
    field = str(condition.get("Field"))
    if field == "query-string":
        values = condition.get("QueryStringConfig", {}).get("Values") or []
        pairs = tuple((str(value.get("Key") or ""), str(value.get("Value") or "")) for value in values)
        return RuleCondition(field=field, pairs=pairs)
    if field == "http-request-method":
        methods = condition.get("HttpRequestMethodConfig", {}).get("Values") or condition.get("Values") or []
        return RuleCondition(field=field, values=tuple(map(str, methods)))
    config = condition.get(_CONDITION_FIELDS.get(field, ""), {})
    has_regex = bool(config.get("RegexValues"))
    values = () if has_regex else tuple(_patterns(condition))
    return RuleCondition(field=field, name=str(config.get("HttpHeaderName", "")), values=values)


def _unsupported_conditions(rule: dict[str, Any]) -> list[str]:
    """Return the fields of a rule's conditions that a check cannot satisfy: other fields, and regular expressions."""
    return [str(condition.get("Field")) for condition in rule.get("Conditions", []) if not _patterns(condition)]


def _patterns(condition: dict[str, Any]) -> list[str]:
    config = _CONDITION_FIELDS.get(str(condition.get("Field")))
    if config is None:
        return []
    return [str(value) for value in condition.get(config, {}).get("Values") or condition.get("Values") or []]


def _priority(rule: dict[str, Any]) -> int:
    text = str(rule.get("Priority", ""))
    return int(text) if text.isdigit() else 1_000_000


def _scheme(listener: dict[str, Any]) -> str:
    protocol = str(listener.get("Protocol"))
    return _SCHEMES.get(protocol) or ("https" if listener.get("Port") in _TLS_PORTS else "http")


def _patterns_of(conditions: list[dict[str, Any]], field: str) -> list[str]:
    return [value for condition in conditions if condition.get("Field") == field for value in _patterns(condition)]


def _host(conditions: list[dict[str, Any]]) -> str:
    """Return a host name that satisfies the rule: its first without wildcards, or one that matches its pattern."""
    hosts = _patterns_of(conditions, "host-header")
    fallback = _match_pattern(hosts[0]) if hosts else ""
    return next((host for host in hosts if "*" not in host and "?" not in host), fallback)


def _required_headers(conditions: list[dict[str, Any]]) -> dict[str, str]:
    configs = (
        condition.get("HttpHeaderConfig", {}) for condition in conditions if condition.get("Field") == "http-header"
    )
    return {
        str(config["HttpHeaderName"]): _match_pattern(str(config["Values"][0]))
        for config in configs
        if config.get("HttpHeaderName") and config.get("Values")
    }


def _match_pattern(pattern: str) -> str:
    """Return a text that matches a pattern with * and ?."""
    return pattern.replace("*", "greenlight").replace("?", "x")


def _certificate_host(aws: Aws, listener: dict[str, Any]) -> str:
    """Return a name of the listener's default certificate; "" without a certificate that can be read."""
    certificates = listener.get("Certificates") or []
    arn = certificates[0].get("CertificateArn", "") if certificates else ""
    if ":acm:" not in arn:
        return ""
    try:
        certificate = aws.call("acm", "describe_certificate", CertificateArn=arn)["Certificate"]
    except AwsError:
        return ""  # the load balancer's name is used then, and the TLS error says what to configure
    names = [*certificate.get("SubjectAlternativeNames", []), certificate.get("DomainName", "")]
    fallback = _match_pattern(names[0]) if names and names[0] else ""
    return next((name for name in names if name and "*" not in name), fallback)
