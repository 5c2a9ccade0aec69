"""Rules for the stage AllowTraffic, whose checks run in rounds while the users' traffic shifts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.core.deployment import SHIFT
from greenlight.core.units import Duration
from greenlight.gate.watcher import GATE_BEFORE_SHIFT
from greenlight.machine.watch import ROUND_MARGIN_S, ROUND_S
from greenlight.plan.duration import longest_duration_s

if TYPE_CHECKING:
    from collections.abc import Mapping

    from greenlight.plan.model import Plan, Stage

    from .diagnostics import RuleProblems
    from .limits import Limits


def check_watch(stages: Mapping[str, Stage], plan: Plan, limits: Limits) -> RuleProblems:
    """Find a watch that does not start, and rounds that take longer than the time between them."""
    stage = stages.get(SHIFT)
    if stage is None:
        return
    path = ("stages", SHIFT)
    if GATE_BEFORE_SHIFT not in plan.stages:
        message = (
            f"the hook of {GATE_BEFORE_SHIFT} starts the watcher of this stage, and this plan has no checks there; add "
            f"the stage {GATE_BEFORE_SHIFT}, and name its hook in the AppSpec"
        )
        yield "watch-without-gate", path, message
    longest_s, every_s = longest_duration_s(stage, limits.concurrency), stage.watch.every_s
    available_s = ROUND_S - ROUND_MARGIN_S
    if longest_s > available_s:
        message = (
            f"if every check takes its maximum time, a round takes {Duration(round(longest_s))}, and it has "
            f"{Duration(available_s)}; checks that have not finished by then are errors: lower timeouts or attempts"
        )
        yield "may-not-finish", path, message
    elif longest_s > every_s:
        slowest_s = (stage.watch.tolerate + 1) * longest_s
        message = (
            f"if every check takes its maximum time, a round takes {Duration(round(longest_s))}, longer than every "
            f"({Duration(every_s)}), and a bad release is stopped after {Duration(round(slowest_s))}; lower timeouts "
            "or attempts, or raise every"
        )
        yield "slow-rounds", path, message
