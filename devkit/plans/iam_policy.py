"""IAM policy that a plan's checks need beyond the permissions of the functions that run checks in template.yaml."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlight.checks.registry import MalformedError
from greenlight.core import references
from greenlight.core.secret_paths import parse_reference

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from greenlight.checks.binding import Bound

GRANTED = {
    "acm:DescribeCertificate": "",
    "cloudwatch:DescribeAlarms": "",
    "cloudwatch:GetMetricData": "",
    "codedeploy:GetDeployment": "",
    "codedeploy:GetDeploymentGroup": "",
    "ecr:DescribeImageScanFindings": "",
    "ecr:DescribeImages": "",
    "ecs:DescribeServices": "",
    "ecs:DescribeTaskDefinition": "",
    "ecs:DescribeTasks": "",
    "ecs:ListTasks": "",
    "elasticloadbalancing:DescribeListenerCertificates": "",
    "elasticloadbalancing:DescribeListeners": "",
    "elasticloadbalancing:DescribeRules": "",
    "elasticloadbalancing:DescribeTargetHealth": "",
    "lambda:GetAlias": "CheckedFunctions",
    "lambda:GetFunctionConcurrency": "CheckedFunctions",
    "lambda:GetFunctionConfiguration": "CheckedFunctions",
    "lambda:GetProvisionedConcurrencyConfig": "CheckedFunctions",
    "lambda:InvokeFunction": "CheckedFunctions",
    "logs:DescribeLogGroups": "",
    "synthetics:GetCanaryRuns": "",
    "xray:GetTraceSummaries": "",
}
"""Actions that these functions have for any plan, each with the parameter that limits its resources."""


_WILDCARD_NOTE = "why *: the action does not support resources, or the plan does not name one; narrow it if you can"
_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9*-]*:[0-9*]*:[^\s\"]+", re.ASCII)


class Permission(NamedTuple):
    """A needed permission.

    Attributes:
        needed_by: The check or the include that needs it.
    """

    action: str
    resource: str
    needed_by: str


def required_permissions(checks: Iterable[Bound], partition: str = "aws") -> Iterator[Permission]:
    """Yield the permissions that checks need, those for secrets included.

    Args:
        checks: Bound checks, whose parameters are known.
        partition: Partition of the ARNs: aws, aws-cn or aws-us-gov.

    Raises:
        MalformedError: A check's validator cannot be used, so its permissions are not known.
    """
    for bound in checks:
        check = bound.check
        if bound.validator is None:
            raise MalformedError(bound.malformed)
        needed_by = f"{check.name} ({check.validator})"
        for action, resource in bound.validator.required_iam(bound.params):
            yield Permission(action, _arn(resource, partition), needed_by)
        for reference in sorted(references.secret_names(check.params)):
            yield _secret_permission(reference, needed_by, partition)


def _secret_permission(reference: str, needed_by: str, partition: str) -> Permission:
    store, name, _ = parse_reference(reference)
    if store == "ssm":
        return Permission("ssm:GetParameter", _parameter_arn(name, partition), needed_by)
    # Secrets Manager appends a hyphen and six random characters to the name.
    arn = name if name.startswith("arn:") else f"arn:aws:secretsmanager:*:*:secret:{name}-??????"
    return Permission("secretsmanager:GetSecretValue", _arn(arn, partition), needed_by)


def _arn(resource: str, partition: str) -> str:
    """Convert a resource to an ARN for IAM.

    Values that are known only during a deployment become wildcards. A text that is not a valid ARN becomes `*`.
    """
    arn = re.sub(r"\$\{[^}]*\}", "*", resource.replace("arn:aws:", f"arn:{partition}:", 1))
    return arn if _ARN.fullmatch(arn) else "*"


def _parameter_arn(name: str, partition: str) -> str:
    return _arn(f"arn:aws:ssm:*:*:parameter/{name.lstrip('/')}", partition)


def include_permissions(data: Any, partition: str = "aws") -> Iterator[Permission]:
    """Yield the permissions for fetching the fragments of a plan; `data` is the plan's raw YAML data."""
    stages = data.get("stages") if isinstance(data, dict) else None
    for stage in stages.values() if isinstance(stages, dict) else ():
        for include in stage.get("include", ()) if isinstance(stage, dict) else ():
            uri = include.get("uri", "") if isinstance(include, dict) else ""
            kind, _, place = uri.partition(":")
            if kind == "s3":
                yield Permission("s3:GetObject", _arn(f"arn:aws:s3:::{place.lstrip('/')}", partition), f"include {uri}")
            elif kind == "ssm":
                yield Permission("ssm:GetParameter", _parameter_arn(place, partition), f"include {uri}")


class Statement(NamedTuple):
    """A statement of the policy, with the checks and includes that need it."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    needed_by: tuple[str, ...]


def build_statements(permissions: Sequence[Permission]) -> list[Statement]:
    """Group permissions by their actions, without the permissions that the template grants."""
    by_resource: dict[str, dict[str, None]] = {}
    for permission in sorted(permissions):
        if permission.action not in GRANTED:
            by_resource.setdefault(permission.resource, {})[permission.action] = None
    by_actions: dict[tuple[str, ...], list[str]] = {}
    for resource, actions in by_resource.items():
        by_actions.setdefault(tuple(actions), []).append(resource)
    return [
        Statement(actions, tuple(resources), _needed_by(permissions, actions, resources))
        for actions, resources in by_actions.items()
    ]


def _needed_by(
    permissions: Sequence[Permission], actions: Collection[str], resources: Collection[str]
) -> tuple[str, ...]:
    matching = (item.needed_by for item in permissions if item.resource in resources and item.action in actions)
    return tuple(dict.fromkeys(matching))


def to_document(statements: Sequence[Statement]) -> dict[str, Any]:
    """Return the policy document with these statements."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": f"Checks{number}",
                "Effect": "Allow",
                "Action": list(statement.actions),
                "Resource": list(statement.resources),
            }
            for number, statement in enumerate(statements, 1)
        ],
    }


def to_yaml(statements: Sequence[Statement]) -> str:
    """Return the policy document as YAML, with comments on why each statement is needed."""
    lines = ['Version: "2012-10-17"', "Statement:" if statements else "Statement: []"]
    for statement, entry in zip(statements, to_document(statements)["Statement"], strict=True):
        lines += [f"  # {_one_line(reason)}" for reason in statement.needed_by]
        if any(resource == "*" or resource.endswith(":*:*") for resource in statement.resources):
            lines.append(f"  # {_WILDCARD_NOTE}")
        lines.append(f"  - Sid: {entry['Sid']}")
        lines += [f"    {key}: {json.dumps(entry[key])}" for key in ("Effect", "Action", "Resource")]
    return "\n".join(lines) + "\n"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def describe_granted(permissions: Iterable[Permission]) -> list[str]:
    """List the needed actions that the template already grants, with the parameter that limits their resources."""
    actions = sorted({permission.action for permission in permissions if permission.action in GRANTED})
    return [f"{action} (for the resources of {GRANTED[action]})" if GRANTED[action] else action for action in actions]
