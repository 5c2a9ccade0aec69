"""Texts that commands make: to standard output, or into the file that -o names."""

from __future__ import annotations

import sys
from pathlib import Path

from greenlight.core.errors import GreenlightError


def write_output(text: str, output: str) -> None:
    """Print a text, or write it into the file `output` where one is named.

    Raises:
        GreenlightError: The file cannot be written.
    """
    if output:
        write_file(output, text)
    else:
        sys.stdout.write(text)


def write_file(name: str, text: str, *, over: bool = True) -> None:
    """Write a file; over one that is there, unless `over` is false.

    Raises:
        GreenlightError: It cannot be written.
    """
    try:
        with Path(name).open("w" if over else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise GreenlightError(f"{name} cannot be written: {error.strerror}") from error
