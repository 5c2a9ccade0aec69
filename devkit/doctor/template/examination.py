"""Examination of a template: runs all checks, and reports a template that does not use CodeDeploy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.checks.registry import Registry
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.deployment import STAGES

from ...lint.limits import Limits
from ...lint.linter import problems
from ..cloudformation import GROUP
from ..hook_names import function_name, hook_name
from ..revision import fix_for
from ..rules import make_symptom, rule_for_problem
from .aliases import check_alias, shifted_aliases
from .deployment_groups import check_group
from .functions import check_function, shifted_functions
from .hook_functions import check_hook, hook_functions
from .hook_references import check_stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cloudformation import Template
    from ..revision import AppSpec
    from ..rules import Symptom


def examine_template(
    template: Template, appspec: AppSpec | None = None, installation: str = "greenlight"
) -> Iterator[Symptom]:
    """Check a template, and the AppSpec that its deployment group is deployed with."""
    hooks = hook_functions(template)
    functions = shifted_functions(template, hooks)
    aliases = shifted_aliases(template)
    groups = template.resources(GROUP)
    for name in functions:
        yield from check_function(template, name, installation)
    for name, update in aliases.items():
        yield from check_alias(template, name, update, installation)
    for name in groups:
        yield from check_group(template, name, appspec)
    for name in hooks:
        yield from check_hook(template, name, installation)
    yield from _check_plans(template)
    yield from _check_appspec(appspec, installation)
    uses_transform = _uses_blue_green_transform(template)
    if uses_transform:
        yield make_symptom(
            "bluegreen-transform",
            "with the transform AWS::CodeDeployBlueGreen a hook gets neither the service nor the listener, so it "
            "cannot find green",
            fix="deploy with a deployment group of your own (examples/ecs), or set target: {url: …} in the plan",
            line=template.line("Transform"),
        )
    if not (hooks or functions or aliases or groups or uses_transform):
        yield _nothing_to_check(template)


def _uses_blue_green_transform(template: Template) -> bool:
    transforms = template.data.get("Transform")
    return "AWS::CodeDeployBlueGreen" in (transforms if isinstance(transforms, list) else [transforms])


def _nothing_to_check(template: Template) -> Symptom:
    message = (
        "the template does not use CodeDeploy: it has no function with a DeploymentPreference, no deployment group"
    )
    if template.resources("AWS::Serverless::StateMachine"):
        message += " (Step Functions shifts traffic of state machines itself and calls no hooks)"
    return make_symptom(
        "could-not-look",
        message,
        fix="pass the template that has them; a SAM function needs AutoPublishAlias and DeploymentPreference",
    )


def _check_appspec(appspec: AppSpec | None, installation: str) -> Iterator[Symptom]:
    if appspec is None:
        return
    for problem in appspec.problems:
        yield make_symptom("appspec", f"{appspec.source}: {problem}", fix=fix_for(appspec))
    if not appspec.hooks and not appspec.problems:
        stage = STAGES[-1]
        yield make_symptom(
            "no-hooks",
            f"{appspec.source} names no hook, so no release is checked",
            fix=f"Hooks:\n  - {stage}: {hook_name(installation, stage)}",
        )
    for event, function in appspec.hooks.items():
        yield from check_stage(event, function_name(function), line=0)


def _check_plans(template: Template) -> Iterator[Symptom]:
    """Lint the plans in SSM parameters of the template."""
    limits = Limits(today=SYSTEM_CLOCK.now_utc().date())
    for name in template.resources("AWS::SSM::Parameter"):
        text = template.properties(name).get("Value")
        if not (isinstance(text, str) and "stages:" in text and "version:" in text):
            continue
        line = template.line("Resources", name, "Properties", "Value")
        for problem in problems(text, name, Registry(), limits):
            yield make_symptom(
                rule_for_problem(problem),
                f"the plan in {name}: {problem}",
                f"line {problem.line or 1} of the plan [{problem.rule}]",
                fix=f"greenlight lint --explain {problem.rule}",
                line=line + (problem.line or 0),
            )
