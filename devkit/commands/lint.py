"""`greenlight lint`: every mistake in plans and AppSpecs, offline, as `file:line:column: message`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from greenlight import plan as plans
from greenlight import yamlread
from greenlight.bind import bind
from greenlight.errors import PlanError, Problem
from greenlight.model import Deployment, Platform, Severity
from greenlight.registry import Registry
from greenlight.sources import file

from devkit.appspec import appspec_problems, looks_like_appspec

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

PROBLEMS = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take files."""
    parser.add_argument("files", nargs="+", metavar="FILE", help="plans and AppSpecs")
    parser.add_argument("--format", choices=("text", "json"), default="text", help="what is printed (default text)")


def run(arguments: argparse.Namespace) -> int:
    """Print all problems: 0 when there are none, 2 otherwise."""
    registry = Registry()
    found = [(name, problem) for name in arguments.files for problem in _problems(name, registry)]
    if arguments.format == "json":
        print(json.dumps({"files": arguments.files, "problems": [_plain(*each) for each in found]}, indent=2))
    else:
        for name, problem in found:
            print(f"{name}:{problem.line or 1}:{problem.column or 1}: {problem}")
        if not found:
            print(f"{len(arguments.files)} file{'s' * (len(arguments.files) > 1)} without a problem", file=sys.stderr)
    return PROBLEMS if found else 0


def _plain(name: str, problem: Problem) -> dict[str, Any]:
    return {
        "file": name,
        "line": problem.line,
        "column": problem.column,
        "path": problem.path,
        "message": problem.message,
    }


def _problems(name: str, registry: Registry) -> Sequence[Problem]:
    """Give a file's problems."""
    try:
        found = file.read(name)
        if found is None:
            return [Problem("there is no such file")]
        document = yamlread.read(found[0], name)
        if looks_like_appspec(document.data):
            return appspec_problems(document)
        plan = plans.parse(found[0], name)
        bound = bind(plan, Deployment(id="lint", platform=Platform.ECS, stage=""), {}, registry)
    except PlanError as error:
        return error.problems
    malformed = [
        plan.document.problem(check.malformed, (*check.check.path, check.check.validator))
        for checks in bound.values()
        for check in checks
        if check.malformed and plan.document
    ]
    return [*malformed, *_never_passing(plan)]


def _never_passing(plan: plans.Plan) -> list[Problem]:
    """Name stages whose gate can only fail, because advisory checks prove nothing."""
    return [
        plan.document.problem(
            "every check is advisory, so this stage can never succeed; make one blocking", ("stages", name, "checks")
        )
        for name, stage in plan.stages.items()
        if plan.document and all(check.severity is Severity.ADVISORY for check in stage.checks)
    ]
