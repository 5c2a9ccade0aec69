"""`greenlight refuse`: fail a deployment that waits for an approval."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.aws.client import Aws

from ..reports import approval

if TYPE_CHECKING:
    import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the hold and the reason."""
    approval.add_arguments(parser)


def run(arguments: argparse.Namespace, aws: Aws | None = None) -> int:
    """Send the refusal; return 0, 1 if that does not count, 3 if it is not known."""
    return approval.run(arguments, aws or Aws(), "refuse")
