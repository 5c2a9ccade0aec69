"""Expectations of a GraphQL answer, and their evidence; for `graphql`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.api import (
    MISSING,
    DurationExpectation,
    Evidence,
    Expectation,
    Params,
    check_value,
    compile_query,
    run_query,
)

if TYPE_CHECKING:
    from greenlight.api import Response


class Expect(Params, frozen=True, kw_only=True):
    """The expected answer.

    Attributes:
        status: The HTTP status; 200 by default, unless `errors` are expected.
        data: Expectations by JMESPath query into the answer's `data`.
        errors: The list of errors; absent by default.
        latency: The time of the exchange.
    """

    status: Expectation | None = None
    data: dict[str, Expectation] = {}
    errors: Expectation | None = None
    latency: DurationExpectation | None = None

    def __post_init__(self) -> None:
        """Reject queries that are not JMESPath."""
        for query in self.data:
            compile_query(query)


def check_answer(expect: Expect, response: Response, answer: dict[str, Any], place: str) -> list[Evidence]:
    """Check errors, data, status and latency; by default there must be data, no errors and status 200."""
    data, errors = answer.get("data", MISSING), answer.get("errors", MISSING)
    # An empty list breaks the specification and means that there were no errors; anything else is an error.
    has_no_errors = errors is MISSING or errors == []
    if expect.errors is not None:
        results = [check_value("errors", expect.errors, errors, place)]
    else:
        actual = "none" if has_no_errors else errors
        results = [Evidence(query="errors", expected="none", actual=actual, passed=has_no_errors, where=place)]
    if has_no_errors or expect.errors is None:
        results.append(_check_data(data, place))
    if expect.status is not None:
        results.append(check_value("status", expect.status, response.status, place))
    elif expect.errors is None:
        is_ok = response.status == 200
        results.append(Evidence(query="status", expected=200, actual=response.status, passed=is_ok, where=place))
    for query, expectation in expect.data.items():
        value = MISSING if data is MISSING else run_query(query, data)
        results.append(check_value(f"data {query}", expectation, value, place))
    if expect.latency is not None:
        results.append(check_value("latency (ms)", expect.latency, round(response.latency_ms, 3), place))
    return results


def _check_data(data: Any, place: str) -> Evidence:
    if isinstance(data, dict) and data:
        return Evidence(query="data", expected="an object", actual="an object", passed=True, where=place)
    return Evidence(query="data", expected="an object", actual=repr(data) if data is MISSING else data, where=place)
