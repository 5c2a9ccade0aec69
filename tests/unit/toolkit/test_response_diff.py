"""Differences between two responses, separated from noise."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.api import count_differences, find_differences, is_partial, percentile


def places(blue: Any, green: Any, *ignore: str) -> list[tuple[str, str]]:
    return [(difference.path, difference.kind) for difference in find_differences(blue, green, ignore=ignore)]


@pytest.mark.parametrize(
    ("blue", "green", "expected"),
    [
        ({"a": 1}, {"a": 2}, [("a", "value")]),
        ({"a": 1}, {"a": "1"}, [("a", "type")]),
        ({"a": 1}, {"a": True}, [("a", "type")]),
        ({"a": None}, {"a": 0}, [("a", "type")]),
        ({"a": 1}, {"a": 1.5}, [("a", "value")]),
        ({"a": 1}, {"a": 1.0}, []),
        ({"a": None}, {}, [("a", "missing")]),
        ({}, {"a": None}, [("a", "added")]),
        ([1, 2, 3], [3, 1, 2], [("", "order")]),
        ([1, True], [True, 1], [("", "order")]),
        ([1, 2], [1, 2, 3], [("", "length")]),
        ([{"p": 1}, {"p": 2}], [{"p": 1}, {"p": 3}], [("[].p", "value")]),
        ({"a": [{"b": {"c": 1}}]}, {"a": [{"b": {}}]}, [("a[].b.c", "missing")]),
        ("x", "y", [("", "value")]),
        ({"a": {}}, {"a": []}, [("a", "type")]),
        ({"a": float("nan")}, {"a": float("nan")}, [("a", "value")]),
    ],
)
def test_every_kind_of_difference(blue: Any, green: Any, expected: list[tuple[str, str]]) -> None:
    assert places(blue, green) == expected


@pytest.mark.parametrize("entry", ["body.items[].at", "body.items.at", "items.at", "at", "body", "items"])
def test_a_place_is_ignored_by_its_path_or_its_last_part(entry: str) -> None:
    blue, green = {"body": {"items": [{"at": 1}]}}, {"body": {"items": [{"at": 2}]}}
    assert places(blue, green) == [("body.items[].at", "value")]
    assert places(blue, green, entry) == []


def test_ignoring_one_place_ignores_no_other() -> None:
    assert places({"at": 1, "cat": 1}, {"at": 2, "cat": 2}, "at") == [("cat", "value")]


def test_missing_value_can_be_ignored() -> None:
    assert places({"at": 1}, {}, "at") == []


def test_answers_without_bottom_end() -> None:
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    assert [kind for _, kind in places(deep, [deep])] == ["value"]
    blue, green = {str(number): 1 for number in range(5000)}, {str(number): 2 for number in range(5000)}
    differences = find_differences(blue, green)
    assert len(differences) == 1000
    assert is_partial(differences)


def test_many_items_that_differ_hide_no_difference_behind_them() -> None:
    blue, green = ({"items": [{"at": number + side} for number in range(5000)], "z": side} for side in (0, 5000))
    differences = find_differences(blue, green)
    assert [difference.path for difference in differences] == ["items[].at", "z"]
    assert not is_partial(differences)


def test_trees_that_are_too_deep_are_compared_in_part() -> None:
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    assert is_partial(find_differences(deep, deep))


def test_noise_is_counted_by_place_and_kind() -> None:
    news = find_differences({"at": 1, "n": 1}, {"at": 2, "n": 2})
    same_kind = find_differences({"at": 1}, {"at": 3})
    other_kind = find_differences({"at": 1}, {})
    (at, n) = count_differences([news], [same_kind])
    assert (at.raw, at.noise, at.relative, n.relative, n.absolute) == (1, 1, 0.0, 100.0, 100.0)
    (at, _) = count_differences([news], [other_kind])
    assert (at.noise, at.relative) == (0, 100.0)


def test_a_place_that_is_noisy_now_and_then_has_small_differences() -> None:
    changed = find_differences({"a": 1}, {"a": 2})
    (count,) = count_differences([changed] * 6 + [[]] * 4, [changed] * 5 + [[]] * 5)
    assert (count.raw, count.noise, count.pairs) == (6, 5, 10)
    assert round(count.relative, 2) == 9.09
    assert round(count.absolute, 2) == 10.0


def test_several_places_in_one_list_count_once() -> None:
    (count,) = count_differences([find_differences([{"a": 1}, {"a": 1}], [{"a": 2}, {"a": 3}])], [[]])
    assert count.raw == 1
    assert count.example.green == 2


@pytest.mark.parametrize(("percent", "expected"), [(50, 5), (95, 10), (90, 9), (99, 10), (100, 10), (10, 1), (1, 1)])
def test_percentiles_are_by_nearest_rank(percent: float, expected: float) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], percent) == expected
