"""The assertion language: a value or a map of predicates, held against what was seen. Pure.

An expectation is a literal (deep equality, types strict: `1` is not `true` and `"1"` is not `1`)
or a map of predicates, all of which must hold. Whatever cannot be compared does not pass: a value
that was not found passes nothing but `exists: false`, and a number that is not finite passes nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from greenlight.errors import ExpectationError
from greenlight.nearest import nearest
from greenlight.oneline import short

if TYPE_CHECKING:
    from collections.abc import Callable

PATTERN_TIMEOUT_S = 1.0
"""Processor time that a plan's pattern may take on one text; an expectation whose pattern takes longer does not hold."""

PATTERN_LENGTH = 2000
"""Characters of a pattern; compiling one takes time that no time-out ends."""

TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
}


class Missing:
    """What a query gives that found nothing; not the same as a null that was found."""

    def __repr__(self) -> str:
        """Show it the way evidence does."""
        return "(nothing found)"


MISSING = Missing()


class Expectation:
    """A parsed expectation: `written` is what the plan says, `predicates` what must hold."""

    __slots__ = ("predicates", "written")

    def __init__(self, written: Any, predicates: tuple[tuple[str, Any], ...]) -> None:
        """Use `parse` instead."""
        self.written = written
        self.predicates = predicates

    def holds(self, actual: Any) -> bool:
        """Tell whether every predicate holds for `actual`; never raises for any JSON-like value."""
        if isinstance(actual, Missing):
            return self.predicates == (("exists", False),)
        try:
            return self.decide(actual)
        except _UndecidedError:
            return False

    def decide(self, actual: Any) -> bool:
        """Tell whether every predicate holds, or raise: under a `not`, what cannot be decided must not become true."""
        if isinstance(actual, float) and not math.isfinite(actual):
            raise _UndecidedError
        if any(expected is _UNFILLED for _, expected in self.predicates):
            raise _UndecidedError
        return all(PREDICATES[name](actual, expected) for name, expected in self.predicates)


class _UndecidedError(Exception):
    """A comparison that came to no end, or that nothing can come of."""


_UNFILLED = object()
"""Stands for an argument with a `${name}` whose value is not known yet, and without which it means nothing."""


def parse(
    written: Any, unit: Callable[[Any], Any] | None = None, fill: Callable[[Any, str], Any] | None = None
) -> Expectation:
    """Read an expectation as a plan writes it.

    Args:
        written: A literal, or a map of predicate names to their arguments.
        unit: Turns a literal with a unit into a number (`Duration.parse`, `Size.parse`); None for literals as they are.
        fill: Called with each argument and its predicate's name, gives the argument to use. What it gives is only
            ever an argument: a map that a service answered with does not become predicates.

    Raises:
        ExpectationError: An unknown predicate, or an argument the predicate cannot use.
    """
    filled = fill or _as_written
    if not isinstance(written, dict):
        value = _argument("eq", filled(written, "eq"), unit)
        return Expectation(written if fill is None else value, (("eq", value),))
    if not written:
        raise ExpectationError(
            "an empty map expects nothing; write a value, a predicate such as {exists: true}, or {eq: {}}"
        )
    predicates: list[tuple[str, Any]] = []
    shown: dict[str, Any] = {}
    for name, argument in written.items():
        if name not in PREDICATES:
            hint = nearest(name, PREDICATES) or "; to compare with a whole object, write {eq: {...}}"
            raise ExpectationError(f"unknown predicate {name!r}{hint}", (name,))
        try:
            if name in _NESTED:
                below = parse(argument, None if name == "length" else unit, fill)
                predicates.append((name, below))
                shown[name] = below.written
            else:
                shown[name] = filled(argument, name)
                predicates.append((name, _argument(name, shown[name], unit)))
        except ExpectationError as error:
            if fill is not None or unit is not None or not _refers(argument):
                raise ExpectationError(str(error), (name, *error.path)) from error
            predicates.append((name, _UNFILLED))
    return Expectation(written if fill is None else shown, tuple(predicates))


def _refers(argument: Any) -> bool:
    """Tell whether an argument, or one in a list of them, still has a reference: `matches: ^${id}$`, `gte: ${count}`."""
    return any(
        isinstance(each, str) and "${" in each for each in (argument if isinstance(argument, list) else [argument])
    )


def _as_written(argument: Any, _name: str) -> Any:
    return argument


def _argument(name: str, argument: Any, unit: Callable[[Any], Any] | None) -> Any:
    """Check a predicate's argument and turn it into what the predicate compares with."""
    if name in ("exists", "empty"):
        if not isinstance(argument, bool):
            raise ExpectationError(f"{name} takes true or false, not {_said(argument)}")
        return argument
    if name == "type":
        if not isinstance(argument, str) or argument not in TYPES:
            raise ExpectationError(
                f"unknown type {_said(argument)}{nearest(str(argument), TYPES)}; one of {', '.join(TYPES)}"
            )
        return argument
    if name == "matches":
        return _pattern(argument)
    if name in ("in", "between"):
        return _values(name, argument, unit)
    if name in ("starts_with", "ends_with") and not isinstance(argument, str):
        raise ExpectationError(f"{name} takes a text, not {_said(argument)}")
    if name in ("starts_with", "ends_with", "contains") and argument == "":
        raise ExpectationError(
            f"{name} takes a text that is not empty: an empty one is in every text and shows nothing"
        )
    value = _literal(argument, unit)
    if name in ("gt", "gte", "lt", "lte") and not _is_number(value):
        raise ExpectationError(f"{name} compares numbers, not {_said(argument)}")
    return value


