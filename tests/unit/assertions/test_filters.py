"""Filters: values that they cannot be applied to, then their results."""

from __future__ import annotations

import datetime
from typing import Any

import pytest

from greenlight.assertions.expectation import parse
from greenlight.assertions.filters import FILTERS

NOW = datetime.datetime(2026, 11, 2, 12, 0, tzinfo=datetime.UTC)
NAN = float("nan")


def holds(filters: list[Any], actual: Any, expected: Any) -> bool:
    return parse({"filters": filters, "eq": expected}, now=lambda: NOW).holds(actual)


@pytest.mark.parametrize(
    ("applied", "actual"),
    [
        ("count", 5),
        ("count", None),
        ("lower", 5),
        ("trim", ["a"]),
        ("first", []),
        ("first", "abc"),
        ({"nth": 3}, [1, 2, 3]),
        ({"nth": -4}, [1, 2, 3]),
        ("keys", [1]),
        ("values", "a"),
        ({"split": ","}, ["a"]),
        ({"join": ","}, ["a", 1]),
        ({"regex": "a(b)?"}, "a"),
        ({"regex": "b"}, "a"),
        ({"replace": {"old": "a", "new": "b" * 2000}}, "a" * 1_000_000),
        ("to_int", ""),
        ("to_int", " 1"),
        ("to_int", "1_000"),
        ("to_int", "٣"),
        ("to_int", True),
        ("to_int", None),
        ("to_int", NAN),
        ("to_int", 1.5),
        ("to_int", "9" * 5000),
        ("to_float", "nan"),
        ("to_float", "inf"),
        ("to_float", "1e999"),
        ("to_float", "1,5"),
        ("to_float", False),
        ("to_text", []),
        ("to_text", {"a": 1}),
        ("round", "1.5"),
        ({"decode": "base64"}, "a"),
        ({"decode": "base64"}, "YQ==\n!"),
        ({"decode": "base64"}, "/w=="),
        ({"decode": "base64url"}, "ü"),
        ({"decode": "url"}, "%ff"),
        ("json", "{"),
        ("json", "NaN"),
        ("json", "[" * 100_000),
        ({"json": "a.b"}, '{"a": {}}'),
        ({"query_param": "page"}, "https://example.org/?other=1"),
        ("to_date", "yesterday"),
        ("to_date", "2026-02-30"),
        ("to_date", 1_700_000_000),
        ({"to_date": "epoch"}, 1e300),
        ({"to_date": "epoch"}, "1700000000"),
        ({"to_date": "%d.%m.%Y"}, "2026-11-02"),
        ("days_since", "soon"),
        ("days_until", None),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_filter_that_cannot_be_applied_finds_nothing_and_explains_why(applied: Any, actual: Any) -> None:
    filters = [{"round": 0} if applied == "round" else applied]
    name = applied if isinstance(applied, str) else next(iter(applied))

    assert not parse({"filters": filters, "exists": True}).holds(actual)
    assert not parse({"not": {"filters": filters, "eq": "x"}}).holds(actual)
    assert parse({"filters": filters, "exists": False}).holds(actual)
    assert parse({"filters": filters, "exists": True}).why(actual).startswith(f"{name} cannot be applied: ")


def test_pattern_that_times_out_does_not_count_as_missing(short_pattern_timeout: None) -> None:
    slow = parse({"filters": [{"regex": r"^(?:(?:a|aa)+x?)+$"}], "exists": False})

    assert not slow.holds("a" * 5000 + "!")


@pytest.mark.parametrize(
    ("filters", "actual", "expected"),
    [
        (["count"], {"a": 1, "b": 2}, 2),
        (["count"], "abc", 3),
        (["trim", "upper"], " a\n", "A"),
        (["last"], [1, 2], 2),
        (["keys"], {"a": 1}, ["a"]),
        (["values", {"nth": 0}], {"a": 1}, 1),
        ([{"split": ","}, {"join": "-"}], "a,b,", "a-b-"),
        ([{"regex": "[0-9]+"}], "build 17", "17"),
        ([{"regex": {"pattern": "(?P<name>[a-z]+)=([0-9]+)", "group": 2}}], "a=1", "1"),
        ([{"regex": {"pattern": "(?P<name>[a-z]+)=([0-9]+)", "group": "name"}}], "a=1", "a"),
        ([{"replace": {"pattern": "[0-9]", "new": r"\1"}}], "a1", r"a\1"),
        (["to_int"], "-7", -7),
        (["to_int"], 7.0, 7),
        (["to_float"], "1e3", 1000),
        (["to_text"], 1.5, "1.5"),
        (["to_text"], True, "true"),
        (["to_text"], None, "null"),
        ([{"round": 1}], 1.25, 1.2),
        ([{"round": 0}], 2.7, 3),
        ([{"decode": "base64url"}], "YQ", "a"),
        (["json"], "null", None),
        ([{"json": "a[0]"}], '{"a": [null]}', None),
        (["to_date"], "2026-11-02T10:00:00+02:00", "2026-11-02T08:00:00Z"),
        (["to_date"], "Sun, 06 Nov 1994 08:49:37 GMT", "1994-11-06T08:49:37Z"),
        ([{"to_date": "epoch"}], 0, "1970-01-01T00:00:00Z"),
        ([{"to_date": "epoch_ms"}], 1500, "1970-01-01T00:00:01.500000Z"),
        ([{"to_date": "%d.%m.%Y %H:%M %z"}], "02.11.2026 01:00 +0100", "2026-11-02T00:00:00Z"),
        (["days_since"], "2026-11-01T00:00:00Z", 1.5),
        (["days_until"], "2026-11-03", 0.5),
        (["days_since"], "2026-11-03", -0.5),
        ([{"to_date": "%d.%m.%Y"}, "days_until"], "12.11.2026", 9.5),
    ],
)
def test_filter_result_is_compared(filters: list[Any], actual: Any, expected: Any) -> None:
    assert holds(filters, actual, expected)


def test_every_filter_has_a_description() -> None:
    assert [name for name, entry in FILTERS.items() if not entry.description.endswith(".")] == []
