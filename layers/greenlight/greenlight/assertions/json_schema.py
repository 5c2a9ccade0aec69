"""JSON Schema: data held against a schema, offline and in bounded time. Pure.

Draft 2020-12 unless the schema says another with `$schema` (https://json-schema.org/draft/2020-12). References lead to
the schema itself, to a document that is given with it, or to the drafts' own schemas, which jsonschema has with it; none
is ever fetched. Patterns are those of the `regex` module, time-limited: jsonschema itself uses `re`, which searches
without end and lets no other thread run meanwhile.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from greenlight.assertions.formats import FORMATS
from greenlight.assertions.patterns import GaveUpError, pattern, search
from greenlight.core.display import truncate
from greenlight.core.errors import ExpectationError
from greenlight.core.json_values import first_duplicate
from greenlight.core.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHOWN_ERRORS = 3

MAX_ERRORS = 200
"""Errors that are looked for; the first ones by path among them are shown."""

_SILENT = frozenset((
    "$schema", "$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$comment", "$defs", "definitions",
    "id", "title", "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly",
    "contentEncoding", "contentMediaType", "contentSchema",
))  # fmt: skip
"""Keywords that hold nothing against anything."""

_COMPANIONS = frozenset(("then", "else", "minContains", "maxContains", "additionalItems"))
"""Keywords that mean something beside another one only."""

_UNUSABLE = (RecursionError, re.error, AttributeError, KeyError, TypeError, ValueError, ArithmeticError)
"""What jsonschema raises, beside its own errors, for schemas that its metaschema lets through."""


def validate_schema(schema: Any) -> None:
    """Refuse a schema of a plan that is none, leads elsewhere, or holds nothing against anything.

    Raises:
        ExpectationError: With the place in the schema.
    """
    if not isinstance(schema, dict):
        raise ExpectationError(f"schema takes a JSON Schema, a map, not {truncate(repr(schema), 60)}")
    from jsonschema.exceptions import best_match
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
    from referencing import Resource
    from referencing.exceptions import Unresolvable

    try:
        kind = _draft(schema)
        if wrong := best_match(kind(kind.META_SCHEMA).iter_errors(schema)):
            place = "".join(f"[{each}]" if isinstance(each, int) else f".{each}" for each in wrong.absolute_path)
            raise ExpectationError(
                f"this is no JSON Schema: {place.lstrip('.') or 'it'}: {truncate(wrong.message, 200)}"
            )
        if not _says_something(schema):
            raise ExpectationError("this schema says nothing of any value, so everything would pass")
        known = {*kind.VALIDATORS, *_SILENT, *_COMPANIONS, "format"}
        root = Resource.from_contents(schema, default_specification=_specification(kind))
        _walk(root, REGISTRY.resolver_with_root(root), known)
        if _has_key(schema, "unevaluatedProperties") and _has_key(schema, "patternProperties"):
            raise ExpectationError("unevaluatedProperties cannot stand in a schema with patternProperties")
    except ExpectationError:
        raise
    except Unresolvable as error:
        raise ExpectationError(
            f"$ref {truncate(str(error.ref), 80)!r} leads out of the schema; nothing is fetched"
        ) from error
    except _UNUSABLE as error:
        raise ExpectationError(f"this schema cannot be used: {_first_line(error)}") from error


def _walk(resource: Any, resolver: Any, known: set[str]) -> None:
    """Check what the metaschema does not: unknown keywords, which would hold nothing, patterns, and references."""
    contents = resource.contents
    for keyword, value in contents.items() if isinstance(contents, dict) else ():
        if keyword not in known and not keyword.startswith("x-"):
            raise ExpectationError(
                f"unknown keyword {truncate(keyword, 60)!r} in a schema{did_you_mean(keyword, known)}"
            )
        if keyword == "format" and value not in FORMATS:
            known_ones = ", ".join(FORMATS)
            raise ExpectationError(
                f"the format {truncate(str(value), 60)!r} is not held here, so everything would pass{did_you_mean(str(value), FORMATS)}; "
                f"held are {known_ones}; write a pattern for another"
            )
        if keyword == "pattern":
            pattern(value, keyword)
        elif keyword == "patternProperties":
            for each in value:
                pattern(each, keyword)
        elif keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            resolver.lookup(value)
    for each in resource.subresources():
        _walk(each, resolver.in_subresource(each), known)


def _says_something(schema: Any) -> bool:
    """Tell whether a schema holds anything against a value, as far as can be seen without one."""
    if not isinstance(schema, dict):
        return schema is False
    for keyword, value in schema.items():
        if keyword in _SILENT or keyword in _COMPANIONS or keyword.startswith("x-"):
            continue
        if keyword == "anyOf":
            said = all(map(_says_something, value))
        elif keyword in ("allOf", "oneOf"):
            said = any(map(_says_something, value))
        elif keyword in ("properties", "patternProperties", "dependentSchemas"):
            said = any(map(_says_something, value.values()))
        elif keyword in ("items", "additionalProperties", "propertyNames", "prefixItems"):
            said = any(map(_says_something, value if isinstance(value, list) else [value]))
        elif keyword == "if":
            said = any(map(_says_something, (schema.get("then", {}), schema.get("else", {}))))
        else:
            said = bool(value) or value is False or value == 0
        if said:
            return True
    return False


def schema_errors(schema: Any, data: Any, documents: Mapping[str, Any] | None = None, draft4: bool = False) -> str:
    """Say what of `data` is not as a schema says: the first errors with their JSON paths; "" when all is.

    Args:
        schema: The schema.
        data: JSON-like.
        documents: What references may lead to beside the schema itself, by URI.
        draft4: Read the schema as draft 4, which OpenAPI 3.0 builds on.

    Raises:
        ExpectationError: The schema cannot be used on this data, so nothing is shown: it is no schema, a reference leads
            nowhere, or a pattern takes too long.
    """
    from jsonschema import Draft4Validator
    from jsonschema.exceptions import SchemaError, UnknownType
    from jsonschema.validators import extend
    from jsonschema_specifications import REGISTRY
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT4, DRAFT202012

    registry = REGISTRY.with_resources(
        (uri, (DRAFT4 if draft4 else DRAFT202012).create_resource(each)) for uri, each in (documents or {}).items()
    )
    try:
        kind = Draft4Validator if draft4 else _draft(schema)
        if documents:
            kind.check_schema(schema)
        limited = extend(kind, _bounded(kind.VALIDATORS, [schema, documents and list(documents.values())]))  # type: ignore[no-untyped-call]
        found = limited(schema, registry=registry).iter_errors(data)
        errors = sorted((error for _, error in zip(range(MAX_ERRORS), found, strict=False)), key=lambda e: e.json_path)
    except (ExpectationError, GaveUpError) as error:
        raise ExpectationError(str(error)) from error
    except (SchemaError, UnknownType, Unresolvable, *_UNUSABLE) as error:
        raise ExpectationError(f"its schema cannot be used: {_first_line(error)}") from error
    # Not cut here: a secret cut in half would not be found when secrets are taken out.
    said = [f"{error.json_path} {error.message}" for error in errors[:SHOWN_ERRORS]]
    more = len(errors) - SHOWN_ERRORS
    return "; ".join(said) + (f" (and {'at least ' * (len(errors) == MAX_ERRORS)}{more} more)" if more > 0 else "")


def _draft(schema: Any) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    said = schema.get("$schema") if isinstance(schema, dict) else None
    kind = validator_for(schema, default=None) if said is not None else Draft202012Validator  # type: ignore[arg-type]
    if kind is None:
        raise ExpectationError(f"$schema {truncate(str(said), 80)!r} is no draft of JSON Schema that is known here")
    return kind


def _specification(kind: Any) -> Any:
    from referencing.jsonschema import specification_with

    return specification_with(kind.META_SCHEMA.get("$schema"))


def _bounded(keywords: Any, documents: Any) -> dict[str, Any]:
    """Give the keywords of JSON Schema whose work has no bound in jsonschema, and `format`, with bounds."""
    from jsonschema.exceptions import ValidationError

    compiled: dict[str, Any] = {}

    def finds(written: str, text: str) -> bool:
        if written not in compiled:
            compiled[written] = pattern(written, "pattern")
        return search(compiled[written], text) is not None

    def pattern_(kind: Any, wanted: str, instance: Any, _schema: Any) -> Iterator[Any]:
        if kind.is_type(instance, "string") and not finds(wanted, instance):
            yield ValidationError(f"{instance!r} does not match {wanted!r}")

    def pattern_properties(kind: Any, wanted: dict[str, Any], instance: Any, _schema: Any) -> Iterator[Any]:
        named = instance if kind.is_type(instance, "object") else {}
        for each, below in wanted.items():
            for name, value in named.items():
                if finds(each, name):
                    yield from kind.descend(value, below, path=name, schema_path=each)

    def additional_properties(kind: Any, wanted: Any, instance: Any, schema: dict[str, Any]) -> Iterator[Any]:
        patterns = schema.get("patternProperties", {})
        if patterns and kind.is_type(instance, "object"):
            instance = {k: v for k, v in instance.items() if not any(finds(each, k) for each in patterns)}
            schema = {key: value for key, value in schema.items() if key != "patternProperties"}
        yield from keywords["additionalProperties"](kind, wanted, instance, schema)

    def unevaluated_properties(kind: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
        if _has_key(documents, "patternProperties"):
            raise ExpectationError("its schema has unevaluatedProperties, and the document patternProperties")
        yield from keywords["unevaluatedProperties"](kind, wanted, instance, schema)

    def unique_items(kind: Any, wanted: Any, instance: Any, _schema: Any) -> Iterator[Any]:
        if wanted and kind.is_type(instance, "array") and first_duplicate(instance) is not None:
            yield ValidationError(f"{instance!r} has non-unique elements")

    def format_(kind: Any, wanted: Any, instance: Any, _schema: Any) -> Iterator[Any]:
        holds = FORMATS.get(wanted) if isinstance(wanted, str) else None
        if holds and kind.is_type(instance, "string") and not holds(instance):
            yield ValidationError(f"{instance!r} is not a {wanted!r}")

    made = {
        "pattern": pattern_,
        "patternProperties": pattern_properties,
        "additionalProperties": additional_properties,
        "unevaluatedProperties": unevaluated_properties,
        "uniqueItems": unique_items,
        "format": format_,
    }
    return {name: keyword for name, keyword in made.items() if name in keywords}


def _has_key(data: Any, key: str) -> bool:
    if isinstance(data, dict):
        return key in data or any(_has_key(each, key) for each in data.values())
    return isinstance(data, list) and any(_has_key(each, key) for each in data)


def _first_line(error: BaseException) -> str:
    return truncate(" ".join(str(error).split()) or type(error).__name__, 120)
