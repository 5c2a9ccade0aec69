"""Loading of stored reports: by deployment id, by S3 URI, or from a file."""

from __future__ import annotations

import os.path
import sys
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from greenlight.core.deployment import PLAN_STAGES
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.report import REPORT_SCHEMA, Author, Report, counts_before
from greenlight.core.verdict import Status
from greenlight.publish import index
from greenlight.report.content import DEPLOYMENT_ID
from greenlight.stores import holds, run_claim

from . import buckets

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from greenlight.aws.client import Aws

MAX_FOLDERS = 1000
"""Deployment groups that are searched; with more, the command line has to name the application."""

MAX_BYTES = 64 * 1024 * 1024
_AUTHORS = tuple(f".{author.value}" for author in Author)

GATES_FOLDER = "gates/"
"""Folder of the documents of the state machine."""


class NotFoundError(GreenlightError):
    """The report was not found."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the report and the places to search."""
    parser.add_argument(
        "report",
        metavar="DEPLOYMENT_ID|FILE|S3_URI",
        help="a CodeDeploy deployment id, a report's JSON file, or the S3 URI of a report",
    )
    parser.add_argument(
        "--stage",
        default="",
        choices=("", *PLAN_STAGES),
        metavar="STAGE",
        help=f"the stage of the report: one of {', '.join(PLAN_STAGES)}",
    )
    buckets.add_arguments(parser, "report")
    parser.add_argument("--application", default="", help="search only this application")
    parser.add_argument("--group", default="", help="search only this deployment group (with --application)")


def load_report(arguments: argparse.Namespace, aws: Aws) -> Report:
    """Load the report that the command line names.

    A deployment can have a report for each stage. Then the first one that closed its gate is loaded, and a message
    lists the others. If a stage has a report of its hook and one of the last resort, the one with the answer that
    CodeDeploy has is loaded, and a message names the other.

    Raises:
        NotFoundError: The report was not found.
        GreenlightError: The file is not a valid report, or the report bucket is not known.
        AwsError: AWS refused or did not answer.
    """
    name: str = arguments.report
    if name.startswith("s3://"):
        bucket, _, key = name.removeprefix("s3://").partition("/")
        return _fetch_report(aws, bucket, key)
    if Path(name).is_file() or not DEPLOYMENT_ID.fullmatch(name):
        return _read_report(Path(name))
    return _find_report(arguments, aws)


def _read_report(path: Path) -> Report:
    try:
        with path.open("rb") as file:
            return _decode_report(file.read(MAX_BYTES + 1), str(path))
    except FileNotFoundError:
        raise NotFoundError(f"{path}: file not found, and a deployment id looks like d-ABCDEF123") from None
    except OSError as error:
        raise GreenlightError(f"{path} cannot be read: {error.strerror}") from error


def _decode_report(data: bytes, source: str) -> Report:
    """Decode a report, ignoring keys that this version does not know.

    Raises:
        GreenlightError: The data is not a valid report.
    """
    if len(data) > MAX_BYTES:
        raise GreenlightError(f"{source} is not a valid report: it is larger than {MAX_BYTES >> 20} MiB")
    try:
        report = msgspec.json.decode(data, type=Report)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise GreenlightError(f"{source} is not a valid report of greenlight: {error}") from error
    if report.schema != REPORT_SCHEMA:
        raise GreenlightError(f"{source} has the schema {report.schema!r}, and this version reads {REPORT_SCHEMA}")
    return report


def _find_report(arguments: argparse.Namespace, aws: Aws) -> Report:
    if arguments.group and not arguments.application:
        raise GreenlightError("--group requires --application")
    bucket = buckets.resolve_bucket(aws, "report", arguments)
    keys = _report_keys(aws, bucket, arguments.report, arguments.application, arguments.group)
    if arguments.stage:
        keys = [key for key in keys if _stage_of(key) == arguments.stage]
    if not keys:
        stage = f" at {arguments.stage}" if arguments.stage else ""
        log = f"/aws/lambda/CodeDeployHook_{arguments.installation}-{arguments.stage or 'STAGE'}"
        raise NotFoundError(
            f"s3://{bucket} has no report of {arguments.report}{stage}; a hook that was not called has none:"
            f" see aws logs tail {log} --since 3h, and docs/runbook.md"
        )
    reports = _choose_reports(aws, bucket, keys, arguments.command)
    selected = _first_failed(reports)
    for report in reports:
        if report is not selected:
            stage = report.deployment.stage
            message = f"there is also a report of {stage} ({report.verdict.value}); show it with --stage {stage}"
            print(f"greenlight {arguments.command}: {message}", file=sys.stderr)
    return selected


