"""Reports that were stored: found by a deployment's id, by their place, or in a file."""

from __future__ import annotations

import sys
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from devkit.reports import buckets
from greenlight.core.deployment import STAGES
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.report import REPORT_SCHEMA, Report
from greenlight.core.verdict import Status
from greenlight.publish import index
from greenlight.report.content import DEPLOYMENT_ID

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from greenlight.aws.client import Aws

MAX_FOLDERS = 1000
"""Applications and groups that are looked through; an account with more has to name the application."""

MAX_BYTES = 64 * 1024 * 1024


class NotFoundError(GreenlightError):
    """There is no such report."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a deployment or a file, and where to look."""
    parser.add_argument(
        "what",
        metavar="DEPLOYMENT_ID|FILE|S3_URI",
        help="CodeDeploy's deployment id, a report's JSON file, or its place as the hook's log names it",
    )
    parser.add_argument(
        "--stage", default="", choices=("", *STAGES), metavar="STAGE", help=f"one of {', '.join(STAGES)}"
    )
    buckets.add_arguments(parser, "report")
    parser.add_argument("--application", default="", help="look only under this application")
    parser.add_argument("--group", default="", help="look only under this deployment group (with --application)")


def load_report(arguments: argparse.Namespace, aws: Aws) -> Report:
    """Give the report that is meant; of several of a deployment the first that closed its gate, and the others named.

    Raises:
        NotFoundError: There is none.
        GreenlightError: It is no report, or nobody says where reports are.
        AwsError: AWS refused or did not answer.
    """
    what: str = arguments.what
    if what.startswith("s3://"):
        bucket, _, key = what.removeprefix("s3://").partition("/")
        return _fetched(aws, bucket, key)
    if Path(what).is_file() or not DEPLOYMENT_ID.fullmatch(what):
        return _from_file(Path(what))
    return _from_bucket(arguments, aws)


def _from_file(path: Path) -> Report:
    try:
        with path.open("rb") as file:
            return _decoded(file.read(MAX_BYTES + 1), str(path))
    except FileNotFoundError:
        what = "there is no such file, and a deployment's id looks like d-ABCDEF123"
        raise NotFoundError(f"{path}: {what}") from None
    except OSError as error:
        raise GreenlightError(f"{path} cannot be read: {error.strerror}") from error


def _decoded(data: bytes, source: str) -> Report:
    """Read a report; what this version does not know in it is passed over.

    Raises:
        GreenlightError: It is none.
    """
    if len(data) > MAX_BYTES:
        raise GreenlightError(f"{source} is larger than {MAX_BYTES >> 20} MiB and no report")
    try:
        report = msgspec.json.decode(data, type=Report)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise GreenlightError(f"{source} is no report of greenlight: {error}") from error
    if report.schema != REPORT_SCHEMA:
        raise GreenlightError(f"{source} is a {report.schema!r}, and this greenlight reads {REPORT_SCHEMA}")
    return report


def _from_bucket(arguments: argparse.Namespace, aws: Aws) -> Report:
    if arguments.group and not arguments.application:
        raise GreenlightError("--group wants --application, under which the groups are")
    bucket = buckets.resolve_bucket(aws, "report", arguments)
    keys = _keys(aws, bucket, arguments.what, arguments.application, arguments.group)
    if arguments.stage:
        keys = [key for key in keys if _stage(key) == arguments.stage]
    if not keys:
        at = f" at {arguments.stage}" if arguments.stage else ""
        log = f"/aws/lambda/CodeDeployHook_{arguments.installation}-{arguments.stage or 'STAGE'}"
        raise NotFoundError(
            f"s3://{bucket} has no report of {arguments.what}{at}; a hook that was killed leaves none, and one that was not"
            f" called has none: see aws logs tail {log} --since 3h, and docs/runbook.md"
        )
    found = [_fetched(aws, bucket, key) for key in keys]
    chosen = _most_telling(found)
    for other in found:
        if other is not chosen:
            said = f"{other.deployment.stage}: {other.verdict.value}"
            print(
                f"greenlight {arguments.command}: there is also {said}; see it with --stage {other.deployment.stage}",
                file=sys.stderr,
            )
    return chosen


def _most_telling(found: Sequence[Report]) -> Report:
    """Give the first that closed its gate; the last, where none did."""
    return next((report for report in found if report.verdict is Status.FAILED), found[-1])


def _keys(aws: Aws, bucket: str, deployment: str, application: str, group: str) -> list[str]:
    """Find the keys of a deployment's reports, in the order of the stages: APPLICATION/GROUP/DEPLOYMENT/STAGE.json."""
    # Reports are seldom under the folder of the index: only of an application that is called so.
    everywhere = sorted(_folders(aws, bucket, ""), key=lambda folder: folder == index.FOLDER) if not application else []
    applications = [f"{_quoted(application)}/"] if application else everywhere
    looked = 0
    for each in applications:
        for folder in [f"{each}{_quoted(group)}/"] if group else _folders(aws, bucket, each):
            looked += 1
            if looked > MAX_FOLDERS:
                said = f"more than {MAX_FOLDERS} deployment groups have reports; name the --application"
                raise GreenlightError(said)
            listed = aws.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=f"{folder}{deployment}/")
            keys = [str(entry["Key"]) for entry in listed if _stage(str(entry["Key"])) in STAGES]
            if keys:
                return sorted(keys, key=lambda key: STAGES.index(_stage(key)))
    return []


def _folders(aws: Aws, bucket: str, prefix: str) -> list[str]:
    found = aws.pages("s3", "list_objects_v2", "CommonPrefixes", Bucket=bucket, Prefix=prefix, Delimiter="/")
    return [str(each["Prefix"]) for each in found]


def _quoted(name: str) -> str:
    return urllib.parse.quote(name, safe=" ")


def _stage(key: str) -> str:
    """Give the stage a report's key names; "" for any other object."""
    name = key.rpartition("/")[2]
    return name.removesuffix(".json") if name.endswith(".json") else ""


def _fetched(aws: Aws, bucket: str, key: str) -> Report:
    try:
        answer = aws.call("s3", "get_object", Bucket=bucket, Key=key)
    except AwsError as error:
        if error.code == "NoSuchKey":
            raise NotFoundError(f"there is no s3://{bucket}/{key}") from error
        raise
    return _decoded(answer["Body"].read(MAX_BYTES + 1), f"s3://{bucket}/{key}")
