"""Division of a stage's checks into shards, which run in separate functions, and of the shards into waves.

Checks that need one another stay in one shard where they fit. A group that is too large is divided: its checks that
others need run first, level by level, and the checks that need them run in a later wave, in several shards. If the
first check of such a group fails, green is not asked by the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from greenlight.plan.model import Check

SHARD_CHECKS = 50
"""Checks of a shard, as long as there are not more than 20 shards."""

MANY_SHARDS = 20
MAX_SHARD_CHECKS = 500
"""Checks that one process should run."""

MAX_LEVELS = 8
"""Waves that a group of checks may take because of the checks that they need."""


class Division(NamedTuple):
    """Names of the checks of each shard, and the numbers of the shards of each wave."""

    shards: tuple[tuple[str, ...], ...]
    waves: tuple[tuple[int, ...], ...]


def divide(checks: Sequence[Check]) -> Division:
    """Divide the checks of a stage; each is in exactly one shard, and needs only its shard or earlier waves."""
    size = max(SHARD_CHECKS, min(MAX_SHARD_CHECKS, -(-len(checks) // MANY_SHARDS)))
    groups = _connected(checks)
    levels: dict[int, list[str]] = {}
    small: list[list[str]] = []
    for group in groups:
        if len(group) <= size:
            small.append([check.name for check in group])
            continue
        for name, level in _levels(group, size).items():
            levels.setdefault(level, []).append(name)
    last = max(levels, default=0)
    waves = [_slices(levels.get(level, []), size) for level in range(last)]
    waves.append(_packed(small, size, _slices(levels.get(last, []), size)))
    shards: list[tuple[str, ...]] = []
    numbers: list[tuple[int, ...]] = []
    for wave in waves:
        numbers.append(tuple(range(len(shards), len(shards) + len(wave))))
        shards += map(tuple, wave)
    return Division(tuple(shards), tuple(numbers))


def _connected(checks: Sequence[Check]) -> list[list[Check]]:
    """Return the groups of checks that need one another, directly or not, in the plan's order (union-find)."""
    parent = {check.name: check.name for check in checks}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = name = parent[parent[name]]
        return name

    for check in checks:
        for need in check.needs:
            parent[root(check.name)] = root(need)
    groups: dict[str, list[Check]] = {}
    for check in checks:
        groups.setdefault(root(check.name), []).append(check)
    return list(groups.values())


def _levels(group: Sequence[Check], size: int) -> dict[str, int]:
    """Return the wave of each check of a large group: after the last check that it needs, and the last for leaves.

    A group with long chains would have too many waves. It is cut in the plan's order, in which each check comes after
    those that it needs.
    """
    depth: dict[str, int] = {}
    for check in group:
        depth[check.name] = max((depth[need] + 1 for need in check.needs), default=0)
    last = max(depth.values())
    if last > MAX_LEVELS:
        return {check.name: index // size for index, check in enumerate(group)}
    needed = {need for check in group for need in check.needs}
    return {name: level if name in needed else last for name, level in depth.items()}


def _slices(names: Sequence[str], size: int) -> list[list[str]]:
    return [list(names[start : start + size]) for start in range(0, len(names), size)]


def _packed(groups: Iterable[Sequence[str]], size: int, shards: list[list[str]]) -> list[list[str]]:
    """Add whole groups to the last shard, or to new ones, and return all shards."""
    for group in groups:
        if not shards or len(shards[-1]) + len(group) > size:
            shards.append([])
        shards[-1] += group
    return shards
