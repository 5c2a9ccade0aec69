"""Comparison of one Lambda invocation with a plan's expectations, for `lambda_invoke` and `warm`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.api import (
    MISSING,
    ContentExpectation,
    DurationExpectation,
    Evidence,
    Expectation,
    check_response,
    check_value,
    describe_gap,
    read_response,
    run_query,
)

if TYPE_CHECKING:
    from greenlight.api import Invocation, LambdaEvent


class InvocationExpectation(ContentExpectation, frozen=True, kw_only=True):
    """Expected answer of the version.

    The keys of `http`'s expectations are for HTTP events only, except `json`.

    Attributes:
        json: Expectations by JMESPath into the response's body (HTTP events) or into the payload.
        payload: The whole payload.
        error: Text of the error that the function must end with.
        duration: Duration of the run.
        init_duration: Duration of the cold start; 0 when there was none.
    """

    payload: Expectation | None = None
    error: Expectation | None = None
    duration: DurationExpectation | None = None
    init_duration: DurationExpectation | None = None

    def response_keys(self) -> list[str]:
        """Return the keys that expect something of an HTTP response."""
        return [name for name in ContentExpectation.__struct_fields__ if getattr(self, name) not in (None, {})]


def check_invocation(
    expect: InvocationExpectation, event: LambdaEvent | None, invocation: Invocation, where: str
) -> list[Evidence]:
    """Compare error, answer and durations of one invocation with the plan's expectations."""
    results = [_check_error(expect, invocation.failure, where)]
    if event is not None and event.is_http:
        results += _check_http_response(expect, event, invocation, where)
    else:
        results += _check_payload(expect, event, invocation, where)
    if expect.payload is not None:
        results.append(_compare("payload", expect.payload, invocation.payload, invocation, where))
    if expect.duration is not None:
        results.append(check_value("duration (ms)", expect.duration, invocation.duration_ms, where))
    if expect.init_duration is not None:
        results.append(check_value("init duration (ms)", expect.init_duration, invocation.init_ms, where))
    return results


def response_error(expect: Expectation | None, event: LambdaEvent | None, invocation: Invocation) -> str:
    """Return the error of an invocation or of its HTTP response; "" if it succeeded."""
    if invocation.failure or event is None or not event.is_http:
        return invocation.failure
    try:
        status = read_response(event.kind, invocation.payload).status
    except ValueError as problem:
        return f"the response cannot be passed on: {problem}"
    is_expected = expect.holds(status) if expect is not None else 200 <= status < 400
    return "" if is_expected else f"status {status}"


def _check_error(expect: InvocationExpectation, failure: str, where: str) -> Evidence:
    if expect.error is not None:
        return check_value("error", expect.error, failure or MISSING, where)
    return Evidence(query="error", expected="none", actual=failure or "none", passed=not failure, where=where)


def _check_http_response(
    expect: InvocationExpectation, event: LambdaEvent, invocation: Invocation, where: str
) -> list[Evidence]:
    """Compare the HTTP response that the service in front of the function would pass on."""
    if invocation.failure or not expect.response_keys():
        return []
    try:
        response = read_response(event.kind, invocation.payload, invocation.duration_ms)
    except ValueError as problem:
        actual = f"malformed: {problem}"
        return [Evidence(query="response", expected="one that can be passed on", actual=actual, where=where)]
    return check_response(expect, response, where)


def _compare_json(query: str, expectation: Expectation, invocation: Invocation, where: str) -> Evidence:
    """Compare the result of a query into the payload; it passes nothing in a payload without fields."""
    name = f"json {query}"
    if gap := describe_gap(query, invocation.payload):
        actual = f"{MISSING!r}: the payload is JSON, but {gap}"
        return Evidence(query=name, expected=expectation.raw, actual=actual, where=where)
    return _compare(name, expectation, run_query(query, invocation.payload), invocation, where)


def _compare(query: str, expectation: Expectation, actual: Any, invocation: Invocation, where: str) -> Evidence:
    """Compare a value of the payload; one that cannot be read passes nothing, not even `exists: false`."""
    if invocation.payload_problem:
        reason = f"{MISSING!r}: {invocation.payload_problem}"
        return Evidence(query=query, expected=expectation.raw, actual=reason, where=where)
    return check_value(query, expectation, actual, where)


def _check_payload(
    expect: InvocationExpectation, event: LambdaEvent | None, invocation: Invocation, where: str
) -> list[Evidence]:
    """Compare the payload itself, and for a batch the items that failed."""
    payload = invocation.payload
    results = [_compare_json(query, expectation, invocation, where) for query, expectation in expect.json.items()]
    if event is not None and event.is_batch and not any("batchItemFailures" in query for query in expect.json):
        failures = run_query("batchItemFailures", payload)
        passed = not invocation.payload_problem and (failures is MISSING or not failures)
        actual = invocation.payload_problem or "none"
        if not passed and not invocation.payload_problem:
            actual = f"{len(failures) if isinstance(failures, list) else failures} of the batch"
        results.append(Evidence(query="failed items", expected="none", actual=actual, passed=passed, where=where))
    return results
