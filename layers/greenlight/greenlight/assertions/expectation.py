"""Expectations: a literal or a map of predicates that an observed value is compared with.

A literal is compared deeply and with strict types: `1` is not `true`, and `"1"` is not `1`. In a map all predicates
must hold; `filters` are applied first. A value that cannot be compared does not pass, and neither does the negated
expectation: a value that was not found passes only `exists: false`, and a number that is not finite passes nothing.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from greenlight.assertions.arguments import ARGUMENTS, FILTER_ARGUMENTS, parse_literal
from greenlight.assertions.filters import (
    FILTERS,
    MAX_FILTERS,
    FilterError,
    Step,
    apply_filters,
    describe_filters,
    utc_now,
)
from greenlight.assertions.patterns import (
    PatternTimeoutError,
)
from greenlight.assertions.predicates import PREDICATES, all_of
from greenlight.core.display import to_plan_text
from greenlight.core.errors import ExpectationError
from greenlight.core.json_values import MISSING
from greenlight.core.plan_path import KeyStep
from greenlight.core.references import has_references
from greenlight.core.suggestions import did_you_mean, suggest_or_list

if TYPE_CHECKING:
    import datetime
    from collections.abc import Callable

    from greenlight.assertions.arguments import Unit

    Fill = Callable[[Any, str], Any] | None
    Clock = Callable[[], datetime.datetime]

FILTERS_KEY = "filters"

ALIASES_FROM_OTHER_TOOLS = {
    "=": "eq", "==": "eq", "===": "eq", "equals": "eq", "equal": "eq", "is": "eq", "value": "eq", "!=": "ne",
    "<>": "ne", "not_equals": "ne", "not_equal": "ne", "is_not": "ne", ">": "gt", "greater_than": "gt",
    "above": "gt", ">=": "gte", "ge": "gte", "min": "gte", "minimum": "gte", "at_least": "gte", "<": "lt",
    "less_than": "lt", "below": "lt", "<=": "lte", "le": "lte", "max": "lte", "maximum": "lte", "at_most": "lte",
    "range": "between", "one_of": "in", "oneof": "in", "enum": "in", "includes": "contains", "include": "contains",
    "has": "contains", "prefix": "starts_with", "have_prefix": "starts_with", "suffix": "ends_with",
    "regex": "matches", "regexp": "matches", "pattern": "matches", "match_regexp": "matches", "like": "matches",
    "present": "exists", "defined": "exists", "isempty": "empty", "size": "length", "len": "length",
    "have_len": "length", "count": "length", "and": "all_of", "or": "any_of", "all": "every", "each": "every",
    "some": "any", "nin": "not", "close_to": "approx", "version": "semver", "json_schema": "schema",
}  # fmt: skip
"""Names of predicates in other tools, with their names in plans."""

_UNFILLED = object()
"""Placeholder for an argument that cannot be parsed before the value of its `${name}` is known."""


class Expectation:
    """A parsed expectation.

    Attributes:
        raw: The expectation as the plan has it.
        predicates: Names and parsed arguments of the predicates that must hold.
        filters: Filters that are applied to the value first.
    """

    __slots__ = ("filters", "predicates", "raw")

    def __init__(self, raw: Any, predicates: tuple[tuple[str, Any], ...], filters: tuple[Step, ...] = ()) -> None:
        """Store the parts; use `parse` to create an expectation."""
        self.raw = raw
        self.predicates = predicates
        self.filters = filters

    def holds(self, actual: Any) -> bool:
        """Check whether every predicate holds for `actual`; never raises for a JSON-like value."""
        try:
            return self.decide(actual) is True
        except (PatternTimeoutError, RecursionError):
            return False

    def decide(self, actual: Any) -> bool | None:
        """Check whether every predicate holds; None means that it cannot be decided, and `not` keeps it None.

        Raises:
            PatternTimeoutError: A pattern took too long.
            RecursionError: The value is nested too deeply.
        """
        if self.filters and actual is not MISSING:
            try:
                actual = apply_filters(self.filters, actual)
            except FilterError:
                actual = MISSING
        if isinstance(actual, float) and not math.isfinite(actual):
            return None
        return all_of(_decide_predicate(name, expected, actual) for name, expected in self.predicates)

    def why(self, actual: Any) -> str:
        """Return why it does not hold for `actual`, with the predicate and the place; "" if `actual` shows it.

        The message quotes `actual` at full length; the runner truncates it after it has redacted secrets. Never raises.
        """
        try:
            return self._explain(actual)
        except PatternTimeoutError as error:
            return str(error)
        except RecursionError:
            return "it is nested too deeply"

    def _explain(self, actual: Any) -> str:
        details = []
        if self.filters and actual is not MISSING:
            try:
                actual = apply_filters(self.filters, actual)
            except FilterError as error:
                return str(error)
            details.append(describe_filters(self.filters, actual))
        if actual is MISSING or (isinstance(actual, float) and not math.isfinite(actual)):
            return "; ".join(details)
        for name, expected in self.predicates:
            if expected is _UNFILLED or PREDICATES[name].holds(actual, expected) is True:
                continue
            reason = PREDICATES[name].why(actual, expected)
            if len(self.predicates) > 1:
                reason = f"{name} does not hold: {reason}" if reason else f"{name} does not hold"
            details += [reason] if reason else []
            break
        return "; ".join(details)


class DurationExpectation(Expectation):
    """An expectation for milliseconds; its literals are durations with a unit."""


class SizeExpectation(Expectation):
    """An expectation for bytes; its literals are sizes with a unit."""


def _decide_predicate(name: str, expected: Any, actual: Any) -> bool | None:
    if expected is _UNFILLED or (actual is MISSING and not _accepts_missing(name, expected)):
        return None
    if actual is MISSING and name == "exists":
        return True
    return PREDICATES[name].holds(actual, expected)


def _accepts_missing(name: str, expected: Any) -> bool:
    """Check whether a predicate may hold for a missing value: `exists: false`, and lists that may contain it."""
    return (name == "exists" and expected is False) or name in ("all_of", "any_of")


def parse(raw: Any, unit: Unit = None, fill: Fill = None, now: Clock = utc_now) -> Expectation:
    """Parse an expectation of a plan.

    Args:
        raw: A literal, or a map of predicate names to their arguments.
        unit: Converts a literal with a unit to a number (`Duration.parse`, `Size.parse`); None for other literals.
        fill: Called with each argument and its predicate's name (`matches` for every pattern); returns the argument to
            use. The result is never parsed as predicates, so a map in a response cannot become an expectation.
        now: Clock of `days_since` and `days_until`.

    Raises:
        ExpectationError: A predicate or filter is unknown, or its argument is not valid.
    """
    if not isinstance(raw, dict):
        if fill is not None:
            raw = fill(raw, "eq")
        return Expectation(raw, (("eq", parse_literal(raw, unit)),))
    if not raw:
        raise ExpectationError(
            "an empty map expects nothing; write a value, a predicate such as {exists: true}, or {eq: {}}"
        )
    parser = _ArgumentParser(unit, fill, now)
    predicates: list[tuple[str, Any]] = []
    filters: tuple[Step, ...] = ()
    filled: dict[str, Any] = {}
    for name, argument in raw.items():
        if name != FILTERS_KEY and name not in PREDICATES:
            raise _unknown_predicate(name)
        try:
            if name == FILTERS_KEY:
                filled[name], filters = parser.filters(argument)
            else:
                filled[name], expected = parser.predicate(name, argument)
                predicates.append((name, expected))
        except ExpectationError as error:
            if not parser.may_be_filled_later(name, argument):
                raise ExpectationError(str(error), (name, *error.path)) from error
            predicates.append((name, _UNFILLED))
    if not predicates:
        raise ExpectationError(
            "filters alone expect nothing; write beside them what the value must be, such as {filters: [count], gte: 1}"
        )
    return Expectation(raw if fill is None else filled, tuple(predicates), filters)


def _unknown_predicate(name: str) -> ExpectationError:
    alias = ALIASES_FROM_OTHER_TOOLS.get(name.lower().replace("-", "_"))
    hint = f"; did you mean {alias!r}?" if alias else did_you_mean(name, (*PREDICATES, FILTERS_KEY))
    hint = hint or "; to compare with a whole object, write {eq: {...}}"
    return ExpectationError(f"unknown predicate {name!r}{hint}", (KeyStep(name),))


_NESTED = ("count", "expectation", "expectations")
"""Kinds of arguments that contain expectations."""


class _ArgumentParser:
    """Parses arguments with one unit, one `fill` and one clock.

    Its methods return an argument twice: as evidence shows it, and as values are compared with it.
    """

    def __init__(self, unit: Unit, fill: Fill, now: Clock) -> None:
        self.unit, self.fill, self.now = unit, fill, now

    def _apply_fill(self, argument: Any, name: str) -> Any:
        return argument if self.fill is None else self.fill(argument, name)

    def may_be_filled_later(self, name: str, argument: Any) -> bool:
        """Check whether an argument that is not valid has references whose values are not known yet."""
        is_nested = name in PREDICATES and PREDICATES[name].takes in _NESTED
        return self.fill is None and self.unit is None and not is_nested and has_references(argument)

    def predicate(self, name: str, argument: Any) -> tuple[Any, Any]:
        """Parse the argument of a predicate."""
        takes = PREDICATES[name].takes
        if takes == "expectations":
            return self._expectations(name, argument)
        if takes in _NESTED:
            return self._expectation(name, takes, argument)
        if takes == "schema" and self.fill is not None and has_references(argument):
            raise ExpectationError("a captured value cannot be used in a schema; compare it with a predicate beside it")
        filled = self._apply_fill(argument, name)
        return filled, ARGUMENTS[takes](name, filled, self.unit)

    def _expectation(self, name: str, takes: str, argument: Any) -> tuple[Any, Expectation]:
        if takes == "count" and not isinstance(argument, dict | int) and not has_references(argument):
            hint = f"; write {argument} without quotes" if str(argument).isdecimal() else ", such as 3 or {gte: 1}"
            raise ExpectationError(f"{name} takes a whole number or predicates, not {to_plan_text(argument)}{hint}")
        nested = parse(argument, None if takes == "count" else self.unit, self.fill, self.now)
        return nested.raw, nested

    def _expectations(self, name: str, argument: Any) -> tuple[Any, tuple[Expectation, ...]]:
        if not isinstance(argument, list) or not argument:
            raise ExpectationError(
                f"{name} takes a list with at least one expectation, not {to_plan_text(argument)}; "
                "write such as [{gte: 5}, null]"
            )
        parsed: list[Expectation] = []
        for index, raw in enumerate(argument):
            try:
                parsed.append(parse(raw, self.unit, self.fill, self.now))
            except ExpectationError as error:
                raise ExpectationError(str(error), (index, *error.path)) from error
        return [expectation.raw for expectation in parsed], tuple(parsed)

    def filters(self, argument: Any) -> tuple[list[Any], tuple[Step, ...]]:
        """Parse a list of filters."""
        if not isinstance(argument, list) or not 0 < len(argument) <= MAX_FILTERS:
            raise ExpectationError(f"filters takes a list of 1 to {MAX_FILTERS} filters, not {to_plan_text(argument)}")
        filled: list[Any] = []
        steps: list[Step] = []
        for index, raw in enumerate(argument):
            is_bare = isinstance(raw, str)
            name, filter_argument = next(iter(raw.items())) if isinstance(raw, dict) and len(raw) == 1 else (raw, None)
            if not isinstance(name, str):
                raise ExpectationError(f"a filter is a name or a map with one, not {to_plan_text(raw)}", (index,))
            if name not in FILTERS:
                suggestion = suggest_or_list(name, FILTERS, "valid names are")
                raise ExpectationError(f"unknown filter {name!r}{suggestion}", (index,))
            try:
                used, parsed = self._filter(name, filter_argument, is_bare)
            except ExpectationError as error:
                place = (index,) if is_bare else (index, name)
                raise ExpectationError(str(error), (*place, *error.path)) from error
            filled.append(name if is_bare else {name: used})
            steps.append(Step(name, parsed))
        return filled, tuple(steps)

    def _filter(self, name: str, argument: Any, is_bare: bool) -> tuple[Any, Any]:
        takes = FILTERS[name].takes
        if takes in ("nothing", "clock"):
            if not is_bare:
                raise ExpectationError(f"{name} takes nothing; write {name} alone")
            return None, self.now if takes == "clock" else None
        if is_bare:
            if takes.startswith("optional_"):
                return None, FILTER_ARGUMENTS[takes](name, None)
            raise ExpectationError(f"{name} takes an argument; write such as {FILTERS[name].example}")
        if isinstance(argument, dict):
            filled = {
                key: self._apply_fill(value, "matches" if key == "pattern" else name) for key, value in argument.items()
            }
        else:
            filled = self._apply_fill(argument, "matches" if takes == "capture" else name)
        return filled, FILTER_ARGUMENTS[takes](name, filled)
