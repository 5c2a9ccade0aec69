"""`greenlight check`: run one stage of a plan now against any green, with the engine of the hooks."""

from __future__ import annotations

import os
import shlex
import sys
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

from greenlight.aws.client import Aws
from greenlight.core.deployment import PLAN_STAGES, Deployment, Platform, Side
from greenlight.core.errors import GreenlightError, PlanError, Problem
from greenlight.core.settings import Settings
from greenlight.core.units import Duration
from greenlight.core.verdict import Status
from greenlight.gate.prepare import Prepared, apply_plan_target, with_secrets
from greenlight.gate.result import rejected_plan_result
from greenlight.gate.supervise import Listener, run_gate
from greenlight.plan import parser as plans
from greenlight.stores import file

from ..cli import green_url, selection, urls
from ..plans import includes
from ..terminal import report_output, watch
from ..terminal.progress import Progress

if TYPE_CHECKING:
    import argparse

PLAN_OR_USAGE_ERROR = 2
_NOT_REPEATED = ("command", "plan", "watch", "format", "output")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the plan, its stage, green, and the output."""
    parser.add_argument("plan", help="the plan's file")
    stages = f"one of {', '.join(PLAN_STAGES)}"
    parser.add_argument("--stage", required=True, choices=PLAN_STAGES, metavar="STAGE", help=stages)
    parser.add_argument("--url", default="", help="base URL of green; its host is allowed, loopback addresses included")
    parser.add_argument("--blue-url", default="", help="base URL of blue, for checks that compare green with blue")
    parser.add_argument("--host", default="", help="host name for the Host header and TLS instead of the URL's")
    parser.add_argument(
        "--function", default="", metavar="NAME:VERSION", help="the Lambda function version that is green"
    )
    parser.add_argument(
        "--first-deployment",
        action="store_true",
        help="treat this as a first deployment: skip the checks that the plan skips then",
    )
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="HOST", help="allow checks to call this host (repeatable)"
    )
    parser.add_argument("--environment", default="", metavar="NAME", help="the environment of the plan to use")
    includes.add_argument(parser)
    selection.add_arguments(parser)
    parser.add_argument("--watch", action="store_true", help="run again whenever the plan changes, until Ctrl-C")
    parser.add_argument("--budget", default="10m", help="time limit of the whole run (default 10m)")
    parser.add_argument(
        "--concurrency", type=int, default=16, help="number of checks that run at the same time (default 16)"
    )
    parser.add_argument("--format", choices=report_output.FORMATS, default="text", help="output format (default text)")
    parser.add_argument(
        "-o", "--output", default="", metavar="FILE", help="write the report to this file instead of standard output"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the stage; with --watch, run it again after every change.

    Returns:
        0 for Succeeded, 1 for Failed, 2 for a plan that is not valid. With --watch, the status of the last run.
    """
    budget_s = _validated_budget(arguments)
    if arguments.watch:
        return watch.watch_files(
            lambda: _run_once(arguments, budget_s),
            lambda: watch.plan_files(arguments.plan, arguments.include, arguments.var_file),
        )
    return _run_once(arguments, budget_s)


def _run_once(arguments: argparse.Namespace, budget_s: float) -> int:
    began, started_at = time.monotonic(), time.time()
    deployment = _deployment(arguments)
    settings = Settings(
        allowed_hosts=tuple(host.lower() for host in (*_hosts(arguments), *arguments.allow_host)),
        allow_loopback=True,
        concurrency=arguments.concurrency,
    )
    status = PLAN_OR_USAGE_ERROR
    try:
        prepared = _prepare(arguments, deployment, settings)
        green_url.require(prepared)
        progress = Progress(len(prepared.checks), prepared.bake_s)
        result = run_gate(prepared, settings, Aws(), began + budget_s, Listener(progress), started=began)
        status = 0 if result.verdict.status is Status.SUCCEEDED else 1
    except PlanError as error:
        _print_problems(error)
        result = rejected_plan_result(error, deployment)
    except GreenlightError as error:
        print(f"greenlight check: {error}", file=sys.stderr)
        return PLAN_OR_USAGE_ERROR
    duration_ms = (time.monotonic() - began) * 1000
    # The report of a run in a terminal need not repeat the command that the user has just typed.
    interactive = not arguments.output and arguments.format == "text" and sys.stdout.isatty()
    report = result.report(started_at, duration_ms, command="" if interactive else rerun_command(arguments))
    return status if report_output.write_report(report, arguments.format, arguments.output) else PLAN_OR_USAGE_ERROR


