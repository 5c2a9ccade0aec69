"""Runs of many gates in one process, and their summary."""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from .gates import Gate, GateRunner

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclasses.dataclass(frozen=True)
class Summary:
    """Results of several gates.

    Attributes:
        statuses: Number of gates by verdict.
        passes: Number of passed checks by validator.
        succeeded: The same of the gates that are Succeeded.
        violations: Descriptions of the gates that are Succeeded and must not be.
    """

    statuses: Counter[str] = dataclasses.field(default_factory=Counter)
    passes: Counter[str] = dataclasses.field(default_factory=Counter)
    succeeded: Counter[str] = dataclasses.field(default_factory=Counter)
    violations: tuple[str, ...] = ()

    def __add__(self, other: Summary) -> Summary:
        """Return the results of both."""
        return Summary(
            self.statuses + other.statuses,
            self.passes + other.passes,
            self.succeeded + other.succeeded,
            (*self.violations, *other.violations),
        )


def run_gates(seed: int, numbers: Iterable[int]) -> list[Gate]:
    """Run gates in this process."""
    with tempfile.TemporaryDirectory() as folder, GateRunner(Path(folder), seed) as runner:
        return [runner.run(number) for number in numbers]


def summarize(seed: int, numbers: Iterable[int]) -> Summary:
    """Run gates in this process and return their results."""
    summary = Summary()
    with tempfile.TemporaryDirectory() as folder, GateRunner(Path(folder), seed) as runner:
        for number in numbers:
            summary += _summarize_gate(runner.run(number))
    return summary


def _summarize_gate(gate: Gate) -> Summary:
    passes = Counter(finding.validator for finding in gate.findings if finding.outcome == "PASS")
    succeeded = passes if gate.status == "Succeeded" else Counter[str]()
    return Summary(Counter([gate.status]), passes, succeeded, (describe(gate),) if gate.violation else ())


def describe(gate: Gate) -> str:
    """Return a gate as text."""
    findings = [f"  {item.validator} {item.outcome.value}: {item.message} {item.asked}" for item in gate.findings]
    head = f"gate {gate.number}: {gate.status} {gate.violation}\n  {gate.world}\n  {json.dumps(gate.plan)}"
    return "\n".join([head, *findings])
