"""Rules for time: whether the checks of a stage can finish, and always finish, within the function's timeout."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from greenlight.core.units import Duration
from greenlight.gate.handler import RESERVE_S

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from greenlight.checks.binding import Bound
    from greenlight.plan.model import Check, Stage

    from .diagnostics import RuleProblems
    from .limits import Limits

_WAITS = ("settle", "duration", "for_")
"""Parameters of validators that set a wait, which always takes its full time within the check's timeout."""


def check_budget(stages: Mapping[str, Stage], limits: Limits) -> RuleProblems:
    """Find stages that take longer than the function's timeout."""
    available_s = limits.function_s - min(RESERVE_S, limits.function_s / 4)
    budget = f"the function's timeout of {Duration(limits.function_s)} leaves {Duration(available_s)} for checks"
    for name, stage in stages.items():
        stage_path = ("stages", name)
        shortest_s, longest_s = shortest_duration_s(stage), longest_duration_s(stage, limits.concurrency)
        if shortest_s >= available_s:
            path = (*stage_path, "bake") if stage.bake_s >= available_s else stage_path
            message = (
                f"bake, intervals and needs alone take {Duration(shortest_s)}, but {budget}; shorten them, or raise "
                "HookTimeout"
            )
            yield "impossible-budget", path, message
        elif longest_s > available_s:
            message = (
                f"if every check takes its maximum time, this stage takes {Duration(round(longest_s))}, but {budget}; "
                "checks that have not finished by then fail the release: lower timeouts or attempts, or raise "
                "HookTimeout"
            )
            yield "may-not-finish", stage_path, message


def check_waits(bound: Mapping[str, Sequence[Bound]]) -> RuleProblems:
    """Find validators that wait longer than their check's timeout."""
    for bound_checks in bound.values():
        for bound_check in bound_checks:
            yield from _check_wait(bound_check)


def _check_wait(bound_check: Bound) -> RuleProblems:
    check = bound_check.check
    for field in _WAITS:
        wait = getattr(bound_check.params, field, None)
        if isinstance(wait, Duration) and wait >= check.timeout_s:
            key = field.rstrip("_")
            message = f"{key} is {wait}, but the check's timeout is {Duration(check.timeout_s)}; use a longer timeout"
            yield "impossible-wait", (*check.path, check.validator, key), message


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
