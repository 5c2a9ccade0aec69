"""`greenlight plan`: the plan bucket and parameters, from a laptop or a pipeline: push, pull, diff, versions."""

from __future__ import annotations

import datetime
import difflib
import functools
import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any

import msgspec
from rich.text import Text

from devkit.lint import files, formats, secrets
from devkit.lint.limits import Limits
from devkit.lint.linter import problems
from devkit.plans import includes, remote
from devkit.plans.diff import KINDS, Change, compare_plans
from devkit.reports import buckets
from devkit.terminal import output
from devkit.terminal.console import stderr_console, stdout_console
from greenlight.aws.client import Aws
from greenlight.checks.registry import Registry
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import GreenlightError, PlanError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.settings import Settings
from greenlight.core.text import escape_controls
from greenlight.plan import parser as plans
from greenlight.plan import yaml_reader
from greenlight.plan.environments import environment_names
from greenlight.stores.plan_lookup import candidate_uris

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from devkit.plans.remote import RemotePlan, Stored
    from greenlight.plan.model import Plan

DONE, NOT_DONE, WRONG = 0, 1, 2


class Compared(FrozenStruct, frozen=True, kw_only=True):
    """What a file changes about the plan that is kept.

    Attributes:
        text: A unified diff; empty where a secret stands in one of both, or nothing differs.
        changes: What it means; those of every environment, where the plan has some.
        notes: What could not be compared or is not shown.
    """

    same: bool
    text: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take what to do, and whose plan it is."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    push = actions.add_parser("push", help="lint a plan, show what it changes, and put it where gates find it")
    push.add_argument("--yes", action="store_true", help="do not ask")
    pull = actions.add_parser("pull", help="print the plan that is kept")
    pull.add_argument("--version", default="", metavar="ID", help="an older one, as versions shows it")
    pull.add_argument("-o", "--output", default="", metavar="FILE", help="write it there and not to standard output")
    diff = actions.add_parser("diff", help="show what a plan changes about the one that is kept")
    actions.add_parser("versions", help="list what is kept of the plan, the newest first")
    for each in (push, diff):
        each.add_argument("plan", metavar="FILE", help="the plan's file, or - for standard input")
        includes.add_argument(each)
    for each in actions.choices.values():
        each.add_argument("--application", default="", help="CodeDeploy's application")
        each.add_argument("--group", default="", help="the plan of this deployment group alone (default: of all)")
        each.add_argument(
            "--at", default="", metavar="URI", help="a place of its own: s3://BUCKET/KEY, or ssm:/NAME for a parameter"
        )
        buckets.add_arguments(each, "plan")
        each.add_argument("--format", choices=("text", "json"), default="text", help="what is printed (default text)")


def run(arguments: argparse.Namespace, aws: Aws | None = None) -> int:
    """Do it.

    push: 0 it is there, 1 it is not, because nobody agreed or somebody was quicker. pull, versions: 1 there is none.
    diff: 0 the same, 1 another. 2 always: a plan or a call that is wrong, or an AWS that refuses.
    """
    aws = aws or Aws()
    text = _linted(arguments, aws) if arguments.action in ("push", "diff") else ""
    if text is None:
        return WRONG
    shelf = _shelf(arguments, aws)
    if arguments.action == "push":
        return _push(arguments, aws, shelf, text)
    if arguments.action == "diff":
        return _diff(arguments, aws, shelf, text)
    return _pull(arguments, shelf) if arguments.action == "pull" else _versions(arguments, shelf)


def _shelf(arguments: argparse.Namespace, aws: Aws) -> RemotePlan:
    """Give the place that is named, or else where gates look first for a plan of this application and group."""
    if arguments.at:
        if arguments.application or arguments.group or arguments.bucket:
            raise GreenlightError("--at names the place; --application, --group and --bucket are for the plan bucket")
        return remote.at(aws, arguments.at)
    if not arguments.application:
        raise GreenlightError("--application names nothing; name whose plan it is, or its place: --at URI")
    bucket = buckets.named(aws, "plan", arguments)
    about = Deployment(id="", platform=Platform.ECS, stage="", application=arguments.application, group=arguments.group)
    return remote.at(aws, next(candidate_uris(Settings(plan_bucket=bucket), about)))


