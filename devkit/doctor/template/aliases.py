"""Checks of aliases whose traffic CloudFormation shifts with CodeDeploy (CodeDeployLambdaAliasUpdate)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..cloudformation import logical_id
from .hook_references import HookReferences, check_references
from .service_roles import allows_only_prefix, managed_policies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cloudformation import Template
    from ..rules import Symptom

ALIAS_HOOKS = {"BeforeAllowTrafficHook": "BeforeAllowTraffic", "AfterAllowTrafficHook": "AfterAllowTraffic"}
"""Lifecycle events by the names that CodeDeployLambdaAliasUpdate has for them."""


def shifted_aliases(template: Template) -> dict[str, dict[str, Any]]:
    """Return CodeDeployLambdaAliasUpdate of the aliases that have one, by logical id."""
    updates = {}
    for name, resource in template.resources("AWS::Lambda::Alias").items():
        policy = template.resolve(resource.get("UpdatePolicy"))
        update = policy.get("CodeDeployLambdaAliasUpdate") if isinstance(policy, dict) else None
        if isinstance(update, dict):
            updates[name] = update
    return updates


def check_alias(template: Template, name: str, update: dict[str, Any], installation: str) -> Iterator[Symptom]:
    """Check the hooks of an alias."""
    lines = "\n".join(f"  {key}: !ImportValue {installation}-{event}" for key, event in ALIAS_HOOKS.items())
    group = template.properties(logical_id(update.get("DeploymentGroupName")))
    references = HookReferences(
        name=name,
        hooks={event: update[key] for key, event in ALIAS_HOOKS.items() if update.get(key)},
        fix=f"CodeDeployLambdaAliasUpdate:\n{lines}",
        line=template.line("Resources", name, "UpdatePolicy"),
        is_prefix_required=allows_only_prefix(managed_policies(template, group)),
        is_all_at_once=str(group.get("DeploymentConfigName")).endswith("AllAtOnce"),
    )
    yield from check_references(template, references)
