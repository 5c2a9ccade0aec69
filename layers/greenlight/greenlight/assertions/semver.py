"""Semantic versions and ranges of them, in the notation of npm.

Versions and their order: https://semver.org/spec/v2.0.0.html. Ranges: https://github.com/npm/node-semver#ranges; a `,`
means "and", too, as in Cargo. A pre-release is in a range only if the range itself has a pre-release of the same
major.minor.patch: `>=1.4` does not include 2.0.0-rc.1.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_LENGTH = 256
"""Longest version or range, in characters."""

_IDENTIFIER = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_TAIL = rf"(?:-({_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_NUMBER = r"(0|[1-9][0-9]*)"
_VERSION = re.compile(rf"v?{_NUMBER}\.{_NUMBER}\.{_NUMBER}{_TAIL}", re.ASCII)
_PART = r"(0|[1-9][0-9]*|[xX*])"
_PARTIAL = rf"v?{_PART}(?:\.{_PART}(?:\.{_PART}{_TAIL})?)?(?:\+[0-9A-Za-z.-]+)?"
_COMPARATOR = re.compile(rf"(~>|[<>]=?|[=~^]?)\s*{_PARTIAL}", re.ASCII)
_HYPHEN = re.compile(rf"\s*({_PARTIAL})\s+-\s+({_PARTIAL})\s*", re.ASCII)
_AND = re.compile(r"\s*,\s*|\s+")

Release = tuple[int, int, int]
Key = tuple[int, int, int, int, tuple[tuple[int, int, str], ...]]
"""A version as a tuple; tuples compare in the order of semver.org, section 11."""

_FIRST = ((0, 0, ""),)
"""The pre-release 0, the lowest of all."""


class Bound(NamedTuple):
    """One limit of a range.

    Attributes:
        lower: True for a lower limit, False for an upper one.
        inclusive: Whether the limit itself is in the range.
        key: The limit.
        pre: Whether the range was written with a pre-release here.
    """

    lower: bool
    inclusive: bool
    key: Key
    pre: bool

    def allows(self, key: Key) -> bool:
        """Check whether a version is on the right side of the limit."""
        if key == self.key:
            return self.inclusive
        return (key > self.key) is self.lower


Range = tuple[tuple[Bound, ...], ...]


def parse_version(text: str) -> Key | None:
    """Parse a version such as 1.2.3-rc.1+build, optionally prefixed with `v`; return None if it is not valid."""
    match = _VERSION.fullmatch(text) if len(text) <= MAX_LENGTH else None
    return _key((int(match[1]), int(match[2]), int(match[3])), _pre(match[4])) if match else None


def parse_range(text: str) -> Range:
    """Parse a range: alternatives separated by `||`, each with bounds that must all hold.

    Raises:
        ValueError: The range is not valid.
    """
    if not text.strip() or len(text) > MAX_LENGTH:
        raise ValueError(f"a range of versions has 1 to {MAX_LENGTH} characters")
    return tuple(_parse_alternative(alternative.strip()) for alternative in text.split("||"))


def is_in_range(key: Key, allowed: Range) -> bool:
    """Check whether a version is in a range."""
    return any(
        all(bound.allows(key) for bound in bounds)
        and (key[3] == 1 or any(bound.pre and bound.key[:3] == key[:3] for bound in bounds))
        for bounds in allowed
    )


def _parse_alternative(text: str) -> tuple[Bound, ...]:
    if hyphen := _HYPHEN.fullmatch(text):
        return (*_bounds(">=", hyphen.groups()[1:5]), *_bounds("<=", hyphen.groups()[6:10]))
    bounds: list[Bound] = []
    position = 0
    while position < len(text) or not bounds:
        match = _COMPARATOR.match(text, position)
        gap = _AND.match(text, match.end()) if match else None
        if match is None or (gap is None and match.end() < len(text)):
            raise ValueError(
                f"{text!r} is not a valid range of versions; write such as '>=1.4 <2', '^1.2.3', '~1.2' or '1.x'"
            )
        bounds += _bounds(match[1], match.groups()[1:])
        position = gap.end() if gap else match.end()
    return tuple(bounds)


def _bounds(operator: str, parts: tuple[str | None, ...]) -> list[Bound]:
    """Convert one comparator to bounds, as node-semver documents it under "Advanced Ranges"."""
    numbers = [None if part is None or part in "xX*" else int(part) for part in parts[:3]]
    given_parts = numbers.index(None) if None in numbers else 3
    if any(number is not None for number in numbers[given_parts:]):
        raise ValueError("nothing but x can follow an x in a range of versions")
    pre = _pre(parts[3]) if given_parts == 3 else ()
    release: Release = (numbers[0] or 0, numbers[1] or 0, numbers[2] or 0)
    lower = Bound(True, True, _key(release, pre), bool(pre))
    if operator in ("~", "~>"):
        return [lower, *_below(release, min(given_parts, 2))]
    if operator == "^":
        # Up to the first written part that is not 0.
        return [lower, *_below(release, next((i + 1 for i in range(given_parts) if release[i]), given_parts))]
    if operator == ">=" or (operator in ("", "=", "<=") and given_parts == 0):
        return [lower]
    if operator in ("", "="):
        return (
            [lower, Bound(False, True, lower.key, bool(pre))]
            if given_parts == 3
            else [lower, *_below(release, given_parts)]
        )
    if given_parts == 3:
        return [Bound(operator == ">", operator == "<=", lower.key, bool(pre))]
    if operator == "<=":
        return _below(release, given_parts)
    if operator == ">" and given_parts:
        return [Bound(True, True, _key(_after(release, given_parts), ()), False)]
    return [Bound(False, False, _key(release, _FIRST), False)]


def _below(release: Release, given_parts: int) -> list[Bound]:
    """Return the bound below the next release of a part; it excludes the pre-releases of that release as well."""
    return [Bound(False, False, _key(_after(release, given_parts), _FIRST), False)] if given_parts else []


def _after(release: Release, given_parts: int) -> Release:
    parts = [*release[: given_parts - 1], release[given_parts - 1] + 1, 0, 0]
    return parts[0], parts[1], parts[2]


def _key(release: Release, pre: tuple[tuple[int, int, str], ...]) -> Key:
    return (*release, 0 if pre else 1, pre)


def _pre(text: str | None) -> tuple[tuple[int, int, str], ...]:
    parts = text.split(".") if text else []
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
