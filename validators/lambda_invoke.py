"""lambda_invoke: the new version of the function answers an event as it should.

The *version* under deployment is invoked, never the alias (which still has the old one) and never $LATEST
(which may already be newer), and the answer must say that this version ran. An error of the function comes
with HTTP 200, so `FunctionError` is looked at always.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
"""

from __future__ import annotations

import base64
import re
import time
from typing import Any

import msgspec
from greenlight.api import (
    MISSING,
    Context,
    DurationExpectation,
    Evidence,
    Expectation,
    Finding,
    GreenlightError,
    Params,
    compiled,
    error,
    evidence,
    failed,
    find,
    judged,
    validator,
)

_REPORT = re.compile(r"\bDuration: ([0-9.]+) ms")
_INIT = re.compile(r"\bInit Duration: ([0-9.]+) ms")


class Expect(Params, frozen=True, kw_only=True):
    """What the version must answer.

    `json` by JMESPath into the payload, `payload` the whole payload, `error` the text of an error that is wanted,
    `duration` of the run, `init_duration` of a cold start (0 when it was warm).
    """

    json: dict[str, Expectation] = {}
    payload: Expectation | None = None
    error: Expectation | None = None
    duration: DurationExpectation | None = None
    init_duration: DurationExpectation | None = None

    def __post_init__(self) -> None:
        """Refuse queries that are none."""
        for query in self.json:
            compiled(query, "json", query)


class LambdaInvoke(Params, frozen=True, kw_only=True):
    """`payload` is the event to send; without `expect`, running without an error is what is checked."""

    payload: Any = msgspec.field(default_factory=dict)
    expect: Expect = Expect()


@validator(
    LambdaInvoke,
    platforms=("lambda",),
    stages=("BeforeAllowTraffic", "AfterAllowTraffic"),
    iam=("lambda:InvokeFunction",),
)
def lambda_invoke(params: LambdaInvoke, context: Context) -> Finding:
    """The new version of the function answers an event as it should."""
    deployment, version = context.deployment, context.green.version
    began = time.perf_counter()
    try:
        answer = context.aws_call(
            "lambda",
            "invoke",
            FunctionName=deployment.function,
            Qualifier=version,
            LogType="Tail",
            Payload=msgspec.json.encode(params.payload),
        )
        raw = answer["Payload"].read(6 * 1024 * 1024 + 1)
    except GreenlightError as problem:
        slow = getattr(problem, "code", "") == "ReadTimeoutError"
        return failed(f"{deployment.function}:{version} did not answer in time") if slow else error(str(problem))
    wall_ms = (time.perf_counter() - began) * 1000
    executed = answer.get("ExecutedVersion", "")
    if executed != version:
        return error(
            f"version {version} was invoked and {executed or 'no version'} answered; the answer says nothing about green"
        )
    payload = _decoded(raw)
    where = f"{deployment.function}:{version}"
    log = base64.b64decode(answer.get("LogResult") or "").decode(errors="replace")
    found = [_error_evidence(answer.get("FunctionError"), payload, params.expect, where)]
    found += [
        evidence(f"json {query}", expectation, find(query, payload), where)
        for query, expectation in params.expect.json.items()
    ]
    if params.expect.payload is not None:
        found.append(evidence("payload", params.expect.payload, payload, where))
    duration_ms = _logged(_REPORT, log)
    if params.expect.duration is not None:
        found.append(
            evidence("duration (ms)", params.expect.duration, wall_ms if duration_ms is None else duration_ms, where)
        )
    init_ms = _logged(_INIT, log)
    if params.expect.init_duration is not None:
        found.append(evidence("init duration (ms)", params.expect.init_duration, init_ms or 0.0, where))
    cold = f", cold start {init_ms:.0f} ms" if init_ms else ""
    return judged(found, f"{where} answered in {wall_ms if duration_ms is None else duration_ms:.0f} ms{cold}")


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return MISSING


def _error_evidence(function_error: str | None, payload: Any, expect: Expect, where: str) -> Evidence:
    """Say whether the function ended as wanted: without an error, or with the one that is expected."""
    said: Any = MISSING
    if function_error:
        kind, message = (find(key, payload) for key in ("errorType", "errorMessage"))
        said = (
            f"{kind if isinstance(kind, str) else function_error}: {message if isinstance(message, str) else payload}"
        )
    if expect.error is not None:
        return evidence("error", expect.error, said, where)
    return Evidence(
        query="error", expected="none", actual="none" if said is MISSING else said, passed=said is MISSING, where=where
    )


def _logged(pattern: re.Pattern[str], log: str) -> float | None:
    report = next((line for line in log.splitlines() if line.startswith("REPORT ")), "")
    match = pattern.search(report)
    return float(match[1]) if match else None
