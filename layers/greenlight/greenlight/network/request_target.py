"""Resolve the paths and hosts of a plan to requests and connections that reach green through its listener's rule."""

from __future__ import annotations

import fnmatch
import re
import urllib.parse

from greenlight.core.deployment import Side
from greenlight.core.errors import GuardError
from greenlight.core.frozen import FrozenStruct

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Request(FrozenStruct, frozen=True, kw_only=True):
    """A request to send.

    Attributes:
        url: Absolute.
        host: Name to ask for; "" for the URL's.
        headers: Those of the check, and those that the listener's rule requires.
    """

    url: str
    host: str
    headers: dict[str, str]


class Endpoint(FrozenStruct, frozen=True, kw_only=True):
    """Where to open a connection.

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


def resolve_request(side: Side, path_or_url: str, headers: dict[str, str]) -> Request:
    """Resolve a path to a request to `side`; a URL is not changed, unless it is below the side's own.

    Raises:
        GuardError: `path_or_url` is a path, and the side has no URL at this stage, or the rule of its listener does not
            accept the path.
    """
    is_absolute = _URL.match(path_or_url) is not None
    if is_absolute and not _is_below(path_or_url, side.url):
        return Request(url=path_or_url, host="", headers=headers)
    if not side.url:
        raise GuardError(side.no_url or "green has no URL at this stage")
    path = path_or_url[len(side.url) :] if is_absolute else path_or_url
    if not path.startswith("/"):
        path = f"/{path}"
    provided = {name.lower() for name in headers}
    added = {name: value for name, value in side.headers.items() if name.lower() not in provided}
    return Request(
        url=side.url + _apply_path_patterns(path, side.path_patterns), host=side.host, headers={**added, **headers}
    )


def is_sent_to(side: Side, path_or_url: str) -> bool:
    """Return whether `resolve_request` sends `path_or_url` to `side`: a path, or a URL below the side's own."""
    return _URL.match(path_or_url) is None or _is_below(path_or_url, side.url)


def accepts_path(side: Side, url: str) -> bool:
    """Return whether the rule that leads to `side` takes the path of `url`."""
    return not side.path_patterns or _matches(urllib.parse.urlsplit(url).path, side.path_patterns)


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
        raise GuardError(
            f"the rule that leads to green takes only the paths {', '.join(patterns)}, and not {path_only}"
        )
    return prefix + path


def _matches(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(path, _to_glob(pattern)) for pattern in patterns)


def _to_glob(pattern: str) -> str:
    return pattern.replace("[", "[[]")  # an ALB path pattern has only * and ?
