"""JSON texts as plain data, and texts that are not JSON."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.api import MISSING, parse_json


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
