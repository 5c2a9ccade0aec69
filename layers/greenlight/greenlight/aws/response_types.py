"""Types of AWS's responses: botocore's parsers pass on values of other types than the service's model says.

A proxy or a misrouted endpoint answers with JSON of its own and status 200. Without this check, the code that reads the
response would fail later with an error of Python that names neither the call nor the service.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "character": (str,),
    "integer": (int,),
    "long": (int,),
    "boolean": (bool,),
    "float": (float, int),
    "double": (float, int),
    "timestamp": (datetime.datetime, datetime.date),
}
"""Python's types by type of botocore's shapes; the types of blobs and documents are not checked."""

_DECODED_BY_BOTOCORE = ("policyDocumentType", "TemplateBody")
"""Shapes of strings that botocore decodes to dictionaries (`decode_policies`, `json_decode_template_body`)."""

_NOT_A_NUMBER = ("NaN", "Infinity", "-Infinity")
"""Texts for numbers that JSON cannot express. Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html"""


class ResponseTypeError(ValueError):
    """A value in a response has another type than the service's model says."""


def check_types(parsed: Any, model: Any, **_: Any) -> None:
    """Check a parsed response, as a handler of botocore's event `after-call`.

    Args:
        parsed: The response.
        model: botocore's model of the operation.

    Raises:
        ResponseTypeError: A value has another type than its shape.
    """
    if parsed is None:
        raise ResponseTypeError("the response is null")
    is_error = isinstance(parsed, dict) and "Error" in parsed
    if model.output_shape is not None and not is_error:
        _check(parsed, model.output_shape, model.output_shape.name)


def _check(value: Any, shape: Any, place: str) -> None:
    expected: Any = _TYPES.get(shape.type_name)
    if value is None or expected is None or _is_exempt(value, shape):
        return
    if not isinstance(value, expected) or (isinstance(value, bool) and bool not in expected):
        raise ResponseTypeError(f"{place} is of type {type(value).__name__}, not {shape.type_name}")
    for part, member, name in _parts(value, shape):
        _check(part, member, f"{place}{name}")


def _is_exempt(value: Any, shape: Any) -> bool:
    """Return whether a value may have another type than that of its shape."""
    if shape.type_name == "string":
        return shape.name in _DECODED_BY_BOTOCORE
    if shape.type_name in ("float", "double"):
        return value in _NOT_A_NUMBER
    return getattr(shape, "is_document_type", False) or bool(shape.serialization.get("eventstream"))


def _parts(value: Any, shape: Any) -> Iterator[tuple[Any, Any, str]]:
    """Yield the values inside a value, each with its shape and its place.

    Raises:
        ResponseTypeError: A list has a null item.
    """
    if shape.type_name == "structure":
        yield from ((value[name], member, f".{name}") for name, member in shape.members.items() if name in value)
    elif shape.type_name == "map":
        yield from ((item, shape.value, ".*") for item in value.values())
    elif shape.type_name == "list":
        if None in value:
            raise ResponseTypeError(f"{shape.name}[] is null")
        yield from ((item, shape.member, "[]") for item in value)
