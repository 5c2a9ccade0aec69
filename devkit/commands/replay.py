"""`greenlight replay`: a gate judged again, now and read-only, beside what it said then. CodeDeploy hears nothing of it."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
import urllib.parse
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace
from rich.text import Text

from devkit.cli import urls
from devkit.lint import files
from devkit.plans import includes
from devkit.reports import stored
from devkit.terminal.console import stdout_console, styled
from devkit.terminal.progress import Progress
from greenlight.aws.client import Aws, call_aws
from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.core.deployment import Platform
from greenlight.core.errors import AwsError, GreenlightError
from greenlight.core.finding import Severity
from greenlight.core.frozen import FrozenStruct
from greenlight.core.report import DEFAULT_CHECKS
from greenlight.core.settings import Settings
from greenlight.core.text import escape_controls, truncate
from greenlight.core.units import Duration
from greenlight.core.verdict import Status
from greenlight.gate.handler import run_in_worker
from greenlight.gate.prepare import Prepared, apply_plan_target, default_checks, with_secrets
from greenlight.plan import parser as plans
from greenlight.plan.model import Plan, Stage
from greenlight.plan.yaml_reader import MAX_BYTES
from greenlight.report.content import format_subject
from greenlight.stores import ssm
from greenlight.stores.plan_lookup import read
from greenlight.stores.s3 import decode_plan
from greenlight.verdict.conclude import build_report

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from greenlight.core.deployment import Deployment
    from greenlight.core.finding import Finding
    from greenlight.core.report import PlanSource, Report
    from greenlight.plan.model import Check

NOT_FOUND = 1
NOT_ALL = 3
"""Nothing is against green, but checks that could be were left out."""

LONGEST_S = 6 * 3600.0
LEFT_OUT = "left out of the replay"
_WRITING = ("post", "put", "patch", "delete")
_NO_LONGER = ("ResourceNotFoundException", "ServiceNotFoundException", "ClusterNotFoundException")


class CannotError(GreenlightError):
    """The gate cannot be judged again; the sentence says why, and what would help."""


class Row(FrozenStruct, frozen=True, kw_only=True):
    """One check then and now; "" where it was not, or is not, among the plan's. `left_out` says why it was not run now."""

    name: str
    then: str = ""
    now: str = ""
    said_then: str = ""
    said_now: str = ""
    differs: bool = False
    left_out: str = ""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a report, and what is to be otherwise."""
    stored.add_arguments(parser)
    add = parser.add_argument
    add("--plan", default="", metavar="FILE", help="judge by this plan (default: the very text that was used then)")
    add("--url", default="", help="where green is now; its host counts as allowed, loopback included")
    add("--allow-host", action="append", default=[], metavar="HOST", help="a further host that checks may call")
    add("--unsafe", action="store_true", help="run also checks that may change data")
    includes.add_argument(parser)
    add("--budget", default="10m", help="time for everything together (default 10m)")
    add("--format", choices=("text", "json"), default="text", help="what is printed (default text)")


def run(arguments: argparse.Namespace, aws: Aws | None = None) -> int:
    """Judge again.

    0 it would be Succeeded now, 1 Failed or there is no such report, 2 it cannot be replayed or a wrong call, 3 it would be
    Succeeded but for blocking checks that were left out.
    """
    aws = aws or Aws()
    budget_s, allowed = _usage(arguments)
    try:
        then = stored.load_report(arguments, aws)
    except stored.NotFoundError as error:
        print(f"greenlight replay: {error}", file=sys.stderr)
        return NOT_FOUND
    deployment = replace(then.deployment, notes=())
    plan = _plan(arguments, aws, then)
    notes = [] if arguments.url else _still_there(aws, deployment)
    deployment = _at(deployment, plan, arguments.url)
    stage = plan.stages[deployment.stage]
    unsafe = {} if arguments.unsafe else _unsafe(plan, deployment)
    checks = tuple(replace(each, unselected=unsafe.get(each.name, each.unselected)) for each in stage.checks)
    # What a bake waits for has long been there.
    plan = replace(plan, stages={**plan.stages, deployment.stage: replace(stage, checks=checks, bake_s=0.0)})
    prepared = with_secrets(Prepared(deployment=deployment, plan=plan), aws)
    settings = Settings(allowed_hosts=allowed, allow_loopback=bool(arguments.url))
    began, started_at = time.monotonic(), time.time()
    gate = run_in_worker(prepared, settings, aws, began + budget_s, Progress(len(checks)), began=began)
    took_ms = (time.monotonic() - began) * 1000
    now = build_report(
        gate.verdict, gate.findings, gate.deployment, gate.plan, started_at, took_ms, gate.output, clock=gate.clock
    )
    if then.plan.sha256 and now.plan.sha256 and then.plan.sha256 != now.plan.sha256:
        notes.append("the plan is another text than the one that was used then")
    if then.overrides:
        notes.append("overrides were honoured then, and none is now")
    if then.shadow:
        notes.append("the plan was in its shadow then; the verdict of now has none")
    rows = compared(then.checks, now.checks, unsafe)
    unjudged = [each.name for each in checks if each.name in unsafe and each.severity is not Severity.ADVISORY]
    _show(arguments.format, then, now, rows, notes, unjudged)
    if now.verdict is not Status.SUCCEEDED:
        return 1
    return NOT_ALL if unjudged else 0


def _usage(arguments: argparse.Namespace) -> tuple[float, tuple[str, ...]]:
    """Give the budget in seconds, and the hosts that checks may call."""
    try:
        budget_s = float(Duration.parse(arguments.budget))
    except ValueError as error:
        raise GreenlightError(f"--budget: {error}") from error
    if not 0 < budget_s <= LONGEST_S:
        raise GreenlightError(f"--budget is longer than 0s and at most {Duration(LONGEST_S)}")
    if arguments.url and (why := urls.mistake_of_base(arguments.url)):
        raise GreenlightError(f"--url {why}")
    hosts = [urllib.parse.urlsplit(arguments.url).hostname or "", *arguments.allow_host]
    return budget_s, tuple(host.lower() for host in hosts if host)


def _plan(arguments: argparse.Namespace, aws: Aws, then: Report) -> Plan:
    """Give the plan that judged then, or the one that was named; it has the gate's stage.

    Raises:
        CannotError: The text of then cannot be had any more, or there was none.
    """
    deployment, source = then.deployment, then.plan
    settings = Settings()
    if arguments.plan:
        text, uri, version = files.text(arguments.plan), arguments.plan, ""
        fetch = includes.fetching(arguments.plan, arguments.include, aws)
    elif source.uri == DEFAULT_CHECKS:
        return Plan(stages={deployment.stage: Stage(checks=default_checks(deployment))}, source=source)
    elif then.command:
        raise CannotError(f"no hook made this report, and no gate keeps its plan; check again: {then.command}")
    else:
        text, uri, version = _as_it_was(aws, settings, source)
        here = {name: each for name, _, each in (given.partition("=") for given in arguments.include)}
        local = includes.fetching(".", arguments.include)
        fetch = lambda fragment: local(fragment) if fragment in here else read(aws, settings, fragment)  # noqa: E731
    plan = plans.parse(text, uri, version, environment=deployment.environment, fetch=fetch)
    if deployment.stage not in plan.stages:
        raise CannotError(f"{uri} has no stage {deployment.stage}; it has {', '.join(plan.stages)}")
    return plan


def _as_it_was(aws: Aws, settings: Settings, source: PlanSource) -> tuple[str, str, str]:
    """Fetch the text that the report names, by its version and its digest."""
    helps = "name a plan with --plan FILE"
    if not source.uri:
        raise CannotError(f"no plan was applied then, so there is nothing to judge again; {helps}")
    if not source.uri.startswith(("s3://", "ssm:")):
        raise CannotError(f"{source.uri} was packed with the hooks and cannot be fetched; {helps}")
    try:
        found = _version(aws, source) if source.version_id else read(aws, settings, source.uri)
    except AwsError as error:
        raise CannotError(f"{source.uri} cannot be fetched: {error}; {helps}") from error
    if found is None:
        raise CannotError(f"there is no {source.uri} of that version any more; {helps}")
    if source.sha256 and hashlib.sha256(found[0].encode()).hexdigest() != source.sha256:
        raise CannotError(f"{source.uri} is another text now than the one that judged then; {helps}")
    return found[0], source.uri, found[1]


def _version(aws: Aws, source: PlanSource) -> tuple[str, str] | None:
    """Read a plan in its version; of a parameter SSM keeps the last hundred."""
    if source.uri.startswith("ssm:"):
        try:
            return ssm.read(aws, f"{source.uri.removeprefix('ssm:')}:{source.version_id}")
        except AwsError as error:
            if error.code == "ParameterVersionNotFound":
                return None
            raise
    bucket, _, key = source.uri.removeprefix("s3://").partition("/")
    try:
        answer = aws.call("s3", "get_object", Bucket=bucket, Key=key, VersionId=source.version_id)
    except AwsError as error:
        if error.code in ("NoSuchKey", "NoSuchVersion", "404"):
            return None
        raise
    data: bytes = call_aws("s3", "get_object", lambda: answer["Body"].read(MAX_BYTES + 1))
    return decode_plan(data, source.uri), source.version_id


def _at(deployment: Deployment, plan: Plan, url: str) -> Deployment:
    if not url:
        return apply_plan_target(deployment, plan)
    return replace(deployment, green=replace(deployment.green, url=url.rstrip("/"), no_url="", headers={}))


def _still_there(aws: Aws, deployment: Deployment) -> list[str]:
    """Ask AWS whether green is what it was; give what is not known of it as a note.

    Raises:
        CannotError: Green is gone, so that whatever answers now is not what was judged then.
    """
    green = deployment.green
    try:
        if deployment.platform is Platform.LAMBDA and deployment.function and green.version:
            aws.call("lambda", "get_function_configuration", FunctionName=deployment.function, Qualifier=green.version)
            return []
        if green.task_set and deployment.cluster and deployment.service:
            answer = aws.call("ecs", "describe_services", cluster=deployment.cluster, services=[deployment.service])
            sets = [each.get("id") for service in answer.get("services", []) for each in service.get("taskSets", [])]
            if green.task_set not in sets:
                raise CannotError(
                    f"green is gone: the service {deployment.service} has no task set {green.task_set} any more, and its URL"
                    " leads to whatever stands there now; say with --url where a green is"
                )
            return ["the task set of then is still there; whether its URL still leads to it is the listener's to say"]
    except AwsError as error:
        if error.code in _NO_LONGER:
            gone = f"{deployment.function}:{green.version}" if deployment.function else deployment.service
            raise CannotError(f"green is gone: AWS has no {gone} any more") from error
        return [f"it is not known whether green is still what it was: {error}"]
    if green.url:
        return [f"it is not known whether {green.url} still leads to what was judged then"]
    return []


def _unsafe(plan: Plan, deployment: Deployment) -> dict[str, str]:
    """Give the checks of the stage that may change data, each with why."""
    bound = bind(plan, deployment, {}, Registry())[deployment.stage]
    found = {}
    for each in bound:
        if each.validator is not None and each.validator.unsafe:
            found[each.check.name] = f"{LEFT_OUT}: {each.check.validator} may change data; --unsafe runs it"
        elif verb := _writes(each.check):
            found[each.check.name] = f"{LEFT_OUT}: it sends {verb.upper()}; --unsafe runs it"
    return found


def _writes(check: Check) -> str:
    """Give the method of a check's first request that is not for reading; "" where all are."""
    params: Any = check.params
    if not isinstance(params, dict):
        return ""
    lists = [value for value in params.values() if isinstance(value, list)]
    requests = [params, *(each for several in lists for each in several if isinstance(each, dict))]
    return next((verb for request in requests for verb in _WRITING if verb in request), "")


