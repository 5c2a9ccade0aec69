"""Conversion of plain data to typed structs, with every problem reported at its path.

`msgspec` converts valid data, but stops at the first error. Data that it rejects is therefore walked a second time, key
by key, so that the author sees all problems at once, with a suggestion for a misspelt name.
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

PathProblem = tuple["PlanPath", str]
"""A path in the data and a message; a `Document` converts it to a `Problem`, which has a line and a column."""

_TYPE_NAMES = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "a map",
    "array": "a list",
    "null": "nothing",
}
_YAML_1_1_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}
"""Words that are booleans in YAML 1.1 and texts in YAML 1.2, with the YAML 1.2 booleans."""

_BOUND_WORDING = {">=": "from {:g} on", ">": "above {:g}", "<=": "of at most {:g}", "<": "below {:g}"}

# Parts of msgspec's messages, such as "Expected `int` >= 1 - at `$.retry.attempts`".
_TYPES = re.compile(r"`([a-z| ]+)`")
_MESSAGE = re.compile(r"\A(?P<message>.*?)(?: - at `(?:key` in `)?\$(?P<place>.*)`)?\Z", re.DOTALL)
_BOUND = re.compile(r"expected (?P<type>a (?:whole )?number) (?P<operator>>=|>|<=|<) (?P<limit>-?[0-9.]+)")
_STEP = re.compile(r"\.(?P<name>[^.\[]+)|\[(?P<index>[0-9]+)\]")

_DIGITS = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?", re.ASCII)


def _milliseconds(value: Any) -> float:
    return Duration.parse(value) * 1000


def _decode_hook(kind: type[Any], value: Any) -> Any:
    """Convert `value` to one of the types that msgspec does not know."""
    if kind is Duration:
        return Duration.parse(value)
    if kind is Size:
        return Size.parse(value)
    if kind is Expectation:
        return parse(value)
    if kind is DurationExpectation:
        expectation = parse(value, _milliseconds)
        return DurationExpectation(expectation.raw, expectation.predicates, expectation.filters)
    if kind is SizeExpectation:
        expectation = parse(value, Size.parse)
        return SizeExpectation(expectation.raw, expectation.predicates, expectation.filters)
    raise NotImplementedError(kind)


def convert(data: Any, kind: type[T], path: PlanPath = ()) -> tuple[T | None, list[PathProblem]]:
    """Convert `data` to `kind`.

    Any exception that a type raises on construction becomes a problem, because the type may come from a plugin.

    Args:
        data: Plain data, as read from YAML or JSON.
        kind: The type, usually a struct.
        path: The path of `data` in its document.

    Returns:
        The value and an empty list, or None and at least one problem.
    """
    mistakes: list[PathProblem] = []
    try:
        if _contains_null(data):
            # msgspec would treat a key without a value like an absent key.
            _walk(data, kind, path, mistakes)
        if not mistakes:
            try:
                return _convert_strictly(data, kind), []
            except msgspec.ValidationError as error:
                _walk(data, kind, path, mistakes)
                mistakes = mistakes or [_to_path_problem(error, data, kind, path)]
    except RecursionError:
        mistakes.append((path, "nested too deeply"))
    except Exception as error:  # noqa: BLE001 - a plugin's own `__post_init__` may raise anything
        mistakes.append((path, f"cannot be read: {type(error).__name__}: {error}"))
    return None, mistakes


def _convert_strictly(data: Any, kind: Any) -> Any:
    return msgspec.convert(data, kind, dec_hook=_decode_hook, str_keys=True)


def _contains_null(data: Any) -> bool:
    if isinstance(data, dict):
        return any(map(_contains_null, data.values()))
    return any(map(_contains_null, data)) if isinstance(data, list) else data is None


# ---- The walk that collects all problems -----------------------------------------------------------------------------


def _walk(data: Any, kind: Any, path: PlanPath, mistakes: list[PathProblem]) -> None:
    """Walk `data` together with its type and collect the problems.

    A value is converted only if there are no problems inside it. The walk ends after `MAX_PROBLEMS`, because a hostile
    file can contain a hundred thousand problems.
    """
    if len(mistakes) > MAX_PROBLEMS:
        return
    before = len(mistakes)
    options = _options(kind)
    struct = _matching_struct(data, options)
    if struct is not None:
        _walk_struct(data, struct, path, mistakes)
    else:
        for item, item_kind, item_path in _typed_items(data, options, path):
            _walk(item, item_kind, item_path, mistakes)
    if len(mistakes) == before:
        try:
            _convert_strictly(data, kind)
        except msgspec.ValidationError as error:
            mistakes.append(_to_path_problem(error, data, kind, path))


def _walk_struct(
    data: dict[str, Any], struct: type[msgspec.Struct], path: PlanPath, mistakes: list[PathProblem]
) -> None:
    fields = {field.encode_name: field for field in msgspec.structs.fields(struct)}
    config = struct.__struct_config__
    for key, value in data.items():
        field = fields.get(key)
        if field is None:
            if config.forbid_unknown_fields and key != config.tag_field and len(mistakes) <= MAX_PROBLEMS:
                message = f"unknown key {truncate(key, 60)!r}{suggest_or_list(key, fields, 'valid keys are')}"
                mistakes.append(((*path, KeyStep(key)), message))
        elif value is None and field.default is None and type(None) in typing.get_args(field.type):
            can_expect_null = any(_is_expectation(option) for option in _options(field.type))
            hint = "; to expect null, write {eq: null}" if can_expect_null else ""
            mistakes.append(((*path, key), f"{key!r} has no value; write a value, or remove the key{hint}"))
        else:
            _walk(value, field.type, (*path, key), mistakes)
    for name, field in fields.items():
        if field.required and name not in data:
            mistakes.append((path, f"the key {name!r} is missing"))


def _typed_items(data: Any, options: tuple[Any, ...], path: PlanPath) -> Iterator[tuple[Any, Any, PlanPath]]:
    """Yield the items of a list, or the keys and values of a map, each with its type and its path."""
    for option in options:
        origin, arguments = typing.get_origin(option), typing.get_args(option)
        if isinstance(data, list) and origin in (list, tuple, set, frozenset) and arguments:
            has_fixed_length = origin is tuple and arguments[-1] is not Ellipsis
            for index, item in enumerate(data):
                if has_fixed_length and index >= len(arguments):
                    return
                yield item, arguments[index] if has_fixed_length else arguments[0], (*path, index)
            return
        if isinstance(data, dict) and origin is dict:
            for key, item in data.items():
                yield key, arguments[0], (*path, KeyStep(key))
                yield item, arguments[1], (*path, key)
            return


def _matching_struct(data: Any, options: tuple[Any, ...]) -> type[msgspec.Struct] | None:
    """Return the struct for a map: the type's only struct, or the struct that the map's tag selects."""
    if not isinstance(data, dict):
        return None
    structs = [option for option in options if isinstance(option, type) and issubclass(option, msgspec.Struct)]
    if len(structs) <= 1:
        return structs[0] if structs else None
    return next((struct for struct in structs if data.get(struct.__struct_config__.tag_field) == _tag(struct)), None)


def _tag(struct: type[msgspec.Struct]) -> Any:
    return struct.__struct_config__.tag


def _options(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union except None, without annotations; for any other type, only that type."""
    if typing.get_origin(kind) is typing.Annotated:
        return _options(typing.get_args(kind)[0])
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        members = (member for member in typing.get_args(kind) if member is not type(None))
        return tuple(option for member in members for option in _options(member))
    return (kind,)


