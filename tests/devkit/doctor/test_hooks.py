"""Checks of the hooks, their functions, and CodeDeploy's service role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.account import REGION
from tests.support.doctor_account import ACCOUNT_ID, allow, appspec, assert_only_finding, ids

if TYPE_CHECKING:
    from tests.support.doctor_account import Change, Mistake


MISTAKES: list[Mistake] = [
    (
        "hook-elsewhere",
        "ECS",
        lambda account: setattr(
            account,
            "appspec",
            account.appspec.replace(
                '"CodeDeployHook_greenlight-AfterAllowTe',
                f'"arn:aws:lambda:venus-east-1:{ACCOUNT_ID}:function:CodeDeployHook_greenlight-AfterAllowTe',
            ),
        ),
    ),
    (
        "hook-elsewhere",
        "ECS",
        lambda account: setattr(
            account,
            "appspec",
            account.appspec.replace(
                '"CodeDeployHook_greenlight-AfterAllowTe',
                f'"arn:aws:lambda:{REGION}:999999999999:function:CodeDeployHook_greenlight-AfterAllowTe',
            ),
        ),
    ),
    ("hook-missing", "ECS", lambda account: account.functions.pop("CodeDeployHook_greenlight-AfterAllowTestTraffic")),
    (
        "hook-missing",
        "ECS",
        lambda account: setattr(
            account, "appspec", account.appspec.replace("greenlight-AfterAllowTe", "greenlihgt-AfterAllowTe")
        ),
    ),
    (
        "installation-missing",
        "Lambda",
        lambda account: (
            account.functions.clear(),
            account.functions.update({"shop:8": {}}),
            account.exports.clear(),
            setattr(account, "plan", ""),
        ),
    ),
    (
        "hook-wrong-stage",
        "Lambda",
        lambda account: setattr(
            account,
            "appspec",
            appspec(
                "Lambda",
                {
                    "BeforeAllowTraffic": "CodeDeployHook_greenlight-AfterAllowTraffic",
                    "AfterAllowTraffic": "CodeDeployHook_greenlight-AfterAllowTraffic",
                },
            ),
        ),
    ),
    ("service-role", "Lambda", lambda account: account.policies.pop("codedeploy")),
    ("service-role", "Lambda", lambda account: account.trust.update(Service="ec2.amazonaws.com")),
    (
        "hook-not-allowed",
        "Lambda",
        lambda account: account.policies["codedeploy"].append(
            {"Effect": "Deny", "Action": "lambda:*", "Resource": "*AfterAllowTraffic"}
        ),
    ),
    (
        "hook-not-allowed",
        "Lambda",
        lambda account: (
            account.functions.update(
                {
                    "shop-check": {
                        **account.hook,
                        "FunctionName": "shop-check",
                        "FunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:shop-check",
                    }
                }
            ),
            setattr(account, "appspec", appspec("Lambda", {"AfterAllowTraffic": "shop-check"})),
        ),
    ),
    (
        "hook-cannot-answer",
        "Lambda",
        lambda account: (
            account.policies.update(mute=[]),
            account.hook.update(Role=f"arn:aws:iam::{ACCOUNT_ID}:role/mute"),
        ),
    ),
    ("hook-cannot-answer", "Lambda", lambda account: account.hook.update(Role=f"arn:aws:iam::{ACCOUNT_ID}:role/gone")),
    (
        "hook-cannot-answer",
        "Lambda",
        lambda account: (
            account.policies.update(
                other=[allow("codedeploy:*", f"arn:aws:codedeploy:{REGION}:{ACCOUNT_ID}:deploymentgroup:orders/*")]
            ),
            account.hook.update(Role=f"arn:aws:iam::{ACCOUNT_ID}:role/other"),
        ),
    ),
    (
        "hook-retried",
        "Lambda",
        lambda account: account.table.update(
            {
                "lambda.get_function_event_invoke_config": lambda request: (
                    {**account.event_invoke_config, "MaximumRetryAttempts": 2}
                    if "AfterAllow" in request["FunctionName"]
                    else account.event_invoke_config
                )
            }
        ),
    ),
    ("hook-not-ready", "Lambda", lambda account: account.hook.update(State="Failed")),
    ("hook-not-ready", "Lambda", lambda account: account.hook.update(LastUpdateStatus="Failed")),
    (
        "hook-throttled",
        "Lambda",
        lambda account: account.table.update(
            {
                "lambda.get_function_concurrency": lambda request: (
                    {"ReservedConcurrentExecutions": 0} if "AfterAllow" in request["FunctionName"] else {}
                )
            }
        ),
    ),
    (
        "last-resort-throttled",
        "Lambda",
        lambda account: account.table.update(
            {
                "lambda.get_function_concurrency": lambda request: (
                    {"ReservedConcurrentExecutions": 0} if "LastResort" in request["FunctionName"] else {}
                )
            }
        ),
    ),
    (
        "hook-without-last-resort",
        "Lambda",
        lambda account: (
            account.functions["CodeDeployHook_greenlight-BeforeAllowTraffic"].update(
                DeadLetterConfig={"TargetArn": "arn:aws:sqs:mars-west-1:1:q"}
            )
            or account.table.update(
                {
                    "lambda.get_function_event_invoke_config": lambda request: (
                        "ResourceNotFoundException"
                        if "AfterAllow" in request["FunctionName"]
                        else account.event_invoke_config
                    )
                }
            )
        ),
    ),
    (
        "hook-has-alias",
        "Lambda",
        lambda account: account.table.update(
            {
                "lambda.list_aliases": lambda request: {
                    "Aliases": [{"Name": "live"}] if "AfterAllow" in request["FunctionName"] else []
                }
            }
        ),
    ),
    (
        "hook-without-log",
        "Lambda",
        lambda account: account.table.update(
            {
                "logs.describe_log_groups": lambda _: {
                    "logGroups": [{"logGroupName": "log-CodeDeployHook_greenlight-BeforeAllowTraffic"}]
                }
            }
        ),
    ),
    (
        "hook-may-be-too-short",
        "Lambda",
        lambda account: account.hook.update(Timeout=5, Handler="mine.handler", Environment={"Variables": {}}),
    ),
    (
        "service-role-lacks",
        "ECS",
        lambda account: account.policies.update(codedeploy=[allow("lambda:*", "*"), allow("cloudwatch:*", "*")]),
    ),
    (
        "service-role-lacks",
        "ECS",
        lambda account: account.policies["codedeploy"].append(
            {"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*:role/task"}
        ),
    ),
    (
        "service-role-lacks",
        "Lambda",
        lambda account: account.policies.update(
            codedeploy=[allow("lambda:InvokeFunction", "*"), allow("ecs:*", "*"), allow("cloudwatch:*", "*")]
        ),
    ),
    ("service-role-lacks", "Lambda", lambda account: account.policies.update(codedeploy=[allow("lambda:*", "*")])),
    (
        "hook-retried",
        "Lambda",
        lambda account: account.table.update(
            {
                "lambda.get_function_event_invoke_config": lambda request: (
                    {**account.event_invoke_config, "MaximumEventAgeInSeconds": 21600}
                    if "AfterAllow" in request["FunctionName"]
                    else account.event_invoke_config
                )
            }
        ),
    ),
]


@pytest.mark.parametrize(("rule", "platform", "change"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, change: Change) -> None:
    assert_only_finding(rule, platform, change)
