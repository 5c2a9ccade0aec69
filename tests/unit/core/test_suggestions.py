"""The nearest right name, and lists of names."""

from __future__ import annotations

import pytest
from greenlight.core.suggestions import MAX_NAMES, listed, nearest, suggested


@pytest.mark.parametrize("name", ["", "zzz", "x" * 10_000])
def test_what_is_near_nothing_gets_no_advice(name: str) -> None:
    assert nearest(name, ["timeout", "retry"]) == ""


def test_no_names_give_no_advice() -> None:
    assert nearest("timeout", []) == ""


def test_of_very_many_names_only_the_first_are_looked_at() -> None:
    names = iter([f"some-name-{number}" for number in range(10_000)])

    nearest("name", names)

    assert next(names) == f"some-name-{MAX_NAMES}"


@pytest.mark.parametrize(("wrong", "right"), [("timout", "timeout"), ("Retry", "retry"), ("retries", "retry")])
def test_the_nearest_name_is_advised(wrong: str, right: str) -> None:
    assert nearest(wrong, ["timeout", "retry", "when"]) == f"; did you mean {right!r}?"


def test_names_are_listed_in_order_and_many_are_counted() -> None:
    assert listed([]) == "none"
    assert listed({"b": 1, "a": 2}) == "a, b"
    assert listed(f"n{number:03}" for number in range(50)).endswith("n029 and 20 more")


def test_where_no_name_is_near_all_are_named() -> None:
    assert suggested("timout", iter(["retry", "timeout"])) == "; did you mean 'timeout'?"
    assert suggested("zzz", iter(["retry", "timeout"])) == "; there are retry, timeout"
    assert suggested("zzz", [], "known are") == "; known are none"
