"""Repeated runs of a command whenever its files change, until Ctrl-C.

Files are polled twice a second. That needs no dependency, and it detects editors that write a new file and rename it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from greenlight.core.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

POLL_S = 0.5
_CLEAR = "\x1b[2J\x1b[3J\x1b[H"

Snapshot = tuple[tuple[str, int, int], ...]
"""For each existing file: its name, modification time in nanoseconds, and size in bytes."""


def watch_files(
    run: Callable[[], int],
    files: Callable[[], Sequence[Path]],
    pause: Callable[[], None] = lambda: SYSTEM_CLOCK.sleep(POLL_S),
) -> int:
    """Call `run` now and after every change of the files, until Ctrl-C.

    Args:
        run: Does the work and returns its exit status.
        files: Returns the files to watch. It is called before each run and at every poll, since files come and go.
        pause: Waits until the next poll.

    Returns:
        The exit status of the last run.
    """
    status = 0
    try:
        while True:
            before = snapshot(files())
            if sys.stdout.isatty():
                sys.stdout.write(_CLEAR)
            status = run()
            sys.stdout.flush()
            print("watching for changes; press Ctrl-C to stop", file=sys.stderr, flush=True)
            while snapshot(files()) == before:
                pause()
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return status


def snapshot(files: Sequence[Path]) -> Snapshot:
    """Return name, time and size of the files that exist, to compare with a later snapshot."""
    entries = []
    for file in files:
        try:
            stat = file.stat()
        except OSError:
            continue
        entries.append((str(file), stat.st_mtime_ns, stat.st_size))
    return tuple(sorted(entries))


def plan_files(plan: str, includes: Sequence[str], variables: Sequence[str] = ()) -> list[Path]:
    """Return the files that a plan is read from.

    These are the plan, the files of `--include URI=FILE` and `--var-file`, and every YAML file in the plan's folder,
    because `file:` fragments are read from there.
    """
    file = Path(plan)
    included = [Path(include.partition("=")[2]) for include in includes if "=" in include]
    neighbours = (*file.parent.glob("*.yaml"), *file.parent.glob("*.yml"))
    return sorted({file, *included, *map(Path, variables), *neighbours})
