"""`api.filled`: captured values fill texts and expectations, and are never more than values."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.api import DurationExpectation, ExpectationError, substitute_captures
from greenlight.assertions.expectation import parse

CAPTURED = {"id": "a.b", "count": 3, "hostile": {"exists": True}, "empty": "", "pattern": ".*"}


def test_a_name_that_was_not_captured_is_an_error() -> None:
    with pytest.raises(KeyError, match="other"):
        substitute_captures("/orders/${other}", CAPTURED)
    with pytest.raises(KeyError, match="other"):
        substitute_captures(parse({"not": {"eq": "${other}"}}), CAPTURED)


def test_an_answer_cannot_bring_predicates_along() -> None:
    expectation = substitute_captures(parse("${hostile}"), CAPTURED)

    assert not expectation.holds("anything")
    assert expectation.raw == {"exists": True}


def test_an_answer_cannot_bring_a_pattern_along() -> None:
    expectation = substitute_captures(parse({"matches": "^${pattern}$"}), CAPTURED)

    assert expectation.holds(".*")
    assert not expectation.holds("anything")


def test_an_empty_answer_is_not_found_everywhere() -> None:
    with pytest.raises(ExpectationError, match="an empty text is in every text"):
        substitute_captures(parse({"contains": "${empty}"}), CAPTURED)


def test_a_check_without_captures_has_final_texts() -> None:
    secret = {"authorization": "Bearer a${b}c"}

    assert substitute_captures(secret, None) is secret
    assert substitute_captures(parse("$${x}"), None).holds("$${x}")


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("/orders/${id}", "/orders/a.b"),
        ("${count}", 3),
        ({"a": ["${id}"]}, {"a": ["a.b"]}),
        ("$${id}", "${id}"),
        (5, 5),
    ],
)
def test_texts_and_data_are_filled(written: Any, value: Any) -> None:
    assert substitute_captures(written, CAPTURED) == value


@pytest.mark.parametrize(
    ("written", "holds", "fails"),
    [
        ("${count}", 3, "3"),
        ({"eq": "x-${id}"}, "x-a.b", "x-aXb"),
        ({"matches": "^x-${id}$"}, "x-a.b", "x-aXb"),
        ({"any": {"eq": "${id}"}}, ["a.b"], ["b"]),
        ({"in": ["${count}", "${id}"]}, 3, 4),
        ({"gte": "${count}"}, 3, 2),
        ({"between": [1, "${count}"]}, 2, 4),
        ({"length": {"lt": "${count}"}}, "ab", "abc"),
        ({"starts_with": "$${id}"}, "${id}!", "a.b"),
    ],
)
def test_expectations_are_filled(written: Any, holds: Any, fails: Any) -> None:
    expectation = substitute_captures(parse(written), CAPTURED)

    assert expectation.holds(holds)
    assert not expectation.holds(fails)


@pytest.mark.parametrize("written", [{"gte": "${id}"}, {"between": ["${count}", "${id}"]}, {"type": "${id}"}], ids=str)
def test_a_value_that_cannot_stand_where_it_is_used_is_an_error(written: Any) -> None:
    with pytest.raises(ExpectationError):
        substitute_captures(parse(written), CAPTURED)


@pytest.mark.parametrize("written", [{"matches": "^${id}$"}, {"gte": "${count}"}, {"exists": "${id}"}], ids=str)
def test_an_expectation_whose_value_never_came_shows_nothing(written: Any) -> None:
    for actual in ("a.b", 3, None):
        assert not parse(written).holds(actual)
        assert not parse({"not": written}).holds(actual)


def test_an_expectation_without_references_stays_itself_and_keeps_its_kind() -> None:
    expectation = DurationExpectation({"lte": "1s"}, parse({"lte": 1000}).predicates)

    assert substitute_captures(expectation, CAPTURED) is expectation
