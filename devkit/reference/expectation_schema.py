"""JSON Schema of expectations, generated from the engine's tables of predicates and filters."""

from __future__ import annotations

from typing import Any

from greenlight.assertions.arguments import ENCODINGS
from greenlight.assertions.expectation import FILTERS_KEY
from greenlight.assertions.filters import FILTERS, MAX_FILTERS
from greenlight.assertions.patterns import PATTERN_LENGTH
from greenlight.assertions.predicates import PREDICATES, TYPES
from greenlight.assertions.semver import MAX_LENGTH

_REFERENCE = {"type": "string", "pattern": r"\$\{"}
"""Schema of an argument with a reference `${…}`, which is resolved later."""

_PATTERN = {"type": "string", "minLength": 1, "maxLength": PATTERN_LENGTH}


def definitions(literals: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """Return the schemas of expectations and filters by name.

    Args:
        literals: For each kind of expectation by name, the schema of its literals; {} for any JSON.
    """
    return {**{name: _expectation(name, literal) for name, literal in literals.items()}, "Filter": _filter()}


def _expectation(name: str, literal: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an expectation: a value, or a map of predicates with filters."""
    arguments = _arguments(name, literal)
    filters = {
        "type": "array",
        "items": {"$ref": "#/$defs/Filter"},
        "minItems": 1,
        "maxItems": MAX_FILTERS,
        "description": "Filters that are applied to the value in this order before it is compared.",
        "examples": [["trim", "lower"]],
    }
    predicates = {
        key: {**arguments[predicate.takes], "description": predicate.description, "examples": [predicate.example[key]]}
        for key, predicate in PREDICATES.items()
    }
    predicate_map = {
        "type": "object",
        "properties": {FILTERS_KEY: filters, **predicates},
        "anyOf": [{"required": [key]} for key in predicates],
        "additionalProperties": False,
    }
    return {"anyOf": [literal or {"not": {"type": "object"}}, predicate_map]}


def _arguments(name: str, literal: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the schema of each kind of argument that a predicate takes."""
    expectation = {"$ref": f"#/$defs/{name}"}
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
        "expectation": expectation,
        "expectations": {"type": "array", "items": expectation, "minItems": 1},
    }


def _filter() -> dict[str, Any]:
    """Return the schema of a filter: its name, or a map of its name to its argument."""
    names = [
        {"const": key, "description": item.description}
        for key, item in FILTERS.items()
        if item.takes in _NO_ARGUMENT_NEEDED
    ]
    with_argument = {
        key: {**_FILTER_ARGUMENTS[item.takes], "description": item.description, "examples": [item.example[key]]}
        for key, item in FILTERS.items()
        if item.takes not in ("nothing", "clock")
    }
    filter_map = {
        "type": "object",
        "properties": with_argument,
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": False,
    }
    return {"anyOf": [*names, filter_map]}


def _or_reference(schema: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [schema, _REFERENCE]}


_NO_ARGUMENT_NEEDED = ("nothing", "clock", "optional_form", "optional_path")
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
