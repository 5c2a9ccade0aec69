"""Description of each predicate, with examples of values that pass it and values that do not.

The tests evaluate every row. They require a description, a row that holds and one that does not, for each predicate.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from greenlight.assertions.predicates import PREDICATES


class Row(NamedTuple):
    """An observed value, an expectation as in a plan, and whether it holds for the value."""

    actual: Any
    expected: Any
    holds: bool


LITERALS = (
    Row(200, 200, True),
    Row("200", 200, False),
    Row(1, True, False),
    Row(1.0, 1, True),
    Row({"a": 1}, {"eq": {"a": 1}}, True),
    Row(250, {"gte": 200, "lt": 300}, True),
)
"""Expectations without a predicate, and with several."""

MEANING = {name: predicate.description for name, predicate in PREDICATES.items()}
"""A sentence for each predicate."""

ROWS = {
    "eq": (Row("ok", {"eq": "ok"}, True), Row(None, {"eq": None}, True), Row("1", {"eq": 1}, False)),
    "ne": (Row("b", {"ne": "a"}, True), Row("a", {"ne": "a"}, False)),
    "gt": (Row(2, {"gt": 1}, True), Row(1, {"gt": 1}, False), Row("2", {"gt": 1}, False)),
    "gte": (Row(1, {"gte": 1}, True), Row(0.9, {"gte": 1}, False)),
    "lt": (Row(0, {"lt": 1}, True), Row(1, {"lt": 1}, False)),
    "lte": (Row(1, {"lte": 1}, True), Row(2, {"lte": 1}, False)),
    "between": (Row(3, {"between": [1, 3]}, True), Row(4, {"between": [1, 3]}, False)),
    "in": (Row("sent", {"in": ["new", "sent"]}, True), Row(1, {"in": ["1", True]}, False)),
    "contains": (
        Row("all is well", {"contains": "well"}, True),
        Row(["a", "b"], {"contains": "b"}, True),
        Row(["ab"], {"contains": "a"}, False),
    ),
    "starts_with": (
        Row("https://x", {"starts_with": "https:"}, True),
        Row("http://x", {"starts_with": "https:"}, False),
    ),
    "ends_with": (Row("a.json", {"ends_with": ".json"}, True), Row("a.js", {"ends_with": ".json"}, False)),
    "matches": (Row("v1.2", {"matches": "^v[0-9]+"}, True), Row("1.2", {"matches": "^v[0-9]+"}, False)),
    "exists": (Row(None, {"exists": True}, True), Row(0, {"exists": False}, False)),
    "empty": (Row([], {"empty": True}, True), Row("a", {"empty": True}, False), Row(0, {"empty": True}, False)),
    "type": (Row(7, {"type": "integer"}, True), Row(True, {"type": "integer"}, False)),
    "length": (Row([1, 2], {"length": 2}, True), Row("abc", {"length": {"lt": 3}}, False)),
    "every": (Row([1, 2], {"every": {"gt": 0}}, True), Row([], {"every": {"gt": 0}}, False)),
    "any": (Row([1, 2], {"any": {"gt": 1}}, True), Row([], {"any": {"gt": 1}}, False)),
    "not": (Row("b", {"not": {"contains": "a"}}, True), Row("a", {"not": {"contains": "a"}}, False)),
    "approx": (
        Row(3.15, {"approx": {"value": 3.14, "within": 0.01}}, True),
        Row(94, {"approx": {"value": 100, "percent": 5}}, False),
    ),
    "semver": (
        Row("1.5.0", {"semver": ">=1.4 <2"}, True),
        Row("2.0.0", {"semver": "^1.2.3"}, False),
        Row("1.5.0-rc.1", {"semver": ">=1.4"}, False),
    ),
    "none": (Row([1, 2], {"none": {"gt": 2}}, True), Row([], {"none": {"gt": 2}}, False)),
    "unique": (Row([1, "1"], {"unique": True}, True), Row([1, 1.0], {"unique": True}, False)),
    "sorted": (Row([3, 2, 2], {"sorted": "desc"}, True), Row([1, "2"], {"sorted": "asc"}, False)),
    "all_of": (
        Row("ab", {"all_of": [{"contains": "a"}, {"contains": "b"}]}, True),
        Row("a", {"all_of": [{"contains": "a"}, {"contains": "b"}]}, False),
    ),
    "any_of": (
        Row(None, {"any_of": [{"exists": False}, None]}, True),
        Row(0, {"any_of": [{"exists": False}, None]}, False),
    ),
    "schema": (
        Row({"id": 7}, {"schema": {"required": ["id"]}}, True),
        Row({}, {"schema": {"required": ["id"]}}, False),
    ),
}
"""Example rows of each predicate."""
