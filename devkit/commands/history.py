"""`greenlight history`: show the gates of an application, newest first, with a summary."""

from __future__ import annotations

import json
import shutil
import sys
import time
from typing import TYPE_CHECKING

import msgspec
from rich.text import Text

from greenlight.aws.client import Aws
from greenlight.core.display import escape_controls, truncate
from greenlight.core.errors import GreenlightError
from greenlight.core.hold import HoldDecision
from greenlight.core.report import Author
from greenlight.core.units import Duration
from greenlight.report.content import format_duration
from greenlight.report.reason_groups import group_reasons

from ..reports import buckets, gate_index, history
from ..reports.gate_index import GateList, IndexQuery
from ..terminal.console import stdout_console, styled

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from rich.console import Console

    from greenlight.publish.index import Entry

NOT_FOUND = 1
LAST = 20
MAX_GATES = 1000
"""Gates that one call reads at most, each of which is an object in S3."""

MAX_CHECKS = 10
"""Checks that the text format lists at most."""

_PIPE_WIDTH = 100_000
_DAY_S = 86400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the gates and the format."""
    parser.add_argument("--application", required=True, help="CodeDeploy application")
    parser.add_argument("--group", default="", help="only this deployment group")
    parser.add_argument(
        "--last", type=int, default=None, metavar="N", help=f"the newest N gates (default {LAST}, at most {MAX_GATES})"
    )
    parser.add_argument("--since", default="", metavar="30d", help="only gates of this period (30d, 12h)")
    buckets.add_arguments(parser, "report")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="output format (default text)")


def run(arguments: argparse.Namespace, aws: Aws | None = None) -> int:
    """Show the gates; return 0, or 1 if there are no gates."""
    aws = aws or Aws()
    last, since = _limits(arguments)
    if not arguments.application:
        raise GreenlightError("--application must not be empty")
    bucket = buckets.resolve_bucket(aws, "report", arguments)
    query = IndexQuery(bucket, arguments.application, arguments.group, last, since)
    gate_list = gate_index.read_gates(aws, query)
    for note in gate_list.notes:
        print(f"greenlight history: {note}", file=sys.stderr)
    summary = history.summarize(gate_list.gates)
    if arguments.format == "json":
        document = {
            "application": arguments.application,
            "group": arguments.group,
            "bucket": bucket,
            "gates": gate_list.gates,
            "more": gate_list.more,
            "summary": summary,
            "notes": gate_list.notes,
        }
        print(json.dumps(msgspec.to_builtins(document), indent=2))
    elif gate_list.gates:
        _print(gate_list, summary, stdout_console(), with_group=not arguments.group)
    if gate_list.gates:
        return 0
    period = f" of the last {arguments.since}" if arguments.since else ""
    print(f"greenlight history: no gates{period} in s3://{bucket}/{query.prefix}", file=sys.stderr)
    return NOT_FOUND


def _limits(arguments: argparse.Namespace) -> tuple[int, float]:
    """Return how many gates are requested, and the Unix time of the oldest."""
    last = arguments.last
    if last is not None and not 1 <= last <= MAX_GATES:
        raise GreenlightError(f"--last must be 1 to {MAX_GATES}")
    if not arguments.since:
        return last or LAST, 0.0
    days = arguments.since.removesuffix("d")
    try:
        age_s = float(days) * _DAY_S if days != arguments.since else float(Duration.parse(arguments.since))
    except ValueError as error:
        raise GreenlightError(
            f"--since {truncate(arguments.since, 40)!r} is not a valid duration; write for example 30d or 12h"
        ) from error
    if not 0 < age_s < 1e9:
        raise GreenlightError("--since must be greater than 0 and less than 30 years")
    return last or MAX_GATES, time.time() - age_s


def _print(gate_list: GateList, summary: history.Summary, console: Console, *, with_group: bool) -> None:
    width = shutil.get_terminal_size().columns if console.is_terminal else _PIPE_WIDTH
    _print_gates(gate_list.gates, console, width, with_group=with_group)
    if gate_list.more:
        console.print(f"there are older gates; --last {MAX_GATES} or --since 30d shows more")
    console.print()
    unchecked = f", {summary.let_through} let through without a check" if summary.let_through else ""
    console.print(f"gates            {summary.gates}, {summary.closed} closed{unchecked}")
    if summary.p50_ms is not None and summary.p95_ms is not None:
        console.print(f"time to verdict  p50 {format_duration(summary.p50_ms)}, p95 {format_duration(summary.p95_ms)}")
    if summary.causes:
        console.print("closed by        " + ", ".join(f"{cause} {count}" for cause, count in summary.causes.items()))
    if summary.weeks:
        console.print("closed by week   " + _trend(summary.weeks, draw=console.is_terminal))
    _print_checks(summary.checks, console, width)


def _print_gates(gates: Sequence[Entry], console: Console, width: int, *, with_group: bool) -> None:
    for gate in gates:
        before = f"{history.started_at(gate):%Y-%m-%d %H:%M}  {escape_controls(gate.stage):<21}  "
        group = f"{escape_controls(gate.group)}  " if with_group else ""
        after = f"  {format_duration(gate.duration_ms):>9}  {escape_controls(gate.deployment):<11}  {group}"
        remaining = max(20, width - len(before) - len(after) - 9)
        detail = truncate(_detail(gate), remaining)
        console.print(Text.assemble(before, styled(gate.verdict.value, 9), after, detail))


def _detail(gate: Entry) -> str:
    """Return remarks on a gate and the reason of its verdict."""
    remarks = ["written by the last resort"] if gate.written_by is Author.LAST_RESORT else []
    if gate.hidden:
        remarks.append("shadow: would have Failed")
    for group in group_reasons(gate.reasons):
        reason = " ".join(filter(None, (group.cause.value, group.label))) + f": {group.message}"
        return "; ".join([*remarks, reason])
    if gate.let_through and not remarks:
        return "let through without a check"
    if gate.hold is HoldDecision.APPROVED:
        remarks.append(f"approved by {gate.decided_by}")
    if gate.overrides:
        remarks.append(f"{gate.overrides} check{'s' * (gate.overrides != 1)} overridden")
    flaky = [check.name for check in gate.checks if check.flaky]
    if flaky:
        remarks.append(f"flaky: {', '.join(flaky)}")
    return "; ".join(remarks)


def _trend(weeks: Sequence[history.Week], *, draw: bool) -> str:
    """Return the closed gates by week: drawn for a terminal, as numbers for a pipe."""
    if draw:
        span = f"{weeks[0].begins} to {weeks[-1].begins}"
        return f"{history.sparkline([week.share for week in weeks])}  {span}, last {weeks[-1].share:.0%}"
    return ", ".join(f"{week.begins} {week.closed} of {week.gates}" for week in weeks)


def _print_checks(checks: Sequence[history.Check], console: Console, width: int) -> None:
    notable = [check for check in checks if check.closed or check.flaky or check.failed]
    if not notable:
        return
    console.print("\n closed  failed   flaky    runs  check")
    for check in notable[:MAX_CHECKS]:
        numbers = f"{check.closed:>7} {check.failed:>7} {check.flaky:>7} {check.runs:>7}  "
        console.print(numbers + truncate(check.name, max(20, width - len(numbers))))
    if len(notable) > MAX_CHECKS:
        console.print(f"and {len(notable) - MAX_CHECKS} more; --format json lists all of them")
