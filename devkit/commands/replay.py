"""`greenlight replay`: run a gate's checks again, read-only, beside its report. CodeDeploy is not called."""

from __future__ import annotations

import json
import shutil
import sys
import time
import urllib.parse
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace
from rich.text import Text

from greenlight.aws.client import Aws
from greenlight.core.display import escape_controls, truncate
from greenlight.core.errors import GreenlightError
from greenlight.core.finding import Severity
from greenlight.core.settings import Settings
from greenlight.core.units import Duration
from greenlight.core.verdict import Status
from greenlight.gate.prepare import Prepared, with_secrets
from greenlight.gate.supervise import Listener, run_gate
from greenlight.report.content import format_subject

from ..cli import green_url, urls
from ..lint import files
from ..plans import includes
from ..plans import replay as replays
from ..reports import comparison, stored
from ..terminal.console import stdout_console, styled
from ..terminal.progress import Progress

if TYPE_CHECKING:
    import argparse

    from rich.console import Console

    from greenlight.core.report import Report
    from greenlight.plan.model import Plan

    from ..reports.comparison import CheckComparison

NOT_FOUND = 1
INCOMPLETE = 3
"""Exit status of a replay without a failure in which blocking checks were left out."""

MAX_BUDGET_S = 6 * 3600.0
_PIPE_WIDTH = 100_000


