"""Reports as commands print and write them: one of the formats, to standard output or to a file."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greenlight.core.report import Report

FORMATS = ("text", "json", "junit", "html", "markdown", "tap")


def write_report(report: Report, form: str, output: str = "") -> bool:
    """Write a report to a file, or to standard output where none is named; tell whether that worked."""
    if not output:
        sys.stdout.write(render_report(report, form, terminal=sys.stdout.isatty()))
        return True
    try:
        Path(output).write_text(render_report(report, form), encoding="utf-8")
    except OSError as error:
        print(f"greenlight: {output} cannot be written: {error.strerror}", file=sys.stderr)
        return False
    print(f"{report.verdict.value}; the report is in {output}", file=sys.stderr)
    return True


def render_report(report: Report, form: str, *, terminal: bool = False) -> str:
    """Give a report in one of `FORMATS`, ending in a newline; text for a terminal has its width and its colours."""
    if form == "text" and terminal:
        from greenlight.report import text

        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        return text.render(report, colour=not plain, width=shutil.get_terminal_size().columns)
    document: str = importlib.import_module(f"greenlight.report.{form}").render(report)
    return document if document.endswith("\n") else f"{document}\n"
