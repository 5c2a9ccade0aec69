"""`greenlight schema`: the JSON Schema of plans, for `# yaml-language-server: $schema=…` and other editors.

Or, as Markdown, the same for people: docs/plan.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from devkit.terminal import output

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to write, and where."""
    parser.add_argument(
        "--format",
        choices=("json", "markdown"),
        default="json",
        help="JSON Schema, or the plan reference (default json)",
    )
    parser.add_argument("-o", "--output", default="", metavar="FILE", help="write there and not to standard output")


def run(arguments: argparse.Namespace) -> int:
    """Print or write the schema: 0.

    Raises:
        GreenlightError: The file cannot be written.
    """
    output.write_output(_reference() if arguments.format == "markdown" else _schema(), arguments.output)
    return 0


def _schema() -> str:
    from devkit.reference.plan_schema import plan_schema
    from greenlight.checks.registry import Registry

    return json.dumps(plan_schema(Registry()), indent=2) + "\n"


def _reference() -> str:
    from devkit.reference import plan_reference

    return plan_reference.markdown() + "\n"
