"""`greenlight check`: one stage of a plan, run now against any green, by the engine the hooks run."""

from __future__ import annotations

import os
import shlex
import sys
import time
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

from devkit.cli import selection, urls
from devkit.plans import includes
from devkit.terminal import report_output, watch
from devkit.terminal.progress import Progress
from greenlight.aws.client import Aws
from greenlight.core.deployment import STAGES, Deployment, Platform, Side
from greenlight.core.errors import GreenlightError, PlanError, Problem
from greenlight.core.settings import Settings
from greenlight.core.units import Duration
from greenlight.core.verdict import Status
from greenlight.gate.prepare import Prepared, apply_plan_target, with_secrets
from greenlight.gate.result import rejected_plan_result
from greenlight.gate.supervise import run_gate
from greenlight.plan import parser as plans
from greenlight.stores import file

if TYPE_CHECKING:
    import argparse

PLAN_OR_USAGE_ERROR = 2
_NOT_AGAIN = ("command", "plan", "watch", "format", "output")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a plan, a stage, and where green is."""
    parser.add_argument("plan", help="the plan's file")
    parser.add_argument("--stage", required=True, choices=STAGES, metavar="STAGE", help=f"one of {', '.join(STAGES)}")
    parser.add_argument("--url", default="", help="base URL of green; its host counts as allowed, loopback included")
    parser.add_argument("--blue-url", default="", help="base URL of blue, for checks that compare")
    parser.add_argument("--host", default="", help="host name for the Host header and TLS, in place of the URL's")
    parser.add_argument("--function", default="", metavar="NAME:VERSION", help="the Lambda version that is green")
    parser.add_argument(
        "--first-deployment", action="store_true", help="there is no blue yet: leave out what the plan skips then"
    )
    parser.add_argument(
        "--allow-host", action="append", default=[], metavar="HOST", help="a further host that checks may call"
    )
    parser.add_argument("--environment", default="", metavar="NAME", help="which of the plan's environments this is")
    includes.add_argument(parser)
    selection.add_arguments(parser)
    parser.add_argument("--watch", action="store_true", help="run again whenever the plan changes, until Ctrl-C")
    parser.add_argument("--budget", default="10m", help="time for everything together (default 10m)")
    parser.add_argument("--concurrency", type=int, default=16, help="checks running at once (default 16)")
    parser.add_argument(
        "--format", choices=report_output.FORMATS, default="text", help="what is printed (default text)"
    )
    parser.add_argument(
        "-o", "--output", default="", metavar="FILE", help="write the report there and not to standard output"
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the stage: 0 Succeeded, 1 Failed, 2 a plan or a call that is wrong; with --watch those of the last run."""
    usage, budget_s = _usage(arguments)
    if usage:
        print(f"greenlight check: {usage}", file=sys.stderr)
        return PLAN_OR_USAGE_ERROR
    if arguments.watch:
        return watch.watched(
            lambda: _once(arguments, budget_s),
            lambda: watch.beside(arguments.plan, arguments.include, arguments.var_file),
        )
    return _once(arguments, budget_s)


def _once(arguments: argparse.Namespace, budget_s: float) -> int:
    began, started_at = time.monotonic(), time.time()
    deployment = _deployment(arguments)
    settings = Settings(
        allowed_hosts=tuple(host.lower() for host in (*_hosts(arguments), *arguments.allow_host)),
        allow_loopback=True,
        concurrency=arguments.concurrency,
    )
    status = PLAN_OR_USAGE_ERROR
    try:
        prepared = _prepared(arguments, deployment)
        progress = Progress(len(prepared.checks), prepared.bake_s)
        result = run_gate(prepared, settings, Aws(), began + budget_s, progress, started=began)
        status = 0 if result.verdict.status is Status.SUCCEEDED else 1
    except PlanError as error:
        _print_problems(error)
        result = rejected_plan_result(error, deployment)
    except GreenlightError as error:
        print(f"greenlight check: {error}", file=sys.stderr)
        return PLAN_OR_USAGE_ERROR
    duration_ms = (time.monotonic() - began) * 1000
    # A person who has just typed the command in a terminal needs no reminder of it.
    interactive = not arguments.output and arguments.format == "text" and sys.stdout.isatty()
    report = result.report(started_at, duration_ms, command="" if interactive else again(arguments))
    return status if report_output.written(report, arguments.format, arguments.output) else PLAN_OR_USAGE_ERROR


