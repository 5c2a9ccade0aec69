"""Semantic versions and the ranges npm has made common. Pure.

Versions and their order: https://semver.org/spec/v2.0.0.html. Ranges: https://github.com/npm/node-semver#ranges, with
`,` for "and", too, as in Cargo. A pre-release is in a range only where the range itself names a pre-release of the same
major.minor.patch: `>=1.4` does not mean 2.0.0-rc.1.
"""

from __future__ import annotations

import re
from typing import NamedTuple

MAX_LENGTH = 256
"""Characters of a version or a range."""

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
"""A version as a tuple that is ordered as semver.org section 11 says."""

_FIRST = ((0, 0, ""),)
"""The pre-release 0, before which there is none."""


class Bound(NamedTuple):
    """One limit of a range; `pre` tells whether the plan itself wrote a pre-release there."""

    lower: bool
    inclusive: bool
    key: Key
    pre: bool

    def lets(self, key: Key) -> bool:
        """Tell whether a version is on the right side."""
        if key == self.key:
            return self.inclusive
        return (key > self.key) is self.lower


Range = tuple[tuple[Bound, ...], ...]


def version(text: str) -> Key | None:
    """Read a version such as 1.2.3-rc.1+build; a `v` may stand in front. None for what is none."""
    found = _VERSION.fullmatch(text) if len(text) <= MAX_LENGTH else None
    return _key((int(found[1]), int(found[2]), int(found[3])), _pre(found[4])) if found else None


def ranges(text: str) -> Range:
    """Read a range: alternatives between `||`, each with bounds that must all hold.

    Raises:
        ValueError: It is none.
    """
    if not text.strip() or len(text) > MAX_LENGTH:
        raise ValueError(f"a range of versions has 1 to {MAX_LENGTH} characters")
    return tuple(_alternative(each.strip()) for each in text.split("||"))


def within(key: Key, wanted: Range) -> bool:
    """Tell whether a version is in a range."""
    return any(
        all(bound.lets(key) for bound in bounds)
        and (key[3] == 1 or any(bound.pre and bound.key[:3] == key[:3] for bound in bounds))
        for bounds in wanted
    )


def _alternative(text: str) -> tuple[Bound, ...]:
    if hyphen := _HYPHEN.fullmatch(text):
        return (*_bounds(">=", hyphen.groups()[1:5]), *_bounds("<=", hyphen.groups()[6:10]))
    bounds: list[Bound] = []
    position = 0
    while position < len(text) or not bounds:
        found = _COMPARATOR.match(text, position)
        gap = _AND.match(text, found.end()) if found else None
        if found is None or (gap is None and found.end() < len(text)):
            raise ValueError(f"{text!r} is no range of versions; write such as '>=1.4 <2', '^1.2.3', '~1.2' or '1.x'")
        bounds += _bounds(found[1], found.groups()[1:])
        position = gap.end() if gap else found.end()
    return tuple(bounds)


def _bounds(operator: str, parts: tuple[str | None, ...]) -> list[Bound]:
    """Turn one comparator into bounds; the tables stand in the documentation of node-semver under "Advanced Ranges"."""
    numbers = [None if part is None or part in "xX*" else int(part) for part in parts[:3]]
    known = numbers.index(None) if None in numbers else 3
    if any(number is not None for number in numbers[known:]):
        raise ValueError("nothing but x can follow an x in a range of versions")
    pre = _pre(parts[3]) if known == 3 else ()
    release: Release = (numbers[0] or 0, numbers[1] or 0, numbers[2] or 0)
    lower = Bound(True, True, _key(release, pre), bool(pre))
    if operator in ("~", "~>"):
        return [lower, *_below(release, min(known, 2))]
    if operator == "^":
        # Up to the first part that is not 0, of those that are written.
        return [lower, *_below(release, next((i + 1 for i in range(known) if release[i]), known))]
    if operator == ">=" or (operator in ("", "=", "<=") and known == 0):
        return [lower]
    if operator in ("", "="):
        return [lower, Bound(False, True, lower.key, bool(pre))] if known == 3 else [lower, *_below(release, known)]
    if known == 3:
        return [Bound(operator == ">", operator == "<=", lower.key, bool(pre))]
    if operator == "<=":
        return _below(release, known)
    if operator == ">" and known:
        return [Bound(True, True, _key(_after(release, known), ()), False)]
    return [Bound(False, False, _key(release, _FIRST), False)]


def _below(release: Release, known: int) -> list[Bound]:
    """Give the bound below the next release of a part, of which not even a pre-release counts."""
    return [Bound(False, False, _key(_after(release, known), _FIRST), False)] if known else []


def _after(release: Release, known: int) -> Release:
    parts = [*release[: known - 1], release[known - 1] + 1, 0, 0]
    return parts[0], parts[1], parts[2]


def _key(release: Release, pre: tuple[tuple[int, int, str], ...]) -> Key:
    return (*release, 0 if pre else 1, pre)


def _pre(text: str | None) -> tuple[tuple[int, int, str], ...]:
    parts = text.split(".") if text else []
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in parts)
