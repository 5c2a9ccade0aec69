"""`greenlight report`: one gate's report, from the report bucket or from a file, in any format."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from devkit.reports import stored
from devkit.terminal import report_output
from greenlight.aws.client import Aws

if TYPE_CHECKING:
    import argparse

NOT_FOUND = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a deployment or a file, and what is printed."""
    stored.add_arguments(parser)
    parser.add_argument(
        "--format", choices=report_output.FORMATS, default="text", help="what is printed (default text)"
    )
    parser.add_argument("-o", "--output", default="", metavar="FILE", help="write it there and not to standard output")


def run(arguments: argparse.Namespace) -> int:
    """Show one report: 0 shown, 1 there is none, 2 a call that is wrong or an AWS that refuses."""
    try:
        report = stored.load_report(arguments, Aws())
    except stored.NotFoundError as error:
        print(f"greenlight report: {error}", file=sys.stderr)
        return NOT_FOUND
    return 0 if report_output.write_report(report, arguments.format, arguments.output) else 2
