"""Command line: `python -m tests.generated_gates --gates 10000 --seed 1`."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from .gates import Gate, GateRunner


def main() -> int:
    """Run the gates and return the exit status: 1 if one of them succeeded without green."""
    parser = argparse.ArgumentParser(prog="python -m tests.generated_gates", description=__doc__)
    parser.add_argument("--gates", type=int, default=10_000, help="number of gates (10000)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all gates (1)")
    parser.add_argument("--only", type=int, help="run this gate alone and show it")
    parser.add_argument("--jobs", type=int, default=2, help="processes (2)")
    options = parser.parse_args()
    began = time.monotonic()
    if options.only is not None:
        (gate,) = run_gates(options.seed, [options.only])
        print(describe(gate))
        return int(bool(gate.violation))
    numbers = [list(range(job, options.gates, options.jobs)) for job in range(options.jobs)]
    with multiprocessing.get_context("spawn").Pool(options.jobs) as pool:
        summaries = pool.starmap(summarize, [(options.seed, part) for part in numbers])
    statuses, passes, violations = Counter[str](), Counter[str](), list[str]()
    for summary in summaries:
        statuses += summary[0]
        passes += summary[1]
        violations += summary[2]
    print(f"{statuses.total()} gates in {time.monotonic() - began:.0f} s with seed {options.seed}: {dict(statuses)}")
    print(f"passed checks by validator: {dict(sorted(passes.items()))}")
    print("\n".join(violations) or "no gate succeeded without green")
    return int(bool(violations))


def run_gates(seed: int, numbers: list[int]) -> list[Gate]:
    """Run gates in this process."""
    with tempfile.TemporaryDirectory() as folder:
        runner = GateRunner(Path(folder), seed)
        return [runner.run(number) for number in numbers]


def summarize(seed: int, numbers: list[int]) -> tuple[Counter[str], Counter[str], list[str]]:
    """Run gates and return the verdicts, the passed checks by validator, and the violations."""
    statuses, passes, violations = Counter[str](), Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as folder:
        runner = GateRunner(Path(folder), seed)
        for number in numbers:
            gate = runner.run(number)
            statuses[gate.status] += 1
            passes.update(finding.validator for finding in gate.findings if finding.outcome == "PASS")
            if gate.violation:
                violations.append(describe(gate))
    return statuses, passes, violations


def describe(gate: Gate) -> str:
    """Return a gate as text."""
    findings = [f"  {item.validator} {item.outcome.value}: {item.message} {item.asked}" for item in gate.findings]
    head = f"gate {gate.number}: {gate.status} {gate.violation}\n  {gate.world}\n  {json.dumps(gate.plan)}"
    return "\n".join([head, *findings])


if __name__ == "__main__":
    sys.exit(main())