class _Replay(NamedTuple):
    """A gate and its replay.

    Attributes:
        unjudged: Names of blocking checks that were left out.
    """

    then: Report
    now: Report
    checks: list[CheckComparison]
    notes: list[str]
    unjudged: list[str]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the report, and for the settings that can differ from it."""
    stored.add_arguments(parser)
    add = parser.add_argument
    add("--plan", default="", metavar="FILE", help="use this plan (default: the exact text of the report's plan)")
    add("--url", default="", help="current base URL of green; its host is allowed, loopback addresses included")
    add("--allow-host", action="append", default=[], metavar="HOST", help="allow checks to call this host (repeatable)")
    add("--unsafe", action="store_true", help="also run checks that may change data")
    includes.add_argument(parser)
    add("--budget", default="10m", help="time limit of the whole run (default 10m)")
    add("--format", choices=("text", "json"), default="text", help="output format (default text)")


def run(arguments: argparse.Namespace, aws: Aws | None = None) -> int:
    """Replay the gate.

    Returns:
        0 if the verdict would be Succeeded now; 1 if it would be Failed, or the report is not found; 3 if it would be
        Succeeded, but blocking checks were left out.

    Raises:
        GreenlightError: The gate cannot be replayed, or the command line is not valid.
    """
    aws = aws or Aws()
    budget_s, allowed_hosts = _limits(arguments)
    try:
        report = stored.load_report(arguments, aws)
    except stored.NotFoundError as error:
        print(f"greenlight replay: {error}", file=sys.stderr)
        return NOT_FOUND
    settings = Settings(allowed_hosts=allowed_hosts, allow_loopback=bool(arguments.url))
    result = _replay(arguments, aws, report, settings, budget_s)
    if arguments.format == "json":
        _print_json(result)
    else:
        _print_text(result, stdout_console())
    if result.now.verdict is not Status.SUCCEEDED:
        return 1
    return INCOMPLETE if result.unjudged else 0


def _limits(arguments: argparse.Namespace) -> tuple[float, tuple[str, ...]]:
    """Return the budget in seconds, and the hosts that checks may call."""
    try:
        budget_s = float(Duration.parse(arguments.budget))
    except ValueError as error:
        raise GreenlightError(f"--budget: {error}") from error
    if not 0 < budget_s <= MAX_BUDGET_S:
        raise GreenlightError(f"--budget must be greater than 0s and at most {Duration(MAX_BUDGET_S)}")
    if arguments.url and (reason := urls.base_url_error(arguments.url)):
        raise GreenlightError(f"--url {reason}")
    hosts = [urllib.parse.urlsplit(arguments.url).hostname or "", *arguments.allow_host]
    return budget_s, tuple(host.lower() for host in hosts if host)


def _replay(arguments: argparse.Namespace, aws: Aws, report: Report, settings: Settings, budget_s: float) -> _Replay:
    deployment = replace(report.deployment, notes=())
    stage = deployment.stage
    plan = _load_plan(arguments, aws, report)
    notes = [] if arguments.url else replays.verify_green(aws, deployment)
    deployment = replays.with_green_url(deployment, plan, arguments.url)
    unsafe = {} if arguments.unsafe else replays.unsafe_checks(plan, deployment)
    plan = replays.prepare_plan(plan, stage, unsafe)
    prepared = Prepared(deployment=deployment, plan=plan)
    green_url.require(prepared)
    prepared = with_secrets(prepared, aws, settings)
    began, started_at = time.monotonic(), time.time()
    progress = Progress(len(plan.stages[stage].checks))
    result = run_gate(prepared, settings, aws, began + budget_s, Listener(progress), started=began)
    now = result.report(started_at, (time.monotonic() - began) * 1000)
    return _Replay(
        then=report,
        now=now,
        checks=comparison.compare_checks(report.checks, now.checks, unsafe),
        notes=[*notes, *replays.difference_notes(report, now)],
        unjudged=replays.unjudged_checks(plan, stage, unsafe),
    )


def _load_plan(arguments: argparse.Namespace, aws: Aws, report: Report) -> Plan:
    if arguments.plan:
        text = files.read_text(arguments.plan)
        fetch = includes.fragment_fetcher(arguments.plan, arguments.include, aws)
        return replays.named_plan(text, arguments.plan, fetch, report.deployment)
    return replays.plan_of_report(report, aws, arguments.include)


def _print_json(result: _Replay) -> None:
    then, now = result.then, result.now
    document = {
        "deployment": then.deployment.id,
        "stage": then.deployment.stage,
        "then": {"verdict": then.verdict, "reasons": then.reasons, "started_at": then.started_at},
        "now": {"verdict": now.verdict, "reasons": now.reasons, "started_at": now.started_at},
        "checks": result.checks,
        "unjudged": result.unjudged,
        "notes": result.notes,
        "report": now,
    }
    print(json.dumps(json.loads(msgspec.json.encode(document, enc_hook=repr)), indent=2))


def _print_text(result: _Replay, console: Console) -> None:
    then, now, checks = result.then, result.now, result.checks
    width = shutil.get_terminal_size().columns if console.is_terminal else _PIPE_WIDTH
    heading = f"{format_subject(then)} {then.deployment.id} at {then.deployment.stage}, gate of {then.started_at}"
    console.print(escape_controls(heading))
    unjudged = ""
    if result.unjudged:
        count = len(result.unjudged)
        unjudged = f", without {count} blocking check{'s' * (count > 1)} that may change data"
    verdict = styled(now.verdict.value)
    console.print(Text.assemble("verdict  ", f"then {then.verdict.value}", ", now ", verdict, unjudged))
    advisory = {check.name for check in now.checks if check.severity is Severity.ADVISORY}
    for check in checks:
        _print_check(check, console, width, is_advisory=check.name in advisory)
    changed = sum(check.differs for check in checks)
    if changed:
        console.print(f"{changed} of {len(checks)} checks have a different outcome")
    elif any(check.left_out for check in checks):
        console.print("every check that ran has the same outcome as before")
    else:
        console.print("every check has the same outcome as before")
    if result.unjudged:
        names = escape_controls(", ".join(result.unjudged))
        console.print(f"not run again: {names}; --unsafe runs checks that may change data")
    for note in result.notes:
        console.print(f"note: {escape_controls(note)}")


def _print_check(check: CheckComparison, console: Console, width: int, *, is_advisory: bool) -> None:
    mark = "*" if check.differs else " "
    outcome = "left out" if check.left_out else check.now or "-"
    name = truncate(check.name + " (advisory)" * is_advisory, max(20, width - 32))
    console.print(Text.assemble(f"{mark} {check.then or '-':<12}  ", styled(outcome, 12), "  ", name))
    if check.differs:
        for when, message in (("then", check.message_then), ("now ", check.message_now)):
            text = truncate(message or "the plan does not have this check", max(20, width - 14))
            console.print(f"      {when}  {text}")
    if check.left_out:
        console.print(f"      {truncate(check.left_out, max(20, width - 8))}")
