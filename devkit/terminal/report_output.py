"""Output of reports in one of their formats, to standard output or to a file."""

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


def write_report(report: Report, format_name: str, output: str = "") -> bool:
    """Write a report to the file `output`, or to standard output if that is empty; return whether it was written."""
    if not output:
        sys.stdout.write(render_report(report, format_name, terminal=sys.stdout.isatty()))
        return True
    try:
        Path(output).write_text(render_report(report, format_name), encoding="utf-8")
    except OSError as error:
        print(f"greenlight: {output} cannot be written: {error.strerror}", file=sys.stderr)
        return False
    print(f"{report.verdict.value}; the report is in {output}", file=sys.stderr)
    return True


def render_report(report: Report, format_name: str, *, terminal: bool = False) -> str:
    """Render a report in one of `FORMATS`, ending in a newline. Text for a terminal has its width and colours."""
    if format_name == "text" and terminal:
        from greenlight.report import text

        plain = bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
        return text.render(report, colour=not plain, width=shutil.get_terminal_size().columns)
    document: str = importlib.import_module(f"greenlight.report.{format_name}").render(report)
    return document if document.endswith("\n") else f"{document}\n"
