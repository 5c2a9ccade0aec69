"""Flat lists of what a JSON Schema or a JSON document holds: one sorted line for each key path, type and enum value."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PROSE = {"description", "title", "examples", "$schema", "$defs"}
STRUCTURE = {
    "$ref", "additionalProperties", "allOf", "anyOf", "const", "default", "enum", "items", "oneOf", "prefixItems",
    "properties", "propertyNames", "required", "type",
}  # fmt: skip
_TYPES = {str: "string", bool: "boolean", int: "number", float: "number", list: "array", dict: "object"}


def compact(value: Any) -> str:
    """Return `value` as JSON on one line, keys sorted."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


class SchemaLines:
    """Lines of one or several JSON Schemas, without prose and without the names of definitions.

    Definitions are named after Python classes, which may be renamed; so references are resolved in place, and one that
    leads back into itself becomes "as PATH". So does the second and every later place of equal definitions.
    """

    def __init__(self, definitions: dict[str, Any], stop: Iterable[str] = ()) -> None:
        """Resolve references in `definitions`; list nothing below the paths in `stop`."""
        self._definitions = definitions
        self._stop = frozenset(stop)
        self._places: dict[tuple[str, ...], str] = {}

    def lines(self, schema: Any, path: str) -> list[str]:
        """Return the lines of `schema`, which stands at `path`."""
        return sorted(set(self._walk(schema, path, {})))

    def _walk(self, schema: Any, path: str, open_references: dict[str, str]) -> Iterator[str]:
        if not isinstance(schema, dict):
            yield f"{path}: {compact(schema)}"
            return
        if "$ref" in schema:
            yield from self._reference(schema["$ref"], path, open_references)
        yield from self._values(schema, path)
        if path in self._stop:
            return
        for key, below in sorted(schema.get("properties", {}).items()):
            yield from self._walk(below, f"{path}.{key}" if path else key, open_references)
        for key, suffix in (("items", "[]"), ("additionalProperties", ".*"), ("propertyNames", ".* name")):
            if isinstance(schema.get(key), dict):
                yield from self._walk(schema[key], f"{path}{suffix}", open_references)
        for index, below in enumerate(schema.get("prefixItems", ())):
            yield from self._walk(below, f"{path}[{index}]", open_references)
        for key in ("anyOf", "oneOf", "allOf"):
            for below in schema.get(key, ()):
                if set(below) == {"required"}:
                    yield f"{path}: {key} requires {compact(below['required'])}"
                else:
                    yield from self._walk(below, path, open_references)

    def _reference(self, reference: str, path: str, open_references: dict[str, str]) -> Iterator[str]:
        name = reference.rpartition("/")[2]
        if name in open_references:
            yield f"{path}: as {open_references[name] or 'the whole'}"
            return
        first = self._places.setdefault(self._inlined(name), path)
        if first != path:
            yield f"{path}: as {first}"
        else:
            yield from self._walk(self._definitions[name], path, {**open_references, name: path})

    @functools.cache  # noqa: B019 - lives as long as the definitions do
    def _inlined(self, name: str, outer: tuple[str, ...] = ()) -> str:
        """Return a definition as text with references resolved; a reference to a definition around it is a distance."""

        def inline(value: Any) -> Any:
            if isinstance(value, list):
                return [inline(below) for below in value]
            if not isinstance(value, dict):
                return value
            plain = {key: inline(below) for key, below in value.items() if key not in PROSE or isinstance(below, dict)}
            if isinstance(reference := plain.get("$ref"), str):
                below = reference.rpartition("/")[2]
                around = tuple(above for above in (*outer, name) if above in self._reachable(below))
                plain["$ref"] = around[::-1].index(below) if below in around else self._inlined(below, around)
            return plain

        return compact(inline(self._definitions[name]))

    @functools.cache  # noqa: B019 - lives as long as the definitions do
    def _reachable(self, name: str) -> frozenset[str]:
        """Return the definitions that one leads to, itself among them if it is recursive."""
        reached, waiting = set[str](), [name]
        while waiting:
            text = compact(self._definitions[waiting.pop()])
            below = {reference.rpartition("/")[2] for reference in re.findall(r'"\$ref": "([^"]+)"', text)} - reached
            reached |= below
            waiting += below
        return frozenset({*reached, name})

    def _values(self, schema: dict[str, Any], path: str) -> Iterator[str]:
        kinds = schema.get("type", ())
        for kind in [kinds] if isinstance(kinds, str) else kinds:
            yield f"{path or '(document)'}: type {kind}"
        for value in (*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())):
            yield f"{path}: value {compact(value)}"
        for key in schema.get("required", ()):
            yield f"{path}.{key}: required" if path else f"{key}: required"
        if "default" in schema:
            yield f"{path}: default {compact(schema['default'])}"
        if schema.get("additionalProperties") is False:
            yield f"{path or '(document)'}: no other keys"
        of_type = f" ({kinds})" if kinds else ""
        for key, value in schema.items():
            if key not in PROSE and key not in STRUCTURE:
                yield f"{path}{of_type}: {key} {compact(without_prose(value))}"


