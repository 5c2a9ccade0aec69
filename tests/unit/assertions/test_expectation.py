"""Expectations as a whole: missing values, references, units, filters, and values of any size and depth."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.assertions.expectation import Expectation, parse
from greenlight.assertions.filters import FILTERS
from greenlight.assertions.patterns import escape_pattern
from greenlight.assertions.predicates import PREDICATES
from greenlight.core.errors import ExpectationError
from greenlight.core.json_values import MISSING
from greenlight.core.units import Duration, Size
from tests.support.expectation_samples import ENDLESS_PATTERN, EXPECTATIONS, INF, NAN, json_values


@pytest.mark.parametrize(
    ("raw", "path", "message"),
    [
        ({}, (), "an empty map expects nothing"),
        ({"equals": 1}, ("equals",), "unknown predicate 'equals'"),
        ({"": 1}, ("",), "unknown predicate ''"),
        ({"contain": "a"}, ("contain",), "did you mean 'contains'?"),
        ({"status": "ok"}, ("status",), "to compare with a whole object, write {eq: {...}}"),
        ({"every": {}}, ("every",), "an empty map expects nothing"),
        ({"every": {"any": {"gt": "x"}}}, ("every", "any", "gt"), "gt compares numbers"),
        ({"not": {"in": []}}, ("not", "in"), "a list with at least one value"),
        ({"all_of": []}, ("all_of",), "a list with at least one expectation"),
        ({"any_of": {"eq": 1}}, ("any_of",), "a list with at least one expectation"),
        ({"any_of": [1, {"gtt": 1}]}, ("any_of", 1, "gtt"), "did you mean 'gt"),
    ],
)
def test_invalid_expectation_is_rejected_at_its_place(raw: Any, path: tuple[str | int, ...], message: str) -> None:
    with pytest.raises(ExpectationError) as caught:
        parse(raw)

    assert caught.value.path == path
    assert message in str(caught.value)


@pytest.mark.parametrize("raw", EXPECTATIONS, ids=str)
def test_missing_value_passes_only_exists_false(raw: Any) -> None:
    assert parse(raw).holds(MISSING) == (raw == {"exists": False})


@pytest.mark.parametrize("raw", [{"any_of": [{"exists": False}, 1]}, {"all_of": [{"exists": False}]}], ids=str)
def test_missing_value_passes_a_list_that_allows_it(raw: Any) -> None:
    assert parse(raw).holds(MISSING)
    assert not parse({"not": raw}).holds(MISSING)
    assert not parse(raw).holds(2)


@pytest.mark.parametrize("actual", [NAN, INF, -INF])
@pytest.mark.parametrize("raw", EXPECTATIONS, ids=str)
def test_number_that_is_not_finite_passes_nothing(raw: Any, actual: float) -> None:
    assert not parse(raw).holds(actual)


@pytest.mark.parametrize(
    "raw", [{"not": {"every": {"gt": 5}}}, {"not": {"any": {"gt": 5}}}, {"every": {"ne": 5}}], ids=str
)
def test_number_that_is_not_finite_passes_nothing_inside_a_list(raw: Any) -> None:
    assert not parse(raw).holds([NAN])


def test_samples_contain_every_predicate() -> None:
    assert {name for raw in EXPECTATIONS if isinstance(raw, dict) for name in raw} == {
        *PREDICATES,
        "filters",
    }


def test_literals_with_units_become_numbers() -> None:
    def milliseconds(value: Any) -> float:
        return Duration.parse(value) * 1000

    assert parse("1s", milliseconds).holds(1000)
    assert parse({"lte": "500ms"}, milliseconds).holds(500)
    assert parse({"between": ["1ms", "1s"]}, milliseconds).holds(30)
    assert parse({"not": {"gt": "1s"}}, milliseconds).holds(5)
    assert parse({"in": ["1KiB"]}, Size.parse).holds(1024)
    with pytest.raises(ExpectationError, match="500 is not a valid duration"):
        parse({"lte": 500}, milliseconds)


def test_filled_value_is_never_parsed_as_predicates() -> None:
    hostile = {"exists": True}

    filled = parse("${id}", fill=lambda _argument, _name: hostile)

    assert filled.raw == hostile
    assert not filled.holds("anything")
    assert filled.holds({"exists": True})


def test_filled_value_is_validated_like_a_literal() -> None:
    with pytest.raises(ExpectationError, match="an empty text is in every text"):
        parse({"not": {"contains": "${id}"}}, fill=lambda _argument, _name: "")


def test_fill_reaches_nested_arguments_and_is_shown() -> None:
    filled = parse({"every": {"in": ["${id}"]}}, fill=lambda _argument, _name: ["a"])

    assert filled.raw == {"every": {"in": ["a"]}}
    assert filled.holds(["a", "a"])


def test_captured_value_is_literal_text_in_the_pattern_of_a_filter() -> None:
    def fill(argument: Any, name: str) -> Any:
        return argument.replace("${id}", escape_pattern(".*") if name == "matches" else ".*")

    filled = parse({"filters": [{"regex": "id=(${id})"}], "eq": "${id}"}, fill=fill)

    assert filled.holds("id=.*")
    assert not filled.holds("id=abc")
    assert filled.raw["eq"] == ".*"


def test_captured_value_cannot_become_a_schema() -> None:
    with pytest.raises(ExpectationError, match="cannot be used in a schema"):
        parse({"schema": {"const": "${id}"}}, fill=lambda _argument, _name: {})


@pytest.mark.parametrize(
    "raw",
    [
        {"schema": {"type": "${kind}"}},
        {"approx": {"value": "${price}", "within": 1}},
        {"filters": [{"nth": "${index}"}], "eq": 1},
        {"not": {"semver": "${range}"}},
    ],
    ids=str,
)
def test_argument_with_unfilled_references_is_accepted_and_does_not_hold(raw: Any) -> None:
    assert not parse(raw).holds(1)
    assert not parse({"not": raw}).holds(1)


ENDLESS = {"matches": ENDLESS_PATTERN}


@pytest.mark.parametrize(
    ("raw", "actual", "why"),
    [
        (1, 2, ""),
        ({"gt": 1}, "2", "it is not a number"),
        ({"gte": 200, "lt": 300}, 404, "lt does not hold"),
        ({"gte": 200, "matches": "a"}, 404, "matches does not hold: it is not a text"),
        ({"every": {"gt": 0}}, [1, {"a": 2}], 'element 1 is {"a": 2}: it is not a number'),
        ({"every": {"gt": 0}}, [], "it is an empty list, which proves nothing"),
        ({"every": {"every": 1}}, [[1], [1, 2]], "element 1 is [1, 2]: element 1 is 2"),
        ({"any": {"gt": 0}}, [0, 0], "none of its 2 elements is"),
        ({"none": {"gt": 0}}, [0, 7], "element 1 is 7"),
        ({"none": {"gt": 0}}, [0, "a"], 'element 1 cannot be compared with it: "a"'),
        ({"unique": True}, ["a", "b", "a"], 'elements 0 and 2 are both "a"'),
        ({"sorted": "asc"}, [1, 3, 2], "element 2 is 2 and comes after 3"),
        ({"sorted": "asc"}, [1, "a"], "its elements are neither all numbers nor all texts"),
        ({"approx": {"value": 10, "within": 1}}, 12.5, "it is off by 2.5"),
        ({"approx": {"value": 10, "within": 1}}, 10**400, "it is far off"),
        ({"semver": "^1"}, "latest", "it is not a semantic version"),
        ({"length": {"gt": 2}}, "ab", "its length is 2"),
        (
            {"all_of": [1, {"length": 2}]},
            1,
            "number 1 of them does not hold: it is neither a text nor a list nor an object",
        ),
        ({"any_of": [1, 2]}, 3, "none of the 2 holds"),
        ({"not": {"gt": 1}}, "a", "it cannot be compared"),
        (
            {"schema": {"properties": {"a": {"type": "string"}, "b": {"maximum": 3}}}},
            {"a": 1, "b": 5},
            "$.a 1 is not of type 'string'; $.b 5 is greater than the maximum of 3",
        ),
        ({"filters": ["to_int"], "gt": 5}, "five", "to_int cannot be applied: the text is not a whole number"),
        ({"filters": ["trim", "first"], "gt": 5}, "a", "first cannot be applied: it is a text, not a list"),
        ({"filters": ["trim", "to_int"], "gt": 5}, " 5 ", "after trim, to_int: 5"),
        ({"filters": ["upper"], "eq": "A"}, "secret", "after upper: a text of 6 characters"),
        ({"filters": [{"split": ","}], "length": 1}, "a,b", "after split: a list of 2 elements; its length is 2"),
        (ENDLESS, "a" * 5000 + "!", "takes longer than 1 s, so it shows nothing"),
    ],
)
def test_reason_explains_why_an_expectation_does_not_hold(raw: Any, actual: Any, why: str) -> None:
    reason = parse(raw).why(actual)

    assert reason == why or (raw is ENDLESS and reason.endswith(why))


DEEP: list[Any] = []
for _ in range(100_000):
    DEEP = [DEEP]


@pytest.mark.parametrize("raw", [*EXPECTATIONS, {"eq": DEEP}, {"any": {"eq": DEEP}}], ids=range(len(EXPECTATIONS) + 2))
def test_very_deeply_nested_list_raises_nothing(raw: Any) -> None:
    expectation = parse(raw)

    assert expectation.holds(DEEP) in (True, False)
    assert isinstance(expectation.why(DEEP), str)


LARGE = [
    "a" * 1_000_000,
    "1." * 500_000,
    "," * 1_000_000,
    list(range(20_000)),
    [{"a": n} for n in range(10_000)],
    "1" * 10**6,
]


@pytest.mark.parametrize("raw", EXPECTATIONS, ids=str)
def test_large_values_are_decided(raw: Any) -> None:
    expectation = parse(raw)

    for large in LARGE:
        assert expectation.holds(large) in (True, False)
        assert isinstance(expectation.why(large), str)


@given(st.sampled_from(EXPECTATIONS), json_values)
def test_holds_never_raises_and_returns_a_boolean(raw: Any, actual: Any) -> None:
    expectation = parse(raw)

    assert expectation.holds(actual) in (True, False)
    assert isinstance(expectation.why(actual), str)


@given(st.sampled_from(EXPECTATIONS), json_values)
def test_expectation_and_its_negation_never_both_hold(raw: Any, actual: Any) -> None:
    assert not (parse(raw).holds(actual) and parse({"not": raw}).holds(actual))


@given(st.dictionaries(st.sampled_from([*PREDICATES, "filters"]), json_values, max_size=3))
def test_predicate_accepts_its_argument_or_explains_why_not(raw: Any) -> None:
    try:
        read: Any = parse(raw).holds(1)
    except ExpectationError as error:
        read = " " in str(error)

    assert read in (True, False)


@given(
    st.lists(st.dictionaries(st.sampled_from([*FILTERS]), json_values, min_size=1, max_size=1), min_size=1), json_values
)
def test_filter_accepts_its_argument_or_explains_why_not(filters: Any, actual: Any) -> None:
    try:
        read: Any = parse({"filters": filters, "exists": True}).holds(actual)
    except ExpectationError as error:
        read = " " in str(error)

    assert read in (True, False)


@given(json_values)
def test_any_value_is_an_expectation_or_has_an_error_message(raw: Any) -> None:
    try:
        read: Any = parse(raw)
    except ExpectationError as error:
        read = str(error)

    assert isinstance(read, Expectation) or " " in read
