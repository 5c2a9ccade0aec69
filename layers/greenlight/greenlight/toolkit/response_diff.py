"""Differences between two responses, separated from noise.

Two responses of blue to the same request differ as well, in times, ids or order. These differences are noise. They are
counted by path and kind. A difference counts only if it is more frequent between blue and green than between blue and
blue.

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
"""Maximum number of differences per pair; beyond them nothing is compared."""

MAX_DEPTH = 100
_TOO_DEEP = "nested too deeply to compare"


class Difference(FrozenStruct, frozen=True, kw_only=True):
    """One difference of a pair of responses.

    Attributes:
        path: Path of the value, with `[]` for any index of a list: `json.items[].price`.
        kind: `missing` and `added` (seen from green), `type`, `value`, `length` or `order` (of a list).
        blue, green: The two values; None if a side has no value there.
    """

    path: str
    kind: str
    blue: Any = None
    green: Any = None


def find_differences(blue: Any, green: Any, path: str = "", ignore: Collection[str] = ()) -> list[Difference]:
    """Return the differences between two trees of plain data, one for each path and kind, and at most 1000.

    All items of a list have the same path, so that a thousand items that differ hide no difference behind them.

    Args:
        blue: The baseline.
        green: The tree to compare with it.
        path: Path of both trees.
        ignore: Paths, or last parts of paths, that may differ together with everything below them.
    """
    by_place: dict[tuple[str, str], Difference] = {}
    for difference in _walk(blue, green, path, frozenset(ignore), 0):
        by_place.setdefault((difference.path, difference.kind), difference)
        if len(by_place) == MAX_DIFFERENCES:
            break
    return list(by_place.values())


def is_partial(differences: Sequence[Difference]) -> bool:
    """Return whether a limit kept a part of two trees from being compared: too many differences, or too many levels."""
    return len(differences) >= MAX_DIFFERENCES or any(difference.blue is _TOO_DEEP for difference in differences)


def _walk(blue: Any, green: Any, path: str, ignore: frozenset[str], depth: int) -> Iterator[Difference]:
    if _is_ignored(path, ignore):
        return
    if depth > MAX_DEPTH:
        yield Difference(path=path, kind="value", blue=_TOO_DEEP, green=_TOO_DEEP)
    elif isinstance(blue, dict) and isinstance(green, dict):
        for name in dict.fromkeys([*blue, *green]):
            child = f"{path}.{name}" if path else str(name)
            if name not in green or name not in blue:
                if not _is_ignored(child, ignore):
                    kind = "missing" if name in blue else "added"
                    yield Difference(path=child, kind=kind, blue=blue.get(name), green=green.get(name))
            else:
                yield from _walk(blue[name], green[name], child, ignore, depth + 1)
    elif isinstance(blue, list) and isinstance(green, list):
        yield from _walk_lists(blue, green, path, ignore, depth)
    elif _type_name(blue) != _type_name(green):
        yield Difference(path=path, kind="type", blue=blue, green=green)
    elif not equals(blue, green):
        yield Difference(path=path, kind="value", blue=blue, green=green)


def _walk_lists(
    blue: list[Any], green: list[Any], path: str, ignore: frozenset[str], depth: int
) -> Iterator[Difference]:
    if len(blue) != len(green):
        yield Difference(path=path, kind="length", blue=len(blue), green=len(green))
    elif _is_reordered(blue, green):
        yield Difference(path=path, kind="order", blue=blue, green=green)
        return
    for blue_item, green_item in zip(blue, green, strict=False):
        yield from _walk(blue_item, green_item, f"{path}[]", ignore, depth + 1)


def _is_reordered(blue: list[Any], green: list[Any]) -> bool:
    try:
        return sorted(map(_sort_key, blue)) == sorted(map(_sort_key, green)) and not equals(blue, green)
    except RecursionError:
        return False  # _walk reports such a depth


def _is_ignored(path: str, ignore: frozenset[str]) -> bool:
    bare = path.replace("[]", "")
    last = bare.rpartition(".")[2]
    return any(entry in ignore for entry in (path, bare, last, bare.partition(".")[2]) if entry)


def _type_name(value: Any) -> str:
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def _sort_key(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=repr)


class DifferenceCount(FrozenStruct, frozen=True, kw_only=True):
    """Frequency of one difference, by path and kind, over all pairs.

    Attributes:
        path, kind: As in `Difference`.
        raw: Pairs in which green differs from blue.
        noise: Pairs in which blue differs from itself.
        pairs: All pairs of blue and green.
        example: The first of the differences.
    """

    path: str
    kind: str
    raw: int
    noise: int
    pairs: int
    example: Difference

    @property
    def relative(self) -> float:
        """Excess of green's differences, in percent of all differences of this path and kind."""
        return abs(self.raw - self.noise) / (self.raw + self.noise) * 100

    @property
    def absolute(self) -> float:
        """Excess of green's differences, in percent of all pairs."""
        return abs(self.raw - self.noise) / self.pairs * 100


def count_differences(
    raw: Sequence[Iterable[Difference]], noise: Sequence[Iterable[Difference]]
) -> list[DifferenceCount]:
    """Count differences by path and kind over all pairs.

    Args:
        raw: For each request, the differences between blue and green.
        noise: For each request, the differences between two responses of blue.
    """
    examples: dict[tuple[str, str], Difference] = {}
    counts: Counter[tuple[str, str]] = Counter()
    noise_counts: Counter[tuple[str, str]] = Counter()
    for differences in raw:
        by_place: dict[tuple[str, str], Difference] = {}
        for difference in differences:
            by_place.setdefault((difference.path, difference.kind), difference)
        examples = by_place | examples
        counts.update(by_place.keys())
    for differences in noise:
        noise_counts.update({(difference.path, difference.kind) for difference in differences})
    return [
        DifferenceCount(
            path=path,
            kind=kind,
            raw=count,
            noise=noise_counts[path, kind],
            pairs=len(raw),
            example=examples[path, kind],
        )
        for (path, kind), count in sorted(counts.items())
    ]


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the nearest-rank percentile of at least one value; `percent` is above 0 and at most 100."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]