def _is_expectation(option: Any) -> bool:
    return isinstance(option, type) and issubclass(option, Expectation)


# ---- Messages --------------------------------------------------------------------------------------------------------


def _to_path_problem(error: msgspec.ValidationError, data: Any, kind: Any, path: PlanPath) -> PathProblem:
    """Convert a `msgspec` error to a message at the path in the error."""
    cause = error.__cause__
    match = _MESSAGE.match(str(error))
    message, place = (match["message"], match["place"] or "") if match else ("", "")
    inner_path = _parse_place(place)
    if cause is not None:
        cause_path = cause.path if isinstance(cause, WrongValueError) else ()
        return (*path, *inner_path, *cause_path), str(cause) or type(cause).__name__
    if inner_path:
        return (*path, *inner_path), _reword(message, None, kind)
    if choices := _choices(kind):
        if str(data) in choices:
            return path, f"{to_plan_text(data)} is a text; write {data} without quotes"
        expected = f"not one of {', '.join(choices)}" if len(choices) > 1 else f"not {choices[0]}"
        return path, f"{to_plan_text(data)} is {expected}{did_you_mean(str(data), choices)}"
    return path, _reword(message, data, kind)


def _parse_place(place: str) -> PlanPath:
    """Parse the path in a `msgspec` message, up to the first `[...]`, which stands for an unknown key of a map."""
    precise = place.partition("[...]")[0]
    return tuple(int(step["index"]) if step["index"] else step["name"] for step in _STEP.finditer(precise))


