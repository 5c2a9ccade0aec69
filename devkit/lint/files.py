"""Selection and reading of the files to lint."""

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
_SKIPPED_FOLDERS = ("node_modules", "__pycache__", "venv")


def find_files(names: Sequence[str]) -> list[str]:
    """Return the given files, and the plans and AppSpecs below the given folders, without repetitions.

    A folder without such files is returned unchanged. Reading it then fails, so an empty run does not look like a
    successful one.
    """
    paths: dict[str, None] = {}
    for name in names:
        files_below = list(_files_below(name)) if name != STDIN and Path(name).is_dir() else []
        paths.update(dict.fromkeys(files_below or [name]))
    return list(paths)


def _files_below(folder: str) -> Iterator[str]:
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name not in _SKIPPED_FOLDERS)
        for name in sorted(names):
            if any(fnmatch(name.lower(), pattern) for pattern in PATTERNS):
                yield str(Path(parent, name))


def read_text(name: str) -> str:
    """Read a file, or standard input for `-`.

    Raises:
        PlanError: The file does not exist, cannot be read, is too large or not UTF-8.
    """
    if name == STDIN:
        return decode_plan(sys.stdin.buffer.read(MAX_BYTES + 1), "standard input")
    if Path(name).is_dir():
        raise PlanError([Problem(f"the folder contains no plan and no AppSpec ({', '.join(PATTERNS)})")], name)
    stored = file.read(name)
    if stored is None:
        raise PlanError([Problem("file not found")], name)
    return stored[0]