def _choose_reports(aws: Aws, bucket: str, keys: Sequence[str], command: str) -> list[Report]:
    """Return the report of each stage that has the answer of CodeDeploy; print a message about others."""
    chosen: dict[str, Report] = {}
    fetched = [(key, _fetch_report(aws, bucket, key)) for key in keys]
    for key, report in sorted(fetched, key=lambda item: counts_before(item[1].answer, item[1].written_by)):
        selected = chosen.setdefault(_stage_of(key), report)
        if selected is not report:
            message = f"the {report.written_by.value} has a report of {_stage_of(key)} as well: s3://{bucket}/{key}"
            print(f"greenlight {command}: {message}", file=sys.stderr)
    return [chosen[stage] for stage in PLAN_STAGES if stage in chosen]


def _first_failed(reports: Sequence[Report]) -> Report:
    """Return the first report with the verdict Failed, or the last report."""
    return next((report for report in reports if report.verdict is Status.FAILED), reports[-1])


def _report_keys(aws: Aws, bucket: str, deployment: str, application: str, group: str) -> list[str]:
    """Return the keys APPLICATION/GROUP/DEPLOYMENT/STAGE.json of a deployment's reports, in the order of the stages.

    Reports of the last resort have keys that end in `.last-resort.json`, and those for other callers than CodeDeploy in
    `.caller.json`. The folders `unknown` are searched as well: a hook that could not discover its deployment has its
    reports there.
    """
    if application:
        applications = [f"{_quote(application)}/"]
    else:
        # Folders of other objects come last: they have reports only of an application with the same name.
        others = (index.FOLDER, run_claim.FOLDER, holds.FOLDER, GATES_FOLDER)
        applications = sorted(_folders(aws, bucket, ""), key=others.__contains__)
    searched = 0
    for application_folder in applications:
        groups = [f"{application_folder}{_quote(group)}/"] if group else _folders(aws, bucket, application_folder)
        for folder in groups:
            searched += 1
            if searched > MAX_FOLDERS:
                message = f"more than {MAX_FOLDERS} deployment groups have reports; name the --application"
                raise GreenlightError(message)
            listed = aws.pages("s3", "list_objects_v2", "Contents", Bucket=bucket, Prefix=f"{folder}{deployment}/")
            keys = [str(entry["Key"]) for entry in listed if _stage_of(str(entry["Key"])) in PLAN_STAGES]
            if keys:
                return sorted(keys, key=lambda key: PLAN_STAGES.index(_stage_of(key)))
    return []


def _folders(aws: Aws, bucket: str, prefix: str) -> list[str]:
    prefixes = aws.pages("s3", "list_objects_v2", "CommonPrefixes", Bucket=bucket, Prefix=prefix, Delimiter="/")
    return [str(entry["Prefix"]) for entry in prefixes]


def _quote(name: str) -> str:
    return urllib.parse.quote(name, safe=" ")


def _stage_of(key: str) -> str:
    """Return the stage in the key of a report, or "" for another object."""
    name = key.rpartition("/")[2]
    stage, suffix = os.path.splitext(name.removesuffix(".json"))
    return stage if name.endswith(".json") and suffix in ("", *_AUTHORS) else ""


def _fetch_report(aws: Aws, bucket: str, key: str) -> Report:
    try:
        response = aws.call("s3", "get_object", Bucket=bucket, Key=key)
    except AwsError as error:
        if error.code == "NoSuchKey":
            raise NotFoundError(f"there is no s3://{bucket}/{key}") from error
        raise
    return _decode_report(response["Body"].read(MAX_BYTES + 1), f"s3://{bucket}/{key}")
