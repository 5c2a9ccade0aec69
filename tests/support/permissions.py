"""Roles of template.yaml for tests: their actions and resources, and the AWS calls that the code makes."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from greenlight.aws.client import iam_action
from tests.support.deployed_template import ACCOUNT, REGION, Deployed
from tests.support.sam_template import ROOT, STAGES, alternatives, listed, plain, statements, transformed

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.support.sam_template import Json

HOOK_ROLES = [f"{stage}Role" for stage in STAGES]
PROBE_ROLES = ["ProbeRole", "VpcProbeRole"]
MACHINE_ROLES = ["GateMachineRole", "GuardianMachineRole"]
FUNCTION_ROLES = [*HOOK_ROLES, "LastResortRole", "PrepareRole", *PROBE_ROLES, "ConcludeRole", "PipelineActionRole"]
WATCH_ROLE = "WatchMachineRole"
ROLES = [*FUNCTION_ROLES, *MACHINE_ROLES, WATCH_ROLE]
ANSWERING_ROLES = [*HOOK_ROLES, "LastResortRole", *MACHINE_ROLES]
PUT = "codedeploy:PutLifecycleEventHookExecutionStatus"

# Every optional part of an installation, in both modes.
OPTIONS = {
    "CheckPolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/checks",
    "SecretArns": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:greenlight/*",
    "SecretKeyArns": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/secrets",
    "BucketKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/buckets",
    "FragmentArns": "arn:aws:s3:::platform-plans/*",
    "PluginLayerArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:plugins:1",
    "NoticeTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:notices",
    "VpcSubnetIds": "subnet-1",
    "VpcSecurityGroupIds": "sg-1",
    "ProbeSubnetIds": "subnet-2",
    "ProbeSecurityGroupIds": "sg-2",
}
EVERYTHING = Deployed(**OPTIONS)
HARDENED = Deployed(**OPTIONS, Conductor="machine")


def allow_statements(role: str) -> list[Json]:
    """Return the statements that allow something to a role, with any parameters."""
    return [s for s in statements(transformed(), role) if s["Effect"] == "Allow"]


def actions(role: str) -> set[str]:
    """Return the actions that a role may be allowed."""
    return {action for statement in allow_statements(role) for action in listed(statement["Action"])}


def resources(role: str, action: str) -> set[str]:
    """Return the resources on which a role may be allowed an action, as expressions of the template."""
    elements = [s["Resource"] for s in allow_statements(role) if action in listed(s["Action"])]
    return {plain(arn) for arn in alternatives(elements)}


def denied_to_code(role: str) -> set[str]:
    """Return the actions that the role allows to Lambda and denies to the code of the function."""
    denied = [
        s
        for s in statements(transformed(), role)
        if s["Effect"] == "Deny" and "lambda:SourceFunctionArn" in str(s.get("Condition"))
    ]
    return {action for statement in denied for action in listed(statement["Action"])}


def calls(*folders: str, services: Collection[str] | None = None) -> set[str]:
    """Return the IAM actions of AWS calls in the sources: aws.call("service", "operation") and methods of boto3."""
    called = set()
    for tree in (ast.parse(path.read_text()) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            literals = [a.value for a in node.args[:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if len(literals) == 2 and literals[0] in (services or SERVICES):
                called.add(iam_action(*literals))
            elif node.func.attr in METHODS:
                called.add(iam_action(*METHODS[node.func.attr]))
    return called


SERVICES = (
    "acm",
    "cloudwatch",
    "codedeploy",
    "codepipeline",
    "ecr",
    "ecs",
    "elbv2",
    "events",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "sns",
    "ssm",
    "stepfunctions",
    "synthetics",
    "xray",
)
METHODS = {
    "put_lifecycle_event_hook_execution_status": ("codedeploy", "put_lifecycle_event_hook_execution_status"),
    "invoke": ("lambda", "invoke"),
}

# Actions for callers other than CodeDeploy, for which no hook runs.
BY_CALLERS = {
    "codedeploy:ListDeployments",
    "codepipeline:PutJobFailureResult",
    "codepipeline:PutJobSuccessResult",
}

# Actions that change something, read data of users, or that only `effect` needs: each installation allows them by
# CheckPolicyArn.
BY_CHECK_POLICY = {
    "cloudwatch:GetMetricStatistics",
    "logs:FilterLogEvents",
    "logs:GetQueryResults",
    "logs:StartQuery",
    "logs:StopQuery",
    "s3:DeleteObject",
    "states:DescribeExecution",
    "states:ListExecutions",
    "synthetics:StartCanary",
}
