"""Plain data into typed structs, with every mistake named at its place.

`msgspec` does the work when the data is right. When it is not, the data is walked again, key by key,
so that a person hears of all mistakes at once and of the nearest right name for a wrong one.
"""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from greenlight.errors import ExpectationError
from greenlight.expect import Expectation, parse
from greenlight.nearest import nearest
from greenlight.units import Duration, Size

if TYPE_CHECKING:
    from greenlight.yamlread import Path

T = TypeVar("T")

Mistake = tuple["Path", str]

_WORDS = {
    "`str`": "a text",
    "`int`": "a whole number",
    "`float`": "a number",
    "`bool`": "true or false",
    "`object`": "a map",
    "`array`": "a list",
    "`null`": "nothing",
}


class DurationExpectation(Expectation):
    """An expectation over milliseconds whose literals are durations with their unit."""


class SizeExpectation(Expectation):
    """An expectation over bytes whose literals are sizes with their unit."""


def _milliseconds(value: Any) -> float:
    return Duration.parse(value) * 1000


def _hook(kind: type[Any], value: Any) -> Any:
    if kind is Duration:
        return Duration.parse(value)
    if kind is Size:
        return Size.parse(value)
    try:
        if kind is Expectation:
            return parse(value)
        if kind is DurationExpectation:
            read = parse(value, _milliseconds)
            return DurationExpectation(read.written, read.predicates)
        if kind is SizeExpectation:
            read = parse(value, Size.parse)
            return SizeExpectation(read.written, read.predicates)
    except ExpectationError as error:
        raise ValueError(f"{error.path}: {error}" if error.path else str(error)) from error
    raise NotImplementedError(kind)


def convert(data: Any, kind: type[T], path: Path = ()) -> tuple[T | None, list[Mistake]]:
    """Convert `data` to `kind`; either the value, or None and at least one mistake."""
    try:
        return msgspec.convert(data, kind, dec_hook=_hook, str_keys=True), []
    except msgspec.ValidationError as error:
        return None, _mistakes(data, kind, path) or [(path, _reworded(error))]
    except RecursionError:
        return None, [(path, "nested too deep")]


def _mistakes(data: Any, kind: Any, path: Path) -> list[Mistake]:
    """Walk `data` beside its type and collect what does not fit; what fits gives nothing."""
    options = _options(kind)
    structs = [option for option in options if isinstance(option, type) and issubclass(option, msgspec.Struct)]
    if structs and isinstance(data, dict):
        return _struct_mistakes(data, structs[0], path)
    for option in options:
        origin, arguments = typing.get_origin(option), typing.get_args(option)
        if origin in (list, tuple) and isinstance(data, list):
            return [m for i, item in enumerate(data) for m in _mistakes(item, arguments[0], (*path, i))] or _direct(
                data, kind, path
            )
        if origin is dict and isinstance(data, dict):
            return [m for k, item in data.items() for m in _mistakes(item, arguments[1], (*path, k))] or _direct(
                data, kind, path
            )
    return _direct(data, kind, path)


def _struct_mistakes(data: dict[str, Any], struct: type[msgspec.Struct], path: Path) -> list[Mistake]:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    found: list[Mistake] = []
    for key, value in data.items():
        if key in fields:
            found += _mistakes(value, fields[key].type, (*path, key))
        else:
            found.append(
                ((*path, key), f"unknown key {key!r}{nearest(key, fields)}; known are {', '.join(sorted(fields))}")
            )
    found += [
        ((*path,), f"the key {name!r} is missing")
        for name, field in fields.items()
        if field.required and name not in data
    ]
    return found or _direct(data, struct, path)


def _direct(data: Any, kind: Any, path: Path) -> list[Mistake]:
    try:
        msgspec.convert(data, kind, dec_hook=_hook, str_keys=True)
    except msgspec.ValidationError as error:
        return [(path, _reworded(error))]
    return []


def _options(kind: Any) -> tuple[Any, ...]:
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return tuple(option for option in typing.get_args(kind) if option is not type(None))
    return (kind,)


def _reworded(error: msgspec.ValidationError) -> str:
    message = str(error).partition(" - at `")[0]
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours)
    return message[:1].lower() + message[1:]
