"""graphql against a real GraphQL executor behind a real HTTP server, and against answers that are not GraphQL."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from graphql import build_schema, graphql_sync

from greenlight.api import Finding, Outcome
from tests.support.wire import Peer, Server, answer, answering, unused_port

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]

SCHEMA = build_schema(
    "type Query { products(first: Int!): [Product!]!, me: String, broken: String }\n"
    "type Product { name: String!, price: Float! }\n"
    "type Mutation { rename(name: String!): Product! }"
)


class Root:
    """Resolvers of the service under test."""

    me = None

    def products(self, _info: Any, first: int) -> list[dict[str, Any]]:
        return [{"name": f"p{number}", "price": 1.5 * number} for number in range(1, first + 1)]

    def broken(self, _info: Any) -> str:
        raise RuntimeError("the stock is not connected")

    def rename(self, _info: Any, name: str) -> dict[str, Any]:
        return {"name": name, "price": 1.0}


def service() -> Server:
    def script(peer: Peer) -> None:
        while True:
            request = peer.request()
            server.requests.append(request)
            sent = json.loads(request[2])
            result = graphql_sync(SCHEMA, sent["query"], Root(), None, sent["variables"], sent.get("operationName"))
            peer.send(answer(200, json.dumps(result.formatted).encode(), "content-type: application/json"))

    server = Server(script)
    return server


@pytest.fixture
def ask(check: Check) -> Callable[..., Finding]:
    def ask(**raw_params: Any) -> Finding:
        with service() as server:
            return check("graphql", raw_params, server.url)

    return ask


def test_an_error_that_comes_with_200_and_other_data_fails(ask: Callable[..., Finding]) -> None:
    finding = ask(query="{ broken products(first: 1) { name } }")
    assert finding.outcome is Outcome.FAIL
    assert "errors is" in finding.message
    assert "the stock is not connected" in finding.message


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("{ products(first: 1) { colour } }", "Cannot query field 'colour'"),
        ("{ products", "Syntax Error"),
    ],
)
def test_a_document_that_the_schema_refuses_fails(ask: Callable[..., Finding], query: str, message: str) -> None:
    finding = ask(query=query)
    assert (finding.outcome, message in finding.message) == (Outcome.FAIL, True)


def test_unexpected_data_fails(ask: Callable[..., Finding]) -> None:
    finding = ask(query="{ products(first: 2) { name } }", expect={"data": {"length(products)": 3}})
    assert finding.message == "POST /graphql: data length(products) is 2, expected 3"


def test_missing_data_meets_no_expectation(ask: Callable[..., Finding]) -> None:
    finding = ask(query="{ products(first: 0) { name } }", expect={"data": {"products[0].name": {"ne": "x"}}})
    assert finding.outcome is Outcome.FAIL


@pytest.mark.parametrize(
    "body",
    [b"{}", b'{"data":null}', b'{"data":{}}', b'{"data":[]}', b'{"data":{"a":1},"errors":null}', b"[]", b"<html>", b""],
)
def test_an_answer_without_data_fails(check: Check, body: bytes) -> None:
    with answering(answer(200, body)) as server:
        assert check("graphql", {"query": "{a}"}, server.url).outcome is Outcome.FAIL
        no_errors = {"query": "{a}", "expect": {"errors": {"exists": False}}}
        assert check("graphql", no_errors, server.url).outcome is Outcome.FAIL


def test_answer_that_repeats_a_key_fails_with_the_key(check: Check) -> None:
    body = b'{"errors":[{"message":"broken"}],"errors":[],"data":{"a":1}}'
    with answering(answer(200, body)) as server:
        finding = check("graphql", {"query": "{a}"}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert "the body has the JSON key 'errors' twice in one object" in finding.message


def test_another_status_fails_even_with_data(check: Check) -> None:
    with answering(answer(500, b'{"data":{"a":1}}')) as server:
        finding = check("graphql", {"query": "{a}"}, server.url)
    assert finding.message == "POST /graphql: status is 500, expected 200"


def test_errors_that_are_expected_and_do_not_come_fail(ask: Callable[..., Finding]) -> None:
    finding = ask(query="{ me }", expect={"errors": {"length": {"gte": 1}}})
    assert (finding.outcome, "(nothing found)" in finding.message) == (Outcome.FAIL, True)


def test_a_closed_port_fails_and_a_host_that_is_not_allowed_is_an_error(check: Check) -> None:
    assert check("graphql", {"query": "{a}"}, f"http://127.0.0.1:{unused_port()}").outcome is Outcome.FAIL
    elsewhere = {"query": "{a}", "path": "https://bank.example/graphql"}
    assert check("graphql", elsewhere, "http://127.0.0.1:1").outcome is Outcome.ERROR


@pytest.mark.parametrize("raw_params", [{"query": " "}, {"query": "{a}", "expect": {"data": {"a[": 1}}}])
def test_invalid_parameters_are_rejected(check: Check, raw_params: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"query is empty|is not a valid JMESPath"):
        check("graphql", raw_params, "http://127.0.0.1:1")


def test_the_query_its_variables_and_its_operation_reach_the_service(check: Check) -> None:
    raw_params = {
        "query": "query A($n: Int!) { products(first: $n) { name } } query B { me }",
        "operation": "A",
        "variables": {"n": 2},
        "headers": {"Authorization": "Bearer t"},
        "expect": {"data": {"products[1].name": "p2"}, "latency": {"lt": "2s"}, "status": 200},
    }
    with service() as server:
        finding = check("graphql", raw_params, server.url)
    assert finding.outcome is Outcome.PASS, finding.message
    assert server.requests[0][1]["authorization"] == "Bearer t"


def test_a_mutation_and_an_expected_error_pass(ask: Callable[..., Finding]) -> None:
    mutation = 'mutation { rename(name: "new") { name } }'
    assert ask(query=mutation, expect={"data": {"rename.name": "new"}}).outcome is Outcome.PASS
    expect = {"errors": {"length": 1}, "data": {"broken": {"eq": None}}}
    assert ask(query="{ broken }", expect=expect).outcome is Outcome.PASS
