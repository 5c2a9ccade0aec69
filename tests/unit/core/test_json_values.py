"""Equality of JSON-like values, and the sentinel for a missing one."""

from __future__ import annotations

from typing import Any

from hypothesis import given

from greenlight.assertions.predicates import PREDICATES
from greenlight.core.json_values import MISSING, equals
from tests.support.expectation_samples import json_values


def test_missing_value_is_shown_as_nothing_found() -> None:
    assert repr(MISSING) == "(nothing found)"


@given(json_values, json_values)
def test_equality_is_symmetric_and_ne_is_its_negation(one: Any, other: Any) -> None:
    assert equals(one, other) == equals(other, one)
    assert PREDICATES["ne"].holds(one, other) is not equals(one, other)


@given(json_values)
def test_value_equals_itself_unless_it_contains_nan(value: Any) -> None:
    assert equals(value, value) == ("nan" not in repr(value).replace("'", "") or "nan" in str(_texts(value)))


def _texts(value: Any) -> list[str]:
    """Return the texts in a value, because a text may contain nan."""
    if isinstance(value, dict):
        return [text for item in value.items() for part in item for text in _texts(part)]
    if isinstance(value, list):
        return [text for item in value for text in _texts(item)]
    return [value] if isinstance(value, str) else []
