"""Checks of functions that SAM deploys gradually, with a DeploymentPreference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..cloudformation import FUNCTION, SAM_HOOKS, deployment_preference
from ..rules import make_symptom
from .hook_references import HookReferences, check_references

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from ..cloudformation import Template
    from ..rules import Symptom


def shifted_functions(template: Template, hook_ids: Collection[str]) -> list[str]:
    """Return the logical ids of the functions with a DeploymentPreference, without the hooks."""
    return [
        name
        for name in template.resources(FUNCTION)
        if name not in hook_ids and deployment_preference(template.properties(name)) is not None
    ]


def check_function(template: Template, name: str, installation: str) -> Iterator[Symptom]:
    """Check alias, hooks and alarms of a function that SAM deploys gradually."""
    properties = template.properties(name)
    preference = deployment_preference(properties) or {}
    line = template.line("Resources", name, "Properties", "DeploymentPreference")
    if not properties.get("AutoPublishAlias"):
        yield make_symptom(
            "no-alias",
            f"{name} has a DeploymentPreference but no alias, so there is no traffic to shift",
            fix="AutoPublishAlias: live",
            line=line,
        )
    hooks = preference.get("Hooks")
    hooks = hooks if isinstance(hooks, dict) else {}
    lines = "\n".join(f"  {key}: !ImportValue {installation}-{event}" for key, event in SAM_HOOKS.items())
    references = HookReferences(
        name=name,
        hooks={event: hooks[key] for key, event in SAM_HOOKS.items() if key in hooks},
        fix=f"Hooks:\n{lines}",
        line=line,
        is_prefix_required=not preference.get("Role"),
        is_all_at_once="AllAtOnce" in str(preference.get("Type")),
    )
    yield from check_references(template, references)
    if not preference.get("Alarms"):
        yield make_symptom(
            "no-alarms",
            f"the deployments of {name} have no alarm, and no hook runs while "
            "traffic shifts: errors in that time do not stop them",
            fix="DeploymentPreference:\n  Alarms: [!Ref ERRORS]   # AWS/Lambda Errors of the alias",
            line=line,
        )
