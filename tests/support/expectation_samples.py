"""Expectations with every predicate, and strategies for the values that are compared with them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

NAN, INF = float("nan"), float("inf")

ENDLESS_PATTERN = r"^(?:(?:a|aa)+x?)+$"
"""A pattern that takes exponential time on a text of many letters a."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)

EXPECTATIONS: list[Any] = [
    5, "a", None, True, {"eq": 1}, {"ne": "x"}, {"gt": 1}, {"gte": 1.5}, {"lt": 0}, {"lte": -1}, {"between": [1, 2]},
    {"in": [1, "a", None]}, {"contains": "a"}, {"contains": 5}, {"starts_with": "a"}, {"ends_with": "a"},
    {"matches": "^a+$"}, {"exists": True}, {"exists": False}, {"empty": True}, {"empty": False}, {"type": "number"},
    {"length": 2}, {"length": {"gte": 1}}, {"every": {"gt": 0}}, {"any": "a"}, {"not": {"eq": 1}}, {"not": None},
    {"none": {"gt": 5}}, {"not": {"exists": True}}, {"not": {"exists": False}}, {"unique": True}, {"unique": False},
    {"sorted": "asc"}, {"sorted": "desc"}, {"approx": {"value": 3, "within": 1}},
    {"approx": {"value": 3, "percent": 5}},
    {"semver": ">=1.2 <2"}, {"all_of": ["a", {"exists": True}]}, {"any_of": [1, {"every": {"any_of": ["a", 2]}}]},
    {"schema": {"type": "object"}}, {"schema": {"items": {"uniqueItems": True, "pattern": "^a", "format": "date"}}},
    {"type": "iso_date"}, {"type": "iso_datetime"}, {"type": "uuid"}, {"type": "ip"}, {"type": "url"},
    {"filters": ["count"], "gte": 0}, {"filters": [{"split": ","}, "last"], "ne": "b"},
    {"not": {"filters": ["to_int"], "gt": 5}}, {"filters": ["to_float"], "not": {"eq": 1}},
]  # fmt: skip
