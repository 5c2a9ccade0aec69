"""The JSON Schema of expectations, made from the engine's own tables of predicates and filters."""

from __future__ import annotations

from typing import Any

from greenlight.assertions.arguments import ENCODINGS
from greenlight.assertions.expectation import FILTERS_KEY
from greenlight.assertions.filters import FILTERS, MAX_FILTERS
from greenlight.assertions.patterns import PATTERN_LENGTH
from greenlight.assertions.predicates import PREDICATES, TYPES
from greenlight.assertions.semver import MAX_LENGTH

_REFERENCE = {"type": "string", "pattern": r"\$\{"}
"""An argument that is filled in later stands as a text."""

_PATTERN = {"type": "string", "minLength": 1, "maxLength": PATTERN_LENGTH}


def definitions(literals: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Give the schemas of expectations and of filters by name.

    Args:
        literals: By the name of each kind of expectation, the schema of a literal in it; {} for any JSON.
    """
    return {**{name: _expectation(name, literal) for name, literal in literals.items()}, "Filter": _filter()}


def _expectation(name: str, literal: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of an expectation: a value, or a map of predicates with filters."""
    arguments = _arguments(name, literal)
    filters = {
        "type": "array",
        "items": {"$ref": "#/$defs/Filter"},
        "minItems": 1,
        "maxItems": MAX_FILTERS,
        "description": "What is done with the value, in this order, before it is compared.",
        "examples": [["trim", "lower"]],
    }
    predicates = {
        key: {**arguments[each.takes], "description": each.description, "examples": [each.example[key]]}
        for key, each in PREDICATES.items()
    }
    written = {
        "type": "object",
        "properties": {FILTERS_KEY: filters, **predicates},
        "anyOf": [{"required": [key]} for key in predicates],
        "additionalProperties": False,
    }
    return {"anyOf": [literal or {"not": {"type": "object"}}, written]}


def _arguments(name: str, literal: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give the schema of every kind of argument that a predicate takes."""
    mine = {"$ref": f"#/$defs/{name}"}
    number = _or_reference(literal or {"type": "number"})
    percent = _or_reference({"type": "number", "exclusiveMinimum": 0})
    return {
        "value": literal,
        "number": number,
        "values": {"type": "array", "items": literal, "minItems": 1},
        "bounds": {"type": "array", "items": number, "minItems": 2, "maxItems": 2},
        "tolerance": {
            "type": "object",
            "properties": {"value": number, "within": number, "percent": percent},
            "required": ["value"],
            "oneOf": [{"required": ["within"]}, {"required": ["percent"]}],
            "additionalProperties": False,
        },
        "part": {**literal, "not": {"const": ""}},
        "text": {"type": "string", "minLength": 1},
        "pattern": _PATTERN,
        "flag": _or_reference({"type": "boolean"}),
        "type": _or_reference({"enum": list(TYPES)}),
        "order": _or_reference({"enum": ["asc", "desc"]}),
        "range": {"type": "string", "minLength": 1, "maxLength": MAX_LENGTH},
        "schema": {"type": "object", "minProperties": 1},
        "count": {"$ref": "#/$defs/Expectation"},
        "expectation": mine,
        "expectations": {"type": "array", "items": mine, "minItems": 1},
    }


def _filter() -> dict[str, Any]:
    """Give the schema of one filter: its name, or a map of its name to its argument."""
    bare = [
        key for key, each in FILTERS.items() if each.takes in ("nothing", "clock", "optional_form", "optional_path")
    ]
    taking = {
        key: {**_FILTER_ARGUMENTS[each.takes], "description": each.description, "examples": [each.example[key]]}
        for key, each in FILTERS.items()
        if each.takes not in ("nothing", "clock")
    }
    names = [{"const": key, "description": FILTERS[key].description} for key in bare]
    written = {
        "type": "object",
        "properties": taking,
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }
    return {"anyOf": [*names, written]}


def _or_reference(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, _REFERENCE]}


_TEXT = {"type": "string", "minLength": 1, "maxLength": PATTERN_LENGTH}
_GROUP = {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]}

_FILTER_ARGUMENTS: dict[str, dict[str, Any]] = {
    "any_text": {"type": "string", "maxLength": PATTERN_LENGTH},
    "separator": _TEXT,
    "name": _TEXT,
    "index": _or_reference({"type": "integer"}),
    "digits": _or_reference({"type": "integer", "minimum": 0, "maximum": 15}),
    "capture": {
        "anyOf": [
            _PATTERN,
            {
                "type": "object",
                "properties": {"pattern": _PATTERN, "group": _GROUP},
                "required": ["pattern", "group"],
                "additionalProperties": False,
            },
        ]
    },
    "replacement": {
        "type": "object",
        "properties": {"old": _TEXT, "pattern": _PATTERN, "new": {"type": "string", "maxLength": PATTERN_LENGTH}},
        "required": ["new"],
        "oneOf": [{"required": ["old"]}, {"required": ["pattern"]}],
        "additionalProperties": False,
    },
    "encoding": _or_reference({"enum": list(ENCODINGS)}),
    "optional_form": _TEXT,
    "optional_path": _TEXT,
}
