"""What differs between two answers, and which of it is news. Pure.

Two answers of blue to one request differ, too: times, ids, orders. What differs there is noise, counted by place and
kind, and only what differs more often between blue and green than between blue and blue is a difference.

Source of the idea and of the two thresholds: https://github.com/opendiffy/diffy (Twitter's Diffy).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any

from greenlight.core.frozen import FrozenStruct
from greenlight.core.json_values import equals

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

MAX_DIFFERENCES = 1000
"""Differences kept of one pair; two answers with more have nothing in common."""

MAX_DEPTH = 100


class Difference(FrozenStruct, frozen=True, kw_only=True):
    """One difference of a pair.

    Attributes:
        path: Where, with `[]` for any place in a list: `json.items[].price`.
        kind: `missing` and `added` (seen from green), `type`, `value`, `length` or `order` (of a list).
        blue, green: What stands there; None where nothing does.
    """

    path: str
    kind: str
    blue: Any = None
    green: Any = None


def find_differences(blue: Any, green: Any, path: str = "", ignore: Collection[str] = ()) -> list[Difference]:
    """Give what differs between two trees of plain data.

    Args:
        blue: What is right.
        green: What is held against it.
        path: Where both stand.
        ignore: Paths, or last parts of paths, that may differ with all that is below them.
    """
    found: list[Difference] = []
    for each in _walked(blue, green, path, frozenset(ignore), 0):
        found.append(each)
        if len(found) >= MAX_DIFFERENCES:
            break
    return found


def _walked(blue: Any, green: Any, path: str, ignore: frozenset[str], depth: int) -> Iterator[Difference]:
    if _ignored(path, ignore):
        return
    if depth > MAX_DEPTH:
        yield Difference(path=path, kind="value", blue="nested too deep to compare", green="nested too deep to compare")
    elif isinstance(blue, dict) and isinstance(green, dict):
        for name in dict.fromkeys([*blue, *green]):
            below = f"{path}.{name}" if path else str(name)
            if name not in green or name not in blue:
                if not _ignored(below, ignore):
                    kind = "missing" if name in blue else "added"
                    yield Difference(path=below, kind=kind, blue=blue.get(name), green=green.get(name))
            else:
                yield from _walked(blue[name], green[name], below, ignore, depth + 1)
    elif isinstance(blue, list) and isinstance(green, list):
        yield from _lists(blue, green, path, ignore, depth)
    elif _type(blue) != _type(green):
        yield Difference(path=path, kind="type", blue=blue, green=green)
    elif not equals(blue, green):
        yield Difference(path=path, kind="value", blue=blue, green=green)


def _lists(blue: list[Any], green: list[Any], path: str, ignore: frozenset[str], depth: int) -> Iterator[Difference]:
    if len(blue) != len(green):
        yield Difference(path=path, kind="length", blue=len(blue), green=len(green))
    elif _reordered(blue, green):
        yield Difference(path=path, kind="order", blue=blue, green=green)
        return
    for mine, theirs in zip(blue, green, strict=False):
        yield from _walked(mine, theirs, f"{path}[]", ignore, depth + 1)


def _reordered(blue: list[Any], green: list[Any]) -> bool:
    try:
        return sorted(map(_written, blue)) == sorted(map(_written, green)) and not equals(blue, green)
    except RecursionError:
        return False  # so deep that walking on will end it


def _ignored(path: str, ignore: frozenset[str]) -> bool:
    bare = path.replace("[]", "")
    last = bare.rpartition(".")[2]
    return any(entry in ignore for entry in (path, bare, last, bare.partition(".")[2]) if entry)


def _type(value: Any) -> str:
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def _written(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


class DifferenceCount(FrozenStruct, frozen=True, kw_only=True):
    """One place and kind over all pairs: how often green differs, how often blue differs from itself, an example."""

    path: str
    kind: str
    raw: int
    noise: int
    pairs: int
    example: Difference

    @property
    def relative(self) -> float:
        """How much more often green differs, 0 to 100 of all differences here."""
        return abs(self.raw - self.noise) / (self.raw + self.noise) * 100

    @property
    def absolute(self) -> float:
        """How much more often green differs, 0 to 100 of all pairs."""
        return abs(self.raw - self.noise) / self.pairs * 100


def count_differences(
    raw: Sequence[Iterable[Difference]], noise: Sequence[Iterable[Difference]]
) -> list[DifferenceCount]:
    """Count differences by place and kind over pairs.

    Args:
        raw: For each request, blue against green.
        noise: For each request, blue against blue again.
    """
    first: dict[tuple[str, str], Difference] = {}
    counts: Counter[tuple[str, str]] = Counter()
    noisy: Counter[tuple[str, str]] = Counter()
    for pair in raw:
        here: dict[tuple[str, str], Difference] = {}
        for each in pair:
            here.setdefault((each.path, each.kind), each)
        first = here | first
        counts.update(here.keys())
    for pair in noise:
        noisy.update({(each.path, each.kind) for each in pair})
    return [
        DifferenceCount(
            path=path, kind=kind, raw=count, noise=noisy[path, kind], pairs=len(raw), example=first[path, kind]
        )
        for (path, kind), count in sorted(counts.items())
    ]


def percentile(values: Sequence[float], percent: float) -> float:
    """Give the nearest-rank percentile of values (at least one), `percent` above 0 and up to 100."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
