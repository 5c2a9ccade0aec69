"""Semantic versions and ranges: what is not valid, the order of versions, and the versions in a range.

tests/conformance compares ranges with node-semver's own cases.
"""

from __future__ import annotations

import itertools

import pytest

from greenlight.assertions.semver import MAX_LENGTH, is_in_range, parse_range, parse_version

IN_ORDER = [  # semver.org, section 11, with the releases around its example
    "0.9.10",
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-alpha.beta",
    "1.0.0-beta",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0-rc.1",
    "1.0.0",
    "1.0.10",
    "1.10.0",
]


@pytest.mark.parametrize(
    "text", ["", "1", "1.2", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "1.2.x", "1.2.3\n"]
)
def test_invalid_version_is_not_parsed(text: str) -> None:
    assert parse_version(text) is None


def test_version_longer_than_the_limit_is_not_parsed() -> None:
    longest = "1.0.0-" + "a" * (MAX_LENGTH - 6)

    assert parse_version(longest) is not None
    assert parse_version(longest + "a") is None


@pytest.mark.parametrize(("lower", "higher"), list(itertools.pairwise(IN_ORDER)))
def test_versions_compare_in_the_order_of_the_specification(lower: str, higher: str) -> None:
    keys = parse_version(lower), parse_version(higher)

    assert keys[0] is not None
    assert keys[1] is not None
    assert keys[0] < keys[1]


def test_prefix_and_build_do_not_matter() -> None:
    assert parse_version("v1.2.3+build.7") == parse_version("1.2.3")


@pytest.mark.parametrize("text", ["", "  ", "latest", "1.x.2", ">=1 and <2", "^1.2.3-", "1" * (MAX_LENGTH + 1)])
def test_invalid_range_is_rejected(text: str) -> None:
    with pytest.raises(ValueError, match="range of versions"):
        parse_range(text)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("^1.2.3", "2.0.0"),
        ("^0.2.3", "0.3.0"),
        ("~1.2.3", "1.3.0"),
        ("1.x", "2.0.0"),
        (">1.2", "1.2.9"),
        (">=1.4, <2", "2.0.0"),
        ("1.2.3 - 2.3", "2.4.0"),
        (">=1.4", "2.0.0-rc.1"),
        ("^1.2.3-rc.1", "1.2.4-rc.2"),
        ("<2", "2.0.0-rc.1"),
    ],
)
def test_version_is_outside_the_range(text: str, version: str) -> None:
    key = parse_version(version)

    assert key is not None
    assert not is_in_range(key, parse_range(text))


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("^1.2.3", "1.9.0"),
        ("^0.2.3", "0.2.9"),
        ("~1.2.3", "1.2.9"),
        ("~>1.2", "1.2.0"),
        ("*", "7.0.0"),
        ("1.X", "1.9.0"),
        (">1.2", "1.3.0"),
        ("<=1.2", "1.2.9"),
        (">=1.4 <2", "1.99.0"),
        ("1.2.3 - 2.3", "2.3.9"),
        ("^1 || ^3", "3.1.0"),
        ("^1.2.3-rc.1", "1.2.3-rc.2"),
    ],
)
def test_version_is_in_the_range(text: str, version: str) -> None:
    key = parse_version(version)

    assert key is not None
    assert is_in_range(key, parse_range(text))
