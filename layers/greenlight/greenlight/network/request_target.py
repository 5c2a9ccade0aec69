"""From a path in a plan to the request that reaches green through its listener's rule. Pure."""

from __future__ import annotations

import fnmatch
import re
import urllib.parse

from greenlight.core.deployment import Side
from greenlight.core.errors import GuardError
from greenlight.core.frozen import FrozenStruct

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")


class Request(FrozenStruct, frozen=True, kw_only=True):
    """Where to send a request: absolute `url`, `host` name to use ("" for the URL's), headers with the rule's added."""

    url: str
    host: str
    headers: dict[str, str]


class Endpoint(FrozenStruct, frozen=True, kw_only=True):
    """Where to open a connection: `host` and `port`, and the `name` to verify and to announce there."""

    host: str
    port: int
    name: str


def resolve_endpoint(side: Side, host: str = "", port: int = 0) -> Endpoint:
    """Fill in what is left out from `side`; its own name goes with its own host only.

    Raises:
        GuardError: Something is left out that `side` does not have.
    """
    own = urllib.parse.urlsplit(side.url)
    if not side.url and not (host and port):
        raise GuardError(f"{side.no_url or 'green has no URL at this stage'}; say host and port")
    if host and not port and host != own.hostname:
        raise GuardError(f"say the port to connect to at {host}")
    is_green = not host or host == own.hostname
    announced = urllib.parse.urlsplit(f"//{side.host}").hostname if is_green else ""
    host, port = host or own.hostname or "", port or own.port or (443 if own.scheme == "https" else 80)
    return Endpoint(host=host, port=port, name=announced or host)


def resolve_request(side: Side, path_or_url: str, headers: dict[str, str]) -> Request:
    """Turn a path into a request to `side`; a URL stays as it is, unless it is below the side's own.

    Raises:
        GuardError: A path, and the side has no URL at this stage, or its listener's rule takes no such path; the
            sentence says why.
    """
    absolute = _URL.match(path_or_url) is not None
    if absolute and not _below(path_or_url, side.url):
        return Request(url=path_or_url, host="", headers=headers)
    if not side.url:
        raise GuardError(side.no_url or "green has no URL at this stage")
    path = path_or_url[len(side.url) :] if absolute else path_or_url
    if not path.startswith("/"):
        path = f"/{path}"
    given = {name.lower() for name in headers}
    added = {name: value for name, value in side.headers.items() if name.lower() not in given}
    return Request(url=side.url + _under_rule(path, side.path_patterns), host=side.host, headers={**added, **headers})


def _below(url: str, base: str) -> bool:
    return bool(base) and (url == base or url.startswith((f"{base}/", f"{base}?")))


def _under_rule(path: str, patterns: tuple[str, ...]) -> str:
    """Put a path that no pattern of the rule covers below the first pattern's fixed part (`/shop/*` gives `/shop`)."""
    if not patterns:
        return path
    bare = urllib.parse.urlsplit(path).path
    if _covered(bare, patterns):
        return path
    fixed = patterns[0].split("*")[0].split("?")[0].rstrip("/")
    if not _covered(fixed + bare, patterns):  # another rule would take it, and that one may lead to blue
        raise GuardError(f"the rule that leads to green takes only the paths {', '.join(patterns)}, and not {bare}")
    return fixed + path


def _covered(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(path, _as_glob(pattern)) for pattern in patterns)


def _as_glob(pattern: str) -> str:
    return pattern.replace("[", "[[]")  # an ALB path pattern knows * and ? only
