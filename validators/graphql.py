"""graphql: a query or mutation is answered without errors, and with the data that is expected.

Sent as a POST by GraphQL over HTTP. GraphQL answers 200 for what went wrong, too, so `errors` must be absent, `data`
must be there and hold something, and the status must be 200, unless the plan expects else. `data` is asked by
JMESPath from the answer's `data` on. A mutation changes what it says; write one that the service can bear.

Example:
    checks:
      - name: the catalogue is there
        graphql:
          query: |
            query Smoke($first: Int!) { products(first: $first) { name price { amount } } }
          variables: {first: 2}
          expect:
            data: {"length(products)": 2, "products[].price.amount": {every: {gt: 0}}}
      - name: strangers are kept out
        graphql:
          query: "{ me { orders { id } } }"
          expect: {errors: {length: {gte: 1}}, data: {me: {eq: null}}}

Source: https://graphql.github.io/graphql-over-http/draft/
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from greenlight.api import (
    MISSING,
    Context,
    DurationExpectation,
    Evidence,
    Expectation,
    Finding,
    HttpError,
    NoAnswerError,
    Params,
    Response,
    check_value,
    compile_query,
    error,
    failed,
    finding_from,
    run_query,
    validator,
)

ACCEPT = "application/graphql-response+json, application/json;q=0.9"


class Expect(Params, frozen=True, kw_only=True):
    """What must be answered: `data` by JMESPath, `errors` (the list; absent unless expected), `status`, `latency`."""

    status: Expectation | None = None
    data: dict[str, Expectation] = {}
    errors: Expectation | None = None
    latency: DurationExpectation | None = None

    def __post_init__(self) -> None:
        """Refuse queries that are none."""
        for query in self.data:
            compile_query(query)


class Graphql(Params, frozen=True, kw_only=True):
    """The document in `query`, which `operation` of it, its `variables`; `path` of the endpoint, and `headers`.

    Attributes:
        expect: What must be answered; without it, data and no errors.
    """

    query: str
    operation: str = ""
    variables: dict[str, Any] = {}
    path: str = "/graphql"
    headers: dict[str, str] = {}
    expect: Expect = Expect()

    def __post_init__(self) -> None:
        """Refuse a document without content."""
        if not self.query.strip():
            raise ValueError("query is empty; write a GraphQL document, such as {__typename}")


@validator(
    Graphql,
    unsafe=True,
    remediation=(
        "Send the same document by hand to the endpoint, with the same headers, and read `errors`: a field that "
        "is gone is the schema's, `null` data a resolver's. A mutation that failed half-way may have left data "
        "behind."
    ),
    cost="One request to green for each attempt.",
)
def graphql(params: Graphql, context: Context) -> Finding:
    """A GraphQL query is answered without errors and with the data expected."""
    message: dict[str, Any] = {"query": params.query, "variables": params.variables}
    if params.operation:
        message["operationName"] = params.operation
    headers = {"Content-Type": "application/json", "Accept": ACCEPT, **params.headers}
    try:
        response = context.request("POST", params.path, headers=headers, body=json.dumps(message).encode())
    except NoAnswerError as problem:
        return failed(str(problem))
    except HttpError as problem:
        return error(str(problem))
    answer = _answer(response)
    where = params.operation or f"POST {params.path}"
    if not isinstance(answer, dict):
        start = context.excerpt(response.body.decode(errors="replace"))
        return failed(f"{where}: status {response.status}, and the body is no GraphQL answer; it begins {start!r}")
    found = _looked_at(params.expect, response, answer, where)
    return finding_from(found, f"{where} was answered in {response.latency_ms:.0f} ms")


def _answer(response: Response) -> Any:
    try:
        return MISSING if response.truncated else msgspec.json.decode(response.body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return MISSING


def _looked_at(expect: Expect, response: Response, answer: dict[str, Any], where: str) -> list[Evidence]:
    data, errors = answer.get("data", MISSING), answer.get("errors", MISSING)
    # An empty list breaks the specification and says that there were none; anything else is an error.
    free = errors is MISSING or errors == []
    if expect.errors is not None:
        found = [check_value("errors", expect.errors, errors, where)]
    else:
        found = [Evidence(query="errors", expected="none", actual="none" if free else errors, passed=free, where=where)]
    if free or expect.errors is None:
        there = isinstance(data, dict) and bool(data)
        shown = "an object" if there else repr(data) if data is MISSING else data
        found.append(Evidence(query="data", expected="an object", actual=shown, passed=there, where=where))
    if expect.status is not None:
        found.append(check_value("status", expect.status, response.status, where))
    elif expect.errors is None:
        fine = response.status == 200
        found.append(Evidence(query="status", expected=200, actual=response.status, passed=fine, where=where))
    for query, expectation in expect.data.items():
        actual = MISSING if data is MISSING else run_query(query, data)
        found.append(check_value(f"data {query}", expectation, actual, where))
    if expect.latency is not None:
        found.append(check_value("latency (ms)", expect.latency, round(response.latency_ms, 3), where))
    return found
