"""Run random gates in the state machines: `python -m tests.machine_campaign --runs 1000 --seed 1`."""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console

from devkit.rehearsal.aws.server import LocalAws
from tests.machine_campaign.campaign import run

CONSOLE = Console(highlight=False, markup=False, soft_wrap=True)


def main() -> int:
    """Run the campaign; return 0 if every gate got the right answer, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m tests.machine_campaign", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="number of gates (default 100)")
    parser.add_argument("--seed", type=int, default=1, help="number from which the gates are derived (default 1)")
    parser.add_argument("--at-once", type=int, default=8, help="gates that run at the same time (default 8)")
    arguments = parser.parse_args()
    aws, started = LocalAws(), time.monotonic()
    aws.start()
    try:
        outcome = run(
            aws, arguments.runs, arguments.seed, arguments.at_once, lambda done: CONSOLE.print(f"{done} gates")
        )
    finally:
        aws.stop()
    for title, counts in (("answers", outcome.answers), ("planned failures", outcome.failures)):
        CONSOLE.print(f"{title}: {', '.join(f'{name} {count}' for name, count in counts.most_common())}")
    for mistake in outcome.mistakes:
        CONSOLE.print(mistake)
    CONSOLE.print(f"{arguments.runs} gates, {len(outcome.mistakes)} mistakes, {time.monotonic() - started:.0f} s")
    return 1 if outcome.mistakes else 0


if __name__ == "__main__":
    sys.exit(main())
