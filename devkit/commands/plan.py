"""`greenlight plan`: push plans to the plan bucket or an SSM parameter, pull them, show differences and versions."""

from __future__ import annotations

import hashlib
import json
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from rich.text import Text

from greenlight.aws.client import Aws
from greenlight.checks.registry import Registry
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.display import escape_controls
from greenlight.core.errors import GreenlightError, PlanError
from greenlight.core.settings import Settings
from greenlight.plan import parser as plans
from greenlight.stores.plan_lookup import candidate_uris

from ..lint import files, formats
from ..lint.limits import Limits
from ..lint.linter import problems
from ..plans import includes, remote
from ..plans.remote_diff import LocalPlan, PlanDiff, compare_with_remote, environments_of
from ..reports import buckets
from ..terminal import output
from ..terminal.console import stderr_console, stdout_console

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from ..plans.remote import RemotePlan, StoredPlan

DONE, NOT_DONE, INVALID = 0, 1, 2

_LINE_STYLES = {"+": "green", "-": "red", "@": "cyan"}


class _Update(NamedTuple):
    """A plan file, the plan that it would replace, and their difference."""

    file: LocalPlan
    remote: RemotePlan
    stored: StoredPlan | None
    diff: PlanDiff

    def document(self) -> dict[str, Any]:
        """Return the difference as plain data."""
        return {"uri": self.remote.uri, "plan": self.file.name, **msgspec.to_builtins(self.diff)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the subcommands, each with the arguments for the place of the plan."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    push = actions.add_parser("push", help="lint a plan, show the difference, and store it where gates read it")
    push.add_argument("--yes", action="store_true", help="push without asking for confirmation")
    pull = actions.add_parser("pull", help="print the stored plan")
    pull.add_argument("--version", default="", metavar="ID", help="an older version, as shown by `plan versions`")
    pull.add_argument(
        "-o", "--output", default="", metavar="FILE", help="write to this file instead of standard output"
    )
    diff = actions.add_parser("diff", help="show what a push of this plan would change")
    actions.add_parser("versions", help="list the versions of the stored plan, newest first")
    for action in (push, diff):
        action.add_argument("plan", metavar="FILE", help="the plan's file, or - for standard input")
        includes.add_argument(action)
    for action in actions.choices.values():
        action.add_argument("--application", default="", help="CodeDeploy application")
        action.add_argument(
            "--group", default="", help="the plan of this deployment group (default: the plan of all groups)"
        )
        action.add_argument(
            "--at", default="", metavar="URI", help="a different place: s3://BUCKET/KEY, or ssm:/NAME for a parameter"
        )
        buckets.add_arguments(action, "plan")
        action.add_argument("--format", choices=("text", "json"), default="text", help="output format (default text)")


def run(arguments: argparse.Namespace, aws: Aws | None = None) -> int:
    """Run one action and return its exit status.

    push: 0 if the plan is stored, 1 if it is not, because the user declined or the stored plan changed meanwhile.
    diff: 0 without a difference, 1 with one. pull and versions: 1 if the plan is not found. All: 2 for a plan or a
    command line that is not valid, and for errors of AWS.
    """
    aws = aws or Aws()
    file = None
    if arguments.action in ("push", "diff"):
        file = _read_valid_plan(arguments, aws)
        if file is None:
            return INVALID
    remote_plan = _open_remote_plan(arguments, aws)
    if file is None:
        return _pull(arguments, remote_plan) if arguments.action == "pull" else _versions(arguments, remote_plan)
    stored = remote_plan.read()
    update = _Update(file, remote_plan, stored, compare_with_remote(file, remote_plan, stored))
    return _push(arguments, update) if arguments.action == "push" else _diff(arguments, update)


def _open_remote_plan(arguments: argparse.Namespace, aws: Aws) -> RemotePlan:
    """Return the place of --at, or the first place where gates look for a plan of this application and group."""
    if arguments.at:
        if arguments.application or arguments.group or arguments.bucket:
            raise GreenlightError("--at excludes --application, --group and --bucket, which are for the plan bucket")
        return remote.open_remote_plan(aws, arguments.at)
    if not arguments.application:
        raise GreenlightError("--application is missing or empty; name an application, or a place with --at URI")
    bucket = buckets.resolve_bucket(aws, "plan", arguments)
    deployment = Deployment(
        id="", platform=Platform.ECS, stage="", application=arguments.application, group=arguments.group
    )
    return remote.open_remote_plan(aws, next(candidate_uris(Settings(plan_bucket=bucket), deployment)))


def _read_valid_plan(arguments: argparse.Namespace, aws: Aws) -> LocalPlan | None:
    """Read and lint the plan; print its problems, and return None if gates would reject it."""
    name = arguments.plan
    plan = None
    try:
        text = files.read_text(name)
        fetch = includes.fragment_fetcher(name, arguments.include, aws)
        limits = Limits(today=SYSTEM_CLOCK.now_utc().date())
        plan_problems = problems(text, name, Registry(), limits, fetch)
        for environment in environments_of(text):  # lint also accepts an AppSpec; the parser does not
            plans.parse(text, name, environment=environment, fetch=fetch)
        plan = LocalPlan(name, text, fetch)
    except PlanError as error:
        plan_problems = [*error.problems]
    formats.text([formats.File(name=name, text="", problems=tuple(plan_problems))], stderr_console())
    if plan is None or any(item.severity == "error" or item.rule == "plain-secret" for item in plan_problems):
        print("greenlight plan: gates would reject this plan, so nothing was compared or pushed", file=sys.stderr)
        return None
    return plan


def _push(arguments: argparse.Namespace, update: _Update) -> int:
    file, remote_plan, diff = update.file, update.remote, update.diff
    as_text = arguments.format == "text"
    if as_text or not arguments.yes:
        _print_diff(update, stdout_console() if as_text else stderr_console())
    pushed = diff.same or (_confirm(arguments, remote_plan) and _store(update))
    current = remote_plan.read() if pushed else update.stored
    if pushed and (current is None or current.text != file.text):
        raise GreenlightError(f"{remote_plan.uri} was pushed and has changed again since; see greenlight plan versions")
    version_id = current.version_id if current else ""
    sha256 = _digest(file.text)
    if not as_text:
        document = {**update.document(), "pushed": pushed, "version_id": version_id, "sha256": sha256}
        print(json.dumps(document, indent=2))
    elif pushed:
        state = "already has this plan" if diff.same else "now has this plan"
        print(f"{remote_plan.uri} {state}: {_describe_version(version_id, sha256)}")
    return DONE if pushed else NOT_DONE


def _confirm(arguments: argparse.Namespace, remote_plan: RemotePlan) -> bool:
    if arguments.yes:
        return True
    if not sys.stdin.isatty() or arguments.plan == files.STDIN:
        raise GreenlightError("standard input is not a terminal, so you cannot confirm; write --yes to push")
    print(f"push this to {remote_plan.uri}? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return True
    print("greenlight plan: nothing was pushed", file=sys.stderr)
    return False


def _store(update: _Update) -> bool:
    stored = update.remote.put(update.file.text, update.stored)
    if not stored:
        message = f"{update.remote.uri} has changed meanwhile, so nothing was pushed; compare and push again"
        print(f"greenlight plan: {message}", file=sys.stderr)
    return stored


def _diff(arguments: argparse.Namespace, update: _Update) -> int:
    if arguments.format == "json":
        print(json.dumps(update.document(), indent=2))
    else:
        _print_diff(update, stdout_console())
    return DONE if update.diff.same else NOT_DONE


def _print_diff(update: _Update, console: Console) -> None:
    diff = update.diff
    for line in diff.text:
        # Not wrapped: the first character of a line is its sign.
        console.print(Text(line, style=_LINE_STYLES.get(line[:1], "")), soft_wrap=True)
    if diff.text and (diff.changes or diff.notes):
        console.print()
    for change in diff.changes:
        is_weakened = change.kind == "weakened"
        word = "WEAKENED" if is_weakened else change.kind
        style = "bold red" if is_weakened else ""
        console.print(Text.assemble((f"{word:<8}  ", style), escape_controls(str(change))))
    for note in diff.notes:
        console.print(note)
    if diff.same:
        console.print(f"the {update.remote.noun} already has the same text")


def _pull(arguments: argparse.Namespace, remote_plan: RemotePlan) -> int:
    stored = remote_plan.read(arguments.version)
    if stored is None:
        return _report_missing(remote_plan, arguments)
    sha256 = _digest(stored.text)
    if arguments.output:
        output.write_file(arguments.output, stored.text)
    if arguments.format == "json":
        document = {"uri": remote_plan.uri, "version_id": stored.version_id, "sha256": sha256, "text": stored.text}
        print(json.dumps(document, indent=2))
        return DONE
    if not arguments.output:
        sys.stdout.write(stored.text)
    print(f"{remote_plan.uri}: {_describe_version(stored.version_id, sha256)}", file=sys.stderr)
    return DONE


def _report_missing(remote_plan: RemotePlan, arguments: argparse.Namespace) -> int:
    version = f" with the version {arguments.version}" if getattr(arguments, "version", "") else ""
    hint = "; omit --group for the plan of all groups" if arguments.group else ""
    print(f"greenlight plan: there is no {remote_plan.uri}{version}{hint}", file=sys.stderr)
    return NOT_DONE


def _versions(arguments: argparse.Namespace, remote_plan: RemotePlan) -> int:
    versions = remote_plan.versions()
    if arguments.format == "json":
        print(json.dumps({"uri": remote_plan.uri, "versions": versions}, indent=2))
    else:
        for version in versions:
            size = "deleted" if version["deleted"] else f"{version['bytes']} bytes"
            mark = "  latest" if version["latest"] else ""
            print(f"{version['stored_at']}  {version['version_id']}  {size}{mark}")
    return DONE if versions else _report_missing(remote_plan, arguments)


def _describe_version(version_id: str, sha256: str) -> str:
    return f"version {version_id}, sha256 {sha256}" if version_id else f"sha256 {sha256}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
