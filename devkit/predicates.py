"""What each predicate of an expectation means, with values that it holds for and values that it does not.

The tests evaluate every row, and refuse a predicate without words, without a row that holds, or without one that does not.
"""

from __future__ import annotations

from typing import Any, NamedTuple


class Row(NamedTuple):
    """An observed value, what is expected of it as a plan writes it, and whether that holds."""

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
"""Expectations without the name of a predicate, and with several."""

MEANING = {
    "eq": "Equal in value and type, all the way down.",
    "ne": "Not equal.",
    "gt": "A number greater than the bound.",
    "gte": "A number greater than the bound, or equal to it.",
    "lt": "A number less than the bound.",
    "lte": "A number less than the bound, or equal to it.",
    "between": "A number between two bounds, both included.",
    "in": "Equal to one of several values.",
    "contains": "A text with this in it, or a list with this among its items.",
    "starts_with": "A text that begins so.",
    "ends_with": "A text that ends so.",
    "matches": "A text in which the pattern is found; write ^ and $ for the whole of it.",
    "exists": "Something was found, null included; or, with false, nothing.",
    "empty": "A text, list or map without content; or, with false, with some.",
    "type": "Of the type string, integer, number, boolean, list, object or null.",
    "length": "How many characters, items or keys there are; a number, or an expectation of it.",
    "every": "A list with items, each of which is as expected.",
    "any": "A list of which an item is as expected.",
    "not": "The expectation inside does not hold; what cannot be decided does not become true by it.",
}
"""Each predicate in a sentence."""

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
}
"""Rows for each predicate."""
