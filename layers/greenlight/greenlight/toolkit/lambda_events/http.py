"""HTTP request as an API forwards it, and the parts that the four kinds of HTTP events share."""

from __future__ import annotations

import base64
import re
import urllib.parse
from typing import Any

from greenlight.toolkit.http_request import HttpRequest

_ROUTE_PART = re.compile(r"\{([A-Za-z0-9_.-]+)(\+?)\}")


class HttpEvent(HttpRequest, frozen=True, kw_only=True):
    """HTTP request as an API forwards it.

    `route` is the API's pattern, such as /orders/{id}, from which the path parameters follow; `claims` are those of a
    token that the API's authorizer accepted; `stage` and `stage_variables` are those of the API.

    Attributes:
        get, post, put, patch, delete, head, options: The method, with a path.
        headers: Request headers by name.
        query: Fields of the query string.
        body: Request body.
        source_ip: Address of the caller.
    """

    route: str = ""
    claims: dict[str, Any] = {}
    stage: str = ""
    stage_variables: dict[str, str] = {}
    source_ip: str = "192.0.2.1"

    def __post_init__(self) -> None:
        """Reject a relative path, and a route that does not match the path."""
        super().__post_init__()
        if not self.target().startswith("/"):
            raise ValueError("the path of an event begins with /")
        if self.route and path_parameters(self.route, self.parts().path) is None:
            raise ValueError(f"the path {self.parts().path} does not fit the route {self.route}")

    def parts(self) -> urllib.parse.SplitResult:
        """Return path and query."""
        return urllib.parse.urlsplit(self.target())


def path_parameters(route: str, path: str) -> dict[str, str] | None:
    """Return the decoded path parameters of a route; None if the path does not match it."""
    names: list[str] = []
    pattern = ""
    end = 0
    for part in _ROUTE_PART.finditer(route):
        names.append(part[1])
        pattern += re.escape(route[end : part.start()]) + ("(.+)" if part[2] else "([^/]+)")
        end = part.end()
    match = re.fullmatch(pattern + re.escape(route[end:]), path)
    return match and {name: urllib.parse.unquote(value) for name, value in zip(names, match.groups(), strict=True)}


def http_parts(event: HttpEvent) -> tuple[dict[str, str], str | None, bool]:
    """Return headers in lower case, the body as it is in an event, and whether that is base64."""
    headers, raw = event.encode()
    lower = {name.lower(): value for name, value in headers.items()}
    if raw is None:
        return lower, None, False
    lower.setdefault("content-length", str(len(raw)))
    try:
        return lower, raw.decode(), False
    except UnicodeDecodeError:
        return lower, base64.b64encode(raw).decode(), True
