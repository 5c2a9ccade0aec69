"""The JSON Schema of plans, made from the types the engine reads them with, for editors to complete and check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from devkit.reference import expectation_schema, struct_docs
from greenlight.api import Validator
from greenlight.assertions.expectation import DurationExpectation, Expectation, SizeExpectation
from greenlight.core.deployment import STAGES
from greenlight.core.units import DURATION_PATTERN, SIZE_PATTERN, Duration, Size
from greenlight.plan import schema as planfile

if TYPE_CHECKING:
    from greenlight.checks.registry import Registry

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_DURATION = {"type": "string", "pattern": DURATION_PATTERN, "examples": ["500ms", "5s", "10m"]}
_SIZE = {"type": "string", "pattern": SIZE_PATTERN, "examples": ["200B", "64KiB", "1MB"]}


def plan_schema(registry: Registry) -> dict[str, Any]:
    """Give the schema of a plan in which every validator of `registry` can be used."""
    validators = {name: found for name, found in registry.all() if isinstance(found, Validator)}
    named, components = schema_components(
        [planfile.PlanFile, planfile.Control, *(found.params for found in validators.values())]
    )
    components["check"] = _check(
        components[_name(named[planfile.Control])],
        {name: named[found.params] for name, found in validators.items()},
        validators,
    )
    components["PlanFile"]["properties"]["stages"]["propertyNames"] = {"enum": list(STAGES)}
    components["StageFile"]["properties"]["checks"] = {
        "type": "array",
        "minItems": 1,
        "items": {"$ref": "#/$defs/check"},
        "description": struct_docs.key_descriptions(planfile.StageFile)["checks"],
    }
    components["StageFile"]["anyOf"] = [{"required": ["checks"]}, {"required": ["include"]}]
    return {
        "$schema": DIALECT,
        "title": "A greenlight plan",
        **named[planfile.PlanFile],
        "$defs": {**components, **_EXPECTATIONS},
    }


def schema_components(types: list[type[msgspec.Struct]]) -> tuple[dict[Any, dict[str, Any]], dict[str, Any]]:
    """Give the references to the schemas of types by type, and the schemas by name, each with what is said of it."""
    kinds = struct_docs.structs(types)
    schemas, components = msgspec.json.schema_components(kinds, schema_hook=_hook, ref_template="#/$defs/{name}")
    named = dict(zip(kinds, schemas, strict=True))
    struct_docs.describe(components, {_name(reference): kind for kind, reference in named.items()})
    for component in components.values():
        for key, field in component.get("properties", {}).items():
            component["properties"][key] = _without_null(field)
    return named, components


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of a key that may be left out: the engine refuses it when it stands there without a value."""
    if field.get("default", "") is not None or "default" not in field:
        return field
    left = {key: value for key, value in field.items() if key != "default"}
    if "anyOf" in left:
        left["anyOf"] = [each for each in left["anyOf"] if each != {"type": "null"}]
    if None in left.get("enum", ()):
        left["enum"] = [each for each in left["enum"] if each is not None]
    # The schema of an expectation has null in it, for {eq: null} is written so inside of maps and lists.
    return {**left, "not": {"type": "null"}}


def _check(control: dict[str, Any], params: dict[str, Any], validators: dict[str, Validator]) -> dict[str, Any]:
    """Give the schema of a check: the control keys, and exactly one of the validators."""
    described = {name: {**schema, "description": validators[name].summary} for name, schema in params.items()}
    return {
        "type": "object",
        "properties": {**control["properties"], **described},
        "required": ["name"],
        "oneOf": [{"required": [name]} for name in params],
        "additionalProperties": False,
    }


def _hook(kind: type) -> dict[str, Any]:
    if kind is Duration:
        return {**_DURATION}  # a copy for each key: what the key is will be written into it
    if kind is Size:
        return {**_SIZE}
    if kind in (Expectation, DurationExpectation, SizeExpectation):
        return {"$ref": f"#/$defs/{kind.__name__}"}
    raise NotImplementedError(kind)


_EXPECTATIONS = expectation_schema.definitions(
    {"Expectation": {}, "DurationExpectation": _DURATION, "SizeExpectation": _SIZE}
)


def _name(reference: dict[str, Any]) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def params_schema(params: type[msgspec.Struct]) -> dict[str, Any]:
    """Give the schema of one validator's parameters, complete in itself."""
    named, components = schema_components([params])
    return {**named[params], "$defs": {**components, **_EXPECTATIONS}}
