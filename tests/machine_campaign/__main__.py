"""Run random gates in the state machines: `python -m tests.machine_campaign --runs 1000 --seed 1`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console

from devkit.rehearsal.aws.server import LocalAws
from tests.machine_campaign import played
from tests.machine_campaign.campaign import Outcome, run

CONSOLE = Console(highlight=False, markup=False, soft_wrap=True)


def main() -> int:
    """Run the campaign; return 0 if every gate got the right answer, 1 if not."""
    parser = argparse.ArgumentParser(prog="python -m tests.machine_campaign", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="gates with functions in this process (default 100)")
    parser.add_argument("--played", type=int, default=0, help="deployments with the deployed functions (default 0)")
    parser.add_argument("--seed", type=int, default=1, help="number from which the gates are derived (default 1)")
    parser.add_argument("--at-once", type=int, default=8, help="gates that run at the same time (default 8)")
    arguments = parser.parse_args()
    aws, outcomes = LocalAws(), []
    aws.start()
    try:
        if arguments.runs:
            started = time.monotonic()
            outcome = run(
                aws, arguments.runs, arguments.seed, arguments.at_once, lambda done: CONSOLE.print(f"{done} gates")
            )
            outcomes.append(outcome)
            _print(f"{arguments.runs} gates", outcome, time.monotonic() - started)
        if arguments.played:
            started = time.monotonic()
            with tempfile.TemporaryDirectory() as folder:
                outcomes.append(played.play(aws, Path(folder), arguments.played, arguments.seed))
            _print(f"{arguments.played} played deployments", outcomes[-1], time.monotonic() - started)
    finally:
        aws.stop()
    return 1 if any(outcome.mistakes for outcome in outcomes) else 0


def _print(title: str, outcome: Outcome, duration_s: float) -> None:
    for name, counts in (("answers", outcome.answers), ("planned failures", outcome.failures)):
        CONSOLE.print(f"{name}: {', '.join(f'{key} {count}' for key, count in counts.most_common())}")
    for mistake in outcome.mistakes:
        CONSOLE.print(mistake)
    CONSOLE.print(f"{title}, {len(outcome.mistakes)} mistakes, {duration_s:.0f} s")


if __name__ == "__main__":
    sys.exit(main())
