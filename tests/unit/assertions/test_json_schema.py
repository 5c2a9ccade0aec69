"""JSON Schemas that are not valid or restrict nothing, and the limits of a validation."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.assertions.expectation import parse
from greenlight.assertions.json_schema import schema_errors
from greenlight.core.errors import ExpectationError


@pytest.mark.parametrize(
    ("raw", "path", "message"),
    [
        ({"schema": True}, ("schema",), "a JSON Schema, a map, not True"),
        ({"schema": {}}, ("schema",), "so everything would pass"),
        ({"schema": {"title": "a"}}, ("schema",), "so everything would pass"),
        ({"schema": {"type": "text"}}, ("schema",), "this is not a valid JSON Schema: type: 'text'"),
        (
            {"schema": {"requird": ["a"]}},
            ("schema",),
            "unknown keyword 'requird' in a schema; did you mean 'required'?",
        ),
        ({"schema": {"properties": {"a": {"typ": "null"}}}}, ("schema",), "unknown keyword 'typ'"),
        ({"schema": {"items": {"pattern": "("}}}, ("schema",), "is not a valid pattern"),
        (
            {"schema": {"$ref": "https://example.org/s.json"}},
            ("schema",),
            "leads out of the schema; nothing is fetched",
        ),
        ({"schema": {"$ref": "#/$defs/a"}}, ("schema",), "leads out of the schema"),
        (
            {"schema": {"$schema": "https://example.org/", "type": "null"}},
            ("schema",),
            "is not a supported draft of JSON Schema",
        ),
    ],
)
def test_invalid_schema_is_rejected_at_its_place(raw: Any, path: tuple[str | int, ...], message: str) -> None:
    with pytest.raises(ExpectationError) as caught:
        parse(raw)

    assert caught.value.path == path
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {}},
        {"properties": {"id": {"title": "an id"}}},
        {"allOf": [{}]},
        {"anyOf": [{"type": "string"}, {}]},
        {"if": {"type": "string"}},
        {"x-note": 1},
        {"items": True},
        {"required": []},
    ],
)
def test_schema_that_accepts_every_value_is_rejected(schema: dict[str, Any]) -> None:
    with pytest.raises(ExpectationError, match="everything would pass"):
        parse({"schema": schema})


def test_unsupported_format_is_rejected_with_the_supported_ones() -> None:
    with pytest.raises(ExpectationError, match=r"'email' is not supported.*supported are date, date-time"):
        parse({"schema": {"properties": {"mail": {"type": "string", "format": "email"}}}})


@pytest.mark.parametrize(("keyword", "kind"), [("allOf", "integer"), ("anyOf", "string"), ("oneOf", "string")])
def test_references_that_multiply_show_nothing(keyword: str, kind: str) -> None:
    definitions: dict[str, Any] = {
        f"a{number}": {keyword: [{"$ref": f"#/$defs/a{number + 1}"}, {"$ref": f"#/$defs/a{number + 1}"}]}
        for number in range(40)
    }
    schema = {"$ref": "#/$defs/a0", "$defs": {**definitions, "a40": {"type": kind}}}
    with pytest.raises(ExpectationError, match="more than 500000 evaluations"):
        schema_errors(schema, 1)


def test_long_list_with_an_ordinary_schema_is_validated() -> None:
    item = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer", "minimum": 0}}}
    schema = {"type": "array", "items": {"$ref": "#/$defs/item"}, "$defs": {"item": item}}
    assert schema_errors(schema, [{"id": number} for number in range(5000)]) == ""
    assert "'id' is a required property" in schema_errors(schema, [{}])
