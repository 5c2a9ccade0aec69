"""Random gates, and what is wrong with the answers that they got."""

from __future__ import annotations

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from devkit.rehearsal.hooks import ANSWERERS
from tests.machine_campaign.stand import HOOK_KEY, Gate, Stand

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devkit.rehearsal.aws.server import LocalAws

BATCH = 40
"""Gates that share one stand; moto lists all executions of a machine at each poll."""

_ANSWERER_NAMES = {**ANSWERERS, HOOK_KEY: "hook"}
_REPEATED = ("throttled", "unavailable", "cut", "lost")
_FATAL = ("killed", "raised", "timed-out", "denied", "empty", "null", "large")


class RandomGate(NamedTuple):
    """A gate with random failures.

    Attributes:
        may_succeed: No failure prevents Succeeded.
        may_be_unanswered: The guardian may be stopped, and the event of it is lost.
        may_be_superseded: Another answer may come first, so a good gate may get Failed.
    """

    seed: str
    gate: Gate
    deliveries: int
    may_succeed: bool
    may_be_unanswered: bool
    may_be_superseded: bool

    def describe(self) -> str:
        """Return its failures and calls in one line."""
        gate = self.gate
        return f"broken {set(gate.broken)}, failures {gate.failures}, calls {dict(gate.calls)}, answers {gate.answers}"


@dataclass
class Outcome:
    """Outcome of a campaign.

    Attributes:
        answers: Numbers of gates by answerer and status.
        failures: Numbers of planned failures by place and kind; a gate that ends early does not reach all of them.
        mistakes: A sentence for each gate whose answer was wrong.
    """

    answers: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    mistakes: list[str] = field(default_factory=list)


def random_gate(seed: str) -> RandomGate:
    """Return the gate of a seed; the same seed returns the same gate."""
    chance = random.Random(seed)
    count = chance.choice((1, 1, 2, 3, 5))
    numbers = iter(range(20))
    waves = tuple(tuple(next(numbers) for _ in range(chance.choice((1, 1, 2, 4)))) for _ in range(min(count, 3)))
    shards = [shard for wave in waves for shard in wave]
    broken = frozenset(chance.sample(shards, 1)) if chance.random() < 0.25 else frozenset()
    gate = Gate(waves=waves, broken=broken, pauses=chance.choice((0, 0, 0, 1)), bake_s=chance.choice((0, 600)))
    gate.is_event_lost = chance.random() < 0.02
    is_fatal = bool(broken)
    probes = [f"probe-{shard}" for shard in shards]
    for place in chance.sample(("prepare", "judge", *probes), chance.choice((0, 0, 1, 1, 2))):
        is_fatal |= _add_failure(chance, gate, place)
    for place in ("answer", "guardian-answer"):
        if chance.random() < 0.3:
            gate.failures[place] = chance.choices((*_REPEATED, "denied"), k=chance.choice((1, 2, 4, 20)))
    if chance.random() < 0.2:
        gate.failures["publish"] = [chance.choice((*_FATAL, *_REPEATED, "stopped"))]
    is_start_lost = chance.random() < 0.05
    if is_start_lost:
        gate.failures["start"] = [chance.choice(("lost", "denied"))]
    return RandomGate(
        seed=seed,
        gate=gate,
        deliveries=chance.choice((1, 1, 1, 2, 3)),
        may_succeed=not is_fatal,
        may_be_unanswered=gate.is_event_lost,
        # The machine answers at most eleven times, and waits half a minute at most for the last one.
        may_be_superseded=is_start_lost or len(gate.failures.get("answer", ())) > 10,
    )


def _add_failure(chance: random.Random, gate: Gate, place: str) -> bool:
    """Add a random failure of a function, and return whether it must fail the gate."""
    draw = chance.random()
    if draw < 0.03:
        gate.failures[place] = ["held"]
    elif draw < 0.15:
        gate.failures[place] = ["stopped"]
    elif draw < 0.6:
        gate.failures[place] = [chance.choice(_FATAL)]
    else:
        gate.failures[place] = chance.choices(_REPEATED, k=chance.choice((1, 2, 3)))
    # The invocation of a probe is not repeated, unless it did not start.
    return not set(gate.failures[place]) <= set(("throttled",) if place.startswith("probe") else _REPEATED)


def mistakes_of(item: RandomGate) -> Iterator[str]:
    """Yield a sentence for each thing that is wrong with the answers to a gate."""
    answers, status = item.gate.answers, item.gate.execution.status
    if len(answers) > 1:
        yield f"CodeDeploy accepted {len(answers)} answers: {', '.join(answers)}"
    if not answers and not item.may_be_unanswered:
        yield "CodeDeploy got no answer"
    if status == "Succeeded" and not item.may_succeed:
        yield "CodeDeploy got a wrong Succeeded"
    if status == "Failed" and item.may_succeed and not item.may_be_superseded:
        yield "CodeDeploy got a wrong Failed"
    if any(calls > 1 + item.gate.pauses + 3 for place, calls in item.gate.calls.items() if place.startswith("probe")):
        yield f"a probe ran too often: {dict(item.gate.calls)}"


def run(
    aws: LocalAws, runs: int, seed: int, gates_at_once: int = 8, on_batch: Callable[[int], None] = lambda _done: None
) -> Outcome:
    """Run random gates, and return their outcome.

    Args:
        aws: The local AWS, which is reset.
        runs: Number of gates.
        seed: Number from which all gates are derived.
        gates_at_once: Gates that run at the same time.
        on_batch: Called with the number of gates that have ended.
    """
    outcome = Outcome()
    for start in range(0, runs, BATCH):
        items = [random_gate(f"{seed}:{number}") for number in range(start, min(start + BATCH, runs))]
        for item in items:
            outcome.failures.update(f"{place} {kind}" for place, kind in _failures(item.gate))
        _run_batch(aws, items, gates_at_once)
        for item in items:
            answerer = _ANSWERER_NAMES.get(item.gate.execution.answered_by, "none")
            outcome.answers[f"{answerer} {item.gate.execution.status}".strip()] += 1
            outcome.mistakes += [f"gate {item.seed}: {sentence}; {item.describe()}" for sentence in mistakes_of(item)]
        on_batch(start + len(items))
    return outcome


def _run_batch(aws: LocalAws, items: list[RandomGate], gates_at_once: int) -> None:
    stand = Stand(aws)
    try:
        with ThreadPoolExecutor(gates_at_once) as pool:
            list(pool.map(lambda item: stand.run(item.gate, item.deliveries), items))
    finally:
        stand.close()


def _failures(gate: Gate) -> Iterator[tuple[str, str]]:
    for place, kinds in gate.failures.items():
        yield from (("probe" if place.startswith("probe") else place, kind) for kind in kinds)
