"""JSON Schema of plans for editors, generated from the types that the engine decodes plans with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.api import Validator
from greenlight.assertions.expectation import DurationExpectation, Expectation, SizeExpectation
from greenlight.core.deployment import PLAN_STAGES
from greenlight.core.units import DURATION_PATTERN, SIZE_PATTERN, Duration, Size
from greenlight.plan import schema as planfile

from . import expectation_schema, struct_docs

if TYPE_CHECKING:
    from greenlight.checks.registry import Registry

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_DURATION = {"type": "string", "pattern": DURATION_PATTERN, "examples": ["500ms", "5s", "10m"]}
_SIZE = {"type": "string", "pattern": SIZE_PATTERN, "examples": ["200B", "64KiB", "1MB"]}


def plan_schema(registry: Registry) -> dict[str, Any]:
    """Return the schema of plans with every validator of a registry."""
    validators = {name: validator for name, validator in registry.all() if isinstance(validator, Validator)}
    named, components = schema_components(
        [planfile.PlanFile, planfile.Control, *(validator.params for validator in validators.values())]
    )
    components["check"] = _check_schema(
        components[_name(named[planfile.Control])],
        {name: named[validator.params] for name, validator in validators.items()},
        validators,
    )
    components["PlanFile"]["properties"]["stages"]["propertyNames"] = {"enum": list(PLAN_STAGES)}
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
    """Return references to the schemas of structs by type, and the schemas with descriptions by name."""
    kinds = struct_docs.structs(types)
    schemas, components = msgspec.json.schema_components(kinds, schema_hook=_hook, ref_template="#/$defs/{name}")
    named = dict(zip(kinds, schemas, strict=True))
    struct_docs.describe(components, {_name(reference): kind for kind, reference in named.items()})
    for component in components.values():
        for key, field in component.get("properties", {}).items():
            component["properties"][key] = _without_null(field)
    return named, components


def _without_null(field: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an optional key without null, because the engine rejects a key without a value."""
    if field.get("default", "") is not None or "default" not in field:
        return field
    schema = {key: value for key, value in field.items() if key != "default"}
    if "anyOf" in schema:
        schema["anyOf"] = [option for option in schema["anyOf"] if option != {"type": "null"}]
    if None in schema.get("enum", ()):
        schema["enum"] = [value for value in schema["enum"] if value is not None]
    # An expectation allows null, which means {eq: null} inside maps and lists; as the value of a key it is excluded.
    return {**schema, "not": {"type": "null"}}


def _check_schema(control: dict[str, Any], params: dict[str, Any], validators: dict[str, Validator]) -> dict[str, Any]:
    """Return the schema of a check: the control keys, and exactly one validator."""
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
        return {**_DURATION}  # a copy for each key, since the description of the key is added to it
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
    """Return the schema of one validator's parameters, with the definitions that it refers to."""
    named, components = schema_components([params])
    return {**named[params], "$defs": {**components, **_EXPECTATIONS}}
