"""Output of generated text to standard output or to the file of `-o`."""

from __future__ import annotations

import sys
from pathlib import Path

from greenlight.core.errors import GreenlightError


def write_output(text: str, output: str) -> None:
    """Write text to the file `output`, or to standard output if that is empty.

    Raises:
        GreenlightError: The file cannot be written.
    """
    if output:
        write_file(output, text)
    else:
        sys.stdout.write(text)


def write_file(name: str, text: str, *, overwrite: bool = True) -> None:
    """Write a text file, replacing an existing one if `overwrite` is true.

    Raises:
        GreenlightError: The file cannot be written, or exists and `overwrite` is false.
    """
    try:
        with Path(name).open("w" if overwrite else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise GreenlightError(f"{name} cannot be written: {error.strerror}") from error
