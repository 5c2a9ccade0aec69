"""The assertion language: what does not hold first, then what does."""

from __future__ import annotations

import math
import time
from typing import Any

import pytest
from greenlight.errors import ExpectationError
from greenlight.expect import MISSING, PREDICATES, Expectation, escaped, parse, same
from greenlight.units import Duration, Size
from hypothesis import given
from hypothesis import strategies as st

NAN, INF = float("nan"), float("inf")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)

SOME_OF_EACH = [
    5, "a", None, True, {"eq": 1}, {"ne": "x"}, {"gt": 1}, {"gte": 1.5}, {"lt": 0}, {"lte": -1}, {"between": [1, 2]},
    {"in": [1, "a", None]}, {"contains": "a"}, {"contains": 5}, {"starts_with": "a"}, {"ends_with": "a"},
    {"matches": "^a+$"}, {"exists": True}, {"exists": False}, {"empty": True}, {"empty": False}, {"type": "number"},
    {"length": 2}, {"length": {"gte": 1}}, {"every": {"gt": 0}}, {"any": "a"}, {"not": {"eq": 1}}, {"not": None},
]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "actual"),
    [
        (1, True),
        (True, 1),
        (0, False),
        (False, 0),
        (False, None),
        ("1", 1),
        (1, "1"),
        ("true", True),
        (None, 0),
        (None, ""),
        (None, False),
        (0, None),
        ([], None),
        ({"eq": {}}, []),
        ({"eq": {}}, None),
        ([1, 2], [2, 1]),
        ([1], [1, 1]),
        ([1], [True]),
        ({"eq": {"a": 1}}, {"a": True}),
        ({"eq": {"a": 1}}, {"a": 1, "b": 2}),
        ({"eq": {"a": None}}, {}),
        ({"ne": 1}, 1.0),
        ({"gt": 5}, 5),
        ({"gt": 5}, "6"),
        ({"gt": 0}, True),
        ({"gt": 0}, None),
        ({"gt": 0}, [1]),
        ({"gte": 5}, math.nextafter(5, 0)),
        ({"lt": 5}, 5),
        ({"lte": 5}, math.nextafter(5, 6)),
        ({"lt": 5}, -INF),
        ({"lt": 5}, NAN),
        ({"between": [1, 2]}, 2.5),
        ({"between": [1, 2]}, "1"),
        ({"in": [1, 2]}, True),
        ({"in": [1, 2]}, "1"),
        ({"in": ["ab"]}, "a"),
        ({"contains": "a"}, "b"),
        ({"contains": 1}, "1"),
        ({"contains": 1}, [True]),
        ({"contains": "a"}, {"a": 1}),
        ({"contains": "a"}, None),
        ({"starts_with": "a"}, "ba"),
        ({"starts_with": "1"}, 1),
        ({"ends_with": "a"}, "ab"),
        ({"ends_with": "a"}, ["a"]),
        ({"matches": "^a$"}, "b"),
        ({"matches": "1"}, 1),
        ({"exists": False}, None),
        ({"exists": False}, 0),
        ({"empty": True}, " "),
        ({"empty": True}, 0),
        ({"empty": True}, None),
        ({"empty": False}, 5),
        ({"type": "integer"}, True),
        ({"type": "integer"}, 1.0),
        ({"type": "number"}, False),
        ({"type": "string"}, None),
        ({"type": "object"}, []),
        ({"length": 2}, "a"),
        ({"length": 0}, 0),
        ({"length": {"gte": 0}}, None),
        ({"every": {"gt": 0}}, []),
        ({"every": {"gt": 0}}, [1, 0]),
        ({"every": {"gt": 0}}, {"a": 1}),
        ({"any": {"gt": 0}}, []),
        ({"any": {"gt": 0}}, [0, None]),
        ({"any": "a"}, "a"),
        ({"not": {"eq": 1}}, 1),
        ({"gte": 200, "lt": 300}, 300),
    ],
)
def test_it_does_not_hold(written: Any, actual: Any) -> None:
    assert not parse(written).holds(actual)


