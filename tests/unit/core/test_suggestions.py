"""The nearest right name, and lists of names."""

from __future__ import annotations

import pytest

from greenlight.core.suggestions import MAX_NAMES, did_you_mean, join_sorted, suggest_or_list


@pytest.mark.parametrize("name", ["", "zzz", "x" * 10_000])
def test_what_is_near_nothing_gets_no_advice(name: str) -> None:
    assert did_you_mean(name, ["timeout", "retry"]) == ""


def test_no_names_give_no_advice() -> None:
    assert did_you_mean("timeout", []) == ""


def test_of_very_many_names_only_the_first_are_looked_at() -> None:
    names = iter([f"some-name-{number}" for number in range(10_000)])

    did_you_mean("name", names)

    assert next(names) == f"some-name-{MAX_NAMES}"


@pytest.mark.parametrize(("wrong", "right"), [("timout", "timeout"), ("Retry", "retry"), ("retries", "retry")])
def test_the_nearest_name_is_advised(wrong: str, right: str) -> None:
    assert did_you_mean(wrong, ["timeout", "retry", "when"]) == f"; did you mean {right!r}?"


def test_names_are_listed_in_order_and_many_are_counted() -> None:
    assert join_sorted([]) == "none"
    assert join_sorted({"b": 1, "a": 2}) == "a, b"
    assert join_sorted(f"n{number:03}" for number in range(50)).endswith("n029 and 20 more")


def test_where_no_name_is_near_all_are_named() -> None:
    assert suggest_or_list("timout", iter(["retry", "timeout"])) == "; did you mean 'timeout'?"
    assert suggest_or_list("zzz", iter(["retry", "timeout"])) == "; there are retry, timeout"
    assert suggest_or_list("zzz", [], "known are") == "; known are none"
