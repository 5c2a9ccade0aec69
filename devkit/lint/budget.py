"""Rules for time: whether the checks of a stage can finish, and always finish, within the function's timeout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.core.deployment import SHIFT
from greenlight.core.units import Duration
from greenlight.gate.conductor import HOLD_END_S, MACHINE_CHECKS_S
from greenlight.gate.handler import RESERVE_S
from greenlight.plan.duration import longest_duration_s, shortest_duration_s

from .conductors import machine_reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from greenlight.checks.binding import Bound
    from greenlight.plan.hold import Hold
    from greenlight.plan.model import Plan, Stage

    from .diagnostics import RuleProblems
    from .limits import Limits

_WAITS = ("settle", "duration", "for_")
"""Parameters of validators that set a wait, which always takes its full time within the check's timeout."""


def check_budget(stages: Mapping[str, Stage], plan: Plan, limits: Limits) -> RuleProblems:
    """Find stages that take longer than their conductor has."""
    hook_s = limits.function_s - min(RESERVE_S, limits.function_s / 4)
    hook_budget = f"the function's timeout of {Duration(limits.function_s)} leaves {Duration(hook_s)} for checks"
    machine_budget = f"the state machine has {Duration(MACHINE_CHECKS_S)} for checks"
    for name, stage in stages.items():
        if name == SHIFT:
            continue  # the rounds of a watch have a budget of their own
        stage_path = ("stages", name)
        is_inline = not machine_reason(plan, name, limits)
        available_s, budget = (hook_s, hook_budget) if is_inline else (MACHINE_CHECKS_S, machine_budget)
        remedy = ", or raise HookTimeout" if is_inline else ""
        shortest_s, longest_s = shortest_duration_s(stage), longest_duration_s(stage, limits.concurrency)
        if shortest_s >= available_s:
            path = (*stage_path, "bake") if stage.bake_s >= available_s else stage_path
            message = f"bake, intervals and needs alone take {Duration(shortest_s)}, but {budget}; shorten them{remedy}"
            yield "impossible-budget", path, message
        elif longest_s > available_s:
            message = (
                f"if every check takes its maximum time, this stage takes {Duration(round(longest_s))}, but {budget}; "
                f"checks that have not finished by then fail the release: lower timeouts or attempts{remedy}"
            )
            yield "may-not-finish", stage_path, message
        elif stage.hold is not None:
            yield from _check_hold(name, stage.hold, shortest_s, longest_s, limits)


def _check_hold(name: str, hold: Hold, shortest_s: float, longest_s: float, limits: Limits) -> RuleProblems:
    """Find a hold that no conductor can wait for, or that may have less time than the plan says."""
    path = ("stages", name, "hold")
    available_s = HOLD_END_S - hold.within
    if limits.conductor == "inline":
        message = "a hold needs the state machine, which this installation does not have; every gate of it would fail"
        yield "impossible-budget", path, message
    elif shortest_s > available_s:
        message = (
            f"bake, intervals and needs alone take {Duration(shortest_s)}, and a hold ends "
            f"{Duration(HOLD_END_S)} after the gate has begun, so it never has {hold.within}; shorten one of them"
        )
        yield "impossible-budget", (*path, "within"), message
    elif longest_s > available_s:
        message = (
            f"if every check takes its maximum time, this stage takes {Duration(round(longest_s))}, and a hold ends "
            f"{Duration(HOLD_END_S)} after the gate has begun, so it has less than {hold.within} then: "
            "lower timeouts or attempts"
        )
        yield "may-not-finish", (*path, "within"), message


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
