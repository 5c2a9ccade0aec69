"""Arguments of predicates and filters: what a plan may write for each, and what it becomes. Pure."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NoReturn

from greenlight.assertions import json_schema, patterns
from greenlight.assertions.patterns import PATTERN_LENGTH
from greenlight.assertions.predicates import TYPES
from greenlight.core.display import to_plan_text, truncate
from greenlight.core.errors import ExpectationError
from greenlight.core.json_values import is_number, to_fraction
from greenlight.core.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.assertions.semver import Range

    Unit = Callable[[Any], Any] | None
    """Turns a literal with a unit into a number; None for literals as they are."""

ENCODINGS = ("base64", "base64url", "url", "html")


_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?", re.ASCII)


def _wrong(name: str, wanted: str, argument: Any, instead: str = "") -> NoReturn:
    raise ExpectationError(f"{name} takes {wanted}, not {to_plan_text(argument)}{instead and '; write '}{instead}")


def literal(value: Any, unit: Unit) -> Any:
    """Check a value to compare with.

    Raises:
        ExpectationError: It has no unit where it must have one, or equals nothing.
    """
    if unit is not None:
        try:
            return unit(value)
        except ValueError as error:
            raise ExpectationError(str(error)) from error
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpectationError("a number that is not finite equals nothing")
    return value


def _value(_name: str, argument: Any, unit: Unit) -> Any:
    return literal(argument, unit)


def _number(name: str, argument: Any, unit: Unit) -> Any:
    value = literal(argument, unit)
    if not is_number(value):
        raise ExpectationError(f"{name} compares numbers, not {to_plan_text(argument)}; write {_as_a_number(argument)}")
    return value


def _as_a_number(argument: Any) -> str:
    """Say how the number is written that a text may mean, a share where it is one of a hundred."""
    text = argument if isinstance(argument, str) else ""
    if _NUMBER.fullmatch(text):
        return f"{text} without quotes"
    if _NUMBER.fullmatch(text[:-1]) and text[-1] == "%":
        return f"{text[:-1]}, or {float(text[:-1]) / 100:g} where a share is from 0 to 1"
    return "a number such as 5"


def _values(name: str, argument: Any, unit: Unit) -> list[Any]:
    if not isinstance(argument, list) or not argument:
        one = not isinstance(argument, list | dict) and argument is not None
        _wrong(name, "a list with at least one value", argument, f"[{argument}]" if one else "such as [200, 204]")
    return [literal(each, unit) for each in argument]


def _bounds(name: str, argument: Any, unit: Unit) -> list[Any]:
    if not isinstance(argument, list) or len(argument) != 2:
        _wrong(name, "a list of two bounds", argument, "such as [1, 5]")
    values = [_number(name, each, unit) for each in argument]
    if values[0] > values[1]:
        raise ExpectationError(f"no number is between {argument[0]} and {argument[1]}; write the lower one first")
    return values


def _tolerance(name: str, argument: Any, unit: Unit) -> tuple[Any, Any]:
    if not isinstance(argument, dict) or set(argument) not in ({"value", "within"}, {"value", "percent"}):
        such = "such as {value: 100, percent: 5} or {value: 3.14, within: 0.01}"
        _wrong(name, "a map of value and either within or percent", argument, such)
    value = to_fraction(_part_of(name, argument, "value", unit))
    if "within" in argument:
        allowed = to_fraction(_part_of(name, argument, "within", unit))
    else:
        allowed = abs(value) * to_fraction(_part_of(name, argument, "percent", None)) / 100
    if allowed <= 0:
        share = " (a share of 0 is 0)" if value == 0 and "percent" in argument else ""
        raise ExpectationError(f"{name} allows no difference here{share}; write a positive within, or eq")
    return value, allowed


def _part_of(name: str, argument: dict[str, Any], key: str, unit: Unit) -> Any:
    percent = argument[key]
    if key == "percent" and isinstance(percent, str) and _NUMBER.fullmatch(percent[:-1]) and percent[-1] == "%":
        raise ExpectationError(f"percent is a number without the sign; write {percent[:-1]}", (key,))
    try:
        return _number(name, percent, unit)
    except ExpectationError as error:
        raise ExpectationError(str(error), (key,)) from error


def _part(name: str, argument: Any, unit: Unit) -> Any:
    if argument == "":
        raise ExpectationError(
            f"{name} takes a text that is not empty: an empty one is in every text and shows nothing"
        )
    return literal(argument, unit)


def _text(name: str, argument: Any, unit: Unit) -> Any:
    if not isinstance(argument, str):
        _wrong(name, "a text", argument)
    return _part(name, argument, unit)


def _flag(name: str, argument: Any, _unit: Unit) -> bool:
    if not isinstance(argument, bool):
        _wrong(name, "true or false", argument)
    return argument


_TYPES_ELSEWHERE = {
    "int": "integer", "long": "integer", "float": "number", "double": "number", "decimal": "number", "str": "string",
    "text": "string", "bool": "boolean", "array": "list", "tuple": "list", "dict": "object", "map": "object",
    "hash": "object", "none": "null", "nil": "null", "date": "iso_date", "datetime": "iso_datetime", "uri": "url",
}  # fmt: skip


def _type(_name: str, argument: Any, _unit: Unit) -> str:
    if not isinstance(argument, str) or argument not in TYPES:
        meant = _TYPES_ELSEWHERE.get(str(argument))
        hint = f"; did you mean {meant!r}?" if meant else did_you_mean(str(argument), TYPES)
        raise ExpectationError(f"unknown type {to_plan_text(argument)}{hint or '; one of ' + ', '.join(TYPES)}")
    return argument


def _order(name: str, argument: Any, _unit: Unit) -> str:
    if argument not in ("asc", "desc"):
        _wrong(name, "asc or desc", argument)
    return str(argument)


def _range(name: str, argument: Any, _unit: Unit) -> Range:
    if not isinstance(argument, str):
        _wrong(name, "a range of versions in quotes, such as '>=1.4 <2'", argument)
    from greenlight.assertions.semver import ranges

    try:
        return ranges(argument)
    except ValueError as error:
        raise ExpectationError(truncate(str(error), 200)) from error


def _schema(_name: str, argument: Any, _unit: Unit) -> Any:
    json_schema.validate_schema(argument)
    return argument


ARGUMENTS: dict[str, Callable[[str, Any, Unit], Any]] = {
    "value": _value,
    "number": _number,
    "values": _values,
    "bounds": _bounds,
    "tolerance": _tolerance,
    "part": _part,
    "text": _text,
    "pattern": lambda name, argument, _unit: patterns.pattern(argument, name),
    "flag": _flag,
    "type": _type,
    "order": _order,
    "range": _range,
    "schema": _schema,
}


def _any_text(name: str, argument: Any) -> str:
    if not isinstance(argument, str) or len(argument) > PATTERN_LENGTH:
        _wrong(name, f"a text of at most {PATTERN_LENGTH} characters", argument)
    return argument


def _some_text(name: str, argument: Any) -> str:
    if argument == "":
        raise ExpectationError(f"{name} takes a text that is not empty")
    return _any_text(name, argument)


def _whole(low: int, high: int) -> Callable[[str, Any], int]:
    def read(name: str, argument: Any) -> int:
        if not isinstance(argument, int) or isinstance(argument, bool) or not low <= argument <= high:
            _wrong(name, f"a whole number from {low} to {high}", argument)
        return argument

    return read


def _capture(name: str, argument: Any) -> tuple[Any, int | str]:
    plain = not isinstance(argument, dict)
    if not plain and set(argument) != {"pattern", "group"}:
        _wrong(name, "a pattern, or a map of pattern and group", argument)
    compiled = patterns.pattern(argument if plain else argument["pattern"], name)
    group = min(compiled.groups, 1) if plain else argument["group"]
    if isinstance(group, bool) or (group not in compiled.groupindex and group not in range(compiled.groups + 1)):
        known = ", ".join(map(str, (*range(compiled.groups + 1), *compiled.groupindex)))
        raise ExpectationError(
            f"the pattern has no group {to_plan_text(group)}; it has {known} (0 is all of it)", ("group",)
        )
    return compiled, group


def _replacement(name: str, argument: Any) -> tuple[Any, str]:
    if not isinstance(argument, dict) or set(argument) not in ({"old", "new"}, {"pattern", "new"}):
        _wrong(name, "a map of new and either old or pattern", argument)
    if "old" in argument:
        return _some_text("old", argument["old"]), _any_text("new", argument["new"])
    return patterns.pattern(argument["pattern"], name), _any_text("new", argument["new"])


def _encoding(name: str, argument: Any) -> str:
    if argument not in ENCODINGS:
        _wrong(name, f"one of {', '.join(ENCODINGS)}", argument)
    return str(argument)


def _form(name: str, argument: Any) -> str:
    if argument is None or argument in ("epoch", "epoch_ms"):
        return argument or ""
    import datetime

    form = _some_text(name, argument)
    if "%" not in form:
        _wrong(name, "epoch, epoch_ms or a form such as '%d.%m.%Y'", argument)
    try:
        datetime.datetime.strptime("", form)  # noqa: DTZ007 - only to hear whether the form is one
    except ValueError as error:
        if "does not match" not in str(error):
            raise ExpectationError(
                f"{to_plan_text(argument)} is no form of a date: {truncate(str(error), 100)}"
            ) from error
    return form


def _path(name: str, argument: Any) -> str | None:
    if argument is None:
        return None
    from greenlight.assertions.jmespath_query import compile_query

    compile_query(_some_text(name, argument))
    return str(argument)


FILTER_ARGUMENTS: dict[str, Callable[[str, Any], Any]] = {
    "any_text": _any_text,
    "separator": _some_text,
    "name": _some_text,
    "index": _whole(-1_000_000, 1_000_000),
    "digits": _whole(0, 15),
    "capture": _capture,
    "replacement": _replacement,
    "encoding": _encoding,
    "optional_form": _form,
    "optional_path": _path,
}
