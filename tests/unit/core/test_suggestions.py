"""Suggestions for mistyped names, and lists of names."""

from __future__ import annotations

import pytest

from greenlight.core.suggestions import MAX_NAMES, did_you_mean, join_sorted, suggest_or_list


@pytest.mark.parametrize("name", ["", "zzz", "x" * 10_000])
def test_name_without_a_similar_one_gets_no_suggestion(name: str) -> None:
    assert did_you_mean(name, ["timeout", "retry"]) == ""


def test_empty_list_of_names_gives_no_suggestion() -> None:
    assert did_you_mean("timeout", []) == ""


def test_only_the_first_of_very_many_names_are_compared() -> None:
    names = iter([f"some-name-{number}" for number in range(10_000)])

    did_you_mean("name", names)

    assert next(names) == f"some-name-{MAX_NAMES}"


@pytest.mark.parametrize(("wrong", "valid"), [("timout", "timeout"), ("Retry", "retry"), ("retries", "retry")])
def test_most_similar_name_is_suggested(wrong: str, valid: str) -> None:
    assert did_you_mean(wrong, ["timeout", "retry", "when"]) == f"; did you mean {valid!r}?"


def test_names_are_sorted_and_the_rest_is_counted() -> None:
    assert join_sorted([]) == "none"
    assert join_sorted({"b": 1, "a": 2}) == "a, b"
    assert join_sorted(f"n{number:03}" for number in range(50)).endswith("n029 and 20 more")


def test_all_names_are_listed_if_none_is_similar() -> None:
    assert suggest_or_list("timout", iter(["retry", "timeout"])) == "; did you mean 'timeout'?"
    assert suggest_or_list("zzz", iter(["retry", "timeout"])) == "; there are retry, timeout"
    assert suggest_or_list("zzz", [], "valid:") == "; valid: none"