def _choices(kind: Any) -> list[str]:
    """Return the values of an enumeration or a literal; an empty list for types that allow other values."""
    choices: list[str] = []
    for option in _options(kind):
        if typing.get_origin(option) is typing.Literal:
            choices += map(str, typing.get_args(option))
        elif isinstance(option, type) and issubclass(option, enum.Enum):
            choices += [str(member.value) for member in option]
        else:
            return []
    return choices


def _reword(message: str, data: Any, kind: Any) -> str:
    """Rewrite a `msgspec` message without Python's type names, and add a hint if there is one."""
    if "matching regex" in message and (description := _pattern_description(kind)):
        return f"{to_plan_text(data)} is not {description}"
    sentence = _TYPES.sub(lambda match: _type_names(match[1].split(" | ")), message)
    sentence = sentence[:1].lower() + sentence[1:]
    if bound := _BOUND.fullmatch(sentence):
        too = "too small" if bound["operator"] in (">=", ">") else "too large"
        limit = _BOUND_WORDING[bound["operator"]].format(float(bound["limit"]))
        return f"{to_plan_text(data)} is {too}; write {bound['type']} {limit}"
    return sentence + _hint(sentence, data, kind)


def _hint(sentence: str, data: Any, kind: Any) -> str:
    """Return a hint, with its separator, to append to a message about a wrong type; "" for no hint."""
    if sentence.startswith("expected a list, got a text"):
        return f"; write it in brackets, [{data}]" if len(str(data)) <= 60 else "; write it in brackets, [ and ]"
    if sentence.startswith("expected a list, got a map"):
        return "; begin each entry with a dash"
    if sentence.startswith("expected a map, got"):
        return _map_hint(data, kind)
    return _scalar_hint(sentence, data)


def _scalar_hint(sentence: str, data: Any) -> str:
    if sentence.startswith("expected a text, got") and isinstance(data, (bool, int, float)):
        return f'; write it in quotes: "{to_plan_text(data)}"'
    if sentence.startswith("expected true or false, got a text") and str(data).lower() in _YAML_1_1_BOOLEANS:
        return f"; in YAML 1.2 {data} is a text: write {_YAML_1_1_BOOLEANS[str(data).lower()]}"
    if isinstance(data, str) and sentence.startswith(("expected a number, got", "expected a whole number, got")):
        return f": {to_plan_text(data)}; write {_suggest_number(data)}"
    return ""


def _suggest_number(text: str) -> str:
    if text.endswith("%") and _DIGITS.fullmatch(text[:-1]):
        return f"{float(text[:-1]) / 100:g} for {text}"
    return f"{text} without quotes" if _DIGITS.fullmatch(text) else "such as 2"


def _map_hint(data: Any, kind: Any) -> str:
    """Return a hint for a value that must be a map: the map's keys, or the syntax of a map."""
    fields = [names for option in _options(kind) if (names := _field_names(option))]
    if len(fields) == 1:
        return f"; its keys are {join_sorted(fields[0])}"
    return "; write keys and values, without dashes or brackets" if isinstance(data, list) else "; write {KEY: VALUE}"


def _field_names(option: Any) -> list[str]:
    if not (isinstance(option, type) and issubclass(option, msgspec.Struct)):
        return []
    return [field.encode_name for field in msgspec.structs.fields(option)]


def _type_names(names: list[str]) -> str:
    """Return type names in words: "a number or a text" for `int | float | str`."""
    # A key without a value has a separate message, and every whole number is a number.
    hidden = {"null" if len(names) > 1 else "", "int" if "float" in names else ""}
    return " or ".join(_TYPE_NAMES.get(name, name) for name in names if name not in hidden)


def _pattern_description(kind: Any) -> str:
    """Return the description of a type's pattern; "" for a pattern without a description."""
    for part in typing.get_args(kind):
        if isinstance(part, msgspec.Meta) and part.description:
            return part.description
        if description := _pattern_description(part):
            return description
    return ""
