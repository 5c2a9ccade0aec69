"""The predicates: what each takes, when it holds, and what there is to say when it does not. Pure.

A predicate holds (True), does not (False), or comes to nothing (None): a value it cannot compare, or a list with nothing
in it. Nothing can be made true of the last, not even by `not`.
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
    """One predicate; the plan's reference and its JSON Schema are made from these.

    Attributes:
        holds: Called with the value seen and the argument as it was read.
        takes: The kind of argument; `expect` reads each kind, and devkit's schema describes it.
        says: What it means, in a sentence.
        example: A map with the predicate as a plan writes it.
        why: Called like `holds` where that is not True; says why, "" when expected and actual say it all.
    """

    holds: Callable[[Any, Any], bool | None]
    takes: str
    says: str
    example: dict[str, Any]
    why: Callable[[Any, Any], str] = lambda _actual, _expected: ""


def all_of(verdicts: Iterable[bool | None]) -> bool | None:
    """Give False if one is, else None if one is, else True."""
    undecided = False
    for verdict in verdicts:
        if verdict is False:
            return False
        undecided = undecided or verdict is None
    return None if undecided else True


def any_of(verdicts: Iterable[bool | None]) -> bool | None:
    """Give True if one is, else None if one is, else False."""
    undecided = False
    for verdict in verdicts:
        if verdict:
            return True
        undecided = undecided or verdict is None
    return None if undecided else False


def inverse(verdict: bool | None) -> bool | None:
    """Give the opposite; of nothing, nothing."""
    return None if verdict is None else not verdict


def _compared(holds: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool | None]:
    return lambda actual, bound: holds(actual, bound) if is_number(actual) else None


def _of_text(holds: Callable[[str, Any], bool | None]) -> Callable[[Any, Any], bool | None]:
    return lambda actual, expected: holds(actual, expected) if isinstance(actual, str) else None


def _no_number(actual: Any, _expected: Any) -> str:
    return "" if is_number(actual) else "it is no number"


def _no_text(actual: Any, _expected: Any) -> str:
    return "" if isinstance(actual, str) else "it is no text"


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
    return inverse(_any(actual, expectation))


def _unique(actual: Any, wanted: bool) -> bool | None:
    if not isinstance(actual, list) or not actual or any(isinstance(v, float) and not math.isfinite(v) for v in actual):
        return None
    return (first_duplicate(actual) is None) is wanted


def _sorted(actual: Any, order: str) -> bool | None:
    if not isinstance(actual, list) or not actual or not (all(map(is_number, actual)) or _texts(actual)):
        return None
    return _out_of_order(actual, order) is None


def _texts(values: list[Any]) -> bool:
    return all(isinstance(each, str) for each in values)


def _out_of_order(values: list[Any], order: str) -> int | None:
    for index, (one, two) in enumerate(itertools.pairwise(values), start=1):
        if (one > two) if order == "asc" else (one < two):
            return index
    return None


def _approx(actual: Any, wanted: tuple[Any, Any]) -> bool | None:
    return abs(to_fraction(actual) - wanted[0]) <= wanted[1] if is_number(actual) else None


def _why_approx(actual: Any, wanted: tuple[Any, Any]) -> str:
    try:
        return (
            f"it is off by {float(abs(to_fraction(actual) - wanted[0])):g}" if is_number(actual) else "it is no number"
        )
    except OverflowError:
        return "it is far off"


def _semver(actual: str, wanted: Range) -> bool | None:
    from greenlight.assertions import semver  # its patterns take 5 ms to compile, and few plans need them

    key = semver.version(actual)
    return None if key is None else semver.within(key, wanted)


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


def _because(text: str, reason: str) -> str:
    return f"{text}: {reason}" if reason else text


def _why_every(actual: Any, expectation: Any) -> str:
    if not isinstance(actual, list) or not actual:
        return "it is an empty list, which proves nothing" if actual == [] else "it is no list"
    index = next(index for index, each in enumerate(actual) if expectation.decide(each) is not True)
    return _because(f"element {index} is {for_message(actual[index])}", expectation.why(actual[index]))


def _why_any(actual: Any, _expectation: Any) -> str:
    if not isinstance(actual, list):
        return "it is no list"
    return f"none of its {len(actual)} elements is" if actual else "it is an empty list"


def _why_none(actual: Any, expectation: Any) -> str:
    if not isinstance(actual, list) or not actual:
        return _why_every(actual, expectation)
    index = next(index for index, each in enumerate(actual) if expectation.decide(each) is not False)
    how = "is" if expectation.decide(actual[index]) else "cannot be compared with it:"
    return f"element {index} {how} {for_message(actual[index])}"


def _why_unique(actual: Any, _wanted: bool) -> str:
    if not isinstance(actual, list) or not actual:
        return _why_every(actual, None)
    places = first_duplicate(actual)
    return f"elements {places[0]} and {places[1]} are both {for_message(actual[places[1]])}" if places else "no two are"


def _why_sorted(actual: Any, order: str) -> str:
    if not isinstance(actual, list) or not actual:
        return _why_every(actual, None)
    if not all(map(is_number, actual)) and not _texts(actual):
        return "its elements are neither all numbers nor all texts"
    index = _out_of_order(actual, order) or 0
    return f"element {index} is {for_message(actual[index])} and comes after {for_message(actual[index - 1])}"


def _why_all_of(actual: Any, expectations: tuple[Any, ...]) -> str:
    index = next(index for index, each in enumerate(expectations) if each.decide(actual) is not True)
    return _because(f"number {index} of them does not hold", expectations[index].why(actual))


PREDICATES: dict[str, Predicate] = {
    "eq": Predicate(equals, "value", "Is the same value, of the same type; numbers by value.", {"eq": {"a": 1}}),
    "ne": Predicate(lambda a, e: not equals(a, e), "value", "Is another value, or of another type.", {"ne": "error"}),
    "gt": Predicate(_compared(lambda a, b: a > b), "number", "Is a number above this one.", {"gt": 0}, _no_number),
    "gte": Predicate(
        _compared(lambda a, b: a >= b), "number", "Is this number or one above.", {"gte": 200}, _no_number
    ),
    "lt": Predicate(_compared(lambda a, b: a < b), "number", "Is a number below this one.", {"lt": 300}, _no_number),
    "lte": Predicate(
        _compared(lambda a, b: a <= b), "number", "Is this number or one below.", {"lte": 0.5}, _no_number
    ),
    "between": Predicate(
        _compared(lambda a, bounds: bounds[0] <= a <= bounds[1]),
        "bounds",
        "Is a number from the first to the second, both included.",
        {"between": [200, 299]},
        _no_number,
    ),
    "approx": Predicate(
        _approx,
        "tolerance",
        "Is a number that differs from `value` by at most `within`, or by at most so many `percent` of it.",
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
        "Is a text with this text in it, or a list with this element in it.",
        {"contains": "ok"},
        lambda a, _e: "" if isinstance(a, (str, list)) else "it is neither a text nor a list",
    ),
    "starts_with": Predicate(
        _of_text(lambda a, e: a.startswith(e)),
        "text",
        "Is a text that starts so.",
        {"starts_with": "/orders/"},
        _no_text,
    ),
    "ends_with": Predicate(
        _of_text(lambda a, e: a.endswith(e)), "text", "Is a text that ends so.", {"ends_with": ".json"}, _no_text
    ),
    "matches": Predicate(
        _of_text(lambda a, e: patterns.search(e, a) is not None),
        "pattern",
        "Is a text in which this pattern is found; `^` and `$` tie it to the ends.",
        {"matches": "^v[0-9]+$"},
        _no_text,
    ),
    "semver": Predicate(
        _of_text(_semver),
        "range",
        "Is a semantic version in this range, written as for npm; a pre-release only where the range names one.",
        {"semver": ">=1.4 <2 || ^3.0.1"},
        lambda a, wanted: "" if isinstance(a, str) and _semver(a, wanted) is not None else "it is no semantic version",
    ),
    "exists": Predicate(
        lambda _a, wanted: wanted,
        "flag",
        "Something was found, be it null; or, with false, nothing was.",
        {"exists": True},
    ),
    "empty": Predicate(
        lambda a, wanted: (len(a) == 0) is wanted if _sized(a) else None,
        "flag",
        "Is a text, a list or an object with nothing in it; or, with false, with something.",
        {"empty": False},
        lambda a, _e: "" if _sized(a) else "it is neither a text nor a list nor an object",
    ),
    "type": Predicate(lambda a, name: TYPES[name](a), "type", "Is of this type or form.", {"type": "uuid"}),
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
        "Is a list with elements, and every one is as expected.",
        {"every": {"gt": 0}},
        _why_every,
    ),
    "any": Predicate(
        _any, "expectation", "Is a list of which at least one element is as expected.", {"any": {"eq": "eu"}}, _why_any
    ),
    "none": Predicate(
        _none,
        "expectation",
        "Is a list with elements, and none is as expected here.",
        {"none": {"contains": "error"}},
        _why_none,
    ),
    "unique": Predicate(
        _unique,
        "flag",
        "Is a list with elements, no two of them the same; or, with false, two are.",
        {"unique": True},
        _why_unique,
    ),
    "sorted": Predicate(
        _sorted,
        "order",
        "Is a list with elements, all numbers or all texts, that go up (asc) or down (desc); equal neighbours may be.",
        {"sorted": "desc"},
        _why_sorted,
    ),
    "not": Predicate(
        lambda a, expectation: inverse(expectation.decide(a)),
        "expectation",
        "Is not as expected here; what cannot be compared does not become right by it.",
        {"not": {"contains": "error"}},
        lambda a, expectation: "it cannot be compared" if expectation.decide(a) is None else "",
    ),
    "all_of": Predicate(
        lambda a, each: all_of(one.decide(a) for one in each),
        "expectations",
        "Is as each of these expectations says.",
        {"all_of": [{"starts_with": "a"}, {"not": {"contains": "b"}}]},
        _why_all_of,
    ),
    "any_of": Predicate(
        lambda a, each: any_of(one.decide(a) for one in each),
        "expectations",
        "Is as at least one of these expectations says.",
        {"any_of": [{"exists": False}, {"eq": None}]},
        lambda _a, each: f"none of the {len(each)} holds",
    ),
    "schema": Predicate(
        _schema,
        "schema",
        "Is as this JSON Schema says: draft 2020-12 unless `$schema` names another; nothing is ever fetched. "
        "Of `format`, date, date-time, uuid, ipv4 and ipv6 are held.",
        {"schema": {"type": "object", "required": ["id"]}},
        _why_schema,
    ),
}
"""Every predicate a plan can use, in the order people read them."""
