"""Fragments of a plan outside AWS: `file:` URIs are in the plan's folder, `--include URI=FILE` replaces other URIs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from greenlight.core.errors import GreenlightError, PlanError, Problem
from greenlight.stores import file, s3, ssm

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from greenlight.aws.client import Aws
    from greenlight.plan.includes import Fetch


def add_argument(parser: argparse.ArgumentParser) -> None:
    """Add the option --include."""
    text = "read a fragment that the plan includes from a file (repeatable)"
    parser.add_argument("--include", action="append", default=[], metavar="URI=FILE", help=text)


def fragment_fetcher(plan: str, mappings: Sequence[str], aws: Aws | None = None) -> Fetch:
    """Return the function that fetches the fragments of a plan.

    Args:
        plan: The plan's file; `file:` fragments are in its folder.
        mappings: Values of --include, each `URI=FILE`.
        aws: Client for the other fragments; None if AWS must not be called.

    Raises:
        GreenlightError: A mapping is not URI=FILE.
    """
    files, folder = local_files(mappings), str(Path(plan).resolve().parent)

    def fetch(uri: str) -> tuple[str, str] | None:
        kind, _, rest = uri.partition(":")
        if uri in files:
            return file.read(files[uri])
        if kind == "file":
            return file.read(rest, folder)
        if aws is None:
            raise PlanError(
                [Problem(f"fragments in AWS are not read by this command; name a file with --include {uri}=FILE")], uri
            )
        return read_remote(aws, uri)

    return fetch


def read_remote(aws: Aws, uri: str) -> tuple[str, str] | None:
    """Return text and version of the object at `s3://BUCKET/KEY` or `ssm:/NAME`; None if it does not exist.

    Raises:
        PlanError: The object is not valid text.
        AwsError: AWS refused the call.
    """
    kind, _, rest = uri.partition(":")
    return s3.read(aws, rest[2:]) if kind == "s3" else ssm.read(aws, rest)


def is_remote(name: str) -> bool:
    """Return whether the name of a plan is the URI of an object in AWS instead of a file."""
    return name.startswith(("s3://", "ssm:"))


def local_files(mappings: Sequence[str]) -> dict[str, str]:
    """Parse the values of --include, each `URI=FILE`; return the files by URI.

    Raises:
        GreenlightError: A mapping is not URI=FILE.
    """
    files = {}
    for mapping in mappings:
        uri, equals, name = mapping.partition("=")
        if not (uri and equals and name):
            raise GreenlightError(
                f"--include {mapping!r} is not URI=FILE; write for example s3://plans/base.yaml=base.yaml"
            )
        files[uri] = name
    return files


def fragment_path(uri: str, plan: str, mappings: Sequence[str]) -> str:
    """Return the path of a fragment for messages: the file of --include, the file beside the plan, or the URI."""
    if file_name := local_files(mappings).get(uri):
        return file_name
    kind, _, rest = uri.partition(":")
    return str(Path(plan).parent / rest) if kind == "file" else uri
