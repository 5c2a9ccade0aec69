"""Linter of plans and AppSpecs: every problem that can be found without running a check.

Errors are problems for which a gate rejects the plan, or with which it can never succeed. Plans with warnings run, but
probably do not do what their author meant. The comment `# lint: allow RULE` in the line of a warning or in the line
before suppresses it.
"""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING, NamedTuple

from greenlight.checks.binding import bind
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import PlanError, Problem
from greenlight.plan import parser, yaml_reader
from greenlight.plan.environments import environment_names
from greenlight.plan.model import Plan, Stage

from . import appspec, budget, evidence, expectations, flow, rules, secrets, watch, yaml_surprises
from .conductors import StageConductor, stage_conductors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from greenlight.checks.binding import Bound
    from greenlight.checks.registry import Registry
    from greenlight.plan.includes import Fetch

    from .diagnostics import RuleProblems
    from .limits import Limits

_ALLOWED = re.compile(r"#\s*lint:\s*allow\s+([a-z0-9-]+(?:[\s,]+[a-z0-9-]+)*)")
_END_OF_FILE = 10**9
"""A line number for problems without a place; they come last."""


class LintResult(NamedTuple):
    """Problems of a file in the file's order, and the stages that the state machine conducts."""

    problems: list[Problem]
    conductors: tuple[StageConductor, ...] = ()


def problems(
    text: str, name: str, registry: Registry, limits: Limits, fetch: Fetch | None = None, *, is_appspec: bool = False
) -> list[Problem]:
    """Return the problems of a file, in the file's order; see `lint`."""
    return lint(text, name, registry, limits, fetch, is_appspec=is_appspec).problems


def lint(
    text: str, name: str, registry: Registry, limits: Limits, fetch: Fetch | None = None, *, is_appspec: bool = False
) -> LintResult:
    """Lint a file.

    Args:
        text: Text of the file.
        name: Name of the file.
        registry: The available validators.
        limits: The limits of the installation.
        fetch: Returns the fragments that a plan includes.
        is_appspec: The file is an AppSpec; if False, its keys decide.
    """
    try:
        if name.endswith(".json"):
            _require_json(text, name)
        document = yaml_reader.read(text, name)
    except PlanError as error:
        return LintResult([rules.with_rule(problem) for problem in appspec.explain_unreadable(text, error.problems)])
    if (is_appspec and isinstance(document.data, dict)) or appspec.looks_like_appspec(document.data):
        return LintResult(_merge(text, [], _to_problems(document, appspec.check_appspec(document))))
    engine_problems: list[Problem] = []
    lint_problems = _to_problems(document, yaml_surprises.find_surprises(document), secrets.find_secrets(document.data))
    stages: dict[str, StageConductor] = {}
    for environment in environment_names(document.data):
        rejected, additional, conductors = _check_environment(text, name, registry, limits, environment, fetch)
        engine_problems += rejected
        lint_problems += additional
        stages |= {item.stage: item for item in conductors}
    return LintResult(_merge(text, engine_problems, lint_problems), tuple(stages.values()))


def _require_json(text: str, name: str) -> None:
    """Reject YAML that is not JSON, in a file that other programs read as JSON.

    Raises:
        PlanError: The text is not valid JSON; the error has the first such place.
    """
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        problem = Problem(f"not valid JSON: {error.msg[0].lower()}{error.msg[1:]}", "", error.lineno, error.colno)
        raise PlanError([problem], name) from error
    except RecursionError:
        pass  # the YAML reader rejects the nesting, with its limit


def _check_environment(
    text: str, name: str, registry: Registry, limits: Limits, environment: str, fetch: Fetch | None
) -> tuple[list[Problem], list[Problem], tuple[StageConductor, ...]]:
    """Return the problems of the plan in one of its environments, and the stages that the state machine conducts.

    The first list has the engine's problems, the second those that only lint finds.
    """
    errors, plan, bound = _parse_and_bind(text, name, registry, limits, environment, fetch)
    if plan is None or plan.document is None:
        return errors, [], ()
    # Rules for a stage run only on stages without errors, and rules for the plan only on a plan without errors.
    invalid_stages = {error.path.split(".")[1].split("[")[0] for error in errors if error.path.startswith("stages.")}
    has_invalid_fragment = any(error.source for error in errors)  # the path of a problem in a fragment has no stage
    stages: dict[str, Stage] = {}
    if not has_invalid_fragment:
        stages = {name: stage for name, stage in plan.stages.items() if name not in invalid_stages}
    lint_problems = _to_problems(
        plan.document,
        flow.check_flow(plan, bound),
        expectations.check_expectations(bound),
        budget.check_waits(bound),
        flow.check_stages(stages),
        evidence.check_both_sides(plan),
        evidence.check_evidence(stages, plan),
        expectations.check_stages({name: bound.get(name, ()) for name in stages}),
        budget.check_budget(stages, plan, limits),
        watch.check_watch(stages, plan, limits),
        *([] if errors else [flow.check_unused(plan), flow.check_shadow(plan, limits.today)]),
    )
    return errors, lint_problems, () if errors else stage_conductors(plan, limits)


def _parse_and_bind(
    text: str, name: str, registry: Registry, limits: Limits, environment: str, fetch: Fetch | None
) -> tuple[list[Problem], Plan | None, Mapping[str, Sequence[Bound]]]:
    """Parse and bind a plan as far as possible; return the problems, the plan and its bound checks."""
    errors: list[Problem] = []
    try:
        plan: Plan | None = parser.parse(text, name, today=limits.today, environment=environment, fetch=fetch)
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


def _to_problems(document: yaml_reader.Document, *rule_problems: RuleProblems) -> list[Problem]:
    placed = []
    for rule_id, path, message in itertools.chain.from_iterable(rule_problems):
        problem = document.problem(message, path)
        problem.rule, problem.severity = rule_id, rules.BY_ID[rule_id].severity
        placed.append(problem)
    return placed


def _merge(text: str, engine_problems: list[Problem], lint_problems: list[Problem]) -> list[Problem]:
    """Sort problems by place; drop duplicates, suppressed warnings, and warnings at the place of an error."""
    lines = text.split("\n")
    merged = {(*_place(problem), problem.message): problem for problem in engine_problems}
    places_of_errors = {key[:3] for key in merged}
    for problem in sorted(lint_problems, key=lambda problem: problem.severity):  # errors first
        place = _place(problem)
        if problem.severity == "error":
            places_of_errors.add(place)
        elif place in places_of_errors or problem.rule in _allowed_rules(lines, problem.line):
            continue
        merged.setdefault((*place, problem.message), problem)
    return [merged[key] for key in sorted(merged)]


def _place(problem: Problem) -> tuple[str, int, int]:
    return problem.source, problem.line or _END_OF_FILE, problem.column


def _allowed_rules(lines: list[str], line_number: int) -> set[str]:
    """Return the rules that comments in a line and the line before suppress."""
    return {
        rule
        for line in lines[max(0, line_number - 2) : line_number]
        for match in _ALLOWED.finditer(line)
        for rule in re.split(r"[\s,]+", match[1])
    }
