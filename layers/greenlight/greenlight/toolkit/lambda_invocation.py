"""Invocation of one version of the deployed function; an error never looks like a result.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.assertions.jmespath_query import run_query
from greenlight.aws.client import call_aws
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.json_decoding import InvalidJsonError, decode_json
from greenlight.core.json_values import MISSING

if TYPE_CHECKING:
    from greenlight.checks.context import Context

MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
_DURATION = re.compile(r"\bDuration: ([0-9.]+) ms")
_INIT = re.compile(r"\bInit Duration: ([0-9.]+) ms")


class NoResultError(GreenlightError):
    """The version was invoked and did not return in time."""


class Invocation(FrozenStruct, frozen=True, kw_only=True):
    """Result of one invocation.

    Attributes:
        version: The version that ran.
        payload: Its response as plain data; `MISSING` if it is not valid JSON.
        failure: The error of the function as text; "" if it ended without one.
        duration_ms: Duration as Lambda reports it, else as measured here.
        reported: Whether Lambda reported the duration.
        init_ms: Duration of the cold start; 0 without one.
        payload_problem: Why the payload is `MISSING`; "" if it is not.
    """

    version: str
    payload: Any
    failure: str
    duration_ms: float
    reported: bool
    init_ms: float
    payload_problem: str = ""


def invoke(context: Context, payload: Any, version: str = "") -> Invocation:
    """Invoke a version, green's by default, and wait for its response.

    Raises:
        NoResultError: It did not return in time.
        GreenlightError: It was not invoked, or another version answered.
    """
    version = version or context.green.version
    name = context.deployment.function
    began = context.clock.monotonic()
    try:
        response = context.aws_call(
            "lambda",
            "invoke",
            FunctionName=name,
            Qualifier=version,
            LogType="Tail",
            Payload=msgspec.json.encode(payload),
        )
        raw = call_aws("lambda", "invoke", lambda: response["Payload"].read(MAX_PAYLOAD_BYTES + 1))
    except AwsError as problem:
        if problem.code == "ReadTimeoutError":
            raise NoResultError(f"{name}:{version} did not answer in time") from problem
        raise
    measured_ms = (context.clock.monotonic() - began) * 1000
    executed = response.get("ExecutedVersion", "")
    if executed != version:
        raise AwsError(
            f"version {version} was invoked, but {executed or 'no version'} answered, so the answer proves nothing"
        )
    result, payload_problem = _decode(raw)
    log = base64.b64decode(response.get("LogResult") or "").decode(errors="replace")
    duration_ms, init_ms = _reported_ms(_DURATION, log), _reported_ms(_INIT, log)
    return Invocation(
        version=version,
        payload=result,
        failure=_error_text(response.get("FunctionError"), result),
        duration_ms=measured_ms if duration_ms is None else duration_ms,
        reported=duration_ms is not None,
        init_ms=init_ms or 0.0,
        payload_problem=payload_problem,
    )


def _decode(raw: bytes) -> tuple[Any, str]:
    """Return the payload and "", or `MISSING` and the reason."""
    if len(raw) > MAX_PAYLOAD_BYTES:
        return MISSING, f"the payload is larger than {MAX_PAYLOAD_BYTES} bytes"
    try:
        return decode_json(raw), ""
    except InvalidJsonError as problem:
        return MISSING, f"the payload {problem}"


def _error_text(function_error: str | None, payload: Any) -> str:
    if not function_error:
        return ""
    error_type, message = (run_query(key, payload) for key in ("errorType", "errorMessage"))
    name = error_type if isinstance(error_type, str) else function_error
    return f"{name}: {message if isinstance(message, str) else payload}"


def _reported_ms(pattern: re.Pattern[str], log: str) -> float | None:
    report = next((line for line in log.splitlines() if line.startswith("REPORT ")), "")
    match = pattern.search(report)
    return float(match[1]) if match else None
