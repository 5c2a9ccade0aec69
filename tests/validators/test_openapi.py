"""openapi against services that answer as their document describes, and services that do not."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome
from greenlight.testing import HttpServer
from tests.support.wire import Peer, Server, answer, unused_port

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]

JSON = "content-type: application/json; charset=utf-8"


def document(version: str = "3.1.0", **paths: Any) -> dict[str, Any]:
    order = {
        "type": "object",
        "required": ["id", "state", "secret"],
        "additionalProperties": False,
        "properties": {
            "id": {"type": "integer", "minimum": 0, "exclusiveMinimum": True}
            if version < "3.1"
            else {"type": "integer", "exclusiveMinimum": 0},
            "state": {"type": "string", "nullable": True, "enum": ["new", "sent"]},
            "secret": {"type": "string", "writeOnly": True},
            "parent": {"$ref": "#/components/schemas/Order"},
        },
    }
    return {
        "openapi": version,
        "info": {"title": "orders", "version": "1"},
        "servers": [{"url": "https://orders.example/{stage}", "variables": {"stage": {"default": "v1"}}}],
        "paths": paths or {"/orders/{id}": operation(ok({"$ref": "#/components/schemas/Order"}))},
        "components": {
            "schemas": {"Order": order},
            "parameters": {
                "Id": {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "example": "a b"}
            },
        },
    }


def ok(schema: Any = None, **more: Any) -> dict[str, Any]:
    media = {"schema": schema} if schema is not None else {}
    return {"200": {"description": "", "content": {"application/json": media}, **more}}


def operation(responses: Any, **more: Any) -> dict[str, Any]:
    return {"parameters": [{"$ref": "#/components/parameters/Id"}], "get": {"responses": responses, **more}}


def service(answers: dict[str, bytes]) -> Server:
    """Serve scripted answers by method and path, and 404 for anything else."""

    def script(peer: Peer) -> None:
        while True:
            request = peer.request()
            server.requests.append(request)
            peer.send(answers.get(" ".join(request[0].split()[:2]), answer(404, b"{}", JSON)))

    server = Server(script)
    return server


def body(data: Any, status: int = 200, *headers: str) -> bytes:
    return answer(status, json.dumps(data).encode(), JSON, *headers)


def run_check(
    check: Check, raw_document: dict[str, Any], answers: dict[str, bytes], **params: Any
) -> tuple[Finding, list[str]]:
    with service({"GET /openapi.json": body(raw_document), **answers}) as server:
        finding = check("openapi", params, server.url)
    return finding, [first for first, _, _ in server.requests[1:]]


ORDER = "GET /v1/orders/a%20b"


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"state": "new"}, "'id' is a required property"),
        ({"id": "1", "state": "new"}, "$.id '1' is not of type 'integer'"),
        ({"id": 0, "state": "new"}, "$.id 0 is less than or equal to the minimum of 0"),
        ({"id": 1, "state": "lost"}, "$.state 'lost' is not one of"),
        ({"id": 1, "state": "new", "more": 1}, "Additional properties are not allowed"),
        ({"id": 1, "state": "new", "parent": {"id": 2}}, "$.parent 'state' is a required property"),
        ([], "[] is not of type 'object'"),
    ],
)
def test_a_body_against_its_schema_fails(check: Check, version: str, data: Any, message: str) -> None:
    finding, _ = run_check(check, document(version), {ORDER: body(data)})
    assert finding.outcome is Outcome.FAIL
    assert message in finding.message


SLOW = "^(a|a)*$"  # doubles its time with each letter
LETTERS = "a" * 40 + "!"


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
@pytest.mark.parametrize(
    "schema",
    [{"additionalProperties": {"pattern": SLOW}}, {"patternProperties": {SLOW: {}}, "additionalProperties": False}],
    ids=["pattern", "patternProperties"],
)
def test_a_pattern_that_would_never_end_is_cut_off_and_inconclusive(
    check: Check, version: str, schema: Any, short_pattern_timeout: None
) -> None:
    raw_document = document(version, **{"/orders/{id}": operation(ok({"type": "object", **schema}))})
    finding, _ = run_check(check, raw_document, {ORDER: body({LETTERS: LETTERS})})
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "takes longer than" in finding.message


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"code": "a1"}, "$.code 'a1' does not match '^[0-9]+$'"),
        ({"x-a": 1}, "$['x-a'] 1 is not of type 'string'"),
        ({"y": 1}, "Additional properties are not allowed ('y' was unexpected)"),
        ({"code": "1", "x-a": "b"}, ""),
    ],
)
def test_patterns_hold_texts_and_names_of_properties(check: Check, data: Any, message: str) -> None:
    schema = {
        "properties": {"code": {"pattern": "^[0-9]+$"}},
        "patternProperties": {"^x-": {"type": "string"}},
        "additionalProperties": False,
    }
    finding, _ = run_check(check, document(**{"/orders/{id}": operation(ok(schema))}), {ORDER: body(data)})
    assert (finding.outcome, message in finding.message) == (Outcome.FAIL if message else Outcome.PASS, True)


def test_unevaluated_properties_beside_patterns_of_names_are_not_judged(check: Check) -> None:
    schema = {"allOf": [{"patternProperties": {"^x": {}}}], "unevaluatedProperties": False}
    finding, _ = run_check(check, document(**{"/orders/{id}": operation(ok(schema))}), {ORDER: body({"x": 1})})
    assert (finding.outcome, "unevaluatedProperties" in finding.message) == (Outcome.INCONCLUSIVE, True)


def test_null_where_nothing_allows_it_fails(check: Check) -> None:
    finding, _ = run_check(check, document("3.1.0"), {ORDER: body({"id": 1, "state": None})})
    assert finding.outcome is Outcome.FAIL  # OpenAPI 3.1 knows no `nullable`


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (body({"id": 1}, 500), "500: the service failed"),
        (body({"id": 1}, 201), "the document has only 200"),
        (answer(200, b"<html>", "content-type: text/html"), "the media type is text/html"),
        (answer(200, b"{}"), "the media type is missing"),
        (answer(200, b"{", JSON), "the body is not valid JSON"),
        (answer(404, b"{}", JSON), "the document has only 200"),
    ],
)
def test_an_answer_that_the_document_does_not_know_fails(check: Check, response: bytes, message: str) -> None:
    finding, _ = run_check(check, document(), {ORDER: response})
    assert (finding.outcome, message in finding.message) == (Outcome.FAIL, True), finding.message


def test_a_failure_of_the_service_fails_even_if_documented(check: Check) -> None:
    raw_document = document(
        **{"/x": {"get": {"responses": {"500": {"description": ""}, "default": {"description": ""}}}}}
    )
    finding, _ = run_check(check, raw_document, {"GET /v1/x": body({}, 500)})
    assert finding.outcome is Outcome.FAIL


def test_a_header_that_is_required_and_missing_fails(check: Check) -> None:
    raw_document = document(**{"/x": {"get": {"responses": ok(headers={"X-Next": {"required": True}})}}})
    finding, _ = run_check(check, raw_document, {"GET /v1/x": body({})})
    assert (finding.outcome, "the header X-Next is missing" in finding.message) == (Outcome.FAIL, True)


def test_operations_that_cannot_be_called_safely_are_not_called_and_are_listed(check: Check) -> None:
    token = {"name": "t", "in": "query", "required": True, "schema": {"type": "string"}}
    raw_document = document(
        **{
            "/a": {"post": {"responses": ok()}, "delete": {"responses": ok()}},
            "/b": {"get": {"parameters": [token], "responses": ok()}},
            "/c": {"get": {"security": [{"key": []}], "responses": ok()}},
            "/d/{x}": {"get": {"responses": ok()}},
            "/e": {"get": {"operationId": "skipped", "responses": ok()}},
            "/f": {"get": {"responses": {"404": {"description": ""}}}},
            "/g": {"get": {"parameters": [{"$ref": "https://elsewhere.example/p.json"}], "responses": ok()}},
            "/h": {"get": {"responses": []}},
            "/i": {"get": {"parameters": [7], "responses": ok()}},
            "/k": {"get": {"responses": ok({"type": "nothing"})}},
            "/j": {"get": {"responses": ok({"$ref": "#/components/schemas/None"})}},
        }
    )
    answers = {f"GET /v1/{name}": body({}) for name in "ijk"}
    finding, calls = run_check(check, raw_document, answers, skip=["skipped"])
    assert [call.split()[1] for call in calls] == ["/v1/f", "/v1/h", "/v1/k", "/v1/j"]
    assert finding.outcome is not Outcome.PASS
    for part in (
        "POST /a (not a safe method)",
        "DELETE /a (not a safe method)",
        "GET /b (no value for t)",
        "GET /c (needs credentials; give headers)",
        "GET /d/{x} (a parameter of its path is not described)",
        "GET /e (skipped by the plan)",
        "GET /f (answered 404)",
        "outside of the document",
        "GET /i (a parameter is not an object)",
    ):
        assert part in finding.message


def check_one(check: Check, path_item: Any, **components: Any) -> Finding:
    """Check a document with one path whose service answers an empty list with the header X-A."""
    raw_document = document(**{"/items": path_item})
    raw_document["components"] |= components
    finding, _ = run_check(check, raw_document, {"GET /v1/items": body([], 200, "x-a: 1")})
    return finding


NOWHERE = "#/components/responses/Items"


@pytest.mark.parametrize(
    ("path_item", "message"),
    [
        ({"get": {"responses": {"200": {"$ref": NOWHERE}}}}, f"GET /items ({NOWHERE} leads nowhere)"),
        ({"get": {"responses": {"200": {"$ref": "#/info/title"}}}}, "GET /items (#/info/title is not an object)"),
        ({"get": {"responses": {"200": {"$ref": "#/servers/1"}}}}, "GET /items (#/servers/1 leads nowhere)"),
        ({"get": {"responses": {"200": {"$ref": "#/servers/00"}}}}, "GET /items (#/servers/00 leads nowhere)"),
        ({"get": {"responses": {"200": {"$ref": "#/servers/-"}}}}, "GET /items (#/servers/- leads nowhere)"),
        ({"get": {"responses": {"200": {"$ref": "#Items"}}}}, "GET /items (#Items is not a JSON pointer)"),
        ({"get": {"responses": {"200": None}}}, "GET /items (its response 200 is not an object)"),
        ({"get": {"responses": {}}}, "GET /items (the document has no responses for it)"),
        ({"get": {"responses": ok(headers={"X-A": {"$ref": "#/h"}})}}, "GET /items (#/h leads nowhere)"),
        ({"get": {"parameters": [{"$ref": "#/p"}], "responses": ok()}}, "GET /items (#/p leads nowhere)"),
        ({"parameters": [{"$ref": "#/p"}], "get": {"responses": ok()}}, "GET /items (#/p leads nowhere)"),
        ({"get": {"parameters": {"$ref": "#/p"}, "responses": ok()}}, "GET /items (a parameter is not an object)"),
        ({"get": {"$ref": "items.yml"}}, "GET /items (GET /items.yml answered 404)"),
        ({"get": None}, "GET /items (its description is not an object)"),
        ({"$ref": "items.yml"}, "/items (GET /items.yml answered 404)"),
        ({"get": {"responses": {"200": {"$ref": "#/a~2"}}}}, "GET /items (#/a~2 is not a JSON pointer: write ~ as ~0)"),
        (
            {"get": {"responses": {"200": {"$ref": "http://["}}}},
            "GET /items (http://[ is outside of the document; bundle it)",
        ),
        ({"$ref": "#/components/pathItems/None"}, "/items (#/components/pathItems/None leads nowhere)"),
        ({"$ref": "#/paths/~1items"}, "/items (a reference leads to itself)"),
        (None, "/items (its description is not an object)"),
    ],
)
def test_reference_that_leads_nowhere_is_not_covered_and_named(check: Check, path_item: Any, message: str) -> None:
    finding = check_one(check, path_item)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.message == f"only 0 of 1 operations could be covered, not 1; not covered: {message}"


@pytest.mark.parametrize("reference", ["items.yml", "https://elsewhere.example/items.yml", "//elsewhere.example/a"])
def test_path_in_another_file_leaves_the_other_paths_covered(check: Check, reference: str) -> None:
    raw_document = document(**{"/items": {"$ref": reference}, "/health": {"get": {"responses": ok()}}})
    with service({"GET /v1/health": body({})}) as server:
        finding = check("openapi", {"text": json.dumps(raw_document)}, server.url)
    assert (finding.outcome, len(server.requests)) == (Outcome.PASS, 1)
    assert finding.message.endswith(f"not covered: /items ({reference} is outside of the document; bundle it)")


FILES = {
    "/api/items.yml": """
