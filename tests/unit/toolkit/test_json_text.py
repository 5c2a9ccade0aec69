"""JSON texts as plain data, and texts that are not JSON."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.api import MISSING, describe_gap, parse_json


@pytest.mark.parametrize(
    "text", ["", b"", "{", b"\xff", b'"\xff"', '{"a": 1} trailing', "NaN", "[" * 100_000, '{"a": 1, "a": 2}']
)
def test_a_text_that_is_not_valid_json_is_missing(text: str | bytes) -> None:
    assert parse_json(text) is MISSING


@pytest.mark.parametrize(
    ("text", "data"), [("null", None), (b'{"a": [1, 2.5]}', {"a": [1, 2.5]}), ('"\u00e9"', "\u00e9"), (b"0", 0)]
)
def test_a_json_text_is_parsed(text: str | bytes, data: Any) -> None:
    assert parse_json(text) == data


@pytest.mark.parametrize(
    ("query", "data", "gap"),
    [
        ("error", None, "null has no fields"),
        ("error", "", "a text has no fields"),
        ("length(errors || `[]`)", 7, "a number has no fields"),
        ('"@type"', True, "a boolean has no fields"),
        ("[?kind == '@']", 1.5, "a number has no fields"),
        ("@", None, ""),
        ("length(@)", "fine", ""),
        ("error", {}, ""),
        ("error", [], ""),
        ("error", MISSING, ""),
    ],
)
def test_query_into_data_without_fields_shows_nothing(query: str, data: Any, gap: str) -> None:
    assert describe_gap(query, data) == gap
