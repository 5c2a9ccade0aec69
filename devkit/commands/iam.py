"""`greenlight iam`: the IAM policy that a plan's checks need, for the template's parameter CheckPolicyArn."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from devkit.plans import iam_policy, includes
from greenlight.aws.client import Aws
from greenlight.checks.binding import bind
from greenlight.checks.registry import Registry
from greenlight.core.deployment import STAGES, Deployment, Platform
from greenlight.core.errors import PlanError, Problem
from greenlight.plan import parser as plans
from greenlight.plan import yaml_reader
from greenlight.plan.environments import environment_names
from greenlight.stores import file

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from greenlight.plan.model import Plan

WRONG = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a plan, and what is to be printed."""
    parser.add_argument("plan", help="the plan's file, or where it is kept: s3://BUCKET/KEY, ssm:/NAME")
    parser.add_argument(
        "--stage", choices=STAGES, metavar="STAGE", help="only the checks of this one; of all unless said"
    )
    parser.add_argument(
        "--environment", default="", metavar="NAME", help="only one of the plan's environments; all of them unless said"
    )
    includes.add_argument(parser)
    parser.add_argument(
        "--format",
        choices=("text", "json", "yaml"),
        default="text",
        help="a summary with the policy, or the policy alone (default text)",
    )
    parser.add_argument("--partition", default="aws", choices=("aws", "aws-cn", "aws-us-gov"), help="default aws")


def run(arguments: argparse.Namespace, aws: Aws | None = None) -> int:
    """Print the policy: 0, or 2 for a plan that is wrong; `aws` is asked for a plan that is kept there, and its fragments."""
    try:
        needs = _needs(arguments, (aws or Aws()) if includes.is_remote(arguments.plan) else None)
    except PlanError as error:
        for problem in error.problems:
            source = problem.source or arguments.plan
            print(f"{source}:{problem.line or 1}:{problem.column or 1}: {problem}", file=sys.stderr)
        return WRONG
    found = iam_policy.build_statements(needs)
    if arguments.format == "text":
        _show(needs, found)
    else:
        if not found:
            print("no policy is needed: the hooks may do all of this already", file=sys.stderr)
        print(
            json.dumps(iam_policy.to_document(found), indent=2)
            if arguments.format == "json"
            else iam_policy.to_yaml(found).rstrip()
        )
    return 0


def _needs(arguments: argparse.Namespace, aws: Aws | None) -> list[iam_policy.Permission]:
    text = includes.read_remote(aws, arguments.plan) if aws else file.read(arguments.plan)
    if text is None:
        raise PlanError([Problem("there is nothing there" if aws else "there is no such file")], arguments.plan)
    data, environment = yaml_reader.read(text[0], arguments.plan).data, arguments.environment
    fetch = includes.fragment_fetcher(arguments.plan, arguments.include, aws)
    found: dict[iam_policy.Permission, None] = {}
    for each in [environment] if environment else environment_names(data):
        plan = plans.parse(text[0], arguments.plan, environment=each, fetch=fetch)
        found |= dict.fromkeys(_of(plan, arguments))
    return [*found, *iam_policy.include_permissions(data, arguments.partition)]


def _of(plan: Plan, arguments: argparse.Namespace) -> Iterator[iam_policy.Permission]:
    if arguments.stage and arguments.stage not in plan.stages:
        raise PlanError([Problem(f"the plan has no stage {arguments.stage}; it has {', '.join(plan.stages)}")])
    bound = bind(plan, Deployment(id="iam", platform=Platform.ECS, stage=""), {}, Registry())
    meant = [stage for stage in bound if arguments.stage in (None, stage)]
    checks = [check for stage in meant for check in bound[stage]]
    return iam_policy.required_permissions(checks, arguments.partition)


def _show(needs: list[iam_policy.Permission], found: list[iam_policy.Statement]) -> None:
    if allowed := iam_policy.describe_granted(needs):
        print("The hooks may do this already, by template.yaml:")
        print("".join(f"  {each}\n" for each in allowed))
    if not found:
        print("No policy is needed beyond that.")
        return
    print(
        "The plan needs this besides. Make a managed policy of it, and give its ARN to the template as CheckPolicyArn;"
    )
    print("secrets and parameters can be named in SecretArns instead, and what encrypts them in SecretKeyArns.\n")
    print(iam_policy.to_yaml(found), end="")
