"""One invocation of one version of the function under deployment, read so that no error looks like an answer.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import re
import time
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.assertions.jmespath_query import run_query
from greenlight.aws.client import call_aws
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.json_values import MISSING

if TYPE_CHECKING:
    from greenlight.checks.context import Context

MAX_PAYLOAD_BYTES = 6 * 1024 * 1024
_DURATION = re.compile(r"\bDuration: ([0-9.]+) ms")
_INIT = re.compile(r"\bInit Duration: ([0-9.]+) ms")


class NoResultError(GreenlightError):
    """The version was invoked and did not answer within the time."""


class Invocation(FrozenStruct, frozen=True, kw_only=True):
    """What a version did.

    Attributes:
        payload: Its answer as plain data; `MISSING` when that is no JSON.
        failure: The function's error as a text; "" when it ended without one.
        duration_ms: As Lambda's own report says, else by the clock here, which `reported` tells apart.
        init_ms: The cold start; 0 when there was none.
    """

    version: str
    payload: Any
    failure: str
    duration_ms: float
    reported: bool
    init_ms: float


def invoke(context: Context, payload: Any, version: str = "") -> Invocation:
    """Invoke a version (green's, unless another is named) and wait for its answer.

    Raises:
        NoResultError: It did not answer in time.
        GreenlightError: It was not invoked, or another version answered.
    """
    version = version or context.green.version
    name = context.deployment.function
    began = time.perf_counter()
    try:
        answer = context.aws_call(
            "lambda",
            "invoke",
            FunctionName=name,
            Qualifier=version,
            LogType="Tail",
            Payload=msgspec.json.encode(payload),
        )
        raw = call_aws("lambda", "invoke", lambda: answer["Payload"].read(MAX_PAYLOAD_BYTES + 1))
    except AwsError as problem:
        if problem.code == "ReadTimeoutError":
            raise NoResultError(f"{name}:{version} did not answer in time") from problem
        raise
    wall_ms = (time.perf_counter() - began) * 1000
    executed = answer.get("ExecutedVersion", "")
    if executed != version:
        raise AwsError(
            f"version {version} was invoked and {executed or 'no version'} answered; the answer says nothing about it"
        )
    read = _decoded(raw)
    log = base64.b64decode(answer.get("LogResult") or "").decode(errors="replace")
    duration_ms, init_ms = _logged(_DURATION, log), _logged(_INIT, log)
    return Invocation(
        version=version,
        payload=read,
        failure=_failure(answer.get("FunctionError"), read),
        duration_ms=wall_ms if duration_ms is None else duration_ms,
        reported=duration_ms is not None,
        init_ms=init_ms or 0.0,
    )


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return MISSING


def _failure(function_error: str | None, payload: Any) -> str:
    if not function_error:
        return ""
    kind, message = (run_query(key, payload) for key in ("errorType", "errorMessage"))
    return f"{kind if isinstance(kind, str) else function_error}: {message if isinstance(message, str) else payload}"


def _logged(pattern: re.Pattern[str], log: str) -> float | None:
    report = next((line for line in log.splitlines() if line.startswith("REPORT ")), "")
    match = pattern.search(report)
    return float(match[1]) if match else None
