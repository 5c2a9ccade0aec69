"""The time that a stage takes, at least and at most."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greenlight.plan.model import Check, Stage


def shortest_duration_s(stage: Stage) -> float:
    """Return the shortest time in which the stage can succeed: its waits, with instant responses."""
    ends_s: dict[str, float] = {}
    for check in stage.checks:  # a check comes after those that it needs
        start_s = max((ends_s.get(need, 0.0) for need in check.needs), default=0.0)
        ends_s[check.name] = start_s + _shortest_check_s(check)
    return stage.bake_s + max(ends_s.values(), default=0.0)


def _shortest_check_s(check: Check) -> float:
    if check.repeat is None:
        return 0.0
    return ((check.repeat.consecutive_success_limit or check.repeat.count) - 1) * check.repeat.interval


def longest_duration_s(stage: Stage, concurrency: int) -> float:
    """Return the time that the stage takes if every check takes its maximum time.

    The checks are scheduled as the runner does: in the plan's order on `concurrency` threads, each after those that it
    needs.
    """
    threads_free_s = [0.0] * concurrency
    ends_s: dict[str, float] = {}
    open_needs = {check.name: len(set(check.needs)) for check in stage.checks}
    needed_by: dict[str, list[int]] = {}
    for index, check in enumerate(stage.checks):
        for need in set(check.needs):
            needed_by.setdefault(need, []).append(index)
    later = [(0.0, index) for index, check in enumerate(stage.checks) if not check.needs]
    ready: list[int] = []
    while later or ready:
        now_s = threads_free_s[0] if ready else max(threads_free_s[0], later[0][0])
        while later and later[0][0] <= now_s:
            heapq.heappush(ready, heapq.heappop(later)[1])
        check = stage.checks[heapq.heappop(ready)]
        ends_s[check.name] = now_s + check.worst_case_s()
        heapq.heapreplace(threads_free_s, ends_s[check.name])
        for index in needed_by.get(check.name, ()):
            dependent = stage.checks[index]
            open_needs[dependent.name] -= 1
            if not open_needs[dependent.name]:
                heapq.heappush(later, (max(ends_s[need] for need in dependent.needs), index))
    return stage.bake_s + max(ends_s.values(), default=0.0)
