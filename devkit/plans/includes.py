"""Fragments on a laptop: `file:` is beside the plan, and `--include URI=FILE` says which file stands for a URI."""

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
    """Take files that stand for URIs."""
    said = "a file that stands for a fragment the plan includes (repeat it for more)"
    parser.add_argument("--include", action="append", default=[], metavar="URI=FILE", help=said)


def fragment_fetcher(plan: str, given: Sequence[str], aws: Aws | None = None) -> Fetch:
    """Give what fetches the fragments of a plan.

    Args:
        plan: The plan's file; `file:` fragments are in its folder.
        given: `URI=FILE`, as on the command line.
        aws: Fetches what no file stands for; None where nothing may leave this machine.

    Raises:
        GreenlightError: An entry is no URI=FILE.
    """
    files, folder = local_files(given), str(Path(plan).resolve().parent)

    def fetch(uri: str) -> tuple[str, str] | None:
        kind, _, rest = uri.partition(":")
        if uri in files:
            return file.read(files[uri])
        if kind == "file":
            return file.read(rest, folder)
        if aws is None:
            raise PlanError([Problem(f"this is not read from here; give its file with --include {uri}=FILE")], uri)
        return read_remote(aws, uri)

    return fetch


def read_remote(aws: Aws, uri: str) -> tuple[str, str] | None:
    """Read what is stored at `s3://BUCKET/KEY` or `ssm:/NAME`: text and version; None where nothing is.

    Raises:
        PlanError: It is no text.
        AwsError: AWS refused.
    """
    kind, _, rest = uri.partition(":")
    return s3.read(aws, rest[2:]) if kind == "s3" else ssm.read(aws, rest)


def is_remote(name: str) -> bool:
    """Tell a plan that is kept in AWS from a file by its name."""
    return name.startswith(("s3://", "ssm:"))


def local_files(given: Sequence[str]) -> dict[str, str]:
    """Give the files that stand for URIs, by URI; `given` is `URI=FILE`, as on the command line.

    Raises:
        GreenlightError: An entry is no URI=FILE.
    """
    files = {}
    for each in given:
        uri, equals, name = each.partition("=")
        if not (uri and equals and name):
            raise GreenlightError(
                f"--include {each!r} is no URI=FILE; write for example s3://plans/base.yaml=base.yaml"
            )
        files[uri] = name
    return files


def fragment_path(uri: str, plan: str, given: Sequence[str]) -> str:
    """Say where a person finds the fragment at `uri`: the file that stands for it, else the one beside the plan, else it."""
    files, (kind, _, rest) = local_files(given), uri.partition(":")
    return files.get(uri) or (str(Path(plan).parent / rest) if kind == "file" else uri)
