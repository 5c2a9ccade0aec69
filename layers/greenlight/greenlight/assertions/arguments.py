"""Parsers for the arguments of predicates and filters, by kind of argument."""

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
    """Converts a literal with a unit to a number; None if literals have no unit."""

ENCODINGS = ("base64", "base64url", "url", "html")

_NUMBER = re.compile(r"[-+]?[0-9]+(\.[0-9]+)?", re.ASCII)


def _reject(name: str, expected: str, argument: Any, example: str = "") -> NoReturn:
    hint = f"; write {example}" if example else ""
    raise ExpectationError(f"{name} takes {expected}, not {to_plan_text(argument)}{hint}")


def parse_literal(value: Any, unit: Unit) -> Any:
    """Parse a value to compare with.

    Raises:
        ExpectationError: A required unit is missing, or the value equals nothing.
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
    return parse_literal(argument, unit)


def _number(name: str, argument: Any, unit: Unit) -> Any:
    value = parse_literal(argument, unit)
    if not is_number(value):
        raise ExpectationError(
            f"{name} compares numbers, not {to_plan_text(argument)}; write {_suggest_number(argument)}"
        )
    return value


def _suggest_number(argument: Any) -> str:
    """Return the number that a text probably means; for a percentage, also as a share of 1."""
    text = argument if isinstance(argument, str) else ""
    if _NUMBER.fullmatch(text):
        return f"{text} without quotes"
    if _NUMBER.fullmatch(text[:-1]) and text[-1] == "%":
        return f"{text[:-1]}, or {float(text[:-1]) / 100:g} where a share is from 0 to 1"
    return "a number such as 5"


def _values(name: str, argument: Any, unit: Unit) -> list[Any]:
    if not isinstance(argument, list) or not argument:
        is_single = not isinstance(argument, list | dict) and argument is not None
        _reject(
            name, "a list with at least one value", argument, f"[{argument}]" if is_single else "such as [200, 204]"
        )
    return [parse_literal(value, unit) for value in argument]


def _bounds(name: str, argument: Any, unit: Unit) -> list[Any]:
    if not isinstance(argument, list) or len(argument) != 2:
        _reject(name, "a list of two bounds", argument, "such as [1, 5]")
    values = [_number(name, bound, unit) for bound in argument]
    if values[0] > values[1]:
        raise ExpectationError(f"no number is between {argument[0]} and {argument[1]}; write the lower one first")
    return values


def _tolerance(name: str, argument: Any, unit: Unit) -> tuple[Any, Any]:
    if not isinstance(argument, dict) or set(argument) not in ({"value", "within"}, {"value", "percent"}):
        example = "such as {value: 100, percent: 5} or {value: 3.14, within: 0.01}"
        _reject(name, "a map of value and either within or percent", argument, example)
    value = to_fraction(_tolerance_part(name, argument, "value", unit))
    if "within" in argument:
        allowed = to_fraction(_tolerance_part(name, argument, "within", unit))
    else:
        allowed = abs(value) * to_fraction(_tolerance_part(name, argument, "percent", None)) / 100
    if allowed <= 0:
        reason = " (a percentage of 0 is 0)" if value == 0 and "percent" in argument else ""
        raise ExpectationError(f"{name} allows no difference here{reason}; write a positive within, or eq")
    return value, allowed


def _tolerance_part(name: str, argument: dict[str, Any], key: str, unit: Unit) -> Any:
    value = argument[key]
    if key == "percent" and isinstance(value, str) and _NUMBER.fullmatch(value[:-1]) and value[-1] == "%":
        raise ExpectationError(f"percent is a number without the sign; write {value[:-1]}", (key,))
    try:
        return _number(name, value, unit)
    except ExpectationError as error:
        raise ExpectationError(str(error), (key,)) from error


def _part(name: str, argument: Any, unit: Unit) -> Any:
    if argument == "":
        raise ExpectationError(
            f"{name} takes a text that is not empty: an empty text is in every text and proves nothing"
        )
    return parse_literal(argument, unit)


def _text(name: str, argument: Any, unit: Unit) -> Any:
    if not isinstance(argument, str):
        _reject(name, "a text", argument)
    return _part(name, argument, unit)


def _flag(name: str, argument: Any, _unit: Unit) -> bool:
    if not isinstance(argument, bool):
        _reject(name, "true or false", argument)
    return argument


_TYPE_ALIASES = {
    "int": "integer", "long": "integer", "float": "number", "double": "number", "decimal": "number", "str": "string",
    "text": "string", "bool": "boolean", "array": "list", "tuple": "list", "dict": "object", "map": "object",
    "hash": "object", "none": "null", "nil": "null", "date": "iso_date", "datetime": "iso_datetime", "uri": "url",
}  # fmt: skip


def _type(_name: str, argument: Any, _unit: Unit) -> str:
    if not isinstance(argument, str) or argument not in TYPES:
        alias = _TYPE_ALIASES.get(str(argument))
        hint = f"; did you mean {alias!r}?" if alias else did_you_mean(str(argument), TYPES)
        raise ExpectationError(f"unknown type {to_plan_text(argument)}{hint or '; one of ' + ', '.join(TYPES)}")
    return argument


def _order(name: str, argument: Any, _unit: Unit) -> str:
    if argument not in ("asc", "desc"):
        _reject(name, "asc or desc", argument)
    return str(argument)


def _range(name: str, argument: Any, _unit: Unit) -> Range:
    if not isinstance(argument, str):
        _reject(name, "a range of versions in quotes, such as '>=1.4 <2'", argument)
    from greenlight.assertions.semver import parse_range

    try:
        return parse_range(argument)
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
    "pattern": lambda name, argument, _unit: patterns.compile_pattern(argument, name),
    "flag": _flag,
    "type": _type,
    "order": _order,
    "range": _range,
    "schema": _schema,
}


def _text_or_empty(name: str, argument: Any) -> str:
    if not isinstance(argument, str) or len(argument) > PATTERN_LENGTH:
        _reject(name, f"a text of at most {PATTERN_LENGTH} characters", argument)
    return argument


def _nonempty_text(name: str, argument: Any) -> str:
    if argument == "":
        raise ExpectationError(f"{name} takes a text that is not empty")
    return _text_or_empty(name, argument)


def _whole(low: int, high: int) -> Callable[[str, Any], int]:
    def parse(name: str, argument: Any) -> int:
        if not isinstance(argument, int) or isinstance(argument, bool) or not low <= argument <= high:
            _reject(name, f"a whole number from {low} to {high}", argument)
        return argument

    return parse


def _capture(name: str, argument: Any) -> tuple[Any, int | str]:
    is_plain = not isinstance(argument, dict)
    if not is_plain and set(argument) != {"pattern", "group"}:
        _reject(name, "a pattern, or a map of pattern and group", argument)
    compiled = patterns.compile_pattern(argument if is_plain else argument["pattern"], name)
    group = min(compiled.groups, 1) if is_plain else argument["group"]
    if isinstance(group, bool) or (group not in compiled.groupindex and group not in range(compiled.groups + 1)):
        groups = ", ".join(map(str, (*range(compiled.groups + 1), *compiled.groupindex)))
        message = f"the pattern has no group {to_plan_text(group)}; it has {groups} (0 is the whole match)"
        raise ExpectationError(message, ("group",))
    return compiled, group


def _replacement(name: str, argument: Any) -> tuple[Any, str]:
    if not isinstance(argument, dict) or set(argument) not in ({"old", "new"}, {"pattern", "new"}):
        _reject(name, "a map of new and either old or pattern", argument)
    if "old" in argument:
        return _nonempty_text("old", argument["old"]), _text_or_empty("new", argument["new"])
    return patterns.compile_pattern(argument["pattern"], name), _text_or_empty("new", argument["new"])


def _encoding(name: str, argument: Any) -> str:
    if argument not in ENCODINGS:
        _reject(name, f"one of {', '.join(ENCODINGS)}", argument)
    return str(argument)


def _date_form(name: str, argument: Any) -> str:
    if argument is None or argument in ("epoch", "epoch_ms"):
        return argument or ""
    import datetime

    form = _nonempty_text(name, argument)
    if "%" not in form:
        _reject(name, "epoch, epoch_ms or a form such as '%d.%m.%Y'", argument)
    try:
        datetime.datetime.strptime("", form)  # noqa: DTZ007 - only validates the form
    except ValueError as error:
        if "does not match" not in str(error):
            message = f"{to_plan_text(argument)} is not a valid form of a date: {truncate(str(error), 100)}"
            raise ExpectationError(message) from error
    return form


def _path(name: str, argument: Any) -> str | None:
    if argument is None:
        return None
    from greenlight.assertions.jmespath_query import compile_query

    compile_query(_nonempty_text(name, argument))
    return str(argument)


FILTER_ARGUMENTS: dict[str, Callable[[str, Any], Any]] = {
    "any_text": _text_or_empty,
    "separator": _nonempty_text,
    "name": _nonempty_text,
    "index": _whole(-1_000_000, 1_000_000),
    "digits": _whole(0, 15),
    "capture": _capture,
    "replacement": _replacement,
    "encoding": _encoding,
    "optional_form": _date_form,
    "optional_path": _path,
}
