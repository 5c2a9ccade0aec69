"""The IAM policy that a plan's checks need beyond what template.yaml gives the hooks."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from greenlight.checks.registry import MalformedError
from greenlight.core import references

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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
"""What template.yaml allows the hooks for any plan: each action with the parameter that says for which resources."""


_ARN = re.compile(r"arn:aws[a-z-]*:[a-z0-9-]+:[a-z0-9*-]*:[0-9*]*:[^\s\"]+", re.ASCII)


class Wanted(NamedTuple):
    """An action, the resource it is needed for, and who needs it."""

    action: str
    resource: str
    by: str


def wanted(checks: Iterable[Bound], partition: str = "aws") -> Iterator[Wanted]:
    """Give all that checks ask of AWS, secrets included.

    Args:
        checks: Bound, so that their parameters are known.
        partition: Of the ARNs: aws, aws-cn or aws-us-gov.

    Raises:
        MalformedError: A check's validator cannot be used, so nobody knows what it needs.
    """
    for bound in checks:
        check = bound.check
        if bound.validator is None:
            raise MalformedError(bound.malformed)
        by = f"{check.name} ({check.validator})"
        for action, resource in bound.validator.required_iam(bound.params):
            yield Wanted(action, _arn(resource, partition), by)
        for reference in sorted(references.secret_names(check.params)):
            yield _secret(reference, by, partition)


def _secret(reference: str, by: str, partition: str) -> Wanted:
    store, _, rest = reference.partition(":")
    name = rest.partition("#")[0]
    if store == "ssm":
        return Wanted("ssm:GetParameter", _arn(f"arn:aws:ssm:*:*:parameter/{name.lstrip('/')}", partition), by)
    # Secrets Manager puts six characters of its own behind the name.
    arn = name if name.startswith("arn:") else f"arn:aws:secretsmanager:*:*:secret:{name}-??????"
    return Wanted("secretsmanager:GetSecretValue", _arn(arn, partition), by)


def _arn(resource: str, partition: str) -> str:
    """Write an ARN as IAM reads it: what is known only at the deployment can be anything, and so can what is no ARN."""
    arn = re.sub(r"\$\{[^}]*\}", "*", resource.replace("arn:aws:", f"arn:{partition}:", 1))
    return arn if _ARN.fullmatch(arn) else "*"


def included(data: Any, partition: str = "aws") -> Iterator[Wanted]:
    """Give what fetching the fragments of a plan asks of AWS; `data` is the plan as written."""
    stages = data.get("stages") if isinstance(data, dict) else None
    for stage in stages.values() if isinstance(stages, dict) else ():
        for each in stage.get("include", ()) if isinstance(stage, dict) else ():
            uri = each.get("uri", "") if isinstance(each, dict) else ""
            kind, _, place = uri.partition(":")
            if kind == "s3":
                yield Wanted("s3:GetObject", _arn(f"arn:aws:s3:::{place.lstrip('/')}", partition), f"include {uri}")
            elif kind == "ssm":
                yield Wanted(
                    "ssm:GetParameter",
                    _arn(f"arn:aws:ssm:*:*:parameter/{place.lstrip('/')}", partition),
                    f"include {uri}",
                )


class Statement(NamedTuple):
    """What one statement of the policy allows, and who needs it."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    by: tuple[str, ...]


def statements(needs: Sequence[Wanted]) -> list[Statement]:
    """Put needs together: resources with the same actions into one statement, those that the template allows left out."""
    by_resource: dict[str, dict[str, None]] = {}
    for need in sorted(needs):
        if need.action not in GRANTED:
            by_resource.setdefault(need.resource, {})[need.action] = None
    by_actions: dict[tuple[str, ...], list[str]] = {}
    for resource, actions in by_resource.items():
        by_actions.setdefault(tuple(actions), []).append(resource)
    return [
        Statement(
            actions,
            tuple(resources),
            tuple(dict.fromkeys(each.by for each in needs if each.resource in resources and each.action in actions)),
        )
        for actions, resources in by_actions.items()
    ]


def document(found: Sequence[Statement]) -> dict[str, Any]:
    """Write statements as the document of an IAM policy."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": f"Checks{number}",
                "Effect": "Allow",
                "Action": list(each.actions),
                "Resource": list(each.resources),
            }
            for number, each in enumerate(found, 1)
        ],
    }


def yaml(found: Sequence[Statement]) -> str:
    """Write the document as YAML, each statement with who needs it, and with why where it names no resource."""
    lines = ['Version: "2012-10-17"', "Statement:" if found else "Statement: []"]
    for each, statement in zip(found, document(found)["Statement"], strict=True):
        lines += [f"  # {_line(by)}" for by in each.by]
        if any(resource == "*" or resource.endswith(":*:*") for resource in each.resources):
            lines.append("  # why *: the action knows no resource, or the plan names none; narrow it if you can")
        lines.append(f"  - Sid: {statement['Sid']}")
        lines += [f"    {key}: {json.dumps(statement[key])}" for key in ("Effect", "Action", "Resource")]
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())


def granted(needs: Iterable[Wanted]) -> list[str]:
    """Say which of the actions the template allows already, and for what."""
    actions = sorted({need.action for need in needs if need.action in GRANTED})
    return [f"{each}{f' (for the resources of {GRANTED[each]})' if GRANTED[each] else ''}" for each in actions]