def rerun_command(arguments: argparse.Namespace) -> str:
    """Return the command line that runs the stage again, with placeholders for variables, which may be secrets."""
    words = ["greenlight", "check", shlex.quote(arguments.plan)]
    defaults = {"budget": "10m", "concurrency": 16}
    for name, value in vars(arguments).items():
        if name in _NOT_REPEATED or not value or value == defaults.get(name):
            continue
        option = f"--{name.replace('_', '-')}"
        for item in value if isinstance(value, list) else [value]:
            text = f"{str(item).partition('=')[0]}=VALUE" if name == "var" else str(item)
            words += [option] if item is True else [option, shlex.quote(text)]
    return " ".join(words)


def _validated_budget(arguments: argparse.Namespace) -> float:
    """Validate the arguments and return the budget in seconds.

    Raises:
        GreenlightError: An argument is not valid.
    """
    for option in ("url", "blue_url"):
        value = getattr(arguments, option)
        if value and (reason := urls.base_url_error(value)):
            raise GreenlightError(f"--{option.replace('_', '-')} {reason}")
    name, _, version = arguments.function.rpartition(":")
    if arguments.function and not (name and version.isascii() and version.isdigit()):
        raise GreenlightError(f"--function {arguments.function!r} has no version; write NAME:VERSION, such as orders:8")
    if not 1 <= arguments.concurrency <= 256:
        raise GreenlightError("--concurrency must be 1 to 256")
    try:
        return float(Duration.parse(arguments.budget))
    except ValueError as error:
        raise GreenlightError(f"--budget: {error}") from error


def _hosts(arguments: argparse.Namespace) -> list[str]:
    base_urls = (arguments.url, arguments.blue_url)
    return [urllib.parse.urlsplit(url).hostname or "" for url in base_urls if url]


def _deployment(arguments: argparse.Namespace) -> Deployment:
    function, _, version = arguments.function.rpartition(":")
    no_url = "" if arguments.url else "there is no --url, so green has no URL"
    return Deployment(
        id="local",
        platform=Platform.LAMBDA if arguments.function else Platform.ECS,
        stage=arguments.stage,
        application=Path(arguments.plan).stem,
        first=arguments.first_deployment,
        region=os.environ.get("AWS_REGION", ""),
        environment=arguments.environment,
        function=function,
        blue=Side(url=arguments.blue_url.rstrip("/"), no_url="" if arguments.blue_url else "there is no --blue-url"),
        green=Side(url=arguments.url.rstrip("/"), no_url=no_url, host=arguments.host, version=version),
    )


def _prepare(arguments: argparse.Namespace, deployment: Deployment, settings: Settings) -> Prepared:
    content = file.read(arguments.plan)
    if content is None:
        raise PlanError([Problem("file not found")], arguments.plan)
    fetch = includes.fragment_fetcher(arguments.plan, arguments.include, Aws())
    plan = plans.parse(content[0], arguments.plan, environment=arguments.environment, fetch=fetch)
    plan = selection.replace_variables(plan, arguments.var_file, arguments.var)
    if arguments.stage not in plan.stages:
        raise PlanError(
            [Problem(f"the plan has no stage {arguments.stage}; it has {', '.join(plan.stages)}")], arguments.plan
        )
    plan = selection.select_checks(plan, arguments.stage, arguments.tag, arguments.not_tag)
    deployment = deployment if arguments.url else apply_plan_target(deployment, plan)
    return with_secrets(Prepared(deployment=deployment, plan=plan), Aws(), settings)


def _print_problems(error: PlanError) -> None:
    for problem in error.problems:
        source = problem.source or error.source
        place = f"{source}:{problem.line}:{problem.column}" if problem.line else source
        print(f"{place}: {problem}", file=sys.stderr)
