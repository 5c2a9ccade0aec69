"""JSON Schema validation, offline and in bounded time.

The draft is 2020-12 unless `$schema` has another (https://json-schema.org/draft/2020-12). A reference may point into
the schema itself, a document that is passed with it, or the schemas of the drafts, which are installed with jsonschema;
nothing is ever fetched. Patterns use the `regex` module with a time limit: jsonschema itself uses `re`, which has no
limit and blocks all other threads during a search.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

from greenlight.assertions.formats import FORMATS
from greenlight.assertions.patterns import PatternTimeoutError, compile_pattern, search
from greenlight.core.display import truncate
from greenlight.core.errors import ExpectationError
from greenlight.core.json_values import first_duplicate
from greenlight.core.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SHOWN_ERRORS = 3
"""Errors that a message lists."""

MAX_ERRORS = 200
"""Errors that are collected; the first of them by path are listed."""

MAX_EVALUATIONS = 500_000
"""Evaluations of keywords for one body; a body of 1 MiB with an ordinary schema needs half of them."""

_REFERENCE_COST = 10
"""Evaluations that a reference counts as: jsonschema walks its pointer anew each time."""

_ANNOTATION_KEYWORDS = frozenset((
    "$schema", "$id", "$anchor", "$dynamicAnchor", "$recursiveAnchor", "$vocabulary", "$comment", "$defs",
    "definitions", "id", "title", "description", "default", "examples", "example", "deprecated", "readOnly",
    "writeOnly", "contentEncoding", "contentMediaType", "contentSchema",
))  # fmt: skip
"""Keywords that do not restrict a value."""

_DEPENDENT_KEYWORDS = frozenset(("then", "else", "minContains", "maxContains", "additionalItems"))
"""Keywords that have an effect only beside another keyword."""

_JSONSCHEMA_ERRORS = (RecursionError, re.error, AttributeError, KeyError, TypeError, ValueError, ArithmeticError)
"""Built-in exceptions that jsonschema raises for schemas that its metaschema accepts."""


def validate_schema(schema: Any) -> None:
    """Validate a schema of a plan.

    Raises:
        ExpectationError: The schema is not valid, has a reference to another document, or restricts nothing.
    """
    if not isinstance(schema, dict):
        raise ExpectationError(f"schema takes a JSON Schema, a map, not {truncate(repr(schema), 60)}")
    from jsonschema.exceptions import best_match
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]
    from referencing import Resource
    from referencing.exceptions import Unresolvable

    try:
        draft = _validator_class(schema)
        if error := best_match(draft(draft.META_SCHEMA).iter_errors(schema)):
            place = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path)
            message = f"this is not a valid JSON Schema: {place.lstrip('.') or 'it'}: {truncate(error.message, 200)}"
            raise ExpectationError(message)
        if not _restricts_something(schema):
            raise ExpectationError("this schema restricts no value, so everything would pass")
        valid_keywords = {*draft.VALIDATORS, *_ANNOTATION_KEYWORDS, *_DEPENDENT_KEYWORDS, "format"}
        root = Resource.from_contents(schema, default_specification=_specification(draft))
        _check_keywords(root, REGISTRY.resolver_with_root(root), valid_keywords)
        if _has_key(schema, "unevaluatedProperties") and _has_key(schema, "patternProperties"):
            raise ExpectationError("unevaluatedProperties cannot be used in a schema with patternProperties")
    except ExpectationError:
        raise
    except Unresolvable as error:
        message = f"$ref {truncate(str(error.ref), 80)!r} leads out of the schema; nothing is fetched"
        raise ExpectationError(message) from error
    except _JSONSCHEMA_ERRORS as error:
        raise ExpectationError(f"this schema cannot be used: {_first_line(error)}") from error


def _check_keywords(resource: Any, resolver: Any, valid_keywords: set[str]) -> None:
    """Check what the metaschema does not check: unknown keywords, which have no effect, patterns and references."""
    contents = resource.contents
    for keyword, value in contents.items() if isinstance(contents, dict) else ():
        if keyword not in valid_keywords and not keyword.startswith("x-"):
            suggestion = did_you_mean(keyword, valid_keywords)
            raise ExpectationError(f"unknown keyword {truncate(keyword, 60)!r} in a schema{suggestion}")
        if keyword == "format" and value not in FORMATS:
            raise ExpectationError(
                f"the format {truncate(str(value), 60)!r} is not supported, so everything would pass"
                f"{did_you_mean(str(value), FORMATS)}; supported are {', '.join(FORMATS)}; write a pattern for another"
            )
        if keyword == "pattern":
            compile_pattern(value, keyword)
        elif keyword == "patternProperties":
            for source in value:
                compile_pattern(source, keyword)
        elif keyword in ("$ref", "$dynamicRef", "$recursiveRef"):
            resolver.lookup(value)
    for subresource in resource.subresources():
        _check_keywords(subresource, resolver.in_subresource(subresource), valid_keywords)


def _restricts_something(schema: Any) -> bool:
    """Check whether a schema can reject any value, as far as the schema alone shows it."""
    if not isinstance(schema, dict):
        return schema is False
    return any(
        _keyword_restricts(schema, keyword, value)
        for keyword, value in schema.items()
        if keyword not in _ANNOTATION_KEYWORDS | _DEPENDENT_KEYWORDS and not keyword.startswith("x-")
    )


def _keyword_restricts(schema: dict[str, Any], keyword: str, value: Any) -> bool:
    if keyword == "anyOf":
        return all(map(_restricts_something, value))
    if keyword in ("allOf", "oneOf"):
        return any(map(_restricts_something, value))
    if keyword in ("properties", "patternProperties", "dependentSchemas"):
        return any(map(_restricts_something, value.values()))
    if keyword in ("items", "additionalProperties", "propertyNames", "prefixItems"):
        return any(map(_restricts_something, value if isinstance(value, list) else [value]))
    if keyword == "if":
        return any(map(_restricts_something, (schema.get("then", {}), schema.get("else", {}))))
    return bool(value) or value is False or value == 0


def schema_errors(schema: Any, data: Any, documents: Mapping[str, Any] | None = None, draft4: bool = False) -> str:
    """Return the first errors of `data` with their JSON paths; "" if the data is valid.

    Args:
        schema: The schema.
        data: JSON-like data.
        documents: Further documents that references may point to, by URI.
        draft4: Use draft 4, the base of OpenAPI 3.0.

    Raises:
        ExpectationError: The data cannot be validated: the schema is not valid, or a reference cannot be resolved.
        SchemaLimitError: A pattern or the whole schema takes too long.
    """
    from jsonschema import Draft4Validator
    from jsonschema.exceptions import SchemaError, UnknownType
    from jsonschema.validators import extend
    from jsonschema_specifications import REGISTRY
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT4, DRAFT202012

    registry = REGISTRY.with_resources(
        (uri, (DRAFT4 if draft4 else DRAFT202012).create_resource(document))
        for uri, document in (documents or {}).items()
    )
    try:
        draft = Draft4Validator if draft4 else _validator_class(schema)
        if documents:
            draft.check_schema(schema)
        keywords = _BoundedKeywords(draft.VALIDATORS, [schema, documents and list(documents.values())])
        validator = extend(draft, keywords.by_name())(schema, registry=registry)  # type: ignore[no-untyped-call]
        errors = sorted(itertools.islice(validator.iter_errors(data), MAX_ERRORS), key=lambda error: error.json_path)
    except PatternTimeoutError as error:
        raise SchemaLimitError(str(error)) from error
    except ExpectationError:
        raise
    except (SchemaError, UnknownType, Unresolvable, *_JSONSCHEMA_ERRORS) as error:
        raise ExpectationError(f"its schema cannot be used: {_first_line(error)}") from error
    # Not truncated here: a secret that is cut in half cannot be redacted.
    messages = [f"{error.json_path} {error.message}" for error in errors[:SHOWN_ERRORS]]
    more = len(errors) - SHOWN_ERRORS
    if more <= 0:
        return "; ".join(messages)
    return f"{'; '.join(messages)} (and {'at least ' if len(errors) == MAX_ERRORS else ''}{more} more)"


def _validator_class(schema: Any) -> Any:
    from jsonschema import Draft202012Validator
    from jsonschema.validators import validator_for

    uri = schema.get("$schema") if isinstance(schema, dict) else None
    draft = validator_for(schema, default=None) if uri is not None else Draft202012Validator  # type: ignore[arg-type]
    if draft is None:
        raise ExpectationError(f"$schema {truncate(str(uri), 80)!r} is not a supported draft of JSON Schema")
    return draft


def _specification(draft: Any) -> Any:
    from referencing.jsonschema import specification_with

    return specification_with(draft.META_SCHEMA.get("$schema"))


class SchemaLimitError(ExpectationError):
    """A limit of time or number ended a validation, so the data may be valid or not."""


class _BoundedKeywords:
    """Keywords of JSON Schema, within limits of time and number, and with `format`.

    Attributes:
        keywords: The keywords of the draft, by name.
        documents: The schema and all documents that it may refer to.
    """

    def __init__(self, keywords: Any, documents: Any) -> None:
        self.keywords, self.documents = keywords, documents
        self._compiled: dict[str, Any] = {}
        self._evaluations = 0

    def by_name(self) -> dict[str, Any]:
        """Return all keywords of the draft, counted, with the replacements that the class has."""
        replacements = {
            "pattern": self.pattern,
            "patternProperties": self.pattern_properties,
            "additionalProperties": self.additional_properties,
            "unevaluatedProperties": self.unevaluated_properties,
            "uniqueItems": _unique_items,
            "format": _format,
        }
        return {
            name: self._count(replacements.get(name, keyword), _REFERENCE_COST if name.lower().endswith("ref") else 1)
            for name, keyword in self.keywords.items()
        }

    def _count(self, keyword: Any, cost: int) -> Any:
        """Return a keyword whose evaluations count: references of a small schema can multiply them without end."""

        def evaluate(validator: Any, expected: Any, instance: Any, schema: Any) -> Any:
            self._evaluations += cost
            if self._evaluations > MAX_EVALUATIONS:
                raise SchemaLimitError(f"its schema takes more than {MAX_EVALUATIONS} evaluations of keywords")
            return keyword(validator, expected, instance, schema)

        return evaluate

    def _matches(self, source: str, text: str) -> bool:
        if source not in self._compiled:
            self._compiled[source] = compile_pattern(source, "pattern")
        return search(self._compiled[source], text) is not None

    def pattern(self, validator: Any, expected: str, instance: Any, _schema: Any) -> Iterator[Any]:
        """Validate `pattern`."""
        from jsonschema.exceptions import ValidationError

        if validator.is_type(instance, "string") and not self._matches(expected, instance):
            yield ValidationError(f"{instance!r} does not match {expected!r}")

    def pattern_properties(
        self, validator: Any, subschemas: dict[str, Any], instance: Any, _schema: Any
    ) -> Iterator[Any]:
        """Validate `patternProperties`."""
        properties = instance if validator.is_type(instance, "object") else {}
        for source, subschema in subschemas.items():
            for name, value in properties.items():
                if self._matches(source, name):
                    yield from validator.descend(value, subschema, path=name, schema_path=source)

    def additional_properties(
        self, validator: Any, expected: Any, instance: Any, schema: dict[str, Any]
    ) -> Iterator[Any]:
        """Validate `additionalProperties`: jsonschema gets neither the patterns nor the properties that match them."""
        patterns = schema.get("patternProperties", {})
        if patterns and validator.is_type(instance, "object"):
            instance = {
                name: value
                for name, value in instance.items()
                if not any(self._matches(source, name) for source in patterns)
            }
            schema = {key: value for key, value in schema.items() if key != "patternProperties"}
        yield from self.keywords["additionalProperties"](validator, expected, instance, schema)

    def unevaluated_properties(self, validator: Any, expected: Any, instance: Any, schema: Any) -> Iterator[Any]:
        """Validate `unevaluatedProperties`, which in jsonschema evaluates all patterns of the document."""
        if _has_key(self.documents, "patternProperties"):
            raise ExpectationError("its schema has unevaluatedProperties, and the document patternProperties")
        yield from self.keywords["unevaluatedProperties"](validator, expected, instance, schema)


def _unique_items(validator: Any, expected: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    if expected and validator.is_type(instance, "array") and first_duplicate(instance) is not None:
        yield ValidationError(f"{instance!r} has non-unique elements")


def _format(validator: Any, expected: Any, instance: Any, _schema: Any) -> Iterator[Any]:
    from jsonschema.exceptions import ValidationError

    is_valid = FORMATS.get(expected) if isinstance(expected, str) else None
    if is_valid and validator.is_type(instance, "string") and not is_valid(instance):
        yield ValidationError(f"{instance!r} is not a {expected!r}")


def _has_key(data: Any, key: str) -> bool:
    if isinstance(data, dict):
        return key in data or any(_has_key(value, key) for value in data.values())
    return isinstance(data, list) and any(_has_key(value, key) for value in data)


def _first_line(error: BaseException) -> str:
    return truncate(" ".join(str(error).split()) or type(error).__name__, 120)
