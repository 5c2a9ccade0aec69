"""Everything that can be known to be wrong with a plan or an AppSpec without running it.

Errors are what gates refuse, and what can never succeed; warnings are what would run and mean something else than it
says. A warning is taken back by the comment `# lint: allow RULE` in its line or the line before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from greenlight import plan as plans
from greenlight import yamlread
from greenlight.bind import bind
from greenlight.errors import PlanError, Problem
from greenlight.model import Deployment, Frozen, Platform

from devkit.appspec import appspec_problems, looks_like_appspec
from devkit.lint import budget, expectations, flow, rules, secrets, words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from greenlight.registry import Registry

    Found = Iterator[tuple[str, yamlread.Path, str]]
    """A rule's id, a path in the plan, and a sentence."""

_ALLOWED = re.compile(r"#\s*lint:\s*allow\s+([a-z0-9-]+(?:[\s,]+[a-z0-9-]+)*)")


class Limits(Frozen, frozen=True, kw_only=True):
    """What an installation gives a stage: the hook function's time in seconds, and checks at once."""

    function_s: float = 600.0
    concurrency: int = 16


def problems(text: str, name: str, registry: Registry, limits: Limits) -> list[Problem]:
    """Give everything that is wrong with the file `name` of the given text, in the file's order."""
    try:
        document = yamlread.read(text, name)
    except PlanError as error:
        return [rules.ruled(problem) for problem in error.problems]
    if looks_like_appspec(document.data):
        return [rules.ruled(problem, "appspec") for problem in appspec_problems(document)]
    try:
        plan = plans.parse(text, name)
        bound = bind(plan, Deployment(id="lint", platform=Platform.ECS, stage=""), {}, registry)
    except PlanError as error:
        errors = [rules.ruled(problem) for problem in error.problems]
        return _ordered(text, errors + _made(document, words.found(document)), errors)
    found = [_made(document, each) for each in (
        flow.found(plan, bound),
        budget.found(plan, bound, limits),
        expectations.found(bound),
        secrets.found(document.data),
        words.found(document),
    )]  # fmt: skip
    return _ordered(text, [problem for each in found for problem in each], [])


def _made(document: yamlread.Document, found: Found) -> list[Problem]:
    made = []
    for rule, path, message in found:
        problem = document.problem(message, path)
        problem.rule, problem.severity = rule, rules.BY_ID[rule].severity
        made.append(problem)
    return made


def _ordered(text: str, found: list[Problem], errors: list[Problem]) -> list[Problem]:
    """Sort by place, without warnings that the file takes back, and those where an error says it already."""
    lines = text.split("\n")
    taken = {(problem.line, problem.column) for problem in errors}
    kept = [
        problem
        for problem in found
        if problem.severity == "error"
        or ((problem.line, problem.column) not in taken and problem.rule not in _allowed(lines, problem.line))
    ]
    return sorted(kept, key=lambda problem: (problem.line or 10**9, problem.column))


def _allowed(lines: list[str], line: int) -> set[str]:
    return {
        rule
        for each in lines[max(0, line - 2) : line]
        for match in _ALLOWED.finditer(each)
        for rule in re.split(r"[\s,]+", match[1])
    }
