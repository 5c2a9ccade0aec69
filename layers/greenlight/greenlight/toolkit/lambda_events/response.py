"""Response of a function, parsed like the service that invokes the function does.

Source: the pages that the modules of the four kinds of HTTP events cite.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from greenlight.core.display import to_json_text
from greenlight.core.json_values import MISSING
from greenlight.network.client import Response


def read_response(kind: str, payload: Any, latency_ms: float = 0.0) -> Response:
    """Parse the result of a function as the invoking service does.

    Args:
        kind: The invoking service.
        payload: Result of the function.
        latency_ms: Latency of the returned response.

    Raises:
        ValueError: The service would answer 502 instead (API Gateway for HTTP APIs: 500); the message gives the reason.
    """
    has_status = isinstance(payload, dict) and "statusCode" in payload
    if not has_status and kind in ("api_gateway_v2", "function_url") and payload is not MISSING:
        # A plain value is a 200 with that value.
        return _response(200, [("content-type", "application/json")], to_json_text(payload).encode(), latency_ms)
    if not has_status:
        raise ValueError("it is not an object with a statusCode")
    headers = _headers(payload)
    if kind in ("api_gateway_v2", "function_url") and not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("content-type", "application/json"))
    return _response(_status(payload["statusCode"]), headers, _body(payload), latency_ms)


def _status(value: Any) -> int:
    digits = str(value)
    if isinstance(value, bool) or not re.fullmatch(r"[1-5][0-9]{2}", digits):
        raise ValueError(f"its statusCode is {value!r}")
    return int(digits)


def _headers(payload: dict[str, Any]) -> list[tuple[str, str]]:
    single, several, cookies = (payload.get(key) for key in ("headers", "multiValueHeaders", "cookies"))
    headers: list[tuple[str, str]] = []
    overridden = {name.lower() for name in _mapping("multiValueHeaders", several)}
    for name, value in _mapping("headers", single).items():
        if name.lower() in overridden:
            continue
        if isinstance(value, (dict, list)) or value is None:
            raise ValueError(f"its header {name} is {value!r}, and not text")
        headers.append((name, to_json_text(value)))
    for name, values in _mapping("multiValueHeaders", several).items():
        if not isinstance(values, list):
            raise ValueError(f"its multiValueHeaders have no list under {name}")
        headers += [(name, to_json_text(value)) for value in values]
    if cookies is not None and not isinstance(cookies, list):
        raise ValueError("its cookies are not a list")
    return headers + [("set-cookie", str(cookie)) for cookie in cookies or []]


def _mapping(key: str, value: Any) -> dict[str, Any]:
    if value is not None and not isinstance(value, dict):
        raise ValueError(f"its {key} are not a map")
    return value or {}


def _body(payload: dict[str, Any]) -> bytes:
    body = payload.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        raise ValueError("its body is not text; the function must turn it into JSON itself")
    if payload.get("isBase64Encoded") is not True:
        return body.encode(errors="replace")
    try:
        return base64.b64decode(body, validate=True)
    except ValueError as problem:
        raise ValueError(f"its body is marked as base64 and is not: {problem}") from problem


def _response(status: int, headers: list[tuple[str, str]], body: bytes, latency_ms: float) -> Response:
    return Response(
        status=status,
        reason="",
        headers=tuple(headers),
        body=body,
        truncated=False,
        latency_ms=latency_ms,
        url="",
        address="",
    )
