"""Rules for the flow of a stage: checks that cannot run, prove nothing, or use values that are not captured yet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from greenlight.core import references
from greenlight.core.deployment import PLAN_STAGES, SHIFT, Platform
from greenlight.core.finding import OnFirstDeployment, Severity
from greenlight.core.plan_path import KeyStep

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping, Sequence

    from greenlight.checks.binding import Bound
    from greenlight.core.plan_path import PlanPath
    from greenlight.plan.model import Check, Plan, Stage

    from .diagnostics import RuleProblems

LAMBDA_STAGES = PLAN_STAGES[3:]
_NEVER_SUCCEEDS = "this stage can never succeed"
_METHODS = ("get", "post", "put", "patch", "delete", "head", "options")
_PLACEHOLDER = re.compile(r"(?<!\$)\{+\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}+")


def check_flow(plan: Plan, bound: Mapping[str, Sequence[Bound]]) -> RuleProblems:
    """Check every stage for repeated checks and skipped needs, and every check for its platform and captures."""
    for name, stage in plan.stages.items():
        yield from _check_repetitions(stage.checks)
        yield from _check_needs(stage.checks)
        for bound_check in bound.get(name, ()):
            yield from _check_platform(bound_check, name)
            yield from _check_steps(bound_check.check)


def check_stages(stages: Mapping[str, Stage]) -> RuleProblems:
    """Find stages that can never succeed."""
    for name, stage in stages.items():
        path = ("stages", name, "checks")
        if all(check.severity is Severity.ADVISORY for check in stage.checks):
            effect = "no round can be bad, and the shift is never stopped" if name == SHIFT else _NEVER_SUCCEEDS
            message = f"every check is advisory, so {effect}; make one blocking"
            yield "no-blocking-check", path, message
        elif all(_is_skipped_first(check) or check.severity is Severity.ADVISORY for check in stage.checks):
            effect = "no round of it shows anything" if name == SHIFT else "this stage fails"
            message = f"a first deployment skips every blocking check, so {effect}; let at least one of them run"
            yield "first-deployment", path, message


def _is_skipped_first(check: Check) -> bool:
    return check.on_first_deployment is OnFirstDeployment.SKIP


def check_shadow(plan: Plan, today: datetime.date | None) -> RuleProblems:
    """Find a shadow that is over or ends soon."""
    if plan.shadow is not None and today is not None and (notice := plan.shadow.notice(today)):
        yield "shadow-ends", ("shadow", "until"), notice


def check_unused(plan: Plan) -> RuleProblems:
    """Find variables that no check uses."""
    used_names = {
        name
        for stage in plan.stages.values()
        for check in stage.checks
        for name in references.reference_names(check.params)
    }
    for name in plan.variables:
        if name not in used_names:
            yield "unused-variable", ("variables", name), f"no check uses ${{{name}}}; use it, or remove it"


def _check_platform(bound_check: Bound, stage: str) -> RuleProblems:
    check, validator = bound_check.check, bound_check.validator
    if bound_check.malformed:
        yield "malformed-validator", (*check.path, check.validator), bound_check.malformed
    platform = check.when.platform
    platform_path = (*check.path, "when", "platform")
    if platform is Platform.LAMBDA and stage not in LAMBDA_STAGES:
        stages = ", ".join(LAMBDA_STAGES)
        message = f"Lambda deployments have no {stage}, so this check never runs; they have {stages}"
        yield "never-runs", platform_path, message
    elif platform is not None and validator is not None and platform not in validator.platforms:
        supported = " and ".join(option.value for option in validator.platforms)
        message = (
            f"{check.validator} supports only {supported}, but this check runs only on {platform.value}, where it "
            "always fails"
        )
        yield "wrong-platform", platform_path, message


def _check_needs(checks: Sequence[Check]) -> RuleProblems:
    """Find checks that run although a check that they need is skipped: they end INCONCLUSIVE and close the gate."""
    by_name = {check.name: check for check in checks}
    for check in checks:
        for index, need in enumerate(check.needs):
            if need in by_name:
                for message in _describe_skipped_need(check, by_name[need]):
                    yield "need-skipped", (*check.path, "needs", index), message


def _describe_skipped_need(check: Check, needed: Check) -> list[str]:
    messages = []
    if _is_skipped_first(needed) and not _is_skipped_first(check):
        messages.append(
            f"{needed.name!r} is skipped on a first deployment, and then this check fails the stage; add "
            "on_first_deployment: skip to this check, too"
        )
    for key in ("platform", "application", "group"):
        condition = getattr(needed.when, key)
        if condition is not None and condition != getattr(check.when, key):
            messages.append(
                f"{needed.name!r} runs only when {key} is {condition}; otherwise it is skipped, and this check fails "
                f"the stage; add when: {{{key}: {condition}}} to this check, too"
            )
    return messages


def _check_repetitions(checks: Sequence[Check]) -> RuleProblems:
    first_by_content: dict[str, Check] = {}
    for check in checks:
        content = repr((check.validator, check.params, check.when, check.severity))
        first = first_by_content.setdefault(content, check)
        if first.name != check.name and not check.needs:
            message = (
                f"this check is the same as {first.name!r}; change one of them, or use repeat to measure several times"
            )
            yield "same-check-twice", (*check.path, check.validator), message


def _check_steps(check: Check) -> RuleProblems:
    """Find references to values that only this or a later step captures, and `{name}` in place of `${name}`."""
    params = check.params
    steps = params.get("steps") if isinstance(params, dict) else None
    params_path = (*check.path, check.validator)
    all_captures = set(references.captured_names(params))
    earlier_captures: set[str] = set()
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        if not isinstance(step, dict):
            continue
        step_path = (*params_path, "steps", index)
        without_captures = {key: value for key, value in step.items() if key != "capture"}
        for name in dict.fromkeys(references.reference_names(without_captures)):
            if name in all_captures and name not in earlier_captures:
                message = f"no earlier step captures ${{{name}}}; move the step that captures it before this one"
                yield "captured-too-late", _first_reference(step, name, step_path), message
        earlier_captures |= set(references.captured_names(step))
        yield from _check_request(step, step_path)
    yield from _check_request(params, params_path)


def _first_reference(data: dict[str, Any], name: str, path: PlanPath) -> PlanPath:
    """Return the path of the first text in `data` with `${name}`; `path` is that of `data`."""
    reference = re.compile(r"\$\{\s*" + re.escape(name) + r"\s*\}")
    for key, value in data.items():
        for reference_path in references.reference_paths(value, (*path, key)):
            if reference.search(_text_at(data, reference_path[len(path) :])):
                return reference_path
    return path


def _text_at(data: Any, path: PlanPath) -> str:
    for step in path:
        data = data[step]
    return str(data)


def _check_request(data: Any, path: PlanPath) -> RuleProblems:
    for method in _METHODS if isinstance(data, dict) else ():
        if isinstance(data.get(method), str) and (match := _PLACEHOLDER.search(data[method])):
            message = f"{match[0]} is sent unchanged; write ${{{match[1]}}} for a variable or a captured value"
            yield "placeholder-in-path", (*path, method), message
        if method in ("get", "head") and data.get(method) is not None and data.get("body") is not None:
            message = f"servers and proxies may drop or reject the body of a {method.upper()}; use post, or query"
            yield "body-on-get", (*path, KeyStep("body")), message
