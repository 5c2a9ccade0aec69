"""`greenlight lint`: find every mistake in plans and AppSpecs, offline, as `file:line:column: message`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from greenlight.checks.registry import Registry
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.errors import GreenlightError, PlanError
from greenlight.core.units import Duration

from ..lint import files, formats, rules
from ..lint.limits import Limits
from ..lint.linter import lint
from ..plans import includes
from ..terminal.console import stdout_console

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

PROBLEMS = 2
MAX_FUNCTION_S = 900.0
"""Longest timeout that Lambda allows, in seconds."""

_FORMATS = {"json": formats.as_json, "github": formats.github, "gitlab": formats.gitlab, "sarif": formats.sarif}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the files, the limits of the installation, and the format."""
    add = parser.add_argument
    add("files", nargs="*", metavar="FILE", help="plans and AppSpecs, folders of them, or - for standard input")
    add("--format", choices=("text", *_FORMATS), default="text", help="output format (default text)")
    add("--strict", action="store_true", help="exit with an error for warnings too")
    add("--function-timeout", default="10m", metavar="TIME", help="HookTimeout of the installation (default 10m)")
    add("--conductor", choices=("auto", "machine"), default="auto", help="Conductor of the installation (default auto)")
    add(
        "--concurrency",
        type=int,
        default=16,
        metavar="N",
        help="checks that the installation runs at the same time (default 16)",
    )
    includes.add_argument(parser)
    add("--explain", metavar="RULE", help="explain a rule with an example; `all` for every rule")


def run(arguments: argparse.Namespace) -> int:
    """Print all problems; return 2 if there are errors, or with --strict warnings, and 0 otherwise."""
    if arguments.explain:
        print(rules.explain_rules(arguments.explain, rules.BY_ID, rules.explain, rules.markdown))
        return 0
    if not arguments.files:
        raise GreenlightError("name a plan, an AppSpec, a folder of them, or - for standard input")
    limits, registry = _limits(arguments), Registry()
    # Only files that are named must be AppSpecs: a folder can also contain plans.
    appspecs = arguments.files if arguments.command == "appspec" else ()
    results = [
        _lint_file(name, registry, limits, arguments.include, name in appspecs)
        for name in files.find_files(arguments.files)
    ]
    if arguments.format == "text":
        formats.text(results, stdout_console())
        print(_summary(results), file=sys.stderr)
        for line in _describe_conductors(results):
            print(line, file=sys.stderr)
    elif document := _FORMATS[arguments.format](results):
        print(document)
    failing = ("error", "warning") if arguments.strict else ("error",)
    return PROBLEMS if any(problem.severity in failing for file in results for problem in file.problems) else 0


def _limits(arguments: argparse.Namespace) -> Limits:
    try:
        function_s = Duration.parse(arguments.function_timeout)
    except ValueError as error:
        raise GreenlightError(f"--function-timeout: {error}") from error
    if not 0 < function_s <= MAX_FUNCTION_S:
        raise GreenlightError(
            f"--function-timeout must be greater than 0s and at most {Duration(MAX_FUNCTION_S)}, the limit of Lambda"
        )
    if not 1 <= arguments.concurrency <= 256:
        raise GreenlightError("--concurrency must be 1 to 256")
    today = SYSTEM_CLOCK.now_utc().date()
    return Limits(function_s=function_s, concurrency=arguments.concurrency, conductor=arguments.conductor, today=today)


def _lint_file(
    name: str, registry: Registry, limits: Limits, mappings: Sequence[str], is_appspec: bool
) -> formats.File:
    try:
        text = files.read_text(name)
    except PlanError as error:
        return formats.File(name=name, text="", problems=tuple(map(rules.with_rule, error.problems)))
    fetch = includes.fragment_fetcher(name, mappings)
    result = lint(text, name, registry, limits, fetch, is_appspec=is_appspec)
    for problem in result.problems:
        if problem.source:  # users and services open files, not URIs
            problem.source = includes.fragment_path(problem.source, name, mappings)
    return formats.File(name=name, text=text, problems=tuple(result.problems), conductors=result.conductors)


def _describe_conductors(results: Sequence[formats.File]) -> list[str]:
    return [
        f"{file.name}: the state machine conducts {item.stage}, because {item.reason}; a gate takes about "
        f"{item.transitions} state transitions (${item.dollars:.4f})"
        for file in results
        for item in file.conductors
    ]


def _summary(results: Sequence[formats.File]) -> str:
    total = f"{len(results)} file{'s' * (len(results) != 1)}"
    severities = [problem.severity for file in results for problem in file.problems]
    if not severities:
        return f"{total} without a problem"
    counts = ((severities.count(kind), kind) for kind in ("error", "warning"))
    return f"{total}: " + ", ".join(f"{count} {kind}{'s' * (count != 1)}" for count, kind in counts if count)
