"""Listener rules that a load balancer evaluates before the rule that leads to a side of the deployment.

A request that such a rule takes is answered by another target group or by the load balancer itself, so its response
shows nothing about the side. A condition that cannot be evaluated here, such as `source-ip` or a regular expression,
counts as one that may hold.

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/rule-condition-types.html
"""

from __future__ import annotations

import posixpath
import re
import urllib.parse
from typing import TYPE_CHECKING

from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SENT_BY_CLIENTS = (
    *("accept", "accept-encoding", "connection", "content-length", "content-type", "cookie", "host", "origin"),
    *("sec-websocket-extensions", "sec-websocket-key", "sec-websocket-protocol", "sec-websocket-version"),
    *("te", "transfer-encoding", "upgrade", "user-agent"),
)
"""Headers that a client may add to those of a check."""

_MAX_SHOWN = 3


class RuleCondition(FrozenStruct, frozen=True, kw_only=True):
    """One condition of a rule; it holds if one of its values matches.

    Attributes:
        field: AWS's name, such as `path-pattern`.
        name: Name of the header of an `http-header` condition.
        values: Patterns with `*` and `?`, or methods; empty if the condition cannot be evaluated here.
        pairs: Keys and values of a `query-string` condition; "" is a pair without a key.
    """

    field: str
    name: str = ""
    values: tuple[str, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        """Return the values, with the field where they alone would be unclear."""
        texts = [f"{key}={value}" if key else value for key, value in self.pairs] or list(self.values)
        more = f" and {len(texts) - _MAX_SHOWN} more" if len(texts) > _MAX_SHOWN else ""
        shown = ", ".join(texts[:_MAX_SHOWN]) + more
        if self.field == "path-pattern" and shown:
            return shown
        label = f"header {self.name}" if self.name else self.field
        return f"{label} {shown}".strip()


class RoutingRule(FrozenStruct, frozen=True, kw_only=True):
    """A rule before that of a side; it takes a request if all its conditions hold.

    Attributes:
        priority: Its priority, as the load balancer shows it.
        conditions: Empty if it takes every request.
    """

    priority: str
    conditions: tuple[RuleCondition, ...] = ()

    def __str__(self) -> str:
        """Return the rule for a message, such as `rule 5 (/api/*)`."""
        conditions = "; ".join(map(str, self.conditions))
        return f"rule {self.priority} ({conditions})" if conditions else f"rule {self.priority} (every request)"


class RoutedRequest(FrozenStruct, frozen=True, kw_only=True):
    """The parts of a request that rules look at.

    Attributes:
        method: In capitals; "" if it is not known.
        target: Path with the query.
        host: Name in the Host header; a port is ignored.
        headers: Headers of the check, without those that the client adds.
    """

    method: str
    target: str
    host: str
    headers: dict[str, str] = {}


def describe_taken(rules: Sequence[RoutingRule], request: RoutedRequest, side: str = "green") -> str:
    """Return which rule takes a request, or may take it, before the rule of a side; "" if none of them does."""
    for rule in rules:
        verdicts = [_holds(condition, request) for condition in rule.conditions]
        if False not in verdicts:
            verb = "takes" if None not in verdicts else "may take"
            about = f"{request.method} {request.target}".strip()
            return f"{rule} {verb} {about} before {side}'s rule"
    return ""


def takes_everything(
    rule: RoutingRule, hosts: Sequence[str], path_patterns: Sequence[str], headers: Mapping[str, str]
) -> bool:
    """Return whether a rule certainly takes every request that the conditions of a later rule admit.

    Args:
        rule: The earlier rule.
        hosts: Host patterns of the later rule; empty if it admits every host.
        path_patterns: Its path patterns; empty if it admits every path.
        headers: Headers that it requires.
    """
    return all(_holds_for_all(condition, hosts, path_patterns, headers) for condition in rule.conditions)


def _holds_for_all(
    condition: RuleCondition, hosts: Sequence[str], path_patterns: Sequence[str], headers: Mapping[str, str]
) -> bool:
    if condition.field == "path-pattern":
        if any(value in ("*", "/*") for value in condition.values):
            return True
        return bool(path_patterns) and all(_covers(condition.values, pattern) for pattern in path_patterns)
    if condition.field == "host-header":
        if "*" in condition.values:
            return True
        lower = [value.lower() for value in condition.values]
        return bool(hosts) and all(_covers(lower, host.lower()) for host in hosts)
    if condition.field == "http-header":
        return _header_holds(condition, headers) is True
    return False


def _covers(values: Sequence[str], pattern: str) -> bool:
    """Return whether one of the patterns matches everything that `pattern` matches."""
    return any(value == pattern or ("?" not in value and _matches(value, pattern)) for value in values)


def _holds(condition: RuleCondition, request: RoutedRequest) -> bool | None:
    """Return whether a condition holds for a request; None if that cannot be known here."""
    if condition.field == "query-string":
        return _query_holds(condition.pairs, request.target)
    if not condition.values:
        return None
    if condition.field == "host-header":
        host = _host_name(request)
        return any(_matches(value.lower(), host) for value in condition.values) if host else None
    if condition.field == "path-pattern":
        return any(_matches(value, path) for value in condition.values for path in _path_forms(request.target))
    if condition.field == "http-request-method":
        return request.method in condition.values if request.method else None
    if condition.field == "http-header":
        return _header_holds(condition, request.headers)
    return None


def _host_name(request: RoutedRequest) -> str:
    provided = next((value for name, value in request.headers.items() if name.lower() == "host"), request.host)
    name = provided if provided.endswith("]") else re.sub(r":[0-9]*$", "", provided)
    return name.strip("[] ").lower()


def _path_forms(target: str) -> set[str]:
    """Return the path as it is sent, decoded and normalised; AWS does not say which form its rules compare."""
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    forms = {path, urllib.parse.unquote(path), urllib.parse.quote(path, safe="/%:@!$&'()*+,;=~-._")}
    return forms | {re.sub("//+", "/", form) for form in forms} | {_normalise(form) for form in forms}


def _normalise(path: str) -> str:
    """Remove dot segments and repeated slashes."""
    end = "/" if path.endswith(("/", "/.", "/..")) and path.strip("/.") else ""
    return "/" + posixpath.normpath(path).strip("/") + end


def _header_holds(condition: RuleCondition, headers: Mapping[str, str]) -> bool | None:
    name = condition.name.lower()
    values = [value for key, value in headers.items() if key.lower() == name]
    if not values:
        return None if name in _SENT_BY_CLIENTS else False
    if any("\\" in pattern for pattern in condition.values):
        return None
    return any(_matches(pattern.lower(), value.lower()) for pattern in condition.values for value in values)


def _query_holds(pairs: Sequence[tuple[str, str]], target: str) -> bool | None:
    query = target.partition("?")[2].partition("#")[0]
    if not query:
        return False
    if not pairs or any("\\" in text for pair in pairs for text in pair):  # AWS escapes * and ? with a backslash
        return None
    decoded = urllib.parse.parse_qsl(query, keep_blank_values=True)
    raw = [(key, value) for key, _, value in (part.partition("=") for part in query.split("&"))]
    return any(
        (not key or _matches(key.lower(), name.lower())) and _matches(value.lower(), text.lower())
        for key, value in pairs
        for name, text in (*decoded, *raw)
    )


def _matches(pattern: str, text: str) -> bool:
    """Return whether a text matches a pattern with `*` and `?`."""
    regex = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(regex, text, re.DOTALL) is not None