def _linted(arguments: argparse.Namespace, aws: Aws) -> str | None:
    """Read a plan that gates would take; None, and its errors printed, for one they would not."""
    name = arguments.plan
    try:
        text = files.text(name)
        fetch = includes.fetching(name, arguments.include, aws)
        limits = Limits(today=datetime.datetime.now(datetime.UTC).date())
        found = problems(text, name, Registry(), limits, fetch)
        for environment in environment_names(_data(text)):  # an AppSpec lints well, and is no plan
            plans.parse(text, name, environment=environment, fetch=fetch)
    except PlanError as error:
        text, found = "", [*error.problems]
    formats.text([formats.File(name=name, text="", problems=tuple(found))], stderr_console())
    if any(each.severity == "error" or each.rule == "plain-secret" for each in found):
        print("greenlight plan: nothing was compared or pushed; gates would refuse this plan", file=sys.stderr)
        return None
    return text


@functools.lru_cache(maxsize=2)  # the file's and the one that is kept, each of which is asked for many times
def _data(text: str) -> Any:
    return yaml_reader.read(text).data


def _compared(stored: Stored | None, text: str, arguments: argparse.Namespace, aws: Aws, shelf: RemotePlan) -> Compared:
    old = stored.text if stored else ""
    if stored and old == text:
        return Compared(same=True)
    found, notes = (
        _meaning(old, text, arguments, aws, shelf) if stored else ((), (f"there is no plan in the {shelf.what} yet",))
    )
    if _secret(old) or _secret(text):
        return Compared(
            same=False,
            changes=found,
            notes=(*notes, "the lines are not shown: a secret is among them, or they are no YAML"),
        )
    lines = difflib.unified_diff(
        old.splitlines(), text.splitlines(), shelf.uri if stored else "/dev/null", arguments.plan
    )
    return Compared(
        same=False, text=tuple(escape_controls(line.rstrip("\n")) for line in lines), changes=found, notes=notes
    )


def _secret(text: str) -> bool:
    """Say whether a text holds what looks like a secret; of one that cannot be read it is taken for granted."""
    if not text:
        return False
    try:
        data = _data(text)
    except PlanError:
        return True
    return any(True for _ in secrets.find_secrets(data)) or any(
        any(secrets.find_secrets(line)) for line in text.splitlines()
    )


def _meaning(
    old: str, new: str, arguments: argparse.Namespace, aws: Aws, shelf: RemotePlan
) -> tuple[tuple[Change, ...], tuple[str, ...]]:
    """Compare what two texts check, in every environment that either has."""
    fetch = includes.fetching(arguments.plan, arguments.include, aws)
    try:
        names = dict.fromkeys(each for text in (old, new) for each in environment_names(_data(text)))
        pairs = [[_parsed(text, name, fetch) for text in (old, new)] for name in names]
    except GreenlightError as error:
        return (), (f"what it means was not compared: the plan in the {shelf.what} cannot be read here: {error}",)
    found: dict[Change, None] = {}
    notes: list[str] = []
    for name, (before, after) in zip(names, pairs, strict=True):
        if before is None or after is None:
            notes.append(f"only one of both has the environment {name!r}")
        else:
            found.update(dict.fromkeys(compare_plans(before, after)))
    return tuple(sorted(found, key=lambda each: KINDS.index(each.kind))), tuple(notes)


def _parsed(text: str, environment: str, fetch: Any) -> Plan | None:
    """Read a plan as it is in an environment; None where it has no such one."""
    own = environment_names(_data(text))
    if environment not in own and own != [""]:
        return None
    return plans.parse(text, environment=environment, fetch=fetch)


