"""`greenlight iam`: the IAM policy that a plan's checks need, for the template's parameter CheckPolicyArn."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from greenlight import plan as plans
from greenlight.bind import bind
from greenlight.errors import PlanError, Problem
from greenlight.model import STAGES, Deployment, Platform
from greenlight.registry import Registry
from greenlight.sources import file

from devkit import policy

if TYPE_CHECKING:
    import argparse

WRONG = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a plan, and what is to be printed."""
    parser.add_argument("plan", help="the plan's file")
    parser.add_argument(
        "--stage", choices=STAGES, metavar="STAGE", help="only the checks of this one; of all unless said"
    )
    parser.add_argument(
        "--format",
        choices=("text", "json", "yaml"),
        default="text",
        help="a summary with the policy, or the policy alone (default text)",
    )
    parser.add_argument("--partition", default="aws", choices=("aws", "aws-cn", "aws-us-gov"), help="default aws")


def run(arguments: argparse.Namespace) -> int:
    """Print the policy: 0, or 2 for a plan that is wrong."""
    try:
        needs = _needs(arguments)
    except PlanError as error:
        for problem in error.problems:
            print(f"{arguments.plan}:{problem.line or 1}:{problem.column or 1}: {problem}", file=sys.stderr)
        return WRONG
    found = policy.statements(needs)
    if arguments.format == "text":
        _show(needs, found)
    else:
        if not found:
            print("no policy is needed: the hooks may do all of this already", file=sys.stderr)
        print(
            json.dumps(policy.document(found), indent=2) if arguments.format == "json" else policy.yaml(found).rstrip()
        )
    return 0


def _needs(arguments: argparse.Namespace) -> list[policy.Wanted]:
    text = file.read(arguments.plan)
    if text is None:
        raise PlanError([Problem("there is no such file")], arguments.plan)
    plan = plans.parse(text[0], arguments.plan)
    if arguments.stage and arguments.stage not in plan.stages:
        raise PlanError([Problem(f"the plan has no stage {arguments.stage}; it has {', '.join(plan.stages)}")])
    bound = bind(plan, Deployment(id="iam", platform=Platform.ECS, stage=""), {}, Registry())
    meant = [stage for stage in bound if arguments.stage in (None, stage)]
    checks = [check for stage in meant for check in bound[stage]]
    data = plan.document.data if plan.document else {}
    return [*policy.wanted(checks, arguments.partition), *policy.included(data, arguments.partition)]


def _show(needs: list[policy.Wanted], found: list[policy.Statement]) -> None:
    if allowed := policy.granted(needs):
        print("The hooks may do this already, by template.yaml:")
        print("".join(f"  {each}\n" for each in allowed))
    if not found:
        print("No policy is needed beyond that.")
        return
    print(
        "The plan needs this besides. Make a managed policy of it, and give its ARN to the template as CheckPolicyArn;"
    )
    print("secrets and parameters can be named in SecretArns instead, and what encrypts them in SecretKeyArns.\n")
    print(policy.yaml(found), end="")