@pytest.mark.parametrize(
    ("written", "actual"),
    [
        (1, 1.0),
        (None, None),
        (False, False),
        ("a", "a"),
        ([1, [True, None]], [1, [True, None]]),
        ({"eq": {"a": [1]}}, {"a": [1.0]}),
        ({"ne": 1}, True),
        ({"ne": "1"}, 1),
        ({"gt": 5}, math.nextafter(5, 6)),
        ({"gte": 5}, 5),
        ({"lt": 5}, math.nextafter(5, 0)),
        ({"lte": 5}, 5.0),
        ({"between": [1, 2]}, 1),
        ({"between": [1, 2]}, 2),
        ({"in": [1, None]}, None),
        ({"contains": "a"}, "bab"),
        ({"contains": {"a": 1}}, [0, {"a": 1}]),
        ({"starts_with": "a"}, "ab"),
        ({"ends_with": "b"}, "ab"),
        ({"matches": "b"}, "abc"),
        ({"exists": True}, None),
        ({"empty": True}, []),
        ({"empty": False}, {"a": 1}),
        ({"type": "integer"}, 1),
        ({"type": "number"}, 1.5),
        ({"type": "boolean"}, False),
        ({"type": "list"}, []),
        ({"type": "object"}, {}),
        ({"type": "null"}, None),
        ({"length": 2}, "ab"),
        ({"length": {"gte": 1}}, {"a": 1}),
        ({"every": {"gt": 0}}, [1, 2]),
        ({"any": {"gt": 0}}, [0, 1]),
        ({"not": {"contains": "error"}}, "all is well"),
        ({"gte": 200, "lt": 300}, 204),
    ],
)
def test_it_holds(written: Any, actual: Any) -> None:
    assert parse(written).holds(actual)


@pytest.mark.parametrize("written", SOME_OF_EACH, ids=str)
def test_what_was_not_found_passes_nothing_but_its_absence(written: Any) -> None:
    assert parse(written).holds(MISSING) == (written == {"exists": False})


@pytest.mark.parametrize("actual", [NAN, INF, -INF])
@pytest.mark.parametrize("written", SOME_OF_EACH, ids=str)
def test_a_number_that_is_not_finite_passes_nothing(written: Any, actual: float) -> None:
    assert not parse(written).holds(actual)


def test_what_was_not_found_is_shown_as_that() -> None:
    assert repr(MISSING) == "(nothing found)"


def test_every_predicate_is_among_those_tried_here() -> None:
    assert {name for written in SOME_OF_EACH if isinstance(written, dict) for name in written} == set(PREDICATES)


@pytest.mark.parametrize(
    ("written", "path", "said"),
    [
        ({}, (), "an empty map expects nothing"),
        ({"equals": 1}, ("equals",), "unknown predicate 'equals'"),
        ({"": 1}, ("",), "unknown predicate ''"),
        ({"contain": "a"}, ("contain",), "did you mean 'contains'?"),
        ({"status": "ok"}, ("status",), "to compare with a whole object, write {eq: {...}}"),
        ({"gt": "5"}, ("gt",), "gt compares numbers, not '5'"),
        ({"gt": True}, ("gt",), "gt compares numbers, not True"),
        ({"lt": None}, ("lt",), "lt compares numbers"),
        ({"eq": NAN}, ("eq",), "not finite"),
        (INF, (), "not finite"),
        ({"between": [1]}, ("between",), "a list of two bounds"),
        ({"between": [1, "a"]}, ("between",), "between compares numbers, not 'a'"),
        ({"between": [2, 1]}, ("between",), "no number is between 2 and 1"),
        ({"in": []}, ("in",), "a list with at least one value"),
        ({"in": "abc"}, ("in",), "a list with at least one value"),
        ({"exists": "yes"}, ("exists",), "exists takes true or false"),
        ({"empty": 1}, ("empty",), "empty takes true or false"),
        ({"type": "str"}, ("type",), "did you mean 'string'?"),
        ({"type": ["string"]}, ("type",), "unknown type"),
        ({"matches": 5}, ("matches",), "matches takes a pattern"),
        ({"matches": "("}, ("matches",), "'(' is no pattern: missing )"),
        ({"matches": ""}, ("matches",), "has 1 to 2000 characters, and this has 0"),
        ({"matches": "a" * 2001}, ("matches",), "and this has 2001"),
        ({"matches": "(" * 1000}, ("matches",), "nested too deep"),
        ({"starts_with": ""}, ("starts_with",), "an empty one is in every text"),
        ({"ends_with": ""}, ("ends_with",), "an empty one is in every text"),
        ({"contains": ""}, ("contains",), "an empty one is in every text"),
        ({"starts_with": 5}, ("starts_with",), "starts_with takes a text"),
        ({"every": {}}, ("every",), "an empty map expects nothing"),
        ({"every": {"any": {"gt": "x"}}}, ("every", "any", "gt"), "gt compares numbers"),
        ({"not": {"in": []}}, ("not", "in"), "a list with at least one value"),
    ],
)
def test_an_expectation_that_means_nothing_is_refused_at_its_place(written: Any, path: tuple[str], said: str) -> None:
    with pytest.raises(ExpectationError) as caught:
        parse(written)

    assert caught.value.path == path
    assert said in str(caught.value)


