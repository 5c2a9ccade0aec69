"""Plain data into typed structs, with every mistake named at its place.

`msgspec` does the work when the data is right. When it is not, the data is walked again, key by key,
so that a person hears of all mistakes at once and of the nearest right name for a wrong one.
"""

from __future__ import annotations

import enum
import re
import types
import typing
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from greenlight.assertions.expectation import DurationExpectation, Expectation, SizeExpectation, parse
from greenlight.core.display import to_plan_text, truncate
from greenlight.core.errors import MAX_PROBLEMS, WrongValueError
from greenlight.core.plan_path import KeyStep
from greenlight.core.suggestions import did_you_mean, join_sorted, suggest_or_list
from greenlight.core.units import Duration, Size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.core.plan_path import PlanPath

T = TypeVar("T")

Mistake = tuple["PlanPath", str]

_WORDS = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "a map",
    "array": "a list",
    "null": "nothing",
}
_BOOLEANS_ONCE = {"yes": "true", "on": "true", "no": "false", "off": "false"}
"""What YAML 1.1 took for booleans, and what to write instead."""

_TYPES = re.compile(r"`([a-z| ]+)`")
_ERROR = re.compile(r"\A(.*?)(?: - at `(?:key` in `)?\$(.*)`)?\Z", re.DOTALL)
_BOUND = re.compile(r"expected (a (?:whole )?number) (>=|>|<=|<) (-?[0-9.]+)")
_DIGITS = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?", re.ASCII)
_PLACE = re.compile(r"\.([^.\[]+)|\[([0-9]+)\]")


def _milliseconds(value: Any) -> float:
    return Duration.parse(value) * 1000


def _hook(kind: type[Any], value: Any) -> Any:
    if kind is Duration:
        return Duration.parse(value)
    if kind is Size:
        return Size.parse(value)
    if kind is Expectation:
        return parse(value)
    if kind is DurationExpectation:
        read = parse(value, _milliseconds)
        return DurationExpectation(read.raw, read.predicates, read.filters)
    if kind is SizeExpectation:
        read = parse(value, Size.parse)
        return SizeExpectation(read.raw, read.predicates, read.filters)
    raise NotImplementedError(kind)


def convert(data: Any, kind: type[T], path: PlanPath = ()) -> tuple[T | None, list[Mistake]]:
    """Convert `data` to `kind`; either the value, or None and at least one mistake.

    Never raises: parameters that cannot be read, for whatever reason inside their types, are a mistake, too.
    """
    found: list[Mistake] = []
    try:
        if _has_null(data):
            _walk(data, kind, path, found)  # `msgspec` would take an empty key for an absent one
        if not found:
            try:
                return _converted(data, kind), []
            except msgspec.ValidationError as error:
                _walk(data, kind, path, found)
                found = found or [_mistake(error, data, kind, path)]
    except RecursionError:
        found.append((path, "nested too deep"))
    except Exception as error:  # noqa: BLE001 - a plugin's own `__post_init__` may raise anything
        found.append((path, f"cannot be read: {type(error).__name__}: {error}"))
    return None, found


def _converted(data: Any, kind: Any) -> Any:
    return msgspec.convert(data, kind, dec_hook=_hook, str_keys=True)


def _has_null(data: Any) -> bool:
    if isinstance(data, dict):
        return any(map(_has_null, data.values()))
    return any(map(_has_null, data)) if isinstance(data, list) else data is None


def _walk(data: Any, kind: Any, path: PlanPath, found: list[Mistake]) -> None:
    """Walk `data` beside its type and collect what does not fit; what fits gives nothing.

    A value is looked at as a whole only where nothing inside it is wrong. Walking ends when so much has been found
    that nobody would read more: a hostile file has room for a hundred thousand mistakes.
    """
    if len(found) > MAX_PROBLEMS:
        return
    before = len(found)
    options = _options(kind)
    struct = _struct(data, options)
    if struct is not None:
        _walk_struct(data, struct, path, found)
    else:
        for item, item_kind, item_path in _items(data, options, path):
            _walk(item, item_kind, item_path, found)
    if len(found) == before:
        try:
            _converted(data, kind)
        except msgspec.ValidationError as error:
            found.append(_mistake(error, data, kind, path))


