"""Command line: `python -m tests.generated_gates --gates 10000 --seed 1`."""

from __future__ import annotations

import argparse
import concurrent.futures
import multiprocessing
import sys
import time

from .campaign import Summary, describe, run_gates, summarize


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
        sys.stdout.write(f"{describe(gate)}\n")
        return int(bool(gate.violation))
    parts = [range(job, options.gates, options.jobs) for job in range(options.jobs)]
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(options.jobs, context) as pool:
        summary = sum(pool.map(summarize, [options.seed] * options.jobs, parts), Summary())
    lines = [
        f"{options.gates} gates in {time.monotonic() - began:.0f} s with seed {options.seed}: {dict(summary.statuses)}",
        f"checks that passed: {dict(sorted(summary.passes.items()))}",
        f"checks that passed in gates that succeeded: {dict(sorted(summary.succeeded.items()))}",
        *(summary.violations or ["no gate succeeded without green"]),
    ]
    sys.stdout.write("\n".join([*lines, ""]))
    return int(bool(summary.violations))


if __name__ == "__main__":
    sys.exit(main())
