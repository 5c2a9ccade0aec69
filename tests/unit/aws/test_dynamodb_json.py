"""Conversion to and from DynamoDB's JSON format."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.api import from_dynamodb, to_dynamodb


@pytest.mark.parametrize(
    ("attribute", "value"),
    [
        ({"NS": ["1", "2.5"]}, [1, 2.5]),
        ({"SS": ["a", "b"]}, ["a", "b"]),
        ({"B": b"hi"}, "aGk="),
        ({"BS": [b"hi"]}, ["aGk="]),
    ],
)
def test_sets_become_lists_and_bytes_become_base64(attribute: dict[str, Any], value: Any) -> None:
    assert from_dynamodb(attribute) == value


@pytest.mark.parametrize("value", [None, True, 1, 1.5, "x", [1, "a", None], {"a": {"b": [False]}}])
def test_values_survive_a_round_trip(value: Any) -> None:
    assert from_dynamodb(to_dynamodb(value)) == value
    assert type(from_dynamodb(to_dynamodb(value))) is type(value)
