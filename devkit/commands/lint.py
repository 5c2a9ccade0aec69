"""`greenlight lint`: every mistake in plans and AppSpecs, offline, as `file:line:column: message`."""

from __future__ import annotations

import datetime
import sys
from typing import TYPE_CHECKING

from devkit.lint import files, formats, rules
from devkit.lint.limits import Limits
from devkit.lint.linter import problems
from devkit.plans import includes
from devkit.terminal.console import stdout_console
from greenlight.checks.registry import Registry
from greenlight.core.errors import GreenlightError, PlanError
from greenlight.core.units import Duration

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

PROBLEMS = 2
LONGEST_S = 900.0
"""Seconds that Lambda lets a function run."""

_FORMATS = {"json": formats.as_json, "github": formats.github, "gitlab": formats.gitlab, "sarif": formats.sarif}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take files and folders, or a rule to explain."""
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE", help="plans and AppSpecs, folders of them, or - for standard input")
    add("--format", choices=("text", *_FORMATS), default="text", help="what is printed (default text)")
    add("--strict", action="store_true", help="let warnings count as errors do")
    add("--function-timeout", default="10m", metavar="TIME", help="HookTimeout of the installation (default 10m)")
    add("--concurrency", type=int, default=16, metavar="N", help="checks at once in the installation (default 16)")
    includes.add_argument(parser)
    add("--explain", metavar="RULE", help="print what a rule is about, with an example; `all` for all of them")


def run(arguments: argparse.Namespace) -> int:
    """Print all problems: 0 when there are none but warnings, 2 otherwise; with --strict warnings count."""
    if arguments.explain:
        print(rules.explain_rules(arguments.explain, rules.BY_ID, rules.explain, rules.markdown))
        return 0
    if not arguments.files:
        raise GreenlightError("name a plan, an AppSpec, a folder of them, or - for standard input")
    limits, registry = _limits(arguments), Registry()
    appspecs = arguments.files if arguments.command == "appspec" else ()  # a folder of them may hold plans as well
    found = [
        _linted(name, registry, limits, arguments.include, name in appspecs)
        for name in files.find_files(arguments.files)
    ]
    if arguments.format == "text":
        formats.text(found, stdout_console())
        print(_summary(found), file=sys.stderr)
    elif printed := _FORMATS[arguments.format](found):
        print(printed)
    counted = ("error", "warning") if arguments.strict else ("error",)
    return PROBLEMS if any(problem.severity in counted for file in found for problem in file.problems) else 0


def _limits(arguments: argparse.Namespace) -> Limits:
    try:
        function_s = Duration.parse(arguments.function_timeout)
    except ValueError as error:
        raise GreenlightError(f"--function-timeout: {error}") from error
    if not 0 < function_s <= LONGEST_S:
        raise GreenlightError(f"--function-timeout is longer than 0s and at most {Duration(LONGEST_S)}, as in Lambda")
    if not 1 <= arguments.concurrency <= 256:
        raise GreenlightError("--concurrency is a whole number from 1 to 256")
    today = datetime.datetime.now(datetime.UTC).date()
    return Limits(function_s=function_s, concurrency=arguments.concurrency, today=today)


def _linted(name: str, registry: Registry, limits: Limits, included: Sequence[str], is_appspec: bool) -> formats.File:
    try:
        text = files.read_text(name)
    except PlanError as error:
        return formats.File(name=name, text="", problems=tuple(map(rules.with_rule, error.problems)))
    found = problems(text, name, registry, limits, includes.fetching(name, included), is_appspec=is_appspec)
    for problem in found:
        if problem.source:  # people and services open files, not URIs
            problem.source = includes.place(problem.source, name, included)
    return formats.File(name=name, text=text, problems=tuple(found))


def _summary(found: Sequence[formats.File]) -> str:
    of = f"{len(found)} file{'s' * (len(found) != 1)}"
    severities = [problem.severity for file in found for problem in file.problems]
    if not severities:
        return f"{of} without a problem"
    counts = ((severities.count(kind), kind) for kind in ("error", "warning"))
    return f"{of}: " + ", ".join(f"{count} {kind}{'s' * (count != 1)}" for count, kind in counts if count)
