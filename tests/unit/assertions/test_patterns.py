"""Patterns: what is not valid, what takes too long, and literal texts."""

from __future__ import annotations

import time
from typing import Any

import pytest
import regex

from greenlight.assertions import patterns
from greenlight.assertions.expectation import parse
from greenlight.assertions.patterns import PatternTimeoutError, escape_pattern, replace, search
from greenlight.core.errors import ExpectationError
from tests.support.expectation_samples import ENDLESS_PATTERN

RECURSIVE = [
    "(?R)",
    "(a|(?R))+",
    "(?0)",
    "(a(?1)?)",
    "(?P<x>a(?&x)?)",
    "(?<x>a(?P>x)?)",
    "(?P<x>a(?1)?)",
    "(?:[(](?R)?[)])",
    "(a(?2)?)(b(?1)?)",
    r"(\\(a)[)](?1)?)",
]


@pytest.mark.parametrize(
    ("raw", "path", "message"),
    [
        ({"matches": 5}, ("matches",), "matches takes a pattern"),
        ({"matches": "("}, ("matches",), "'(' is not a valid pattern: missing )"),
        ({"matches": ""}, ("matches",), "has 1 to 2000 characters, and this has 0"),
        ({"matches": "a" * 2001}, ("matches",), "and this has 2001"),
        ({"matches": "(" * 1000}, ("matches",), "nested too deeply"),
        *[({"matches": pattern}, ("matches",), "contains itself, by (?R), (?1) or (?&name)") for pattern in RECURSIVE],
    ],
)
def test_invalid_pattern_is_rejected_at_its_place(raw: Any, path: tuple[str | int, ...], message: str) -> None:
    with pytest.raises(ExpectationError) as caught:
        parse(raw)

    assert caught.value.path == path
    assert message in str(caught.value)


@pytest.mark.parametrize("raw", [{"matches": ENDLESS_PATTERN}, {"not": {"matches": ENDLESS_PATTERN}}], ids=str)
def test_endless_pattern_times_out_and_does_not_hold(raw: Any, short_pattern_timeout: None) -> None:
    expectation = parse(raw)
    began = time.process_time()  # which is how the time of a pattern is measured, on machines however busy

    assert not expectation.holds("a" * 5000 + "!")
    assert time.process_time() - began < 3


def test_escaped_pattern_matches_only_its_text() -> None:
    pattern = parse({"matches": f"^{escape_pattern('a.b*')}$"})

    assert pattern.holds("a.b*")
    assert not pattern.holds("aab")


@pytest.mark.parametrize(
    "pattern", ["([0-9]+)-(?1)$", "(?1)-([0-9]+)$", "(?P<n>[0-9]+)-(?&n)$", r"[(?R)1]+-\(?[0-9]+$", "(?#(?R)1+-1+$"]
)
def test_pattern_that_uses_a_group_again_is_accepted(pattern: str) -> None:
    assert parse({"matches": pattern}).holds("11-1")


def test_pattern_that_exhausts_memory_shows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "PATTERN_TIMEOUT_S", 60.0)  # a busy machine takes more than 1 s to get there
    compiled = regex.compile("(a|(?R))+")  # as plans cannot have it; another pattern may be as greedy

    for use in (lambda: search(compiled, "b"), lambda: replace(compiled, "x", "b")):
        with pytest.raises(PatternTimeoutError, match="takes more memory than there is, so it shows nothing"):
            use()
