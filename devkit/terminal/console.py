"""Consoles for output that people read: coloured on a terminal, plain lines in a pipe or with NO_COLOR."""

from __future__ import annotations

import os
import sys

from rich.console import Console
from rich.text import Text

STYLES = {
    "PASS": "green",
    "Succeeded": "green",
    "FAIL": "red",
    "Failed": "red",
    "Stopped": "red",
    "ERROR": "magenta",
    "INCONCLUSIVE": "yellow",
    "SKIPPED": "bright_black",
    "Skipped": "bright_black",
}
"""Colour of each outcome and status; other words have no colour."""


def stdout_console() -> Console:
    """Build the console for results."""
    return _console(stderr=False)


def stderr_console() -> Console:
    """Build the console for progress and errors, used when a program reads standard output."""
    return _console(stderr=True)


def styled(word: str, width: int = 0) -> Text:
    """Return an outcome or a status in its colour, padded to `width`."""
    return Text(word.ljust(width), style=STYLES.get(word.strip(), ""))


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    terminal = stream.isatty()
    plain = not terminal or bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
    return Console(
        stderr=stderr,
        force_terminal=terminal and not plain,
        no_color=plain,
        color_system=None if plain else "auto",
        highlight=False,
        markup=False,
        emoji=False,
        # A pipe has no width, so its lines must be neither cut nor wrapped.
        soft_wrap=not terminal,
        width=None if terminal else 200,
    )
