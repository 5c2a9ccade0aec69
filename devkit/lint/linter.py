"""Everything that can be known to be wrong with a plan or an AppSpec without running it.

Errors are what gates refuse, and what can never succeed; warnings are what would run and mean something else than it
says. A warning is taken back by the comment `# lint: allow RULE` in its line or the line before.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from devkit.lint import appspec, budget, expectations, flow, rules, secrets, yaml_surprises
from greenlight.checks.binding import bind
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import PlanError, Problem
from greenlight.plan import parser as plans
from greenlight.plan import yaml_reader
from greenlight.plan.environments import environment_names
from greenlight.plan.model import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from devkit.lint.diagnostics import Diagnostics
    from devkit.lint.limits import Limits
    from greenlight.checks.binding import Bound
    from greenlight.checks.registry import Registry
    from greenlight.plan.includes import Fetch

_ALLOWED = re.compile(r"#\s*lint:\s*allow\s+([a-z0-9-]+(?:[\s,]+[a-z0-9-]+)*)")


def problems(
    text: str, name: str, registry: Registry, limits: Limits, fetch: Fetch | None = None, *, is_appspec: bool = False
) -> list[Problem]:
    """Give everything that is wrong with the file `name` of the given text, in the file's order.

    Args:
        text: The file's text.
        name: The file's name.
        registry: The validators there are.
        limits: Those of the installation.
        fetch: Gives the fragments that a plan includes.
        is_appspec: Whoever asks knows that it is one; otherwise its keys tell.
    """
    try:
        if name.endswith(".json"):
            _be_json(text, name)
        document = yaml_reader.read(text, name)
    except PlanError as error:
        return [rules.with_rule(problem) for problem in appspec.explain_unreadable(text, error.problems)]
    if (is_appspec and isinstance(document.data, dict)) or appspec.looks_like_appspec(document.data):
        return _ordered(text, [], _made(document, appspec.check_appspec(document)))
    errors: list[Problem] = []
    made = _made(document, yaml_surprises.find_surprises(document), secrets.find_secrets(document.data))
    for environment in environment_names(document.data):
        refused, found = _in_environment(text, name, registry, limits, environment, fetch)
        errors += refused
        made += found
    return _ordered(text, errors, made)


def _be_json(text: str, name: str) -> None:
    """Refuse what YAML takes and JSON does not, in a file that others read as JSON.

    Raises:
        PlanError: With the first place that is no JSON.
    """
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        problem = Problem(f"not valid JSON: {error.msg[0].lower()}{error.msg[1:]}", "", error.lineno, error.colno)
        raise PlanError([problem], name) from error
    except RecursionError:
        pass  # the next reader says how deep is too deep


def _in_environment(
    text: str, name: str, registry: Registry, limits: Limits, environment: str, fetch: Fetch | None
) -> tuple[list[Problem], list[Problem]]:
    """Give what the engine refuses where the plan is for one of its environments, and what else is found."""
    errors, plan, bound = _read(text, name, registry, limits, environment, fetch)
    if plan is None or plan.document is None:
        return errors, []
    # What is said of a whole stage, or of a whole plan, is said when it is known whole.
    broken = {error.path.split(".")[1].split("[")[0] for error in errors if error.path.startswith("stages.")}
    somewhere = any(error.source for error in errors)  # a fragment does not know its stages
    whole = {name: stage for name, stage in plan.stages.items() if not somewhere and name not in broken}
    return errors, _made(
        plan.document,
        flow.check_flow(plan, bound),
        expectations.check_expectations(bound),
        budget.check_waits(bound),
        flow.check_stages(whole),
        expectations.check_stages({name: bound.get(name, ()) for name in whole}),
        budget.check_budget(whole, limits),
        *([] if errors else [flow.check_unused(plan), flow.check_shadow(plan, limits.today)]),
    )


def _read(
    text: str, name: str, registry: Registry, limits: Limits, environment: str, fetch: Fetch | None
) -> tuple[list[Problem], Plan | None, Mapping[str, Sequence[Bound]]]:
    """Read a plan and bind it, as far as that goes: what the engine refuses, and what it has read in spite of it."""
    errors: list[Problem] = []
    try:
        plan: Plan | None = plans.parse(text, name, today=limits.today, environment=environment, fetch=fetch)
    except PlanError as error:
        errors += error.problems
        plan = error.partial
    bound: Mapping[str, Sequence[Bound]] = {}
    if plan is not None:
        try:
            bound = bind(plan, Deployment(id="lint", platform=Platform.ECS, stage=""), {}, registry)
        except PlanError as error:
            errors += error.problems
            bound = error.partial
    return [rules.with_rule(error) for error in errors], plan, bound


def _made(document: yaml_reader.Document, *found: Diagnostics) -> list[Problem]:
    made = []
    for rule, path, message in (each for several in found for each in several):
        problem = document.problem(message, path)
        problem.rule, problem.severity = rule, rules.BY_ID[rule].severity
        made.append(problem)
    return made


def _ordered(text: str, errors: list[Problem], made: list[Problem]) -> list[Problem]:
    """Sort by place, each once, without warnings that the file takes back, and those where an error says it already."""
    lines = text.split("\n")
    found = {(*_place(problem), problem.message): problem for problem in errors}
    taken = {key[:3] for key in found}
    for problem in sorted(made, key=lambda problem: problem.severity):  # errors first
        place = _place(problem)
        if problem.severity == "error":
            taken.add(place)
        elif place in taken or problem.rule in _allowed(lines, problem.line):
            continue
        found.setdefault((*place, problem.message), problem)
    return [found[key] for key in sorted(found)]


def _place(problem: Problem) -> tuple[str, int, int]:
    return problem.source, problem.line or 10**9, problem.column


def _allowed(lines: list[str], line: int) -> set[str]:
    return {
        rule
        for each in lines[max(0, line - 2) : line]
        for match in _ALLOWED.finditer(each)
        for rule in re.split(r"[\s,]+", match[1])
    }