def again(arguments: argparse.Namespace) -> str:
    """Write the command that runs the stage once more; values of variables, which may be secrets, are left to fill in."""
    words = ["greenlight", "check", shlex.quote(arguments.plan)]
    usual = {"budget": "10m", "concurrency": 16}
    for name, value in vars(arguments).items():
        if name in _NOT_AGAIN or not value or value == usual.get(name):
            continue
        option = f"--{name.replace('_', '-')}"
        for each in value if isinstance(value, list) else [value]:
            shown = f"{str(each).partition('=')[0]}=VALUE" if name == "var" else str(each)
            words += [option] if each is True else [option, shlex.quote(shown)]
    return " ".join(words)


def _usage(arguments: argparse.Namespace) -> tuple[str, float]:
    """Say what is wrong with the call; "" when nothing is. And the budget in seconds."""
    for option in ("url", "blue_url"):
        value = getattr(arguments, option)
        if value and (why := urls.mistake_of_base(value)):
            return f"--{option.replace('_', '-')} {why}", 0.0
    name, _, version = arguments.function.rpartition(":")
    if arguments.function and not (name and version.isascii() and version.isdigit()):
        return f"--function {arguments.function!r} names no version; write NAME:VERSION, such as orders:8", 0.0
    if not 1 <= arguments.concurrency <= 256:
        return "--concurrency may be 1 to 256", 0.0
    try:
        return "", float(Duration.parse(arguments.budget))
    except ValueError as error:
        return f"--budget: {error}", 0.0


def _hosts(arguments: argparse.Namespace) -> list[str]:
    given = (arguments.url, arguments.blue_url)
    return [urllib.parse.urlsplit(url).hostname or "" for url in given if url]


def _deployment(arguments: argparse.Namespace) -> Deployment:
    function, _, version = arguments.function.rpartition(":")
    none = "no --url was given, so green has no URL"
    return Deployment(
        id="local",
        platform=Platform.LAMBDA if arguments.function else Platform.ECS,
        stage=arguments.stage,
        application=Path(arguments.plan).stem,
        first=arguments.first_deployment,
        region=os.environ.get("AWS_REGION", ""),
        environment=arguments.environment,
        function=function,
        blue=Side(url=arguments.blue_url.rstrip("/"), no_url="" if arguments.blue_url else "no --blue-url was given"),
        green=Side(
            url=arguments.url.rstrip("/"), no_url="" if arguments.url else none, host=arguments.host, version=version
        ),
    )


def _prepared(arguments: argparse.Namespace, deployment: Deployment) -> Prepared:
    found = file.read(arguments.plan)
    if found is None:
        raise PlanError([Problem("there is no such file")], arguments.plan)
    fetch = includes.fetching(arguments.plan, arguments.include, Aws())
    plan = plans.parse(found[0], arguments.plan, environment=arguments.environment, fetch=fetch)
    plan = selection.with_variables(plan, arguments.var_file, arguments.var)
    if arguments.stage not in plan.stages:
        raise PlanError(
            [Problem(f"the plan has no stage {arguments.stage}; it has {', '.join(plan.stages)}")], arguments.plan
        )
    plan = selection.selected(plan, arguments.stage, arguments.tag, arguments.not_tag)
    deployment = deployment if arguments.url else apply_plan_target(deployment, plan)
    return with_secrets(Prepared(deployment=deployment, plan=plan), Aws())


def _print_problems(error: PlanError) -> None:
    for problem in error.problems:
        source = problem.source or error.source
        place = f"{source}:{problem.line}:{problem.column}" if problem.line else source
        print(f"{place}: {problem}", file=sys.stderr)
