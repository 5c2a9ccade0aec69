"""`greenlight schema`: print the JSON Schema of plans for editors, or the plan reference docs/plan.md as Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..terminal import output

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the format and the output file."""
    parser.add_argument(
        "--format",
        choices=("json", "markdown"),
        default="json",
        help="json: the JSON Schema; markdown: the plan reference (default json)",
    )
    parser.add_argument(
        "-o", "--output", default="", metavar="FILE", help="write to this file instead of standard output"
    )


def run(arguments: argparse.Namespace) -> int:
    """Write the schema; always returns 0.

    Raises:
        GreenlightError: The file cannot be written.
    """
    output.write_output(_reference() if arguments.format == "markdown" else _schema(), arguments.output)
    return 0


def _schema() -> str:
    from greenlight.checks.registry import Registry

    from ..reference.plan_schema import plan_schema

    return json.dumps(plan_schema(Registry()), indent=2) + "\n"


def _reference() -> str:
    from ..reference import plan_reference

    return plan_reference.markdown() + "\n"