HOSTILE = r"^(?:(?:a|aa)+x?)+$"


@pytest.mark.parametrize("written", [{"matches": HOSTILE}, {"not": {"matches": HOSTILE}}], ids=str)
def test_a_pattern_that_comes_to_no_end_gives_up_and_shows_nothing(written: Any) -> None:
    expectation = parse(written)
    began = time.process_time()  # which is how the time of a pattern is measured, on machines however busy

    assert not expectation.holds("a" * 5000 + "!")
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    "written", [{"not": {"every": {"gt": 5}}}, {"not": {"any": {"gt": 5}}}, {"every": {"ne": 5}}], ids=str
)
def test_a_number_that_is_not_finite_shows_nothing_inside_a_list_either(written: Any) -> None:
    assert not parse(written).holds([NAN])


def test_literals_with_units_become_numbers() -> None:
    def milliseconds(value: Any) -> float:
        return Duration.parse(value) * 1000

    assert parse("1s", milliseconds).holds(1000)
    assert parse({"lte": "500ms"}, milliseconds).holds(500)
    assert parse({"between": ["1ms", "1s"]}, milliseconds).holds(30)
    assert parse({"not": {"gt": "1s"}}, milliseconds).holds(5)
    assert parse({"in": ["1KiB"]}, Size.parse).holds(1024)
    with pytest.raises(ExpectationError, match="500 is no duration"):
        parse({"lte": 500}, milliseconds)


def test_values_filled_in_are_never_taken_for_predicates() -> None:
    hostile = {"exists": True}

    filled = parse("${id}", fill=lambda _argument, _name: hostile)

    assert filled.written == hostile
    assert not filled.holds("anything")
    assert filled.holds({"exists": True})


def test_values_filled_in_are_checked_like_written_ones() -> None:
    with pytest.raises(ExpectationError, match="an empty one is in every text"):
        parse({"not": {"contains": "${id}"}}, fill=lambda _argument, _name: "")


def test_filling_reaches_nested_arguments_and_is_shown() -> None:
    filled = parse({"every": {"in": ["${id}"]}}, fill=lambda _argument, _name: ["a"])

    assert filled.written == {"every": {"in": ["a"]}}
    assert filled.holds(["a", "a"])


def test_an_escaped_text_matches_itself_alone() -> None:
    pattern = parse({"matches": f"^{escaped('a.b*')}$"})

    assert pattern.holds("a.b*")
    assert not pattern.holds("aab")


@given(st.sampled_from(SOME_OF_EACH), json_values)
def test_holding_never_raises_and_is_a_plain_answer(written: Any, actual: Any) -> None:
    assert parse(written).holds(actual) in (True, False)


@given(json_values)
def test_parsing_gives_an_expectation_or_a_sentence(written: Any) -> None:
    try:
        read: Any = parse(written)
    except ExpectationError as error:
        read = str(error)

    assert isinstance(read, Expectation) or " " in read


@given(json_values, json_values)
def test_equality_is_the_same_both_ways_and_its_opposite_is_ne(one: Any, other: Any) -> None:
    assert same(one, other) == same(other, one)
    assert PREDICATES["ne"](one, other) is not same(one, other)


@given(json_values)
def test_a_value_equals_itself_unless_there_is_a_nan_in_it(value: Any) -> None:
    assert same(value, value) == ("nan" not in repr(value).replace("'", "") or "nan" in str(_texts(value)))


def _texts(value: Any) -> list[str]:
    """The texts in a value: a text may well say nan."""
    if isinstance(value, dict):
        return [text for item in value.items() for each in item for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []
