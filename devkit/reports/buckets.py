"""The installation's buckets, as commands find them: a flag, a variable, the export of the stack."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from greenlight.core.errors import GreenlightError

if TYPE_CHECKING:
    import argparse

    from greenlight.aws.client import Aws

Kind = Literal["plan", "report"]


def add_arguments(parser: argparse.ArgumentParser, kind: Kind) -> None:
    """Take the bucket, or the installation whose it is."""
    parser.add_argument(
        "--bucket", default="", help=f"the {kind} bucket (default: {_variable(kind)}, or the installation's)"
    )
    parser.add_argument("--installation", default="greenlight", help=f"whose {kind} bucket (default greenlight)")


def resolve_bucket(aws: Aws, kind: Kind, arguments: argparse.Namespace) -> str:
    """Give the bucket's name.

    Raises:
        GreenlightError: Nobody says it.
        AwsError: CloudFormation refused or did not answer.
    """
    return arguments.bucket or os.environ.get(_variable(kind), "") or _exported(aws, kind, arguments.installation)


def _variable(kind: Kind) -> str:
    return f"GREENLIGHT_{kind.upper()}_BUCKET"


def _exported(aws: Aws, kind: Kind, installation: str) -> str:
    name = f"{installation}-{kind.capitalize()}Bucket"
    exports = aws.pages("cloudformation", "list_exports", "Exports")
    found = next((str(each["Value"]) for each in exports if each["Name"] == name), "")
    if not found:
        raise GreenlightError(f"this account and region have no export {name}; name the {kind} bucket with --bucket")
    return found
