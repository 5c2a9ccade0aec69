"""`greenlight report`: show one gate's report, from the report bucket or a file, in any format."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from greenlight.aws.client import Aws

from ..reports import stored
from ..terminal import report_output

if TYPE_CHECKING:
    import argparse

NOT_FOUND = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the report and the output."""
    stored.add_arguments(parser)
    parser.add_argument("--format", choices=report_output.FORMATS, default="text", help="output format (default text)")
    parser.add_argument(
        "-o", "--output", default="", metavar="FILE", help="write to this file instead of standard output"
    )


def run(arguments: argparse.Namespace) -> int:
    """Show the report; return 0, 1 if the report is not found, 2 if it cannot be written."""
    try:
        report = stored.load_report(arguments, Aws())
    except stored.NotFoundError as error:
        print(f"greenlight report: {error}", file=sys.stderr)
        return NOT_FOUND
    return 0 if report_output.write_report(report, arguments.format, arguments.output) else 2
