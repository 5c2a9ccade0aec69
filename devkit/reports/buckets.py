"""Names of an installation's buckets: from an option, an environment variable, or the export of its stack."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal

from greenlight.core.errors import GreenlightError

if TYPE_CHECKING:
    import argparse

    from greenlight.aws.client import Aws

Kind = Literal["plan", "report"]


def add_arguments(parser: argparse.ArgumentParser, kind: Kind) -> None:
    """Add the options for the bucket and the installation."""
    parser.add_argument(
        "--bucket", default="", help=f"the {kind} bucket (default: ${_variable(kind)}, or the installation's bucket)"
    )
    parser.add_argument(
        "--installation", default="greenlight", help=f"the installation with the {kind} bucket (default greenlight)"
    )


def resolve_bucket(aws: Aws, kind: Kind, arguments: argparse.Namespace) -> str:
    """Return the name of a bucket.

    Raises:
        GreenlightError: There is no option, no environment variable and no export.
        AwsError: CloudFormation refused or did not answer.
    """
    return arguments.bucket or os.environ.get(_variable(kind), "") or _exported(aws, kind, arguments.installation)


def _variable(kind: Kind) -> str:
    return f"GREENLIGHT_{kind.upper()}_BUCKET"


def _exported(aws: Aws, kind: Kind, installation: str) -> str:
    name = f"{installation}-{kind.capitalize()}Bucket"
    exports = aws.pages("cloudformation", "list_exports", "Exports")
    bucket = next((str(export["Value"]) for export in exports if export["Name"] == name), "")
    if not bucket:
        raise GreenlightError(
            f"there is no export {name} in this account and region; name the {kind} bucket with --bucket"
        )
    return bucket
