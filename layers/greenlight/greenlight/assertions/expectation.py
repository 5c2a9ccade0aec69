"""The assertion language: a value or a map of predicates, held against what was seen. Pure.

An expectation is a literal (deep equality, types strict: `1` is not `true` and `"1"` is not `1`)
or a map of predicates, all of which must hold, with `filters` to be applied first. Whatever cannot be compared does not
pass, nor does its opposite: a value that was not found passes nothing but `exists: false`, and a number that is not
finite passes nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from greenlight.assertions.arguments import ARGUMENTS, FILTER_ARGUMENTS, literal
from greenlight.assertions.filters import (
    FILTERS,
    MAX_FILTERS,
    CannotError,
    Step,
    apply_filters,
    describe_filters,
    utc_now,
)
from greenlight.assertions.patterns import PATTERN_LENGTH, PATTERN_TIMEOUT_S, GaveUpError, escaped
from greenlight.assertions.predicates import PREDICATES, TYPES, Predicate
from greenlight.core.display import to_plan_text
from greenlight.core.errors import ExpectationError
from greenlight.core.json_values import MISSING, Missing
from greenlight.core.plan_path import KeyStep
from greenlight.core.references import has_references
from greenlight.core.suggestions import did_you_mean, suggest_or_list

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable

    from greenlight.assertions.arguments import Unit

    Fill = Callable[[Any, str], Any] | None
    Clock = Callable[[], datetime.datetime]

__all__ = [
    "FILTERS",
    "MISSING",
    "PATTERN_LENGTH",
    "PATTERN_TIMEOUT_S",
    "PREDICATES",
    "TYPES",
    "Expectation",
    "Missing",
    "Predicate",
    "escaped",
    "parse",
]

FILTERS_KEY = "filters"

ELSEWHERE = {
    "=": "eq", "==": "eq", "===": "eq", "equals": "eq", "equal": "eq", "is": "eq", "value": "eq", "!=": "ne", "<>": "ne",
    "not_equals": "ne", "not_equal": "ne", "is_not": "ne", ">": "gt", "greater_than": "gt", "above": "gt", ">=": "gte",
    "ge": "gte", "min": "gte", "minimum": "gte", "at_least": "gte", "<": "lt", "less_than": "lt", "below": "lt",
    "<=": "lte", "le": "lte", "max": "lte", "maximum": "lte", "at_most": "lte", "range": "between", "one_of": "in",
    "oneof": "in", "enum": "in", "includes": "contains", "include": "contains", "has": "contains", "prefix": "starts_with",
    "have_prefix": "starts_with", "suffix": "ends_with", "regex": "matches", "regexp": "matches", "pattern": "matches",
    "match_regexp": "matches", "like": "matches", "present": "exists", "defined": "exists", "isempty": "empty",
    "size": "length", "len": "length", "have_len": "length", "count": "length", "and": "all_of", "or": "any_of",
    "all": "every", "each": "every", "some": "any", "nin": "not", "close_to": "approx", "version": "semver",
    "json_schema": "schema",
}  # fmt: skip
"""What other tools call predicates, and what they are called here."""

_UNFILLED = object()
"""Stands for an argument with a `${name}` whose value is not known yet, and without which it means nothing."""


class Expectation:
    """A parsed expectation: `written` is what the plan says, `predicates` what must hold after the `filters`."""

    __slots__ = ("filters", "predicates", "written")

    def __init__(self, written: Any, predicates: tuple[tuple[str, Any], ...], filters: tuple[Step, ...] = ()) -> None:
        """Use `parse` instead."""
        self.written = written
        self.predicates = predicates
        self.filters = filters

    def holds(self, actual: Any) -> bool:
        """Tell whether every predicate holds for `actual`; never raises for any JSON-like value."""
        try:
            return self.decide(actual) is True
        except (GaveUpError, RecursionError):
            return False

    def decide(self, actual: Any) -> bool | None:
        """Tell whether every predicate holds; None where nothing can be told, of which no `not` makes anything.

        Raises:
            GaveUpError: A pattern took too long.
            RecursionError: The value is nested too deep.
        """
        if self.filters and actual is not MISSING:
            try:
                actual = apply_filters(self.filters, actual)
            except CannotError:
                actual = MISSING
        if isinstance(actual, float) and not math.isfinite(actual):
            return None
        verdict: bool | None = True
        for name, expected in self.predicates:
            if expected is _UNFILLED or (actual is MISSING and not _means_missing(name, expected)):
                held = None
            elif actual is MISSING and name == "exists":
                held = True
            else:
                held = PREDICATES[name].holds(actual, expected)
            if held is False:
                return False
            if held is None:
                verdict = None
        return verdict

    def why(self, actual: Any) -> str:
        """Say why it does not hold for `actual`: which predicate, where inside; "" when `actual` says it all.

        What it repeats of `actual` is whole, to be cut only when secrets are out of it. Never raises, either.
        """
        try:
            return self._why(actual)
        except GaveUpError as error:
            return str(error)
        except RecursionError:
            return "it is nested too deep"

    def _why(self, actual: Any) -> str:
        told_of = []
        if self.filters and actual is not MISSING:
            try:
                actual = apply_filters(self.filters, actual)
            except CannotError as error:
                return str(error)
            told_of.append(describe_filters(self.filters, actual))
        if actual is MISSING or (isinstance(actual, float) and not math.isfinite(actual)):
            return "; ".join(told_of)
        for name, expected in self.predicates:
            if expected is _UNFILLED or PREDICATES[name].holds(actual, expected) is True:
                continue
            why = PREDICATES[name].why(actual, expected)
            if len(self.predicates) > 1:
                why = f"{name} does not hold: {why}" if why else f"{name} does not hold"
            told_of += [why] if why else []
            break
        return "; ".join(told_of)


class DurationExpectation(Expectation):
    """An expectation over milliseconds whose literals are durations with their unit."""


class SizeExpectation(Expectation):
    """An expectation over bytes whose literals are sizes with their unit."""


def _means_missing(name: str, expected: Any) -> bool:
    """Tell whether a predicate may hold for what was not found: `exists: false`, and lists in which it can stand."""
    return (name == "exists" and expected is False) or name in ("all_of", "any_of")


def parse(written: Any, unit: Unit = None, fill: Fill = None, now: Clock = utc_now) -> Expectation:
    """Read an expectation as a plan writes it.

    Args:
        written: A literal, or a map of predicate names to their arguments.
        unit: Turns a literal with a unit into a number (`Duration.parse`, `Size.parse`); None for literals as they are.
        fill: Called with each argument and its predicate's name (`matches` for every pattern), gives the argument to
            use. What it gives is only ever an argument: a map that a service answered with does not become predicates.
        now: The clock that `days_since` and `days_until` count by.

    Raises:
        ExpectationError: An unknown predicate or filter, or an argument it cannot use.
    """
    if not isinstance(written, dict):
        if fill is not None:
            written = fill(written, "eq")
        return Expectation(written, (("eq", literal(written, unit)),))
    if not written:
        raise ExpectationError(
            "an empty map expects nothing; write a value, a predicate such as {exists: true}, or {eq: {}}"
        )
    reading = _Reading(unit, fill, now)
    predicates: list[tuple[str, Any]] = []
    filters: tuple[Step, ...] = ()
    shown: dict[str, Any] = {}
    for name, argument in written.items():
        if name != FILTERS_KEY and name not in PREDICATES:
            meant = ELSEWHERE.get(name.lower().replace("-", "_"))
            hint = f"; did you mean {meant!r}?" if meant else did_you_mean(name, (*PREDICATES, FILTERS_KEY))
            hint = hint or "; to compare with a whole object, write {eq: {...}}"
            raise ExpectationError(f"unknown predicate {name!r}{hint}", (KeyStep(name),))
        try:
            if name == FILTERS_KEY:
                shown[name], filters = reading.filters(argument)
            else:
                shown[name], read = reading.predicate(name, argument)
                predicates.append((name, read))
        except ExpectationError as error:
            nested = name in PREDICATES and PREDICATES[name].takes in _NESTED
            if fill is not None or unit is not None or nested or not has_references(argument):
                raise ExpectationError(str(error), (name, *error.path)) from error
            predicates.append((name, _UNFILLED))
    if not predicates:
        raise ExpectationError(
            "filters alone expect nothing; write beside them what the value must be, such as {filters: [count], gte: 1}"
        )
    return Expectation(written if fill is None else shown, tuple(predicates), filters)


_NESTED = ("count", "expectation", "expectations")


class _Reading:
    """How arguments are read: with what unit, what to fill in, and what clock."""

    def __init__(self, unit: Unit, fill: Fill, now: Clock) -> None:
        self.unit, self.fill, self.now = unit, fill, now

    def _filled(self, argument: Any, name: str) -> Any:
        return argument if self.fill is None else self.fill(argument, name)

    def predicate(self, name: str, argument: Any) -> tuple[Any, Any]:
        """Give a predicate's argument as it is shown, and as it is compared with."""
        takes = PREDICATES[name].takes
        if takes in _NESTED:
            return self._nested(name, takes, argument)
        if takes == "schema" and self.fill is not None and has_references(argument):
            raise ExpectationError("what was captured cannot stand in a schema; compare it with a predicate beside it")
        shown = self._filled(argument, name)
        return shown, ARGUMENTS[takes](name, shown, self.unit)

    def _nested(self, name: str, takes: str, argument: Any) -> tuple[Any, Any]:
        if takes != "expectations":
            if takes == "count" and not isinstance(argument, dict | int) and not has_references(argument):
                hint = f"; write {argument} without quotes" if str(argument).isdecimal() else ", such as 3 or {gte: 1}"
                raise ExpectationError(f"{name} takes a whole number or predicates, not {to_plan_text(argument)}{hint}")
            below = parse(argument, None if takes == "count" else self.unit, self.fill, self.now)
            return below.written, below
        if not isinstance(argument, list) or not argument:
            raise ExpectationError(
                f"{name} takes a list with at least one expectation, not {to_plan_text(argument)}; write such as [{{gte: 5}}, null]"
            )
        each: list[Expectation] = []
        for index, written in enumerate(argument):
            try:
                each.append(parse(written, self.unit, self.fill, self.now))
            except ExpectationError as error:
                raise ExpectationError(str(error), (index, *error.path)) from error
        return [one.written for one in each], tuple(each)

    def filters(self, argument: Any) -> tuple[list[Any], tuple[Step, ...]]:
        """Give the filters as they are shown, and as they are applied."""
        if not isinstance(argument, list) or not 0 < len(argument) <= MAX_FILTERS:
            raise ExpectationError(f"filters takes a list of 1 to {MAX_FILTERS} filters, not {to_plan_text(argument)}")
        shown: list[Any] = []
        steps: list[Step] = []
        for index, each in enumerate(argument):
            name, given = next(iter(each.items())) if isinstance(each, dict) and len(each) == 1 else (each, None)
            if not isinstance(name, str):
                raise ExpectationError(f"a filter is a name or a map with one, not {to_plan_text(each)}", (index,))
            if name not in FILTERS:
                raise ExpectationError(
                    f"unknown filter {name!r}{suggest_or_list(name, FILTERS, 'known are')}", (index,)
                )
            try:
                used, read = self._filter(name, given, bare=isinstance(each, str))
            except ExpectationError as error:
                place = (index,) if isinstance(each, str) else (index, name)
                raise ExpectationError(str(error), (*place, *error.path)) from error
            shown.append(name if isinstance(each, str) else {name: used})
            steps.append(Step(name, read))
        return shown, tuple(steps)

    def _filter(self, name: str, given: Any, bare: bool) -> tuple[Any, Any]:
        takes = FILTERS[name].takes
        if takes in ("nothing", "clock"):
            if not bare:
                raise ExpectationError(f"{name} takes nothing; write {name} alone")
            return None, self.now if takes == "clock" else None
        if bare:
            if takes.startswith("optional_"):
                return None, FILTER_ARGUMENTS[takes](name, None)
            raise ExpectationError(f"{name} takes an argument; write such as {FILTERS[name].example}")
        if isinstance(given, dict):
            used = {key: self._filled(v, "matches" if key == "pattern" else name) for key, v in given.items()}
        else:
            used = self._filled(given, "matches" if takes == "capture" else name)
        return used, FILTER_ARGUMENTS[takes](name, used)
