"""Arguments of predicates and filters that are not valid."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.assertions.expectation import parse
from greenlight.core.errors import ExpectationError
from tests.support.expectation_samples import INF, NAN


@pytest.mark.parametrize(
    ("raw", "path", "message"),
    [
        ({"gt": "5"}, ("gt",), "gt compares numbers, not '5'"),
        ({"gt": True}, ("gt",), "gt compares numbers, not true; write a number such as 5"),
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
        ({"starts_with": ""}, ("starts_with",), "an empty text is in every text"),
        ({"ends_with": ""}, ("ends_with",), "an empty text is in every text"),
        ({"contains": ""}, ("contains",), "an empty text is in every text"),
        ({"starts_with": 5}, ("starts_with",), "starts_with takes a text"),
        ({"gt": 5, "lt": float("inf")}, ("lt",), "not finite"),
        ({"unique": "yes"}, ("unique",), "unique takes true or false"),
        ({"sorted": "up"}, ("sorted",), "asc or desc, not 'up'"),
        ({"approx": 3}, ("approx",), "a map of value and either within or percent"),
        ({"approx": {"value": 3}}, ("approx",), "a map of value and either within or percent"),
        ({"approx": {"value": 3, "within": 1, "percent": 1}}, ("approx",), "either within or percent"),
        ({"approx": {"value": "3", "within": 1}}, ("approx", "value"), "not '3'; write 3 without quotes"),
        ({"approx": {"value": 3, "within": 0}}, ("approx",), "allows no difference"),
        ({"approx": {"value": 0, "percent": 5}}, ("approx",), "allows no difference"),
        ({"semver": 1.2}, ("semver",), "a range of versions in quotes"),
        ({"semver": "latest"}, ("semver",), "'latest' is not a valid range of versions"),
    ],
)
def test_invalid_argument_of_a_predicate_is_rejected_at_its_place(
    raw: Any, path: tuple[str | int, ...], message: str
) -> None:
    with pytest.raises(ExpectationError) as caught:
        parse(raw)

    assert caught.value.path == path
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "path", "message"),
    [
        ({"filters": ["count"]}, (), "filters alone expect nothing"),
        ({"filters": [], "eq": 1}, ("filters",), "a list of 1 to 20 filters"),
        ({"filters": "count", "eq": 1}, ("filters",), "a list of 1 to 20 filters"),
        ({"filters": ["cuont"], "eq": 1}, ("filters", 0), "unknown filter 'cuont'; did you mean 'count'?"),
        ({"filters": ["trim", 5], "eq": 1}, ("filters", 1), "a filter is a name or a map with one, not 5"),
        ({"filters": [{"split": ",", "nth": 1}], "eq": 1}, ("filters", 0), "a name or a map with one"),
        ({"filters": ["split"], "eq": 1}, ("filters", 0), "split takes an argument"),
        ({"filters": [{"count": 1}], "eq": 1}, ("filters", 0, "count"), "count takes nothing"),
        ({"filters": [{"split": ""}], "eq": 1}, ("filters", 0, "split"), "a text that is not empty"),
        ({"filters": [{"nth": "1"}], "eq": 1}, ("filters", 0, "nth"), "a whole number"),
        ({"filters": [{"regex": "("}], "eq": 1}, ("filters", 0, "regex"), "is not a valid pattern"),
        (
            {"filters": [{"regex": {"pattern": "a", "group": 1}}], "eq": 1},
            ("filters", 0, "regex", "group"),
            "no group 1",
        ),
        ({"filters": [{"replace": {"old": "", "new": "a"}}], "eq": 1}, ("filters", 0, "replace"), "not empty"),
        ({"filters": [{"decode": "rot13"}], "eq": 1}, ("filters", 0, "decode"), "one of base64, base64url, url, html"),
        ({"filters": [{"to_date": "%Q"}], "eq": 1}, ("filters", 0, "to_date"), "is not a valid form of a date"),
        ({"filters": [{"json": "a["}], "eq": 1}, ("filters", 0, "json"), "is not a valid JMESPath expression"),
        ({"filters": [{"round": 99}], "eq": 1}, ("filters", 0, "round"), "a whole number from 0 to 15"),
    ],
)
def test_invalid_filter_is_rejected_at_its_place(raw: Any, path: tuple[str | int, ...], message: str) -> None:
    with pytest.raises(ExpectationError) as caught:
        parse(raw)

    assert caught.value.path == path
    assert message in str(caught.value)
