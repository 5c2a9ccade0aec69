"""The conductor of each stage of a plan: the hook, or the state machine, and what the state machine costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.checks.hand_over import WAIT_S
from greenlight.core.deployment import SHIFT
from greenlight.core.frozen import FrozenStruct
from greenlight.gate import conductor
from greenlight.machine.shards import divide

if TYPE_CHECKING:
    from greenlight.plan.model import Check, Plan, Stage

    from .limits import Limits

DOLLARS_PER_TRANSITION = 25 / 1_000_000
"""Standard workflows in us-east-1. Source: https://aws.amazon.com/step-functions/pricing/"""

_ALL_GATES = "the installation leaves every gate to the state machine"


class StageConductor(FrozenStruct, frozen=True, kw_only=True):
    """A stage that the state machine conducts.

    Attributes:
        stage: The stage.
        reason: Why the hook does not conduct it.
        transitions: State transitions of one gate that passes.
        dollars: Their price. The functions cost as much as the time in which they run checks.
    """

    stage: str
    reason: str
    transitions: int
    dollars: float


def machine_reason(plan: Plan, stage: str, limits: Limits) -> str:
    """Return why the state machine conducts a stage; "" if the hook does."""
    if limits.conductor == "machine":
        return _ALL_GATES
    if limits.conductor == "inline":
        return ""
    return conductor.machine_reason(plan, stage, limits.concurrency, limits.function_s)


def stage_conductors(plan: Plan, limits: Limits) -> tuple[StageConductor, ...]:
    """Return the stages of a plan that the state machine conducts."""
    conductors = []
    for name, stage in plan.stages.items():
        if name == SHIFT:
            continue  # its state machine watches the shift and conducts no gate
        if reason := machine_reason(plan, name, limits):
            transitions = count_transitions(stage)
            dollars = transitions * DOLLARS_PER_TRANSITION
            conductors.append(StageConductor(stage=name, reason=reason, transitions=transitions, dollars=dollars))
    return tuple(conductors)


def count_transitions(stage: Stage) -> int:
    """Count the state transitions of one gate of machine/gate.asl.json and its guardian."""
    division = divide(stage.checks)
    pauses = sum(map(_pauses, stage.checks))
    # Gate of the guardian; Prepare, Begin, Bake; Shards, EndWave, NextWave of each wave; Probe, HasEnded, Ended of each
    # shard; Pause, Probe, HasEnded of each pause; Judge, Holds; Ask, Decide, Holds of a hold; Answer, Publish.
    once = 1 + 2 + (stage.bake_s > 0) + 2 + 3 * (stage.hold is not None) + 2
    return once + 3 * (len(division.waves) + len(division.shards) + pauses)


def _pauses(check: Check) -> int:
    """Count the waits of a check in which no function runs; checks of one shard may share them."""
    if check.repeat is not None:
        return check.repeat.count - 1 if check.repeat.interval >= WAIT_S else 0
    return sum(check.retry.wait_s(attempt) >= WAIT_S for attempt in range(1, check.retry.attempts))
