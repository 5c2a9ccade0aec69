"""Expectations from responses: each request is sent twice, and only values that stay the same are expected.

Differences between the two responses are left out, and so are values that a release changes: versions, times, hosts.
"""

from __future__ import annotations

import json
import math
import re
import time
from typing import TYPE_CHECKING, Any

from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.errors import GreenlightError, HttpError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.json_values import equals
from greenlight.network.client import Client
from greenlight.network.guard import Guard
from greenlight.network.request_encoding import parse_url

from .request import RecordedRequest, escape_references
from .secret_references import is_sensitive

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.network.client import Response

    from .secret_references import SecretReferences

PAUSE_S = 1.1
"""Time between the two requests for a path, so that timestamps in seconds differ."""
_MAX_FIELDS = 8
"""Fields of a response that are expected; with more, every change of the service would be a failure."""
_MAX_DEPTH = 3
_MAX_LENGTH = 100
_CHANGES_WITH_RELEASE = re.compile(
    r"(?i)version|release|commit|build|revision|(^|[-_.])(sha|tag|digest|image)$"
    r"|host|instance|container|node|pod|task|server|pid|uptime"
    r"|time|date|timestamp|(_at|_on|At|On)$|^(now|seed|nonce|etag)$|trace|request_?id|correlation"
)
_LIKE_A_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ].*)?|[0-9]{10}([0-9]{3})?")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class RecordedCheck(FrozenStruct, frozen=True, kw_only=True):
    """A request and the expectations of its response; `left_out` are the fields without one, with reasons."""

    request: RecordedRequest
    expect: dict[str, Any]
    left_out: tuple[str, ...] = ()


class Server:
    """HTTP client for one origin; use it in a `with` statement."""

    def __init__(self, origin: str, timeout_s: float = 10.0) -> None:
        """Allow the host of `origin`, loopback included."""
        self.origin, self._timeout_s = origin, timeout_s
        self._client = Client(Guard([parse_url(origin).host], allow_loopback=True))

    def __enter__(self) -> Server:
        """Return the client."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close the connections."""
        self._client.close()

    def send(self, request: RecordedRequest) -> Response | str:
        """Send a request; return the response, or the message of the error."""
        try:
            return self._client.request(
                request.method,
                f"{self.origin}{request.path}",
                headers=dict(request.headers),
                body=request.body,
                timeout_s=self._timeout_s,
            )
        except HttpError as error:
            return str(error)


def record_checks(
    requests: Sequence[RecordedRequest], server: Server, references: SecretReferences, pause_s: float = PAUSE_S
) -> tuple[list[RecordedCheck], list[str]]:
    """Send all requests, safe ones twice.

    Returns:
        The checks, and the requests that are left out, with reasons.

    Raises:
        GreenlightError: The server answers none of the requests.
    """
    began = time.monotonic()
    responses = [server.send(request) for request in requests]
    if responses and all(isinstance(response, str) for response in responses):
        raise GreenlightError(references.redact(f"{server.origin} does not answer: {responses[0]}"))
    SYSTEM_CLOCK.sleep(max(0.0, pause_s - (time.monotonic() - began)))
    checks, left_out = [], []
    for request, first in zip(requests, responses, strict=True):
        second = server.send(request) if request.is_safe and not isinstance(first, str) else first
        check = _make_check(request, first, second, references)
        if not isinstance(check, str):
            checks.append(check)
        elif not request.is_guessed:
            left_out.append(f"{request.name}: {references.redact(check)}")
    return checks, left_out


def _make_check(
    request: RecordedRequest, first: Response | str, second: Response | str, references: SecretReferences
) -> RecordedCheck | str:
    """Return the check for two responses, or the reason for leaving it out."""
    if isinstance(first, str):
        return first
    if isinstance(second, str):
        return f"it answered the first request but not the second: {second}"
    if first.status != second.status:
        return f"it answered {first.status}, and then {second.status}"
    if request.status and first.status != request.status:
        return f"the log says {request.status}, the service answers {first.status}"
    if reason := _why_not_expected(request, first.status):
        return reason
    expect: dict[str, Any] = {"status": first.status}
    media_type = _media_type(first)
    if media_type and media_type == _media_type(second):
        expect["headers"] = {"content-type": {"starts_with": escape_references(media_type)}}
    left_out: list[str] = []
    if request.method != "HEAD" and "json" in media_type:
        fields = _StableFields(references)
        fields.compare(_parse_json(first), _parse_json(second))
        expect |= {"json": fields.expected} if fields.expected else {}
        left_out = fields.left_out
    return RecordedCheck(request=request, expect={**expect, **latency_bound(request)}, left_out=tuple(left_out))