def _walk_struct(data: dict[str, Any], struct: type[msgspec.Struct], path: PlanPath, found: list[Mistake]) -> None:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    config = struct.__struct_config__
    for key, value in data.items():
        field = fields.get(key)
        if field is None:
            if config.forbid_unknown_fields and key != config.tag_field and len(found) <= MAX_PROBLEMS:
                said = f"unknown key {truncate(key, 60)!r}{suggest_or_list(key, fields, 'known are')}"
                found.append(((*path, KeyStep(key)), said))
        elif value is None and field.default is None and type(None) in typing.get_args(field.type):
            null = any(_is_expectation(option) for option in _options(field.type))
            hint = "; to expect null, write {eq: null}" if null else ""
            found.append(((*path, key), f"{key!r} has no value; write one, or take the key out{hint}"))
        else:
            _walk(value, field.type, (*path, key), found)
    for name, field in fields.items():
        if field.required and name not in data:
            found.append((path, f"the key {name!r} is missing"))


def _items(data: Any, options: tuple[Any, ...], path: PlanPath) -> Iterator[tuple[Any, Any, PlanPath]]:
    """Give what a list or a map holds, each with its type and its path; keys stand for themselves."""
    for option in options:
        origin, arguments = typing.get_origin(option), typing.get_args(option)
        if isinstance(data, list) and origin in (list, tuple, set, frozenset) and arguments:
            fixed = origin is tuple and arguments[-1] is not Ellipsis
            for index, item in enumerate(data):
                if fixed and index >= len(arguments):
                    return
                yield item, arguments[index] if fixed else arguments[0], (*path, index)
            return
        if isinstance(data, dict) and origin is dict:
            for key, item in data.items():
                yield key, arguments[0], (*path, KeyStep(key))
                yield item, arguments[1], (*path, key)
            return


def _struct(data: Any, options: tuple[Any, ...]) -> type[msgspec.Struct] | None:
    """Give the struct a map is meant for: the only one of the type, or the one that its tag names."""
    if not isinstance(data, dict):
        return None
    structs = [option for option in options if isinstance(option, type) and issubclass(option, msgspec.Struct)]
    if len(structs) <= 1:
        return structs[0] if structs else None
    return next((each for each in structs if data.get(each.__struct_config__.tag_field) == _tag(each)), None)


def _tag(struct: type[msgspec.Struct]) -> Any:
    return struct.__struct_config__.tag


