"""`greenlight override`: let a required-with-override check fail for one deployment or one text of a plan."""

from __future__ import annotations

import datetime
import json
import secrets
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.aws.client import Aws
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.units import Duration
from greenlight.stores.overrides import read_overrides
from greenlight.verdict.override import LONGEST, SCHEMA, Override, override_prefix, parse_override

from ..reports import buckets

if TYPE_CHECKING:
    import argparse

NOT_FOUND, USAGE_ERROR = 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands, each with the arguments for the deployment group."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="store an override")
    add.add_argument(
        "--check", action="append", required=True, metavar="NAME", help="exact name of a check (repeatable)"
    )
    scope = add.add_mutually_exclusive_group(required=True)
    scope.add_argument("--deployment", metavar="ID", help="apply it only to this deployment")
    scope.add_argument(
        "--plan-sha256", metavar="DIGEST", help="apply it only to the plan with this digest, which reports show"
    )
    add.add_argument("--why", required=True, help="the reason; it is shown in every report")
    add.add_argument(
        "--expires", required=True, metavar="2h", help=f"how long it is valid, at most {LONGEST.days * 24}h"
    )
    add.add_argument("--who", default="", help="who is responsible for it (default: your ARN from STS)")
    actions.add_parser("list", help="list the overrides of a deployment group")
    remove = actions.add_parser("remove", help="remove an override")
    remove.add_argument("name", metavar="NAME", help="name of the override, as shown by `override list`")
    for action in actions.choices.values():
        action.add_argument("--application", required=True, help="CodeDeploy application")
        action.add_argument("--group", required=True, help="deployment group of the application")
        buckets.add_arguments(action, "plan")
        action.add_argument("--format", choices=("text", "json"), default="text", help="output format (default text)")


def run(arguments: argparse.Namespace, aws: Aws | None = None) -> int:
    """Run one action; return 0, or 1 if the override to remove does not exist."""
    aws = aws or Aws()
    override = _new_override(arguments, aws) if arguments.action == "add" else None  # validated before S3 is called
    prefix = override_prefix(arguments.application, arguments.group)
    if not prefix:
        raise GreenlightError("--application and --group must not be empty")
    bucket = buckets.resolve_bucket(aws, "plan", arguments)
    if override is not None:
        return _add(arguments, aws, bucket, prefix, override)
    if arguments.action == "list":
        return _list(arguments, aws, bucket, prefix)
    return _remove(arguments, aws, bucket, prefix)


def _new_override(arguments: argparse.Namespace, aws: Aws) -> Override:
    """Build an override from the command line, and validate it as gates do."""
    try:
        valid_s = float(Duration.parse(arguments.expires))
    except ValueError as error:
        raise GreenlightError(f"--expires: {error}") from error
    scope = {"deployment": arguments.deployment, "plan_sha256": arguments.plan_sha256}
    now = SYSTEM_CLOCK.now_utc().replace(microsecond=0)
    override, reason = parse_override(
        msgspec.json.encode(
            {
                "schema": SCHEMA,
                "who": arguments.who or "STS",  # replaced below: STS is called only for an override that is valid
                "why": arguments.why,
                "created": now,
                "expires": now + datetime.timedelta(seconds=valid_s),
                "scope": {key: value for key, value in scope.items() if value is not None},
                "checks": arguments.check,
            }
        )
    )
    if override is None:
        raise GreenlightError(f"gates would not apply this override: {reason}")
    who = arguments.who or str(aws.call("sts", "get_caller_identity")["Arn"])
    return msgspec.structs.replace(override, who=who)


def _add(arguments: argparse.Namespace, aws: Aws, bucket: str, prefix: str, override: Override) -> int:
    key = f"{prefix}{override.created:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.json"
    plain = msgspec.to_builtins(override)
    plain["scope"] = {name: value for name, value in plain["scope"].items() if value is not None}
    stored = aws.call(
        "s3",
        "put_object",
        Bucket=bucket,
        Key=key,
        Body=json.dumps(plain, indent=2).encode(),
        ContentType="application/json",
    )
    document = {
        "name": key.removeprefix(prefix),
        "uri": f"s3://{bucket}/{key}",
        "version_id": stored.get("VersionId", ""),
    }
    if arguments.format == "json":
        print(json.dumps({**document, "override": plain}, indent=2))
    else:
        print(f"{', '.join(override.checks)} may fail for {override.scope} until {plain['expires']}: {document['uri']}")
    return 0


def _list(arguments: argparse.Namespace, aws: Aws, bucket: str, prefix: str) -> int:
    stored_overrides, notes = read_overrides(aws, bucket, prefix)
    folder = f"s3://{bucket}/{prefix}"
    overrides = [_to_document(stored.uri.removeprefix(folder), stored.data) for stored in stored_overrides]
    if arguments.format == "json":
        print(json.dumps({"uri": folder, "overrides": overrides, "notes": notes}, indent=2))
        return 0
    for document in overrides:
        override = document["override"]
        print(f"{document['name']}  {document['problem'] or document['state']}")
        if override:
            scope = next(f"{name} {value}" for name, value in override["scope"].items() if value)
            print(f"    {', '.join(override['checks'])}; for {scope}; until {override['expires']}")
            print(f"    {override['who']}: {override['why']}")
    for note in notes:
        print(f"greenlight override: {note}", file=sys.stderr)
    if not overrides:
        print(f"there are no overrides in {folder}", file=sys.stderr)
    return 0


def _to_document(name: str, data: bytes) -> dict[str, Any]:
    override, problem = parse_override(data)
    state = ""
    if override is not None:
        state = "expired" if override.expires <= SYSTEM_CLOCK.now_utc() else "valid"
    return {"name": name, "state": state, "problem": problem, "override": override and msgspec.to_builtins(override)}


def _remove(arguments: argparse.Namespace, aws: Aws, bucket: str, prefix: str) -> int:
    if not arguments.name or "/" in arguments.name:
        raise GreenlightError(f"{arguments.name!r} is not a valid override name; copy it from `override list`")
    key = f"{prefix}{arguments.name}"
    uri = f"s3://{bucket}/{key}"
    try:
        aws.call("s3", "head_object", Bucket=bucket, Key=key)
    except AwsError as error:
        if error.code not in ("404", "NoSuchKey", "NotFound"):
            raise
        print(f"greenlight override: there is no {uri}", file=sys.stderr)
        return NOT_FOUND
    aws.call("s3", "delete_object", Bucket=bucket, Key=key)
    if arguments.format == "json":
        print(json.dumps({"name": arguments.name, "uri": uri, "removed": True}))
    else:
        print(f"removed {uri}")
    return 0
