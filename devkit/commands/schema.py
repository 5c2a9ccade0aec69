"""`greenlight schema`: the JSON Schema of plans, for `# yaml-language-server: $schema=…` and other editors."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take where to write."""
    parser.add_argument("-o", "--output", default="", metavar="FILE", help="write there and not to standard output")


def run(arguments: argparse.Namespace) -> int:
    """Print or write the schema: 0, or 2 when the file cannot be written."""
    from greenlight.registry import Registry

    from devkit.schema import plan_schema

    document = json.dumps(plan_schema(Registry()), indent=2) + "\n"
    if not arguments.output:
        sys.stdout.write(document)
        return 0
    try:
        Path(arguments.output).write_text(document, encoding="utf-8")
    except OSError as error:
        print(f"greenlight schema: {arguments.output} cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    return 0
