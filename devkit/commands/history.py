"""`greenlight history`: the gates of an application, newest first, and what they show together."""

from __future__ import annotations

import json
import shutil
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import msgspec
from rich.text import Text

from devkit.reports import buckets, history
from devkit.terminal.console import stdout_console, styled
from greenlight.aws.client import Aws, call_aws
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.text import escape_controls, truncate
from greenlight.core.units import Duration
from greenlight.publish import index
from greenlight.report.content import format_duration

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from greenlight.publish.index import Entry

NONE_FOUND = 1
LAST = 20
MAX_GATES = 1000
"""Gates that one call reads; each is a small object of its own."""

MAX_GROUPS = 100
MAX_BYTES = 1024 * 1024
SHOWN_CHECKS = 10
_AT_ONCE = 16


class Found(FrozenStruct, frozen=True, kw_only=True):
    """What an index holds: the entries, newest first, whether there are older ones, and what could not be read."""

    gates: tuple[Any, ...]
    more: bool = False
    notes: tuple[str, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take whose gates, and how many."""
    parser.add_argument("--application", required=True, help="CodeDeploy's application")
    parser.add_argument("--group", default="", help="only this deployment group")
    parser.add_argument(
        "--last", type=int, default=None, metavar="N", help=f"the newest N gates (default {LAST}, at most {MAX_GATES})"
    )
    parser.add_argument("--since", default="", metavar="30d", help="only gates that are no older (30d, 12h)")
    buckets.add_arguments(parser, "report")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="what is printed (default text)")


def run(arguments: argparse.Namespace, aws: Aws | None = None) -> int:
    """Show the gates: 0 shown, 1 there are none, 2 a call that is wrong or that AWS refuses."""
    aws = aws or Aws()
    last, since = _limits(arguments)
    if not arguments.application:
        raise GreenlightError("--application names nothing")
    bucket = buckets.named(aws, "report", arguments)
    found = _found(aws, bucket, arguments.application, arguments.group, last, since)
    for note in found.notes:
        print(f"greenlight history: {note}", file=sys.stderr)
    whole = history.summary(found.gates)
    if arguments.format == "json":
        document = {
            "application": arguments.application,
            "group": arguments.group,
            "bucket": bucket,
            "gates": found.gates,
            "more": found.more,
            "summary": whole,
            "notes": found.notes,
        }
        print(json.dumps(msgspec.to_builtins(document), indent=2))
    elif found.gates:
        _show(found, whole, stdout_console(), grouped=not arguments.group)
    if found.gates:
        return 0
    place = f"s3://{bucket}/{index.entry_prefix(arguments.application, arguments.group)}"
    when = f" that is no older than {arguments.since}" if arguments.since else ""
    print(f"greenlight history: there is no gate in {place}{when}", file=sys.stderr)
    return NONE_FOUND


def _limits(arguments: argparse.Namespace) -> tuple[int, float]:
    """Give how many gates are wanted, and from which Unix time on."""
    last = arguments.last
    if last is not None and not 1 <= last <= MAX_GATES:
        raise GreenlightError(f"--last may be 1 to {MAX_GATES}")
    if not arguments.since:
        return last or LAST, 0.0
    days = arguments.since.removesuffix("d")
    try:
        age_s = float(days) * 86400 if days != arguments.since else float(Duration.parse(arguments.since))
    except ValueError as error:
        raise GreenlightError(
            f"--since is a time such as 30d or 12h, and not {truncate(arguments.since, 40)!r}"
        ) from error
    if not 0 < age_s < 1e9:
        raise GreenlightError("--since is longer than nothing, and shorter than 30 years")
    return last or MAX_GATES, time.time() - age_s


def _found(aws: Aws, bucket: str, application: str, group: str, last: int, since: float) -> Found:
    place = index.entry_prefix(application, group)
    folders, notes = ([place], []) if group else _groups(aws, bucket, place)
    keys = sorted(
        (key for folder in folders for key in _keys(aws, bucket, folder, last + 1, since)),
        key=lambda key: key.rpartition("/")[2],
    )
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        entries = list(pool.map(lambda key: _entry(aws, bucket, key), keys[:last]))
    notes += [each for each in entries if isinstance(each, str)]
    gates = tuple(each for each in entries if not isinstance(each, str))
    return Found(gates=gates, more=len(keys) > last, notes=tuple(notes))


def _groups(aws: Aws, bucket: str, place: str) -> tuple[list[str], list[str]]:
    answer = aws.call("s3", "list_objects_v2", Bucket=bucket, Prefix=place, Delimiter="/", MaxKeys=MAX_GROUPS)
    left_out = answer.get("IsTruncated")
    notes = [f"more than {MAX_GROUPS} deployment groups; name one with --group"] if left_out else []
    return [str(each["Prefix"]) for each in answer.get("CommonPrefixes", [])], notes


def _keys(aws: Aws, bucket: str, folder: str, wanted: int, since: float) -> list[str]:
    """List the newest entries of a group; the keys' order is from the newest to the oldest."""
    keys: list[str] = []
    more: dict[str, str] = {}
    while len(keys) < wanted:
        answer = aws.call(
            "s3", "list_objects_v2", Bucket=bucket, Prefix=folder, MaxKeys=min(1000, wanted - len(keys)), **more
        )
        for key in (str(each["Key"]) for each in answer.get("Contents", [])):
            began = index.parse_key_time(key)
            if began is not None and began < since:
                return keys
            keys += [key] if began is not None else []
        if not answer.get("NextContinuationToken"):
            break
        more = {"ContinuationToken": answer["NextContinuationToken"]}
    return keys


def _entry(aws: Aws, bucket: str, key: str) -> Entry | str:
    """Read an entry, or say why it cannot be read."""
    try:
        answer = aws.call("s3", "get_object", Bucket=bucket, Key=key)
        data: bytes = call_aws("s3", "get_object", lambda: answer["Body"].read(MAX_BYTES))
        found = msgspec.json.decode(data, type=index.Entry)
        history.at(found)
    except AwsError as error:
        return f"s3://{bucket}/{key} was not read: {error}"
    except (msgspec.MsgspecError, ValueError) as error:
        return f"s3://{bucket}/{key} is no entry of the index: {error}"
    return found if found.schema == index.SCHEMA else f"s3://{bucket}/{key} is a {found.schema!r}"


def _show(found: Found, whole: history.Summary, console: Console, *, grouped: bool) -> None:
    width = shutil.get_terminal_size().columns if console.is_terminal else 100_000
    _table(found.gates, console, width, grouped=grouped)
    if found.more:
        console.print(f"there are older gates; --last {MAX_GATES} or --since 30d shows more")
    console.print()
    let = f", {whole.let_through} let through without a check" if whole.let_through else ""
    console.print(f"gates            {whole.gates}, {whole.closed} closed{let}")
    if whole.p50_ms is not None and whole.p95_ms is not None:
        console.print(f"time to verdict  p50 {format_duration(whole.p50_ms)}, p95 {format_duration(whole.p95_ms)}")
    if whole.causes:
        console.print("closed by        " + ", ".join(f"{cause} {count}" for cause, count in whole.causes.items()))
    if whole.weeks:
        console.print("closed by week   " + _trend(whole.weeks, drawn=console.is_terminal))
    _checks(whole.checks, console, width)


def _table(gates: Sequence[Entry], console: Console, width: int, *, grouped: bool) -> None:
    for gate in gates:
        reason = next((f"{each.cause.value} {each.check}: {each.message}" for each in gate.reasons), "")
        said = reason or ("let through without a check" if gate.let_through else _remarks(gate))
        before = f"{history.at(gate):%Y-%m-%d %H:%M}  {escape_controls(gate.stage):<21}  "
        group = f"{escape_controls(gate.group)}  " if grouped else ""
        after = f"  {format_duration(gate.duration_ms):>9}  {escape_controls(gate.deployment):<11}  {group}"
        room = max(20, width - len(before) - len(after) - 9)
        console.print(Text.assemble(before, styled(gate.verdict.value, 9), after, truncate(said, room)))


def _remarks(gate: Entry) -> str:
    flaky = [each.name for each in gate.checks if each.flaky]
    count = f"{gate.overrides} check{'s' * (gate.overrides != 1)} overridden" if gate.overrides else ""
    said = ("shadow: would have Failed" if gate.hidden else "", count, f"flaky: {', '.join(flaky)}" if flaky else "")
    return "; ".join(each for each in said if each)


def _trend(weeks: Sequence[history.Week], *, drawn: bool) -> str:
    """Draw the share of closed gates on a terminal; a program gets plain numbers."""
    if drawn:
        span = f"{weeks[0].begins} to {weeks[-1].begins}"
        return f"{history.sparkline([week.share for week in weeks])}  {span}, last {weeks[-1].share:.0%}"
    return ", ".join(f"{week.begins} {week.closed} of {week.gates}" for week in weeks)


def _checks(checks: Sequence[history.Check], console: Console, width: int) -> None:
    shown = [each for each in checks if each.closed or each.flaky or each.failed]
    if not shown:
        return
    console.print("\n closed  failed   flaky    runs  check")
    for each in shown[:SHOWN_CHECKS]:
        numbers = f"{each.closed:>7} {each.failed:>7} {each.flaky:>7} {each.runs:>7}  "
        console.print(numbers + truncate(each.name, max(20, width - len(numbers))))
    if len(shown) > SHOWN_CHECKS:
        console.print(f"and {len(shown) - SHOWN_CHECKS} more; --format json has them all")