def _options(kind: Any) -> tuple[Any, ...]:
    if typing.get_origin(kind) is typing.Annotated:
        return _options(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        return tuple(each for option in typing.get_args(kind) if option is not type(None) for each in _options(option))
    return (kind,)


def _is_expectation(option: Any) -> bool:
    return isinstance(option, type) and issubclass(option, Expectation)


def _mistake(error: msgspec.ValidationError, data: Any, kind: Any, path: PlanPath) -> Mistake:
    """Say what `msgspec` found in `data`, as a sentence and at the place it means."""
    cause = error.__cause__
    message, place = (_ERROR.findall(str(error)) or [("", "")])[0]
    inside = _steps(place)
    if cause is not None:
        below = cause.path if isinstance(cause, WrongValueError) else ()
        return (*path, *inside, *below), str(cause) or type(cause).__name__
    if inside:
        return (*path, *inside), _reworded(message, None, kind)
    if choices := _choices(kind):
        if str(data) in choices:
            return path, f"{to_plan_text(data)} is a text; write {data} without quotes"
        wanted = f"none of {', '.join(choices)}" if len(choices) > 1 else f"not {choices[0]}"
        return path, f"{to_plan_text(data)} is {wanted}{did_you_mean(str(data), choices)}"
    return path, _reworded(message, data, kind)


def _steps(place: str) -> PlanPath:
    """Read the rest of a path as `msgspec` writes it; where it writes `[...]` the place is not known further."""
    known = place.partition("[...]")[0]
    return tuple(int(index) if index else name for name, index in _PLACE.findall(known))


def _choices(kind: Any) -> list[str]:
    """Give the values of an enumeration or a literal, when the type is nothing else."""
    choices: list[str] = []
    for option in _options(kind):
        if typing.get_origin(option) is typing.Literal:
            choices += map(str, typing.get_args(option))
        elif isinstance(option, type) and issubclass(option, enum.Enum):
            choices += [str(each.value) for each in option]
        else:
            return []
    return choices


def _reworded(message: str, data: Any, kind: Any) -> str:
    """Say it without the names of Python's types, and what to do where that is plain."""
    if "matching regex" in message and (meant := _description(kind)):
        return f"{to_plan_text(data)} is not {meant}"
    sentence = _TYPES.sub(lambda match: _in_words(match[1].split(" | ")), message)
    sentence = sentence[:1].lower() + sentence[1:]
    if sentence.startswith("expected a text, got") and isinstance(data, (bool, int, float)):
        sentence += f'; write it in quotes, as in "{to_plan_text(data)}"'
    elif sentence.startswith("expected true or false, got a text") and str(data).lower() in _BOOLEANS_ONCE:
        sentence += f"; in YAML 1.2 {data} is a text: write {_BOOLEANS_ONCE[str(data).lower()]}"
    elif sentence.startswith("expected a list, got a text"):
        sentence += f"; write it in brackets, [{data}]" if len(str(data)) <= 60 else "; write it in brackets, [ and ]"
    elif sentence.startswith("expected a list, got a map"):
        sentence += "; begin each of its entries with a dash"
    elif sentence.startswith("expected a map, got"):
        sentence += _map_meant(data, kind)
    elif bound := _BOUND.fullmatch(sentence):
        least = bound[2] in (">=", ">")
        sentence = f"{to_plan_text(data)} is too {'small' if least else 'large'}; write {bound[1]} "
        sentence += {">=": "from {} on", ">": "above {}", "<=": "of at most {}", "<": "below {}"}[bound[2]].format(
            f"{float(bound[3]):g}"
        )
    elif isinstance(data, str) and sentence.startswith(("expected a number, got", "expected a whole number, got")):
        percent = data.endswith("%") and _DIGITS.fullmatch(data[:-1])
        instead = f"{data} without quotes" if _DIGITS.fullmatch(data) else "such as 2"
        instead = f"{float(data[:-1]) / 100:g} for that share of 1" if percent else instead
        sentence += f": {to_plan_text(data)}; write {instead}"
    return sentence


def _map_meant(data: Any, kind: Any) -> str:
    """Say what a map has that stands where something else was written."""
    fields = [each for option in _options(kind) if (each := _fields(option))]
    if len(fields) == 1:
        return f"; its keys are {join_sorted(fields[0])}"
    return "; write keys and values, without dashes or brackets" if isinstance(data, list) else "; write {KEY: VALUE}"


def _fields(option: Any) -> list[str]:
    if not (isinstance(option, type) and issubclass(option, msgspec.Struct)):
        return []
    return [field.encode_name for field in msgspec.structs.fields(option)]


def _in_words(names: list[str]) -> str:
    """Write a type as people say it: `int | float | str` is a number or a text."""
    hidden = {"null" if len(names) > 1 else "", "int" if "float" in names else ""}  # an empty key is refused elsewhere
    return " or ".join(_WORDS.get(name, name) for name in names if name not in hidden)


def _description(kind: Any) -> str:
    """Give the words that stand beside a pattern in a type."""
    for part in typing.get_args(kind):
        if isinstance(part, msgspec.Meta) and part.description:
            return part.description
        if meant := _description(part):
            return meant
    return ""
