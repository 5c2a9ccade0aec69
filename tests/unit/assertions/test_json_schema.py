"""JSON Schemas that are not valid or restrict nothing."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.assertions.expectation import parse
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
