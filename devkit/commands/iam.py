"""`greenlight iam`: print the IAM policy that a plan's checks need, for the template's parameter CheckPolicyArn."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from greenlight.aws.client import Aws
from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.core.deployment import PLAN_STAGES, Deployment, Platform
from greenlight.core.errors import PlanError, Problem
from greenlight.plan import parser as plans
from greenlight.plan import yaml_reader
from greenlight.plan.environments import environment_names
from greenlight.stores import file

from ..plans import iam_policy, includes

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from greenlight.plan.model import Plan

INVALID_PLAN = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments for the plan and the output."""
    parser.add_argument("plan", help="the plan: a file, s3://BUCKET/KEY or ssm:/NAME")
    parser.add_argument(
        "--stage", choices=PLAN_STAGES, metavar="STAGE", help="only the checks of this stage (default: all stages)"
    )
    parser.add_argument(
        "--environment", default="", metavar="NAME", help="only this environment of the plan (default: all of them)"
    )
    includes.add_argument(parser)
    parser.add_argument(
        "--format",
        choices=("text", "json", "yaml"),
        default="text",
        help="text: the policy with a summary; json, yaml: only the policy (default text)",
    )
    parser.add_argument(
        "--partition",
        default="aws",
        choices=("aws", "aws-cn", "aws-us-gov"),
        help="partition of the ARNs (default aws)",
    )


def run(arguments: argparse.Namespace, aws: Aws | None = None) -> int:
    """Print the policy; return 0, or 2 for a plan that is not valid.

    AWS is called only for a plan that is stored there, and for its fragments.
    """
    try:
        permissions = _permissions(arguments, (aws or Aws()) if includes.is_remote(arguments.plan) else None)
    except PlanError as error:
        for problem in error.problems:
            source = problem.source or arguments.plan
            print(f"{source}:{problem.line or 1}:{problem.column or 1}: {problem}", file=sys.stderr)
        return INVALID_PLAN
    statements = iam_policy.build_statements(permissions)
    if arguments.format == "text":
        _show(permissions, statements)
    else:
        if not statements:
            print("no policy is needed: template.yaml already grants every permission", file=sys.stderr)
        print(
            json.dumps(iam_policy.to_document(statements), indent=2)
            if arguments.format == "json"
            else iam_policy.to_yaml(statements).rstrip()
        )
    return 0


def _permissions(arguments: argparse.Namespace, aws: Aws | None) -> list[iam_policy.Permission]:
    text = includes.read_remote(aws, arguments.plan) if aws else file.read(arguments.plan)
    if text is None:
        raise PlanError([Problem(f"{'object' if aws else 'file'} not found")], arguments.plan)
    data = yaml_reader.read(text[0], arguments.plan).data
    fetch = includes.fragment_fetcher(arguments.plan, arguments.include, aws)
    permissions: dict[iam_policy.Permission, None] = {}  # a set in order
    for environment in [arguments.environment] if arguments.environment else environment_names(data):
        plan = plans.parse(text[0], arguments.plan, environment=environment, fetch=fetch)
        permissions |= dict.fromkeys(_plan_permissions(plan, arguments))
    return [*permissions, *iam_policy.include_permissions(data, arguments.partition)]


def _plan_permissions(plan: Plan, arguments: argparse.Namespace) -> Iterator[iam_policy.Permission]:
    if arguments.stage and arguments.stage not in plan.stages:
        raise PlanError([Problem(f"the plan has no stage {arguments.stage}; it has {', '.join(plan.stages)}")])
    bound = bind(plan, Deployment(id="iam", platform=Platform.ECS, stage=""), {}, Registry())
    stages = [stage for stage in bound if arguments.stage in (None, stage)]
    checks = [check for stage in stages for check in bound[stage]]
    return iam_policy.required_permissions(checks, arguments.partition)


def _show(permissions: list[iam_policy.Permission], statements: list[iam_policy.Statement]) -> None:
    if actions := iam_policy.describe_granted(permissions):
        print("template.yaml already grants the hooks these actions:")
        print("".join(f"  {action}\n" for action in actions))
    if not statements:
        print("No further policy is needed.")
        return
    print("The plan also needs the policy below. Create a managed policy from it and pass its ARN as CheckPolicyArn.")
    print("For secrets and parameters, you can pass SecretArns instead, and SecretKeyArns for their KMS keys.\n")
    print(iam_policy.to_yaml(statements), end="")
