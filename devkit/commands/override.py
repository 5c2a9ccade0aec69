"""`greenlight override`: let a required-with-override check pass for one deployment or one text of a plan, on record."""

from __future__ import annotations

import datetime
import json
import secrets
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from devkit.reports import buckets
from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.units import Duration
from greenlight.stores.overrides import read_overrides
from greenlight.verdict.override import LONGEST, SCHEMA, Override, override_prefix, parse_override

if TYPE_CHECKING:
    import argparse

NOT_THERE, USAGE_ERROR = 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do, and for which deployment group."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    add = actions.add_parser("add", help="store an override")
    add.add_argument("--check", action="append", required=True, metavar="NAME", help="a check, by its exact name")
    scope = add.add_mutually_exclusive_group(required=True)
    scope.add_argument("--deployment", metavar="ID", help="the one deployment it is for")
    scope.add_argument("--plan-sha256", metavar="DIGEST", help="the one plan it is for: digest in its report")
    add.add_argument("--why", required=True, help="the reason, in words; every report repeats it")
    add.add_argument("--expires", required=True, metavar="2h", help=f"how long it holds, at most {LONGEST.days * 24}h")
    add.add_argument("--who", default="", help="who answers for it (default: whom STS says you are)")
    actions.add_parser("list", help="show the overrides of a deployment group")
    remove = actions.add_parser("remove", help="take an override away")
    remove.add_argument("name", metavar="NAME", help="as list shows it")
    for each in actions.choices.values():
        each.add_argument("--application", required=True, help="CodeDeploy's application")
        each.add_argument("--group", required=True, help="its deployment group")
        buckets.add_arguments(each, "plan")
        each.add_argument("--format", choices=("text", "json"), default="text", help="what is printed (default text)")


def run(arguments: argparse.Namespace, aws: Aws | None = None) -> int:
    """Do it: 0 done, 1 there is no such override, 2 a call that is wrong or that AWS refuses."""
    aws = aws or Aws()
    override = _made(arguments, aws) if arguments.action == "add" else None  # refused before anything is asked of S3
    place = override_prefix(arguments.application, arguments.group)
    if not place:
        raise GreenlightError("an override is for a deployment group; --application and --group name it")
    bucket = buckets.named(aws, "plan", arguments)
    if override is not None:
        return _add(arguments, aws, bucket, place, override)
    return (
        _list(arguments, aws, bucket, place) if arguments.action == "list" else _remove(arguments, aws, bucket, place)
    )


def _made(arguments: argparse.Namespace, aws: Aws) -> Override:
    try:
        holds_s = float(Duration.parse(arguments.expires))
    except ValueError as error:
        raise GreenlightError(f"--expires: {error}") from error
    scope = {"deployment": arguments.deployment, "plan_sha256": arguments.plan_sha256}
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    override, why = parse_override(
        msgspec.json.encode(
            {
                "schema": SCHEMA,
                "who": arguments.who or "to be asked of STS",
                "why": arguments.why,
                "created": now,
                "expires": now + datetime.timedelta(seconds=holds_s),
                "scope": {key: value for key, value in scope.items() if value is not None},
                "checks": arguments.check,
            }
        )
    )
    if override is None:
        raise GreenlightError(f"no gate would honour this override: {why}")
    who = arguments.who or str(aws.call("sts", "get_caller_identity")["Arn"])
    return msgspec.structs.replace(override, who=who)


def _add(arguments: argparse.Namespace, aws: Aws, bucket: str, place: str, override: Override) -> int:
    key = f"{place}{override.created:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}.json"
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
        "name": key.removeprefix(place),
        "uri": f"s3://{bucket}/{key}",
        "version_id": stored.get("VersionId", ""),
    }
    if arguments.format == "json":
        print(json.dumps({**document, "override": plain}, indent=2))
    else:
        print(f"{', '.join(override.checks)} may fail for {override.scope} until {plain['expires']}: {document['uri']}")
    return 0


def _list(arguments: argparse.Namespace, aws: Aws, bucket: str, place: str) -> int:
    found, notes = read_overrides(aws, bucket, place)
    shown = [_shown(each.uri.removeprefix(f"s3://{bucket}/{place}"), each.data) for each in found]
    if arguments.format == "json":
        print(json.dumps({"uri": f"s3://{bucket}/{place}", "overrides": shown, "notes": notes}, indent=2))
        return 0
    for each in shown:
        override = each["override"]
        print(f"{each['name']}  {each['problem'] or each['state']}")
        if override:
            scope = next(f"{name} {value}" for name, value in override["scope"].items() if value)
            print(f"    {', '.join(override['checks'])}; for {scope}; until {override['expires']}")
            print(f"    {override['who']}: {override['why']}")
    for note in notes:
        print(f"greenlight override: {note}", file=sys.stderr)
    if not found:
        print(f"there are no overrides in s3://{bucket}/{place}", file=sys.stderr)
    return 0


def _shown(name: str, data: bytes) -> dict[str, Any]:
    override, problem = parse_override(data)
    over = override is not None and override.expires <= datetime.datetime.now(datetime.UTC)
    state = "" if override is None else "expired" if over else "valid"
    return {"name": name, "state": state, "problem": problem, "override": override and msgspec.to_builtins(override)}


def _remove(arguments: argparse.Namespace, aws: Aws, bucket: str, place: str) -> int:
    if not arguments.name or "/" in arguments.name:
        raise GreenlightError(f"{arguments.name!r} is no name of an override; write it as list shows it")
    key, uri = f"{place}{arguments.name}", f"s3://{bucket}/{place}{arguments.name}"
    try:
        aws.call("s3", "head_object", Bucket=bucket, Key=key)
    except AwsError as error:
        if error.code not in ("404", "NoSuchKey", "NotFound"):
            raise
        print(f"greenlight override: there is no {uri}", file=sys.stderr)
        return NOT_THERE
    aws.call("s3", "delete_object", Bucket=bucket, Key=key)
    print(
        json.dumps({"name": arguments.name, "uri": uri, "removed": True})
        if arguments.format == "json"
        else f"removed {uri}"
    )
    return 0
