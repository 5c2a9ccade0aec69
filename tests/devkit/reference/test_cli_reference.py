"""docs/cli.md is current, and describes every argument."""

from __future__ import annotations

from pathlib import Path

from devkit.cli.main import build_full_parser
from devkit.reference import cli_reference

ROOT = Path(__file__).parents[3]


def test_the_document_is_current() -> None:
    assert (ROOT / "docs/cli.md").read_text() == cli_reference.markdown(build_full_parser()), "run: make docs"


def test_the_document_describes_every_argument() -> None:
    empty = [line for line in (ROOT / "docs/cli.md").read_text().splitlines() if line.endswith(("|  |", "| |"))]

    assert set(empty) <= {"| command | |", "| argument | |", "| exit status | |"}