def without_prose(value: Any) -> Any:
    """Return a part of a schema without descriptions."""
    if isinstance(value, dict):
        return {key: without_prose(below) for key, below in value.items() if key not in PROSE}
    return [without_prose(below) for below in value] if isinstance(value, list) else value


def schema_lines(schema: dict[str, Any], path: str = "", stop: Iterable[str] = ()) -> list[str]:
    """Return the lines of a JSON Schema that is complete in itself."""
    return SchemaLines(schema.get("$defs", {}), stop).lines(schema, path)


def document_lines(document: Any, name: str = "") -> list[str]:
    """Return the key paths and types of a JSON document, after its name; the only values are names of schemas."""
    prefix = f"{name} " if name else ""
    return sorted({f"{prefix}{line}" for line in _document_lines(document, "")})


def _document_lines(value: Any, path: str) -> Iterator[str]:
    yield f"{path or '(document)'}: {'null' if value is None else _TYPES[type(value)]}"
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _document_lines(below, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for below in value:
            yield from _document_lines(below, f"{path}[]")
    elif path.rpartition(".")[2] in ("schema", "$schema"):
        yield f"{path}: value {compact(value)}"


def struct_lines(kind: type[msgspec.Struct], path: str = "") -> list[str]:
    """Return the lines of a type whose defaults JSON cannot hold, so that msgspec makes no schema of it."""
    return sorted(set(_type_lines(inspect.type_info(kind), path)))


def _type_lines(kind: inspect.Type, path: str) -> Iterator[str]:
    match kind:
        case inspect.Metadata():
            yield from _type_lines(kind.type, path)
        case inspect.StructType():
            yield f"{path or '(document)'}: {'no other keys' if kind.forbid_unknown_fields else 'object'}"
            for field in kind.fields:
                yield from _field_lines(field, f"{path}.{field.encode_name}" if path else field.encode_name)
        case inspect.UnionType():
            for option in kind.types:
                yield from _type_lines(option, path)
        case inspect.VarTupleType() | inspect.ListType():
            yield f"{path}: array{_bounds(kind)}"
            yield from _type_lines(kind.item_type, f"{path}[]")
        case inspect.DictType():
            yield f"{path}: object"
            yield from _type_lines(kind.key_type, f"{path}.* name")
            yield from _type_lines(kind.value_type, f"{path}.*")
        case inspect.LiteralType():
            yield from (f"{path}: value {compact(value)}" for value in kind.values)
        case inspect.CustomType():
            yield f"{path}: {kind.cls.__name__.lower()}"
        case _:
            yield f"{path}: {type(kind).__name__.removesuffix('Type').lower()}{_bounds(kind)}"


def _field_lines(field: inspect.Field, path: str) -> Iterator[str]:
    if field.required:
        yield f"{path}: required"
    elif field.default_factory is not msgspec.NODEFAULT:
        yield f"{path}: default {compact(field.default_factory())}"
    elif field.default not in (msgspec.NODEFAULT, msgspec.UNSET) and not isinstance(field.default, msgspec.Struct):
        yield f"{path}: default {compact(field.default)}"
    yield from _type_lines(field.type, path)


def _bounds(kind: inspect.Type) -> str:
    names = ("pattern", "min_length", "max_length", "gt", "ge", "lt", "le")
    return "".join(f", {name} {compact(bound)}" for name in names if (bound := getattr(kind, name, None)) is not None)
