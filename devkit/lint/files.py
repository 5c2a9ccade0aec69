"""Which files are meant, and what is in them."""

from __future__ import annotations

import os
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING

from greenlight.core.errors import PlanError, Problem
from greenlight.plan.yaml_reader import MAX_BYTES
from greenlight.stores import file
from greenlight.stores.s3 import decode_plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

STDIN = "-"
PATTERNS = ("plan.y*ml", "*.plan.y*ml", "greenlight.y*ml", "appspec.y*ml", "*.appspec.y*ml", "appspec.json")
_NEVER = ("node_modules", "__pycache__", "venv")


def meant(names: Sequence[str]) -> list[str]:
    """Give every file that is named, each once, and of every folder the plans and AppSpecs below it.

    A folder without any stands for itself, and cannot be read: nothing linted is nothing shown.
    """
    found: dict[str, None] = {}
    for name in names:
        below = list(_below(name)) if name != STDIN and Path(name).is_dir() else []
        found.update(dict.fromkeys(below or [name]))
    return list(found)


def _below(folder: str) -> Iterator[str]:
    for here, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith(".") and each not in _NEVER)
        for name in sorted(names):
            if any(fnmatch(name.lower(), pattern) for pattern in PATTERNS):
                yield str(Path(here, name))


def text(name: str) -> str:
    """Read a file, or standard input for `-`.

    Raises:
        PlanError: There is none, or it cannot be read, is too large or not UTF-8.
    """
    if name == STDIN:
        return decode_plan(sys.stdin.buffer.read(MAX_BYTES + 1), "standard input")
    if Path(name).is_dir():
        raise PlanError([Problem(f"the folder holds no plan: no {', '.join(PATTERNS)}")], name)
    found = file.read(name)
    if found is None:
        raise PlanError([Problem("there is no such file")], name)
    return found[0]