get:
  parameters: [{$ref: 'shared/parts.json#/parameters/Page'}]
  responses: {"200": {$ref: "shared/parts.json#/responses/Items"}}
""",
    "/api/shared/parts.json": """{
  "parameters": {"Page": {"name": "page", "in": "query", "required": true, "example": 2}},
  "responses": {"Items": {"content": {"application/json": {"schema": {"$ref": "../items.schema.yml"}}}}}
}""",
    "/api/items.schema.yml": """
type: array
items: {type: object, required: [sku], properties: {sku: {type: string}, parts: {$ref: "#"}}}
""",
}


def check_files(check: Check, data: Any, reference: str = "items.yml", **files: str) -> tuple[Finding, list[str]]:
    """Check a document whose files green serves below /api."""
    texts = {**FILES, **files, "/api/openapi.json": json.dumps(document(**{"/items": {"$ref": reference}}))}
    answers = {f"GET {path}": answer(200, text.encode()) for path, text in texts.items()}
    with service({**answers, "GET /v1/items?page=2": body(data)}) as server:
        finding = check("openapi", {"document": "/api/openapi.json"}, server.url)
    return finding, [first.split()[1] for first, _, _ in server.requests]


@pytest.mark.parametrize("data", [[{}], [{"sku": "A1", "parts": [{}]}], {}])
def test_answer_against_a_schema_in_another_file_fails(check: Check, data: Any) -> None:
    finding, _ = check_files(check, data)
    assert finding.outcome is Outcome.FAIL, finding.message


def test_files_of_green_are_read_once_each(check: Check) -> None:
    finding, paths = check_files(check, [{"sku": "A1", "parts": [{"sku": "A2"}]}])
    assert finding.outcome is Outcome.PASS, finding.message
    assert paths == [
        "/api/openapi.json",
        "/api/items.yml",
        "/api/shared/parts.json",
        "/v1/items?page=2",
        "/api/items.schema.yml",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("get: {$ref: 'none.yml'}", "GET /api/none.yml answered 404"),
        ("get: {$ref: '#/nowhere'}", "/api/items.yml#/nowhere leads nowhere"),
        ("get: {$ref: '#/get'}", "a reference leads to itself"),
        ("get: {}\nget: {}", "/api/items.yml cannot be used: it has the key 'get' twice: line 2, column 1"),
        ("[", "/api/items.yml cannot be used: it is neither JSON nor YAML"),
        ("- 1", "/api/items.yml is not an object"),
        ("get: {$ref: 'http://127.0.0.1:1/x.yml'}", "http://127.0.0.1:1/x.yml is outside of the document; bundle it"),
    ],
)
def test_file_that_cannot_be_used_is_named(check: Check, text: str, message: str) -> None:
    finding, _ = check_files(check, [], **{"/api/items.yml": text})
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert f"({message}" in finding.message


def test_references_that_lead_from_file_to_file_without_end_are_bounded(check: Check) -> None:
    files = {f"/api/f{number}.yml": f"{{$ref: f{number + 1}.yml}}" for number in range(100)}
    finding, paths = check_files(check, [], "f0.yml", **files)
    assert (finding.outcome, len(paths) < 60) == (Outcome.INCONCLUSIVE, True)


def test_document_of_too_many_files_is_not_covered_beyond_them(check: Check) -> None:
    paths = {f"/p{number}": {"$ref": f"f{number}.yml"} for number in range(60)}
    get = "get: {responses: {default: {description: any}}}"
    answers = {f"GET /f{number}.yml": answer(200, get.encode()) for number in range(60)}
    answers |= {f"GET /v1/p{number}": body({}) for number in range(60)}
    finding, _ = run_check(check, document(**paths), answers, minimum=60)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "is not read: the document has more than 50 files; bundle it" in finding.message


def test_file_that_time_kept_from_being_read_is_inconclusive(check: Check) -> None:
    def answer_late(_method: str, path: str, _body: bytes) -> Any:
        if path == "/openapi.json":
            return 200, {}, json.dumps(document(**{"/a": {"get": {"responses": ok()}}, "/z": {"$ref": "z.yml"}}))
        time.sleep(0.9)
        return 200, {"content-type": "application/json"}, {}

    with HttpServer(answer_late) as green:
        finding = check("openapi", {}, green.url, timeout_s=1.05)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "/z (the check's time ended)" in finding.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"openapi": "3.1.0", "paths": {"/a": {"get": {}, "get": {}}}}', "has the key 'get' twice in paths./a"),
        ("openapi: 3.1.0\npaths:\n  /a: {}\n  /a: {}\n", "has the key '/a' twice: line 4, column 3"),
        ("openapi: 3.1.0\npaths: {/a: {0x1: 1, '1': 1}}\n", "has a key twice, as a text and as a number"),
    ],
)
def test_document_with_a_key_twice_is_an_error_with_its_place(check: Check, text: str, message: str) -> None:
    finding = check("openapi", {"text": text}, "http://127.0.0.1:1")
    assert (finding.outcome, message in finding.message) == (Outcome.ERROR, True), finding.message


@pytest.mark.parametrize(("version", "loop"), [("3.0.3", False), ("3.0.3", True), ("3.1.0", True)])
def test_schema_whose_references_multiply_is_bounded(check: Check, version: str, loop: bool) -> None:
    raw_document = document(version, **{"/x": {"get": {"responses": ok({"$ref": "#/components/schemas/A0"})}}})
    schemas = raw_document["components"]["schemas"]
    for number in range(40):
        schemas[f"A{number}"] = {"allOf": [{"$ref": f"#/components/schemas/A{number + 1}"}] * 2}
    schemas["A40"] = {"$ref": "#/components/schemas/A0"} if loop else {"type": "object"}
    finding, _ = run_check(check, raw_document, {"GET /v1/x": body({})})
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "its schema" in finding.message


def test_many_uncovered_operations_are_listed_by_reason(check: Check) -> None:
    paths: dict[str, Any] = {f"/p{number}": {"post": {"responses": ok()}} for number in range(400)}
    paths["/a"] = {"get": {"responses": ok()}}
    paths["/b"] = {"get": {"security": [{"key": []}], "responses": ok()}}
    finding, _ = run_check(check, document(**paths), {"GET /v1/a": body({})})
    assert finding.message == (
        "1 of 402 operations answered as the document describes; not covered: 401 operations: "
        "400 not a safe method (POST /p0, POST /p1, POST /p2, …), 1 needs credentials; give headers (GET /b)"
    )


WRONG = {"description": "", "content": {"application/json": {"schema": {"type": "object"}}}}


@pytest.mark.parametrize(
    ("reference", "components"),
    [
        ("#/components/responses/a~1b~0c", {"responses": {"a/b~c": WRONG}}),
        ("#/components/responses/a%20b%7E1c", {"responses": {"a b/c": WRONG}}),
        ("#/components/responses/~01", {"responses": {"~1": WRONG}}),
        ("#/components/responses/", {"responses": {"": WRONG}}),
        ("#/components/x-list/1", {"x-list": [{}, WRONG]}),
        ("#/components/responses/A", {"responses": {"A": {"$ref": "#/components/responses/B"}, "B": WRONG}}),
        ("#/components/responses/200", {"responses": {200: WRONG}}),
    ],
)
def test_every_form_of_a_pointer_is_followed(check: Check, reference: str, components: Any) -> None:
    finding = check_one(check, {"get": {"responses": {"200": {"$ref": reference}}}}, **components)
    assert finding.outcome is Outcome.FAIL, finding.message
    assert "is not of type" in finding.message


@pytest.mark.parametrize(
    "path_item",
    [
        {"$ref": "#/components/pathItems/A"},
        {"$ref": "#/components/pathItems/Empty", "get": {"responses": {"200": WRONG}}},
        {"get": {"$ref": "#/components/x-get"}},
        {"get": {"responses": {"$ref": "#/components/x-responses"}}},
    ],
)
def test_references_of_paths_and_operations_are_followed(check: Check, path_item: Any) -> None:
    get = {"responses": {"200": WRONG}}
    components = {"pathItems": {"A": {"get": get}, "Empty": {}}, "x-get": get, "x-responses": {"200": WRONG}}
    assert check_one(check, path_item, **components).outcome is Outcome.FAIL


def slow_service(delay_s: float) -> HttpServer:
    def answer_late(_method: str, path: str, _body: bytes) -> Any:
        time.sleep(delay_s)
        return (500 if path == "/v1/e" else 200), {"content-type": "application/json"}, {}

    return HttpServer(answer_late)


def test_operations_that_time_left_out_are_inconclusive_and_listed(check: Check) -> None:
    paths = {f"/{letter}": {"get": {"responses": ok()}} for letter in "abcde"}
    paths["/z"] = {"post": {"responses": ok()}}
    with slow_service(0.3) as green:
        finding = check("openapi", {"text": json.dumps(document(**paths))}, green.url, timeout_s=1.0)
    assert finding.outcome is Outcome.INCONCLUSIVE
    late = len(finding.message.split(" (the check's time ended)")) - 1
    assert late >= 2
    assert finding.message.startswith(f"the check's time ended before {late} of 6 operations were called; give it")
    assert "GET /e (the check's time ended)" in finding.message
    assert "POST /z (not a safe method)" in finding.message


def test_time_that_ends_after_the_last_operation_that_can_be_called_is_enough(check: Check) -> None:
    paths: dict[str, Any] = {"/a": {"get": {"responses": ok()}}, "/z": {"post": {"responses": ok()}}}
    with slow_service(0.9) as green:
        finding = check("openapi", {"text": json.dumps(document(**paths))}, green.url, timeout_s=1.05)
    assert finding.outcome is Outcome.PASS, finding.message


def test_a_document_without_callable_operations_is_inconclusive(check: Check) -> None:
    finding, _ = run_check(check, document(**{"/a": {"post": {"responses": ok()}}}), {})
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.message == "only 0 of 1 operations could be covered, not 1; not covered: POST /a (not a safe method)"


@pytest.mark.parametrize(
    "text",
    ["{", "a: [", "[]", "swagger: '2.0'", "openapi: 3.1.0", "openapi: 3.1.0\npaths: []", "x"],
)
def test_an_invalid_document_is_an_error(check: Check, text: str) -> None:
    finding = check("openapi", {"text": text}, "http://127.0.0.1:1")
    assert (finding.outcome, "cannot be used" in finding.message) == (Outcome.ERROR, True)


def test_a_document_that_grows_by_aliases_is_refused(check: Check) -> None:
    lines = ["openapi: 3.1.0", "a: &a [1,1,1,1,1,1,1,1,1,1]"]
    lines += [f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]" for old, new in zip("abcdefg", "bcdefgh", strict=True)]
    finding = check("openapi", {"text": "\n".join(lines)}, "http://127.0.0.1:1")
    assert (finding.outcome, "more than 200000 values" in finding.message) == (Outcome.ERROR, True)


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " + "[" * 100_000, "{a: " * 100_000])
def test_a_document_that_is_nested_without_end_is_an_error_and_ends_no_process(check: Check, text: str) -> None:
    finding = check("openapi", {"text": text}, "http://127.0.0.1:1")
    assert (finding.outcome, "cannot be used" in finding.message) == (Outcome.ERROR, True)


def test_a_missing_document_is_an_error_and_a_closed_port_fails(check: Check) -> None:
    with service({}) as server:
        assert check("openapi", {}, server.url).outcome is Outcome.ERROR
    assert check("openapi", {}, f"http://127.0.0.1:{unused_port()}").outcome is Outcome.FAIL


@pytest.mark.parametrize("version", ["3.0.3", "3.1.0"])
def test_answers_that_are_as_documented_pass(check: Check, version: str) -> None:
    finding, calls = run_check(
        check, document(version), {ORDER: body({"id": 1, "state": "new", "parent": {"id": 2, "state": "sent"}})}
    )
    assert finding.outcome is Outcome.PASS, finding.message
    assert finding.message == "1 of 1 operations answered as the document describes"
    assert calls == [f"{ORDER} HTTP/1.1"]


def test_null_passes_where_openapi_30_allows_it(check: Check) -> None:
    finding, _ = run_check(check, document("3.0.3"), {ORDER: body({"id": 1, "state": None})})
    assert finding.outcome is Outcome.PASS, finding.message


def test_document_parameters_headers_and_base_can_be_in_the_plan(check: Check) -> None:
    text = """
openapi: 3.0.3
security: [{key: []}]
paths:
  /orders/{id}:
    head:
      parameters:
        - {name: id, in: path, required: true, schema: {type: string}}
        - {name: day, in: query, required: true, schema: {type: string, default: 2026-11-02}}
        - {name: X-Tenant, in: header, required: true, schema: {enum: [smoke]}}
        - {name: page, in: query, example: 2}
      responses:
        2XX: {description: fine}
"""
    with service({"HEAD /api/orders/7?day=2026-11-02": answer(204)}) as server:
        raw_document = {"text": text, "parameters": {"id": 7}, "headers": {"X-Key": "k"}, "base": "/api"}
        finding = check("openapi", raw_document, server.url)
    assert finding.outcome is Outcome.PASS, finding.message
    headers = server.requests[0][1]
    assert (headers["x-key"], headers["x-tenant"]) == ("k", "smoke")
