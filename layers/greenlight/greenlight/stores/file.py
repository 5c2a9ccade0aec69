"""Plans in files: those packed with the hooks, and those on a developer's machine."""

from __future__ import annotations

import stat
from pathlib import Path

from greenlight.core.errors import PlanError, Problem
from greenlight.plan.yaml_reader import MAX_BYTES
from greenlight.stores.s3 import decode_plan


def read(name: str, folder: str = "") -> tuple[str, str] | None:
    """Read a plan; return its text and an empty version id, or None if the file does not exist.

    Args:
        name: Path of the file, relative to `folder`.
        folder: The file must be in this folder; "" allows any path.

    Raises:
        PlanError: The file is outside `folder`, cannot be read, is too large or is not UTF-8.
    """
    path = Path(folder, name) if folder else Path(name)
    if folder and not path.resolve().is_relative_to(Path(folder).resolve()):
        raise PlanError([Problem(f"{name} is outside the folder of packed plans")], f"file:{name}")
    try:
        if stat.S_ISFIFO(path.stat().st_mode):  # opening it would wait for a writer for ever
            raise PlanError([Problem("is a FIFO, not a file; store its content in a file")], str(path))
        with path.open("rb") as stream:
            return decode_plan(stream.read(MAX_BYTES + 1), str(path)), ""
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise PlanError([Problem(f"cannot be read: {error.strerror or error}")], str(path)) from error
