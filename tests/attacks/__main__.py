"""`python -m tests.attacks --cases 2811 --seed 1`: run attack cases, print each violation and the figures."""

from __future__ import annotations

import argparse
import collections
import os
import sys
import time
import warnings
from typing import NamedTuple

from tests.attacks.campaign import FAMILIES, build_attack
from tests.attacks.judge import Judgement, resident_peak_mb, run_attack

ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "mars-west-1"}


class CaseResult(NamedTuple):
    """The judgement of a case, and the memory that its process and all workers before it have used at most."""

    family: str
    title: str
    judgement: Judgement
    resident_mb: float


def main() -> int:
    """Run the cases; return 1 if one of them violates what holds for all."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks", description=__doc__)
    parser.add_argument("--cases", type=int, default=2811, help="number of cases (default 2811)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the cases (default 1)")
    parser.add_argument("--first", type=int, default=0, help="number of the first case (default 0)")
    parser.add_argument("--only", choices=FAMILIES, default="", help="run one family")
    arguments = parser.parse_args()
    os.environ.update(ENVIRONMENT)
    began = time.monotonic()
    results = []
    for number in range(arguments.first, arguments.first + arguments.cases):
        result = run_case(arguments.seed, number, arguments.only)
        results.append(result)
        for violation in result.judgement.violations:
            write_line(f"case {number} ({result.family}: {result.title}): {violation}")
    print_figures(results, time.monotonic() - began)
    return int(any(result.judgement.violations for result in results))


def run_case(seed: int, number: int, only: str = "") -> CaseResult:
    """Run one case."""
    warnings.filterwarnings(
        "ignore", ".*multi-threaded.*", DeprecationWarning
    )  # servers run in threads beside the gate
    family, attack = build_attack(seed, number, only)
    return CaseResult(family, attack.title, run_attack(attack), resident_peak_mb())


def write_line(line: str) -> None:
    """Write a line at once: a campaign takes minutes."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def print_figures(results: list[CaseResult], duration_s: float) -> None:
    """Print a line for each family, and the sums."""
    by_family = collections.defaultdict(list)
    for result in results:
        by_family[result.family].append(result)
    for family in FAMILIES:
        if cases := by_family[family]:
            causes = collections.Counter(cause.value for result in cases for cause in result.judgement.causes)
            violations = sum(bool(result.judgement.violations) for result in cases)
            counts = ", ".join(f"{cause} {count}" for cause, count in causes.most_common())
            slowest_s = max(result.judgement.duration_s for result in cases)
            write_line(
                f"{family:18} {len(cases):5} cases {violations:4} violations, slowest {slowest_s:.1f} s; {counts}"
            )
    succeeded = sum(result.judgement.status.value == "Succeeded" for result in results)
    peak_mb = max(result.resident_mb for result in results)
    write_line(
        f"{len(results)} cases in {duration_s:.0f} s: {succeeded} Succeeded, at most {peak_mb:.0f} MB in one process"
    )


if __name__ == "__main__":
    sys.exit(main())
