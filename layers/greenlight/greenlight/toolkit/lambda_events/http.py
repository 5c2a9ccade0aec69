"""A request as an API hands it on, and the parts that the four kinds of events make of it."""

from __future__ import annotations

import base64
import re
import urllib.parse
from typing import Any

from greenlight.toolkit.http_request import HttpRequest

_ROUTE_PART = re.compile(r"\{([A-Za-z0-9_.-]+)(\+?)\}")


class HttpEvent(HttpRequest, frozen=True, kw_only=True):
    """A request as an API hands it on.

    `route` is the API's pattern, such as /orders/{id}, and gives the path parameters; `claims` are those of a token
    that the API's authorizer took; `stage` and `stage_variables` are the API's.

    Attributes:
        get, post, put, patch, delete, head, options: The method, with a path.
        headers: Request headers by name.
        query: Fields of the query string.
        body: What is sent.
        source_ip: The caller's address.
    """

    route: str = ""
    claims: dict[str, Any] = {}
    stage: str = ""
    stage_variables: dict[str, str] = {}
    source_ip: str = "192.0.2.1"

    def __post_init__(self) -> None:
        """Refuse a path that is none, and a route that the path does not fit."""
        super().__post_init__()
        if not self.target().startswith("/"):
            raise ValueError("the path of an event begins with /")
        if self.route and path_parameters(self.route, self.parts().path) is None:
            raise ValueError(f"the path {self.parts().path} does not fit the route {self.route}")

    def parts(self) -> urllib.parse.SplitResult:
        """Give path and query."""
        return urllib.parse.urlsplit(self.target())


def path_parameters(route: str, path: str) -> dict[str, str] | None:
    """Give what the route names in the path, decoded; None where the path does not fit."""
    names: list[str] = []
    pattern = ""
    end = 0
    for match in _ROUTE_PART.finditer(route):
        names.append(match[1])
        pattern += re.escape(route[end : match.start()]) + ("(.+)" if match[2] else "([^/]+)")
        end = match.end()
    fit = re.fullmatch(pattern + re.escape(route[end:]), path)
    return fit and {name: urllib.parse.unquote(value) for name, value in zip(names, fit.groups(), strict=True)}


def http_parts(event: HttpEvent) -> tuple[dict[str, str], str | None, bool]:
    """Give headers in lower case, the body as it stands in an event, and whether that is base64."""
    headers, raw = event.encode()
    lower = {name.lower(): value for name, value in headers.items()}
    if raw is None:
        return lower, None, False
    lower.setdefault("content-length", str(len(raw)))
    try:
        return lower, raw.decode(), False
    except UnicodeDecodeError:
        return lower, base64.b64encode(raw).decode(), True
