"""Doing something again whenever files change, until Ctrl-C: for plans that are being written.

Files are looked at twice a second: no dependency, and it sees what editors do (they write beside and rename over).
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

POLL_S = 0.5
_CLEAR = "\x1b[2J\x1b[3J\x1b[H"

Snapshot = tuple[tuple[str, int, int], ...]
"""Of each file that is there: name, time of change in nanoseconds, size in bytes."""


def watch_files(
    once: Callable[[], int],
    files: Callable[[], Sequence[Path]],
    pause: Callable[[], None] = lambda: time.sleep(POLL_S),
) -> int:
    """Do it now and after every change of the files; gives, after Ctrl-C, how it ended the last time."""
    status = 0
    try:
        while True:
            seen = snapshot(files())
            if sys.stdout.isatty():
                sys.stdout.write(_CLEAR)
            status = once()
            sys.stdout.flush()
            print("watching; Ctrl-C ends", file=sys.stderr, flush=True)
            while snapshot(files()) == seen:
                pause()
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return status


def snapshot(files: Sequence[Path]) -> Snapshot:
    """Give what tells one state of the files from another; one that is not there is not in it."""
    found = []
    for each in files:
        try:
            about = each.stat()
        except OSError:
            continue
        found.append((str(each), about.st_mtime_ns, about.st_size))
    return tuple(sorted(found))


def plan_files(plan: str, included: Sequence[str], variables: Sequence[str] = ()) -> list[Path]:
    """Give the files whose change may change what a plan says: itself, what it includes, its variables, YAML beside it."""
    file = Path(plan)
    named = [Path(each.partition("=")[2]) for each in included if "=" in each] + [Path(each) for each in variables]
    return sorted({file, *named, *file.parent.glob("*.yaml"), *file.parent.glob("*.yml")})
