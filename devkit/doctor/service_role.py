"""Checks of CodeDeploy's service role: CodeDeploy can assume it, invoke the hooks and run the deployment with it."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from greenlight.core.deployment import Platform

from . import ecs_routing, permissions
from .group_settings import alarm_names
from .rules import make_symptom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .deployment_group import GroupState
    from .permissions import Role
    from .rules import Symptom

NEEDED_ACTIONS: dict[str, tuple[str, ...]] = {
    Platform.LAMBDA: ("lambda:GetAlias", "lambda:UpdateAlias"),
    Platform.ECS: (
        "ecs:DescribeServices",
        "ecs:CreateTaskSet",
        "ecs:UpdateServicePrimaryTaskSet",
        "ecs:DeleteTaskSet",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:ModifyListener",
    ),
}
"""Actions that CodeDeploy's service role needs on each platform besides invoking hooks.

Source: the managed policies AWSCodeDeployRoleForLambda and AWSCodeDeployRoleForECS."""
MANAGED_POLICIES: dict[str, str] = {
    Platform.LAMBDA: "service-role/AWSCodeDeployRoleForLambda",
    Platform.ECS: "AWSCodeDeployRoleForECS",
}
"""AWS's managed policy for each platform."""


def _read_role(state: GroupState) -> Role | None:
    arn = str(state.info.get("serviceRoleArn", ""))
    return permissions.read_role(state.reader, arn) if arn else None


def check_invoke(state: GroupState) -> Iterator[Symptom]:
    """Check that the service role exists, trusts CodeDeploy and is allowed to invoke the hooks."""
    arn, role = str(state.info.get("serviceRoleArn", "")), _read_role(state)
    if role is None:
        yield make_symptom(
            "service-role",
            f"the service role {arn or '(none)'} does not exist, so no deployment starts",
            fix=state.update_command("--service-role-arn ARN"),
        )
        return
    # Other partitions and some Regions have different principals, such as codedeploy.cn-north-1.amazonaws.com.cn.
    if not any(service == "*" or service.startswith("codedeploy.") for service in role.trusts):
        yield make_symptom(
            "service-role",
            f"the trust policy of the service role {arn} does not allow "
            "CodeDeploy to assume it, so no deployment starts",
            f"trusted services: {', '.join(role.trusts) or 'none'}",
            fix='allow sts:AssumeRole in the role\'s trust policy for {"Service": "codedeploy.amazonaws.com"}',
        )
        return
    for hook in {str(hook["FunctionName"]): hook for hook in state.hooks.values()}.values():
        if not role.may("lambda:InvokeFunction", str(hook["FunctionArn"])):
            yield _not_allowed(str(hook["FunctionName"]), str(hook["FunctionArn"]), role)


def _not_allowed(name: str, arn: str, role: Role) -> Symptom:
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    managed = "AWS's managed policies allow only function names that begin with CodeDeployHook_"
    return make_symptom(
        "hook-not-allowed",
        f"CodeDeploy's service role is not allowed to invoke {name}; the "
        "deployment fails at once with IAM_ROLE_PERMISSIONS",
        f"policies of {role.name}: {', '.join(role.policies) or 'none'}",
        *([] if name.startswith("CodeDeployHook_") else [managed]),
        fix=f"rename the function to CodeDeployHook_…, or: aws iam put-role-policy --role-name {role.name} "
        f"--policy-name hooks --policy-document {shlex.quote(policy)}",
    )


def check_permissions(state: GroupState) -> Iterator[Symptom]:
    """Check that the service role has the permissions that CodeDeploy itself needs in a deployment."""
    role = _read_role(state)
    if role is None:
        return  # check_invoke reports this
    actions = [*NEEDED_ACTIONS[state.platform], *(["cloudwatch:DescribeAlarms"] if alarm_names(state) else [])]
    missing = [action for action in actions if not role.may(action, "*")]
    task_roles = ecs_routing.task_roles(state) if state.platform is Platform.ECS else []
    missing += [f"iam:PassRole on {arn}" for arn in task_roles if not role.may("iam:PassRole", arn)]
    if missing:
        policy = f"arn:{state.partition}:iam::aws:policy/{MANAGED_POLICIES[state.platform]}"
        yield make_symptom(
            "service-role-lacks",
            f"CodeDeploy's service role {role.name} lacks permissions for this compute platform; the deployment fails "
            "with IAM_ROLE_PERMISSIONS",
            f"missing: {', '.join(missing)}",
            f"policies of {role.name}: {', '.join(role.policies) or 'none'}",
            fix=f"aws iam attach-role-policy --role-name {shlex.quote(role.name)} --policy-arn {policy}",
        )