def _push(arguments: argparse.Namespace, aws: Aws, shelf: RemotePlan, text: str) -> int:
    stored = shelf.read()
    compared = _compared(stored, text, arguments, aws, shelf)
    as_text = arguments.format == "text"
    if as_text or not arguments.yes:
        _show(compared, shelf, stdout_console() if as_text else stderr_console())
    pushed = compared.same or (_agreed(arguments, shelf) and _put(shelf, text, stored))
    now = shelf.read() if pushed else stored
    if pushed and (now is None or now.text != text):
        raise GreenlightError(f"{shelf.uri} was pushed, and is another plan again; see plan versions")
    document = {
        **_document(arguments, shelf, compared),
        "pushed": pushed,
        "version_id": now.version_id if now else "",
        "sha256": _digest(text),
    }
    if not as_text:
        print(json.dumps(document, indent=2))
    elif pushed:
        what = "has this plan already" if compared.same else "has the plan now"
        version = f"version {document['version_id']}, " if document["version_id"] else ""
        print(f"{shelf.uri} {what}: {version}sha256 {document['sha256']}")
    return DONE if pushed else NOT_DONE


def _agreed(arguments: argparse.Namespace, shelf: RemotePlan) -> bool:
    if arguments.yes:
        return True
    if not sys.stdin.isatty() or arguments.plan == files.STDIN:
        raise GreenlightError("nobody can be asked here; write --yes to push what is shown above")
    print(f"push this to {shelf.uri}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    print("greenlight plan: nothing was pushed", file=sys.stderr)
    return False


def _put(shelf: RemotePlan, text: str, stored: Stored | None) -> bool:
    done = shelf.put(text, stored)
    if not done:
        said = f"{shelf.uri} is another plan than a moment ago, so nothing was pushed; compare and push again"
        print(f"greenlight plan: {said}", file=sys.stderr)
    return done


def _diff(arguments: argparse.Namespace, aws: Aws, shelf: RemotePlan, text: str) -> int:
    compared = _compared(shelf.read(), text, arguments, aws, shelf)
    if arguments.format == "json":
        print(json.dumps(_document(arguments, shelf, compared), indent=2))
    else:
        _show(compared, shelf, stdout_console())
    return DONE if compared.same else NOT_DONE


def _document(arguments: argparse.Namespace, shelf: RemotePlan, compared: Compared) -> dict[str, Any]:
    return {"uri": shelf.uri, "plan": arguments.plan, **msgspec.to_builtins(compared)}


def _show(compared: Compared, shelf: RemotePlan, console: Console) -> None:
    for line in compared.text:
        style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
        console.print(Text(line, style=style), soft_wrap=True)  # a line of a difference begins with its sign
    if compared.text and (compared.changes or compared.notes):
        console.print()
    for change in compared.changes:
        style = "bold red" if change.kind == "weakened" else ""
        word = "WEAKENED" if change.kind == "weakened" else change.kind
        console.print(Text.assemble((f"{word:<8}  ", style), escape_controls(str(change))))
    for note in compared.notes:
        console.print(note)
    if compared.same:
        console.print(f"the same text is in the {shelf.what}")


def _pull(arguments: argparse.Namespace, shelf: RemotePlan) -> int:
    stored = shelf.read(arguments.version)
    if stored is None:
        return _nothing(shelf, arguments)
    document = {"uri": shelf.uri, "version_id": stored.version_id, "sha256": _digest(stored.text)}
    if arguments.output:
        output.write_file(arguments.output, stored.text)
    if arguments.format == "json":
        print(json.dumps({**document, "text": stored.text}, indent=2))
        return DONE
    if not arguments.output:
        sys.stdout.write(stored.text)
    version = f"version {stored.version_id}, " if stored.version_id else ""
    print(f"{shelf.uri}: {version}sha256 {document['sha256']}", file=sys.stderr)
    return DONE


def _nothing(shelf: RemotePlan, arguments: argparse.Namespace) -> int:
    version = f" in the version {arguments.version}" if getattr(arguments, "version", "") else ""
    hint = "; without --group the plan for all groups is meant" if arguments.group else ""
    print(f"greenlight plan: there is no {shelf.uri}{version}{hint}", file=sys.stderr)
    return NOT_DONE


def _versions(arguments: argparse.Namespace, shelf: RemotePlan) -> int:
    found = shelf.versions()
    if arguments.format == "json":
        print(json.dumps({"uri": shelf.uri, "versions": found}, indent=2))
    for each in found if arguments.format == "text" else ():
        what = "deleted" if each["deleted"] else f"{each['bytes']} bytes"
        print(f"{each['stored_at']}  {each['version_id']}  {what}{'  now' if each['latest'] else ''}")
    return DONE if found else _nothing(shelf, arguments)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
