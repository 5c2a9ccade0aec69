"""Checks of CodeDeploy's service role in a template."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...lint.appspec import HOOK_PREFIX
from ..cloudformation import as_list, logical_id
from ..hook_names import function_name
from ..rules import make_symptom
from ..service_role import MANAGED_POLICIES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..cloudformation import Template
    from ..revision import AppSpec
    from ..rules import Symptom

_PLATFORMS = {
    "AWSCodeDeployRoleForECS": "ECS",
    "AWSCodeDeployRoleForECSLimited": "ECS",
    "AWSCodeDeployRoleForLambda": "Lambda",
    "AWSCodeDeployRoleForLambdaLimited": "Lambda",
    "AWSCodeDeployRole": "Server",
}
"""Compute platforms of AWS's managed policies."""
_PREFIX_ONLY = (
    "AWSCodeDeployRoleForLambda",
    "AWSCodeDeployRoleForLambdaLimited",
    "AWSCodeDeployRoleForECSLimited",
    "AWSCodeDeployRoleForCloudFormation",
)
"""AWS's managed policies that allow CodeDeploy to invoke only functions named CodeDeployHook_…."""


def managed_policies(template: Template, group: dict[str, Any]) -> list[str]:
    """Return AWS's managed policies of a group's role, if the role is in the template and has no other policies."""
    role = template.properties(logical_id(group.get("ServiceRoleArn")))
    names = [str(arn).rstrip("'}\"").rsplit("/", 1)[-1] for arn in as_list(role.get("ManagedPolicyArns"))]
    return names if not role.get("Policies") and all(name in _PLATFORMS for name in names) else []


def allows_only_prefix(policies: list[str]) -> bool:
    """Return whether managed policies allow only functions named CodeDeployHook_…."""
    return bool(policies) and all(policy in _PREFIX_ONLY for policy in policies)


def check_platform(template: Template, name: str, group: dict[str, Any], platform: str) -> Iterator[Symptom]:
    """Check that the service role of a group is for its compute platform."""
    policies = managed_policies(template, group)
    if platform and policies and platform not in {_PLATFORMS[policy] for policy in policies}:
        policy = MANAGED_POLICIES.get(platform.lower(), "")
        yield make_symptom(
            "service-role-lacks",
            f"the service role of {name} is for another compute platform; the "
            "deployment fails with IAM_ROLE_PERMISSIONS",
            f"platform {platform}, policies {', '.join(policies)}",
            fix=f"ManagedPolicyArns: [!Sub 'arn:${{AWS::Partition}}:iam::aws:policy/{policy}']",
            line=template.line("Resources", name, "Properties", "ServiceRoleArn"),
        )


def check_invoke(template: Template, name: str, group: dict[str, Any], appspec: AppSpec) -> Iterator[Symptom]:
    """Check that the role of a group may invoke the AppSpec's hooks, if it has only AWS's limited policies."""
    policies = managed_policies(template, group)
    if not allows_only_prefix(policies):
        return
    for event, function in appspec.hooks.items():
        hook = function_name(function)
        if not hook.startswith((HOOK_PREFIX, "${", "<")):
            yield make_symptom(
                "hook-not-allowed",
                f"the service role of {name} is allowed to invoke only functions whose names begin with {HOOK_PREFIX}, "
                f"but {event} names {hook}",
                *policies,
                fix=f"rename the function to {HOOK_PREFIX}…, or give the role the policy AWSCodeDeployRoleForECS",
                line=template.line("Resources", name, "Properties", "ServiceRoleArn"),
            )
