"""Requests to record, and the parts of their URLs and headers that a plan contains."""

from __future__ import annotations

import urllib.parse

from greenlight.core.frozen import FrozenStruct
from greenlight.toolkit.http_request import SAFE_METHODS

_DROPPED_HEADERS = (
    "host",
    "content-length",
    "connection",
    "accept-encoding",
    "transfer-encoding",
    "expect",
    "user-agent",
    "referer",
    "dnt",
    "te",
    "priority",
    "upgrade-insecure-requests",
    "if-none-match",
    "if-modified-since",
)
"""Headers that the client sets itself, that do not change the response, or that validate a cached copy."""
_DROPPED_PREFIXES = ("sec-fetch-", "sec-ch-ua", "sec-gpc")


class RecordedRequest(FrozenStruct, frozen=True, kw_only=True):
    """A request that is sent to record its response.

    Attributes:
        method: The HTTP method.
        path: Path and query, percent-encoded.
        headers: Names and values.
        body: The encoded body; None without one.
        status: The status that a log has; 0 without a log.
        latency_s: The 95th percentile of a log; 0 without one.
        source: Where the request comes from, for a comment.
        is_guessed: Whether the path is a usual one that the service may not have.
    """

    method: str = "GET"
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    status: int = 0
    latency_s: float = 0.0
    source: str = ""
    is_guessed: bool = False

    @property
    def is_safe(self) -> bool:
        """Whether the method changes no data."""
        return self.method in SAFE_METHODS

    @property
    def name(self) -> str:
        """Method and path, without the query, whose values may be secrets."""
        return f"{self.method} {self.path.partition('?')[0]}"


def is_relevant_header(name: str) -> bool:
    """Return whether a header belongs in a plan."""
    return name.lower() not in _DROPPED_HEADERS and not name.lower().startswith(_DROPPED_PREFIXES)


def escape_references(text: str) -> str:
    """Escape a text so that a plan replaces nothing in it."""
    return text.replace("${", "$${")


def path_of(url: str) -> str:
    """Return path and query of a URL or path, with reserved characters percent-encoded."""
    parts = urllib.parse.urlsplit(url)
    path = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~")
    query = urllib.parse.quote(parts.query, safe="/%:@!$&'()*+,;=-._~?")
    return f"{path}?{query}" if query else path


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL; "" for a path."""
    parts = urllib.parse.urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}" if parts.scheme and host else ""