def _why_not_expected(request: RecordedRequest, status: int) -> str:
    """Return why a plan must not expect a status; "" if it may."""
    asks_for_part = any(name.lower() == "range" for name, _ in request.headers)
    if status == 304 or (status == 206 and not asks_for_part):
        return f"it answered {status} to a request that asks for the whole answer"
    is_missing = status in (404, 410)  # a plan that expects it would fail a release that has the page
    if status >= 500 or is_missing or (request.is_guessed and status not in range(200, 300)):
        return f"it answered {status}"
    return ""


def _media_type(response: Response) -> str:
    return (response.header("content-type") or "").partition(";")[0].strip()


def latency_bound(request: RecordedRequest) -> dict[str, Any]:
    """Return a bound of twice the log's 95th percentile, rounded up: one request in twenty exceeds the percentile."""
    if not request.latency_s:
        return {}
    bound_ms = max(50.0, request.latency_s * 2000)
    step_ms = 10 ** math.floor(math.log10(bound_ms)) / 2
    return {"latency": {"lte": f"{math.ceil(bound_ms / step_ms) * step_ms:.0f}ms"}}


def _parse_json(response: Response) -> Any:
    try:
        return None if response.truncated else json.loads(response.body)
    except (ValueError, RecursionError):
        return None


class _StableFields:
    """Fields that are the same in two responses, by JMESPath expression, and the fields left out."""

    def __init__(self, references: SecretReferences) -> None:
        self.left_out: list[str] = []
        self._fields: dict[str, Any] = {}
        self._references = references

    @property
    def expected(self) -> dict[str, Any]:
        return dict(list(self._fields.items())[:_MAX_FIELDS])

    def compare(self, first: Any, second: Any) -> None:
        """Compare the bodies of two responses."""
        self._compare(first, second, "", "")
        surplus = list(self._fields)[_MAX_FIELDS:]
        if surplus:
            self.left_out.append(f"{len(surplus)} further fields, from {surplus[0]} on")

    def _compare(self, first: Any, second: Any, path: str, key: str) -> None:
        if isinstance(first, dict) and isinstance(second, dict):
            self._compare_maps(first, second, path)
        elif isinstance(first, list) and isinstance(second, list):
            if first and second:
                self._fields[f"length({path or '@'})"] = {"gte": 1}
        elif path and (reason := self._why_unstable(first, second, key)):
            self.left_out.append(f"{path} ({reason})")
        elif path:
            self._fields[path] = escape_references(first) if isinstance(first, str) else first

    def _compare_maps(self, first: dict[str, Any], second: dict[str, Any], path: str) -> None:
        if path.count(".") >= _MAX_DEPTH:
            return
        for name in first:
            step = name if _IDENTIFIER.fullmatch(name) else json.dumps(name)
            inner_path = f"{path}.{step}" if path else step
            if name not in second:
                self.left_out.append(f"{inner_path} (not in both responses)")
            else:
                self._compare(first[name], second[name], inner_path, name)

    def _why_unstable(self, first: Any, second: Any, key: str) -> str:
        """Return why a value cannot be expected of the next release; "" if it can."""
        if type(first) is not type(second) or not equals(first, second):
            return "differs between two responses"
        if first is None:
            return "null"
        text = str(first)
        if is_sensitive(key, text) or self._references.contains_secret(text):
            return "may be a secret"
        if _CHANGES_WITH_RELEASE.search(key) or _LIKE_A_TIME.fullmatch(text):
            return "changes with the release, host or time"
        if len(text) > _MAX_LENGTH or (isinstance(first, float) and "e" in text):
            return "too long to be readable"
        return ""
