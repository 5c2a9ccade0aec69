"""Predicates: their arguments, when they hold, and the explanation if they do not.

A predicate holds (True), does not hold (False), or is undecided (None): it cannot compare the value, or a list is
empty. An undecided predicate never passes, not even inside `not`.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlight.assertions import formats, json_schema, patterns
from greenlight.core.display import for_message
from greenlight.core.errors import ExpectationError
from greenlight.core.json_values import equals, first_duplicate, is_number, to_fraction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from greenlight.assertions.semver import Range

TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
    "null": lambda value: value is None,
    "iso_date": lambda value: isinstance(value, str) and formats.FORMATS["date"](value),
    "iso_datetime": lambda value: isinstance(value, str) and formats.FORMATS["date-time"](value),
    "uuid": lambda value: isinstance(value, str) and formats.FORMATS["uuid"](value),
    "ip": lambda value: isinstance(value, str) and formats.FORMATS["ip"](value),
    "url": lambda value: isinstance(value, str) and formats.FORMATS["url"](value),
}


class Predicate(NamedTuple):
    """One predicate; the reference of plans and their JSON Schema are generated from it.

    Attributes:
        holds: Called with the observed value and the parsed argument.
        takes: Kind of argument, a key of `ARGUMENTS`, or one that contains expectations.
        description: Sentence about its meaning, for the documentation.
        example: A map with the predicate as a plan has it.
        why: Called like `holds` if that was not True; returns the reason, "" if expected and actual show it.
    """

    holds: Callable[[Any, Any], bool | None]
    takes: str
    description: str
    example: dict[str, Any]
    why: Callable[[Any, Any], str] = lambda _actual, _expected: ""


def all_of(verdicts: Iterable[bool | None]) -> bool | None:
    """Return False if any verdict is False, otherwise None if any is None, otherwise True."""
    undecided = False
    for verdict in verdicts:
        if verdict is False:
            return False
        undecided = undecided or verdict is None
    return None if undecided else True


def any_of(verdicts: Iterable[bool | None]) -> bool | None:
    """Return True if any verdict is True, otherwise None if any is None, otherwise False."""
    undecided = False
    for verdict in verdicts:
        if verdict:
            return True
        undecided = undecided or verdict is None
    return None if undecided else False


def negate(verdict: bool | None) -> bool | None:
    """Negate a three-valued result; None stays None."""
    return None if verdict is None else not verdict


def _for_numbers(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool | None]:
    return lambda actual, bound: holds(actual, bound) if is_number(actual) else None


def _for_texts(holds: Callable[[str, Any], bool | None]) -> Callable[[Any, Any], bool | None]:
    return lambda actual, expected: holds(actual, expected) if isinstance(actual, str) else None


def _why_not_number(actual: Any, _expected: Any) -> str:
    return "" if is_number(actual) else "it is not a number"


def _why_not_text(actual: Any, _expected: Any) -> str:
    return "" if isinstance(actual, str) else "it is not a text"


def _contains(actual: Any, expected: Any) -> bool | None:
    if isinstance(actual, str):
        return isinstance(expected, str) and expected in actual
    return any(equals(item, expected) for item in actual) if isinstance(actual, list) else None


def _sized(actual: Any) -> bool:
    return isinstance(actual, (str, list, dict))


def _length(actual: Any, expectation: Any) -> bool | None:
    return expectation.decide(len(actual)) if _sized(actual) else None


def _every(actual: Any, expectation: Any) -> bool | None:
    return all_of(map(expectation.decide, actual)) if isinstance(actual, list) and actual else None


def _any(actual: Any, expectation: Any) -> bool | None:
    return any_of(map(expectation.decide, actual)) if isinstance(actual, list) and actual else None


def _none(actual: Any, expectation: Any) -> bool | None:
    return negate(_any(actual, expectation))


def _unique(actual: Any, expected: bool) -> bool | None:
    if not isinstance(actual, list) or not actual or any(isinstance(v, float) and not math.isfinite(v) for v in actual):
        return None
    return (first_duplicate(actual) is None) is expected


def _sorted(actual: Any, order: str) -> bool | None:
    if not isinstance(actual, list) or not actual or not (all(map(is_number, actual)) or _are_texts(actual)):
        return None
    return _out_of_order(actual, order) is None


def _are_texts(values: list[Any]) -> bool:
    return all(isinstance(value, str) for value in values)


def _out_of_order(values: list[Any], order: str) -> int | None:
    """Return the index of the first element that is out of order, or None."""
    for index, (previous, value) in enumerate(itertools.pairwise(values), start=1):
        if previous > value if order == "asc" else previous < value:
            return index
    return None


def _approx(actual: Any, tolerance: tuple[Any, Any]) -> bool | None:
    value, allowed = tolerance
    return abs(to_fraction(actual) - value) <= allowed if is_number(actual) else None


def _why_approx(actual: Any, tolerance: tuple[Any, Any]) -> str:
    if not is_number(actual):
        return "it is not a number"
    try:
        return f"it is off by {float(abs(to_fraction(actual) - tolerance[0])):g}"
    except OverflowError:
        return "it is far off"


def _semver(actual: str, allowed: Range) -> bool | None:
    from greenlight.assertions import semver  # its patterns take 5 ms to compile, and few plans need them

    key = semver.parse_version(actual)
    return None if key is None else semver.is_in_range(key, allowed)


def _why_semver(actual: Any, allowed: Range) -> str:
    return "" if isinstance(actual, str) and _semver(actual, allowed) is not None else "it is not a semantic version"


def _schema(actual: Any, schema: Any) -> bool | None:
    try:
        return not json_schema.schema_errors(schema, actual)
    except ExpectationError:
        return None


def _why_schema(actual: Any, schema: Any) -> str:
    try:
        return json_schema.schema_errors(schema, actual)
    except ExpectationError as error:
        return str(error)


def _with_reason(message: str, reason: str) -> str:
    return f"{message}: {reason}" if reason else message


def _why_every(actual: Any, expectation: Any) -> str:
    if not isinstance(actual, list) or not actual:
        return "it is an empty list, which proves nothing" if actual == [] else "it is not a list"
    index = next(index for index, item in enumerate(actual) if expectation.decide(item) is not True)
    return _with_reason(f"element {index} is {for_message(actual[index])}", expectation.why(actual[index]))


def _why_any(actual: Any, _expectation: Any) -> str:
    if not isinstance(actual, list):
        return "it is not a list"
    return f"none of its {len(actual)} elements is" if actual else "it is an empty list"


def _why_none(actual: Any, expectation: Any) -> str:
    if not isinstance(actual, list) or not actual:
        return _why_every(actual, expectation)
    index = next(index for index, item in enumerate(actual) if expectation.decide(item) is not False)
    verb = "is" if expectation.decide(actual[index]) else "cannot be compared with it:"
    return f"element {index} {verb} {for_message(actual[index])}"


def _why_unique(actual: Any, _expected: bool) -> str:
    if not isinstance(actual, list) or not actual:
        return _why_every(actual, None)
    duplicate = first_duplicate(actual)
    if duplicate is None:
        return "no two are"
    return f"elements {duplicate[0]} and {duplicate[1]} are both {for_message(actual[duplicate[1]])}"


def _why_sorted(actual: Any, order: str) -> str:
    if not isinstance(actual, list) or not actual:
        return _why_every(actual, None)
    if not all(map(is_number, actual)) and not _are_texts(actual):
        return "its elements are neither all numbers nor all texts"
    index = _out_of_order(actual, order) or 0
    return f"element {index} is {for_message(actual[index])} and comes after {for_message(actual[index - 1])}"


def _why_all_of(actual: Any, expectations: tuple[Any, ...]) -> str:
    index = next(index for index, item in enumerate(expectations) if item.decide(actual) is not True)
    return _with_reason(f"number {index} of them does not hold", expectations[index].why(actual))


PREDICATES: dict[str, Predicate] = {
    "eq": Predicate(
        equals, "value", "Is the same value, of the same type; numbers are compared by value.", {"eq": {"a": 1}}
    ),
    "ne": Predicate(lambda a, e: not equals(a, e), "value", "Is another value, or of another type.", {"ne": "error"}),
    "gt": Predicate(
        _for_numbers(lambda a, b: a > b), "number", "Is a number above this one.", {"gt": 0}, _why_not_number
    ),
    "gte": Predicate(
        _for_numbers(lambda a, b: a >= b), "number", "Is this number or one above.", {"gte": 200}, _why_not_number
    ),
    "lt": Predicate(
        _for_numbers(lambda a, b: a < b), "number", "Is a number below this one.", {"lt": 300}, _why_not_number
    ),
    "lte": Predicate(
        _for_numbers(lambda a, b: a <= b), "number", "Is this number or one below.", {"lte": 0.5}, _why_not_number
    ),
    "between": Predicate(
        _for_numbers(lambda a, bounds: bounds[0] <= a <= bounds[1]),
        "bounds",
        "Is a number between the first and the second, both included.",
        {"between": [200, 299]},
        _why_not_number,
    ),
    "approx": Predicate(
        _approx,
        "tolerance",
        "Is a number that differs from `value` by at most `within`, or by at most `percent` of it.",
        {"approx": {"value": 3.14, "within": 0.01}},
        _why_approx,
    ),
    "in": Predicate(
        lambda a, values: any(equals(a, value) for value in values),
        "values",
        "Is the same as one of these values.",
        {"in": ["new", "paid"]},
    ),
    "contains": Predicate(
        _contains,
        "part",
        "Is a text that contains this text, or a list that contains this element.",
        {"contains": "ok"},
        lambda a, _e: "" if isinstance(a, (str, list)) else "it is neither a text nor a list",
    ),
    "starts_with": Predicate(
        _for_texts(lambda a, e: a.startswith(e)),
        "text",
        "Is a text that starts with this text.",
        {"starts_with": "/orders/"},
        _why_not_text,
    ),
    "ends_with": Predicate(
        _for_texts(lambda a, e: a.endswith(e)),
        "text",
        "Is a text that ends with this text.",
        {"ends_with": ".json"},
        _why_not_text,
    ),
    "matches": Predicate(
        _for_texts(lambda a, e: patterns.search(e, a) is not None),
        "pattern",
        "Is a text in which this pattern is found; `^` and `$` anchor it at the ends.",
        {"matches": "^v[0-9]+$"},
        _why_not_text,
    ),
    "semver": Predicate(
        _for_texts(_semver),
        "range",
        "Is a semantic version in this range, written as for npm; a pre-release only if the range has one.",
        {"semver": ">=1.4 <2 || ^3.0.1"},
        _why_semver,
    ),
    "exists": Predicate(
        lambda _a, expected: expected,
        "flag",
        "Something was found, even null; with false: nothing was found.",
        {"exists": True},
    ),
    "empty": Predicate(
        lambda a, expected: (len(a) == 0) is expected if _sized(a) else None,
        "flag",
        "Is an empty text, list or object; with false: one that is not empty.",
        {"empty": False},
        lambda a, _e: "" if _sized(a) else "it is neither a text nor a list nor an object",
    ),
    "type": Predicate(lambda a, name: TYPES[name](a), "type", "Is of this type or format.", {"type": "uuid"}),
    "length": Predicate(
        _length,
        "count",
        "Is a text, a list or an object whose number of characters, elements or keys is as expected.",
        {"length": {"gte": 1}},
        lambda a, _e: f"its length is {len(a)}" if _sized(a) else "it is neither a text nor a list nor an object",
    ),
    "every": Predicate(
        _every,
        "expectation",
        "Is a list with elements, and every element is as expected.",
        {"every": {"gt": 0}},
        _why_every,
    ),
    "any": Predicate(
        _any, "expectation", "Is a list of which at least one element is as expected.", {"any": {"eq": "eu"}}, _why_any
    ),
    "none": Predicate(
        _none,
        "expectation",
        "Is a list with elements, and none of them is as expected here.",
        {"none": {"contains": "error"}},
        _why_none,
    ),
    "unique": Predicate(
        _unique,
        "flag",
        "Is a list with elements, no two of which are equal; with false: two are.",
        {"unique": True},
        _why_unique,
    ),
    "sorted": Predicate(
        _sorted,
        "order",
        "Is a list of numbers or of texts with elements, in ascending (asc) or descending (desc) order; "
        "neighbours may be equal.",
        {"sorted": "desc"},
        _why_sorted,
    ),
    "not": Predicate(
        lambda a, expectation: negate(expectation.decide(a)),
        "expectation",
        "Is not as expected here; a value that cannot be compared does not pass either.",
        {"not": {"contains": "error"}},
        lambda a, expectation: "it cannot be compared" if expectation.decide(a) is None else "",
    ),
    "all_of": Predicate(
        lambda a, expectations: all_of(expectation.decide(a) for expectation in expectations),
        "expectations",
        "Is as all of these expectations say.",
        {"all_of": [{"starts_with": "a"}, {"not": {"contains": "b"}}]},
        _why_all_of,
    ),
    "any_of": Predicate(
        lambda a, expectations: any_of(expectation.decide(a) for expectation in expectations),
        "expectations",
        "Is as at least one of these expectations says.",
        {"any_of": [{"exists": False}, {"eq": None}]},
        lambda _a, expectations: f"none of the {len(expectations)} holds",
    ),
    "schema": Predicate(
        _schema,
        "schema",
        "Is valid for this JSON Schema: draft 2020-12 unless `$schema` has another; nothing is ever fetched. "
        "Of `format`, date, date-time, uuid, ipv4 and ipv6 are checked.",
        {"schema": {"type": "object", "required": ["id"]}},
        _why_schema,
    ),
}
"""All predicates that a plan can use, in the order of the documentation."""