def _values(name: str, argument: Any, unit: Callable[[Any], Any] | None) -> list[Any]:
    if not isinstance(argument, list) or not argument or (name == "between" and len(argument) != 2):
        wanted = "a list of two bounds" if name == "between" else "a list with at least one value"
        raise ExpectationError(f"{name} takes {wanted}, not {_said(argument)}")
    values = [_literal(item, unit) for item in argument]
    if name == "between":
        for written, value in zip(argument, values, strict=True):
            if not _is_number(value):
                raise ExpectationError(f"between compares numbers, not {_said(written)}")
        if values[0] > values[1]:
            raise ExpectationError(f"no number is between {argument[0]} and {argument[1]}; write the lower one first")
    return values


def _said(argument: Any) -> str:
    return short(repr(argument), 60)


def _literal(value: Any, unit: Callable[[Any], Any] | None) -> Any:
    if unit is not None:
        try:
            return unit(value)
        except ValueError as error:
            raise ExpectationError(str(error)) from error
    if isinstance(value, float) and not math.isfinite(value):
        raise ExpectationError("a number that is not finite equals nothing")
    return value


def _pattern(argument: Any) -> Any:
    if not isinstance(argument, str):
        raise ExpectationError(f"matches takes a pattern, not {_said(argument)}")
    if not 0 < len(argument) <= PATTERN_LENGTH:
        raise ExpectationError(f"a pattern has 1 to {PATTERN_LENGTH} characters, and this has {len(argument)}")
    import regex  # 15 ms, and only plans with patterns need it

    try:
        return regex.compile(argument)
    except (regex.error, RecursionError, OverflowError) as error:
        why = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise ExpectationError(f"{_said(argument)} is no pattern: {why}") from error


def escaped(text: str) -> str:
    """Give the pattern that matches `text` and nothing else."""
    import regex

    return str(regex.escape(text))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def same(actual: Any, expected: Any) -> bool:
    """Deep equality with JSON's types: numbers by value, a boolean is never a number, NaN equals nothing."""
    if isinstance(actual, bool) or isinstance(expected, bool):
        return isinstance(actual, bool) and isinstance(expected, bool) and actual is expected
    if isinstance(actual, (int, float)) and isinstance(expected, (int, float)):
        return actual == expected
    if isinstance(actual, dict) and isinstance(expected, dict):
        return actual.keys() == expected.keys() and all(same(actual[key], expected[key]) for key in expected)
    if isinstance(actual, list) and isinstance(expected, list):
        return len(actual) == len(expected) and all(map(same, actual, expected))
    return type(actual) is type(expected) and bool(actual == expected)


def _contains(actual: Any, expected: Any) -> bool:
    if isinstance(actual, str):
        return isinstance(expected, str) and expected in actual
    return isinstance(actual, list) and any(same(item, expected) for item in actual)


def _matches(actual: Any, pattern: Any) -> bool:
    if not isinstance(actual, str):
        return False
    try:
        return pattern.search(actual, timeout=PATTERN_TIMEOUT_S) is not None
    except TimeoutError:
        raise _UndecidedError from None


def _sized(actual: Any) -> bool:
    return isinstance(actual, (str, list, dict))


PREDICATES: dict[str, Callable[[Any, Any], bool]] = {
    "eq": same,
    "ne": lambda actual, expected: not same(actual, expected),
    "gt": lambda actual, bound: _is_number(actual) and actual > bound,
    "gte": lambda actual, bound: _is_number(actual) and actual >= bound,
    "lt": lambda actual, bound: _is_number(actual) and actual < bound,
    "lte": lambda actual, bound: _is_number(actual) and actual <= bound,
    "between": lambda actual, bounds: _is_number(actual) and bounds[0] <= actual <= bounds[1],
    "in": lambda actual, values: any(same(actual, value) for value in values),
    "contains": _contains,
    "starts_with": lambda actual, start: isinstance(actual, str) and actual.startswith(start),
    "ends_with": lambda actual, end: isinstance(actual, str) and actual.endswith(end),
    "matches": _matches,
    "exists": lambda _actual, wanted: wanted is True,
    "empty": lambda actual, wanted: _sized(actual) and (len(actual) == 0) is wanted,
    "type": lambda actual, name: TYPES[name](actual),
    "length": lambda actual, expectation: _sized(actual) and expectation.decide(len(actual)),
    # An empty list proves nothing, so `every` does not hold for it.
    "every": lambda actual, expectation: (
        isinstance(actual, list) and bool(actual) and all(map(expectation.decide, actual))
    ),
    "any": lambda actual, expectation: isinstance(actual, list) and any(map(expectation.decide, actual)),
    "not": lambda actual, expectation: not expectation.decide(actual),
}

_NESTED = ("length", "every", "any", "not")
