"""graphql: a query or mutation is answered without errors, and with the expected data.

The document is sent as a POST as GraphQL over HTTP requires. GraphQL also answers errors with 200. Therefore `errors`
must be absent, `data` must be a non-empty object, and the status must be 200, unless the plan expects something else.
Queries of `data` start at the answer's `data`. A mutation changes data, so write one that does no harm to the service.

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

from greenlight.api import (
    Context,
    DuplicateKeyError,
    Finding,
    InvalidJsonError,
    NoAnswerError,
    Params,
    Response,
    decode_json,
    failed,
    finding_from,
    validator,
)

from ._graphql import Expect, check_answer

ACCEPT = "application/graphql-response+json, application/json;q=0.9"


class Graphql(Params, frozen=True, kw_only=True):
    """A request and its expected answer.

    Attributes:
        query: The GraphQL document.
        operation: The operation of the document to run, if it has several.
        variables: Variables of the operation.
        path: The path of the endpoint.
        headers: Request headers by name.
        expect: The expected answer; by default data and no errors.
    """

    query: str
    operation: str = ""
    variables: dict[str, Any] = {}
    path: str = "/graphql"
    headers: dict[str, str] = {}
    expect: Expect = Expect()

    def __post_init__(self) -> None:
        """Reject an empty document."""
        if not self.query.strip():
            raise ValueError("query is empty; write a GraphQL document, such as {__typename}")


@validator(
    Graphql,
    unsafe=True,
    remediation=(
        "Send the same document by hand to the endpoint, with the same headers, and read `errors`: a missing field "
        "is a change of the schema, `null` data a failure of a resolver. A mutation that failed half-way may have "
        "left data behind."
    ),
    cost="One request to green for each attempt.",
)
def graphql(params: Graphql, context: Context) -> Finding:
    """A GraphQL query is answered without errors and with the expected data."""
    message: dict[str, Any] = {"query": params.query, "variables": params.variables}
    if params.operation:
        message["operationName"] = params.operation
    headers = {"Content-Type": "application/json", "Accept": ACCEPT, **params.headers}
    try:
        response = context.request("POST", params.path, headers=headers, body=json.dumps(message).encode())
    except NoAnswerError as problem:
        return failed(str(problem))
    place = params.operation or f"POST {params.path}"
    answer, reason = _read_answer(response)
    if answer is None:
        start = context.excerpt(response.body.decode(errors="replace"))
        return failed(f"{place}: status {response.status}, and the body {reason}; it begins with {start!r}")
    evidence = check_answer(params.expect, response, answer, place)
    return finding_from(evidence, f"{place} was answered in {response.latency_ms:.0f} ms")


def _read_answer(response: Response) -> tuple[dict[str, Any] | None, str]:
    """Return the body as an object, or None and the reason why it is not one."""
    try:
        answer = None if response.truncated else decode_json(response.body)
    except DuplicateKeyError as problem:
        return None, str(problem)
    except InvalidJsonError:
        answer = None
    return (answer, "") if isinstance(answer, dict) else (None, "is not a GraphQL answer")
