"""Time: whether a stage's checks can end, and whether they surely end, before the function's time is over."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

from greenlight.core.units import Duration
from greenlight.gate.handler import RESERVE_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from devkit.lint.diagnostics import RuleProblems
    from devkit.lint.limits import Limits
    from greenlight.checks.binding import Bound
    from greenlight.plan.model import Check, Stage

_WAITS = ("settle", "duration", "for_")
"""Parameters of validators that are waited whole, inside the check's own time-out."""


def check_budget(stages: Mapping[str, Stage], limits: Limits) -> RuleProblems:
    """Find stages that take longer than the function lives."""
    given_s = limits.function_s - min(RESERVE_S, limits.function_s / 4)
    of = f"of the function's {Duration(limits.function_s)}, {Duration(given_s)} are left for checks"
    for name, stage in stages.items():
        place = ("stages", name)
        least_s, most_s = least(stage), most(stage, limits.concurrency)
        if least_s >= given_s:
            path = (*place, "bake") if stage.bake_s >= given_s else place
            what = f"bake, intervals and needs alone take {Duration(least_s)}, and {of}; shorten them, or raise HookTimeout"
            yield "impossible-budget", path, what
        elif most_s > given_s:
            what = (
                f"if every check takes all its time, this stage takes {Duration(round(most_s))}, and {of}; what has not "
                "ended by then fails the release: lower time-outs or attempts, or raise HookTimeout"
            )
            yield "may-not-finish", place, what


def check_waits(bound: Mapping[str, Sequence[Bound]]) -> RuleProblems:
    """Find validators that wait longer than their check's time-out."""
    for each in (each for checks in bound.values() for each in checks):
        check = each.check
        for field in _WAITS:
            waited = getattr(each.params, field, None)
            if isinstance(waited, Duration) and waited >= check.timeout_s:
                key = field.rstrip("_")
                what = f"{key} is {waited} and the check's timeout {Duration(check.timeout_s)}; write a timeout that is longer"
                yield "impossible-wait", (*check.path, check.validator, key), what


def least(stage: Stage) -> float:
    """Give the shortest time in which the stage can succeed: what is waited even if every answer comes at once."""
    return stage.bake_s + max(_ends(stage, _quickest).values(), default=0.0)


def _quickest(check: Check) -> float:
    if check.repeat is None:
        return 0.0
    return ((check.repeat.consecutive_success_limit or check.repeat.count) - 1) * check.repeat.interval


def _ends(stage: Stage, takes: Callable[[Check], float]) -> dict[str, float]:
    """Give when each check ends if nothing but what it needs keeps it; needs stand before those who need them."""
    ends: dict[str, float] = {}
    for check in stage.checks:
        ends[check.name] = max((ends.get(need, 0.0) for need in check.needs), default=0.0) + takes(check)
    return ends


def most(stage: Stage, concurrency: int) -> float:
    """Give the time the stage takes if every check takes all of its own, in the plan's order on `concurrency` places."""
    free = [0.0] * concurrency
    ends: dict[str, float] = {}
    missing = {check.name: len(set(check.needs)) for check in stage.checks}
    needed_by: dict[str, list[int]] = {}
    for number, check in enumerate(stage.checks):
        for need in set(check.needs):
            needed_by.setdefault(need, []).append(number)
    later = [(0.0, number) for number, check in enumerate(stage.checks) if not check.needs]
    ready: list[int] = []
    while later or ready:
        now = free[0] if ready else max(free[0], later[0][0])
        while later and later[0][0] <= now:
            heapq.heappush(ready, heapq.heappop(later)[1])
        check = stage.checks[heapq.heappop(ready)]
        ends[check.name] = now + check.worst_case_s()
        heapq.heapreplace(free, ends[check.name])
        for number in needed_by.get(check.name, ()):
            other = stage.checks[number]
            missing[other.name] -= 1
            if not missing[other.name]:
                heapq.heappush(later, (max(ends[need] for need in other.needs), number))
    return stage.bake_s + max(ends.values(), default=0.0)