def compared(then: tuple[Finding, ...], now: tuple[Finding, ...], left_out: Mapping[str, str]) -> list[Row]:
    """Put the checks of two runs side by side, in the order of the second, and those that only the first has after them.

    `left_out` says of those that were not run now why; they did not end otherwise, they did not end.
    """
    before: Mapping[str, Finding] = {each.name: each for each in then}
    after: Mapping[str, Finding] = {each.name: each for each in now}
    rows = []
    for name in dict.fromkeys((*after, *before)):
        old, new = before.get(name), after.get(name)
        rows.append(
            Row(
                name=name,
                then=old.outcome.value if old else "",
                now=new.outcome.value if new else "",
                said_then=old.message if old else "",
                said_now=new.message if new else "",
                differs=name not in left_out and (old.outcome if old else None) != (new.outcome if new else None),
                left_out=left_out.get(name, ""),
            )
        )
    return rows


def _show(form: str, then: Report, now: Report, rows: list[Row], notes: list[str], unjudged: list[str]) -> None:
    if form == "json":
        document = {
            "deployment": then.deployment.id,
            "stage": then.deployment.stage,
            "then": {"verdict": then.verdict, "reasons": then.reasons, "started_at": then.started_at},
            "now": {"verdict": now.verdict, "reasons": now.reasons, "started_at": now.started_at},
            "checks": rows,
            "unjudged": unjudged,
            "notes": notes,
            "report": now,
        }
        print(json.dumps(json.loads(msgspec.json.encode(document, enc_hook=repr)), indent=2))
        return
    console = stdout_console()
    width = shutil.get_terminal_size().columns if console.is_terminal else 100_000
    about = f"{format_subject(then)} {then.deployment.id} at {then.deployment.stage}, judged at {then.started_at}"
    console.print(escape_controls(about))
    verdicts = (f"then {then.verdict.value}", styled(now.verdict.value))
    but = f", without {_counted(unjudged)} that may change data" if unjudged else ""
    console.print(Text.assemble("verdict  ", verdicts[0], ", now ", verdicts[1], but))
    advisory = {each.name for each in now.checks if each.severity is Severity.ADVISORY}
    for row in rows:
        mark = "*" if row.differs else " "
        word = "left out" if row.left_out else row.now or "-"
        words = (f"{mark} {row.then or '-':<12}  ", styled(word, 12), "  ")
        console.print(
            Text.assemble(*words, truncate(row.name + " (advisory)" * (row.name in advisory), max(20, width - 32)))
        )
        if row.differs:
            for when, said in (("then", row.said_then), ("now ", row.said_now)):
                console.print(f"      {when}  {truncate(said or 'not among the checks', max(20, width - 14))}")
        if row.left_out:
            console.print(f"      {truncate(row.left_out, max(20, width - 8))}")
    changed, left_out = sum(row.differs for row in rows), sum(bool(row.left_out) for row in rows)
    every = "every check that was run" if left_out else "every check"
    console.print(f"{changed} of {len(rows)} checks ended otherwise" if changed else f"{every} ended as it did then")
    if unjudged:
        console.print(f"not judged again: {escape_controls(', '.join(unjudged))}; --unsafe runs what may change data")
    for note in notes:
        console.print(f"note: {escape_controls(note)}")


def _counted(names: list[str]) -> str:
    return f"{len(names)} blocking check{'s' * (len(names) > 1)}"
