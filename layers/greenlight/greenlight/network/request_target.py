"""Resolve the paths and hosts of a plan to requests and connections that reach green through its listener's rule."""

from __future__ import annotations

import fnmatch
import re
import urllib.parse

from greenlight.core.deployment import Side
from greenlight.core.errors import GuardError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.routing_rules import RoutedRequest, describe_taken
from greenlight.network.request_encoding import reject_unsendable

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Request(FrozenStruct, frozen=True, kw_only=True):
    """A request to send.

    Attributes:
        url: Absolute.
        host: Name for the Host header; "" for the URL's host.
        headers: Headers of the check, and headers that the listener's rule requires.
    """

    url: str
    host: str
    headers: dict[str, str]


class Endpoint(FrozenStruct, frozen=True, kw_only=True):
    """Endpoint of a connection.

    Attributes:
        host: Host to connect to.
        port: TCP port.
        name: For SNI and the certificate.
    """

    host: str
    port: int
    name: str


def resolve_endpoint(side: Side, host: str = "", port: int = 0) -> Endpoint:
    """Complete a host and port with those of `side`; the name of `side` is only used with its own host.

    Raises:
        GuardError: The host or port is missing, and `side` has none.
    """
    own = urllib.parse.urlsplit(side.url)
    if not side.url and not (host and port):
        raise GuardError(f"{side.no_url or 'green has no URL at this stage'}; set host and port")
    if host and not port and host != own.hostname:
        raise GuardError(f"set the port to connect to at {host}")
    is_green = not host or host == own.hostname
    own_name = urllib.parse.urlsplit(f"//{side.host}").hostname if is_green else ""
    host, port = host or own.hostname or "", port or own.port or (443 if own.scheme == "https" else 80)
    return Endpoint(host=host, port=port, name=own_name or host)


def resolve_request(
    side: Side, path_or_url: str, headers: dict[str, str], method: str = "", name: str = "green"
) -> Request:
    """Resolve a path to a request to `side`; a URL is not changed, unless it is below the side's own.

    Without a `method`, a rule for one method counts as one that may take the request. `name` is that of the side, for
    messages.

    Raises:
        GuardError: `path_or_url` is a path, and the side has no URL at this stage, or the rule of its listener does not
            accept the path, or a rule before it may take the request, or `path_or_url` has control characters.
        HttpError: HTTP cannot carry a header, in particular one with a line break.
    """
    reject_unsendable(method or "GET", headers)
    if _CONTROL.search(path_or_url):  # `urlsplit` would drop some of them silently
        raise GuardError(f"{path_or_url!r} contains control characters")
    is_absolute = _URL.match(path_or_url) is not None
    if is_absolute and not _is_below(path_or_url, side.url):
        return Request(url=path_or_url, host="", headers=headers)
    if not side.url:
        reason = side.no_url or "green has no URL at this stage"
        raise GuardError(reason, root=reason)
    path = path_or_url[len(side.url) :] if is_absolute else path_or_url
    if not path.startswith("/"):
        path = f"/{path}"
    provided = {name.lower() for name in headers}
    added = {name: value for name, value in side.headers.items() if name.lower() not in provided}
    request = Request(
        url=side.url + _apply_path_patterns(path, side.path_patterns), host=side.host, headers={**added, **headers}
    )
    reject_taken(side, request.url, request.headers, method, name)
    return request


def reject_taken(side: Side, url: str, headers: dict[str, str], method: str = "", name: str = "green") -> None:
    """Reject a request to a side's URL that another rule of the listener may take.

    Raises:
        GuardError: A rule before that of the side may take the request. The message names it and its priority.
    """
    if taken := find_taken(side, url, headers, method, name):
        raise GuardError(f"{taken}, so {name} would not answer it; request another path, or change the rules")


def find_taken(side: Side, url: str, headers: dict[str, str], method: str = "", name: str = "green") -> str:
    """Return which rule of the listener may take a request before the side's; "" if none does."""
    if not side.rules_above or not _is_below(url, side.url):
        return ""
    target = url[len(side.url) :]
    request = RoutedRequest(
        method=method,
        target=target if target.startswith("/") else f"/{target}",
        host=side.host or urllib.parse.urlsplit(side.url).netloc,
        headers=headers,
    )
    return describe_taken(side.rules_above, request, name)


def is_sent_to(side: Side, path_or_url: str) -> bool:
    """Return whether `resolve_request` sends `path_or_url` to `side`: a path, or a URL below the side's own."""
    return _URL.match(path_or_url) is None or _is_below(path_or_url, side.url)


def accepts_path(side: Side, url: str) -> bool:
    """Return whether the rule that leads to `side` takes the path of `url`."""
    return not side.path_patterns or _matches(urllib.parse.urlsplit(url).path, side.path_patterns)


def accepts_host(side: Side, host: str) -> bool:
    """Return whether the rule that leads to `side` takes a host name; a port is ignored."""
    name = urllib.parse.urlsplit(f"//{host}").hostname or ""
    return not side.host_patterns or _matches(name, tuple(pattern.lower() for pattern in side.host_patterns))


def _is_below(url: str, base: str) -> bool:
    return bool(base) and (url == base or url.startswith((f"{base}/", f"{base}?")))


def _apply_path_patterns(path: str, patterns: tuple[str, ...]) -> str:
    """Prefix a path that the rule does not match with the fixed part of the first pattern (`/shop` of `/shop/*`)."""
    if not patterns:
        return path
    path_only = urllib.parse.urlsplit(path).path
    if _matches(path_only, patterns):
        return path
    prefix = patterns[0].split("*")[0].split("?")[0].rstrip("/")
    if not _matches(prefix + path_only, patterns):  # another rule would match, and that one may lead to blue
        raise GuardError(f"the rule that routes to green accepts only the paths {', '.join(patterns)}, not {path_only}")
    return prefix + path


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(path, _to_glob(pattern)) for pattern in patterns)


def _to_glob(pattern: str) -> str:
    return pattern.replace("[", "[[]")  # an ALB path pattern has only * and ?
