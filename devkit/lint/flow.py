"""Checks that cannot run, prove nothing, or use what is not there yet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from greenlight.core import references
from greenlight.core.deployment import STAGES, Platform
from greenlight.core.finding import OnFirstDeployment, Severity
from greenlight.core.plan_path import KeyStep

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping, Sequence

    from devkit.lint.diagnostics import RuleProblems
    from greenlight.checks.binding import Bound
    from greenlight.plan.model import Check, Plan, Stage

LAMBDA_STAGES = STAGES[3:]
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_PLACEHOLDER = re.compile(r"(?<!\$)\{+\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}+")


def check_flow(plan: Plan, bound: Mapping[str, Sequence[Bound]]) -> RuleProblems:
    """Find what is wrong with the flow of single checks."""
    for name, stage in plan.stages.items():
        yield from _twice(stage.checks)
        yield from _needs(stage.checks)
        for each in bound.get(name, ()):
            yield from _where(each, name)
            yield from _captured(each.check)


def check_stages(stages: Mapping[str, Stage]) -> RuleProblems:
    """Find stages that can never succeed."""
    for name, stage in stages.items():
        if all(check.severity is Severity.ADVISORY for check in stage.checks):
            what = "every check is advisory, so this stage can never succeed; make one blocking"
            yield "no-blocking-check", ("stages", name, "checks"), what
        elif all(_left_out_first(check) or check.severity is Severity.ADVISORY for check in stage.checks):
            what = "on a first deployment every blocking check is skipped, so it can never succeed; let one of them run"
            yield "first-deployment", ("stages", name, "checks"), what


def _left_out_first(check: Check) -> bool:
    return check.on_first_deployment is OnFirstDeployment.SKIP


def check_shadow(plan: Plan, today: datetime.date | None) -> RuleProblems:
    """Find a shadow that is over, or nearly so."""
    if plan.shadow is not None and today is not None and (notice := plan.shadow.notice(today)):
        yield "shadow-ends", ("shadow", "until"), notice


def check_unused(plan: Plan) -> RuleProblems:
    """Find variables that no check uses."""
    used = {
        name
        for stage in plan.stages.values()
        for check in stage.checks
        for name in references.reference_names(check.params)
    }
    for name in plan.variables:
        if name not in used:
            yield "unused-variable", ("variables", name), f"no check uses ${{{name}}}; use it, or take it out"


def _where(each: Bound, stage: str) -> RuleProblems:
    check = each.check
    place = (*check.path, check.validator)
    if each.malformed:
        yield "malformed-validator", place, each.malformed
    platform = check.when.platform
    if platform is Platform.LAMBDA and stage not in LAMBDA_STAGES:
        what = f"Lambda deployments have no {stage}, so this check never runs; they have {' and '.join(LAMBDA_STAGES)}"
        yield "never-runs", (*check.path, "when", "platform"), what
    elif platform is not None and each.validator is not None and platform not in each.validator.platforms:
        works = " and ".join(each.value for each in each.validator.platforms)
        what = (
            f"{check.validator} works on {works}, and this check runs on {platform.value} only, where it always fails"
        )
        yield "wrong-platform", (*check.path, "when", "platform"), what


def _needs(checks: Sequence[Check]) -> RuleProblems:
    """Find checks that run where what they need is skipped: they end INCONCLUSIVE, and the gate stays closed."""
    known = {check.name: check for check in checks}
    for check in checks:
        for index, need in enumerate(check.needs):
            if need not in known:
                continue
            if _left_out_first(known[need]) and not _left_out_first(check):
                what = (
                    f"{need!r} is skipped on a first deployment, and this check fails the stage then: give it "
                    "on_first_deployment: skip, too"
                )
                yield "need-skipped", (*check.path, "needs", index), what
            for key in ("platform", "application", "group"):
                wanted, own = getattr(known[need].when, key), getattr(check.when, key)
                if wanted is not None and wanted != own:
                    what = (
                        f"{need!r} runs only when {key} is {wanted}; elsewhere it is skipped, and this check fails the "
                        f"stage: give it when: {{{key}: {wanted}}}, too"
                    )
                    yield "need-skipped", (*check.path, "needs", index), what


def _twice(checks: Sequence[Check]) -> RuleProblems:
    first: dict[str, Check] = {}
    for check in checks:
        same = first.setdefault(repr((check.validator, check.params, check.when, check.severity)), check)
        if same.name != check.name and not check.needs:
            what = f"this checks the same as {same.name!r}; should one of them differ? repeat measures several times"
            yield "same-check-twice", (*check.path, check.validator), what


def _captured(check: Check) -> RuleProblems:
    """Find references to what only this or a later step captures, and `{name}` where `${name}` is meant."""
    params = check.params
    steps = params.get("steps") if isinstance(params, dict) else None
    place = (*check.path, check.validator)
    every = set(references.captured_names(params))
    so_far: set[str] = set()
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        if not isinstance(step, dict):
            continue
        at = (*place, "steps", index)
        used = dict.fromkeys(
            references.reference_names({key: value for key, value in step.items() if key != "capture"})
        )
        for name in used:
            if name in every and name not in so_far:
                what = f"${{{name}}} is captured by no earlier step; move the step that captures it before this one"
                yield "captured-too-late", _first(step, name, at), what
        so_far |= set(references.captured_names(step))
        yield from _of_request(step, at)
    yield from _of_request(params, place)


def _first(data: dict[str, Any], name: str, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    wanted = re.compile(r"\$\{\s*" + re.escape(name) + r"\s*\}")
    return next(
        (
            each
            for key, value in data.items()
            for each in references.reference_paths(value, (*path, key))
            if wanted.search(_at(data, each[len(path) :]))
        ),
        path,
    )


def _at(data: Any, path: tuple[Any, ...]) -> str:
    for step in path:
        data = data[step]
    return str(data)


def _of_request(data: Any, path: tuple[str | int, ...]) -> RuleProblems:
    for method in _METHODS if isinstance(data, dict) else ():
        if isinstance(data.get(method), str) and (match := _PLACEHOLDER.search(data[method])):
            what = f"{match[0]} is sent as it stands; write ${{{match[1]}}} for a variable or a captured value"
            yield "placeholder-in-path", (*path, method), what
        if method in ("get", "head") and data.get(method) is not None and data.get("body") is not None:
            what = f"a {method.upper()} with a body: servers and proxies may drop or refuse it; write post, or query"
            yield "body-on-get", (*path, KeyStep("body")), what
