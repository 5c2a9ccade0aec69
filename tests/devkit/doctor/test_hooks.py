"""The doctor looks at the hooks: their functions, who may call them, and CodeDeploy's role."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.account import REGION
from tests.support.doctor_world import ME, allow, appspec, found_alone, ids

if TYPE_CHECKING:
    from tests.support.doctor_world import Change, Mistake


MISTAKES: list[Mistake] = [
    ("hook-elsewhere", "ECS", lambda w: setattr(w, "appspec", w.appspec.replace('"CodeDeployHook_greenlight-AfterAllowTe', f'"arn:aws:lambda:venus-east-1:{ME}:function:CodeDeployHook_greenlight-AfterAllowTe'))),
    ("hook-elsewhere", "ECS", lambda w: setattr(w, "appspec", w.appspec.replace('"CodeDeployHook_greenlight-AfterAllowTe', f'"arn:aws:lambda:{REGION}:999999999999:function:CodeDeployHook_greenlight-AfterAllowTe'))),
    ("hook-missing", "ECS", lambda w: w.functions.pop("CodeDeployHook_greenlight-AfterAllowTestTraffic")),
    ("hook-missing", "ECS", lambda w: setattr(w, "appspec", w.appspec.replace("greenlight-AfterAllowTe", "greenlihgt-AfterAllowTe"))),
    ("installation-missing", "Lambda", lambda w: (w.functions.clear(), w.functions.update({"shop:8": {}}), w.exports.clear(), setattr(w, "plan", ""))),
    ("hook-wrong-stage", "Lambda", lambda w: setattr(w, "appspec", appspec("Lambda", {"BeforeAllowTraffic": "CodeDeployHook_greenlight-AfterAllowTraffic", "AfterAllowTraffic": "CodeDeployHook_greenlight-AfterAllowTraffic"}))),
    ("service-role", "Lambda", lambda w: w.policies.pop("codedeploy")),
    ("service-role", "Lambda", lambda w: w.trust.update(Service="ec2.amazonaws.com")),
    ("hook-not-allowed", "Lambda", lambda w: w.policies["codedeploy"].append({"Effect": "Deny", "Action": "lambda:*", "Resource": "*AfterAllowTraffic"})),
    ("hook-not-allowed", "Lambda", lambda w: (w.functions.update({"shop-check": {**w.hook, "FunctionName": "shop-check", "FunctionArn": f"arn:aws:lambda:{REGION}:{ME}:function:shop-check"}}), setattr(w, "appspec", appspec("Lambda", {"AfterAllowTraffic": "shop-check"})))),
    ("hook-cannot-answer", "Lambda", lambda w: (w.policies.update(mute=[]), w.hook.update(Role=f"arn:aws:iam::{ME}:role/mute"))),
    ("hook-cannot-answer", "Lambda", lambda w: w.hook.update(Role=f"arn:aws:iam::{ME}:role/gone")),
    ("hook-cannot-answer", "Lambda", lambda w: (w.policies.update(other=[allow("codedeploy:*", f"arn:aws:codedeploy:{REGION}:{ME}:deploymentgroup:orders/*")]), w.hook.update(Role=f"arn:aws:iam::{ME}:role/other"))),
    ("hook-retried", "Lambda", lambda w: w.table.update({"lambda.get_function_event_invoke_config": lambda asked: {**w.events, "MaximumRetryAttempts": 2} if "AfterAllow" in asked["FunctionName"] else w.events})),
    ("hook-not-ready", "Lambda", lambda w: w.hook.update(State="Failed")),
    ("hook-not-ready", "Lambda", lambda w: w.hook.update(LastUpdateStatus="Failed")),
    ("hook-throttled", "Lambda", lambda w: w.table.update({"lambda.get_function_concurrency": lambda asked: {"ReservedConcurrentExecutions": 0} if "AfterAllow" in asked["FunctionName"] else {}})),
    ("hook-without-last-resort", "Lambda", lambda w: w.functions["CodeDeployHook_greenlight-BeforeAllowTraffic"].update(DeadLetterConfig={"TargetArn": "arn:aws:sqs:mars-west-1:1:q"}) or w.table.update({"lambda.get_function_event_invoke_config": lambda asked: "ResourceNotFoundException" if "AfterAllow" in asked["FunctionName"] else w.events})),
    ("hook-has-alias", "Lambda", lambda w: w.table.update({"lambda.list_aliases": lambda asked: {"Aliases": [{"Name": "live"}] if "AfterAllow" in asked["FunctionName"] else []}})),
    ("hook-without-log", "Lambda", lambda w: w.table.update({"logs.describe_log_groups": lambda _: {"logGroups": [{"logGroupName": "log-CodeDeployHook_greenlight-BeforeAllowTraffic"}]}})),
    ("hook-may-be-too-short", "Lambda", lambda w: w.hook.update(Timeout=5, Handler="mine.handler", Environment={"Variables": {}})),
    ("service-role-lacks", "ECS", lambda w: w.policies.update(codedeploy=[allow("lambda:*", "*"), allow("cloudwatch:*", "*")])),
    ("service-role-lacks", "ECS", lambda w: w.policies["codedeploy"].append({"Effect": "Deny", "Action": "iam:PassRole", "Resource": "*:role/task"})),
    ("service-role-lacks", "Lambda", lambda w: w.policies.update(codedeploy=[allow("lambda:InvokeFunction", "*"), allow("ecs:*", "*"), allow("cloudwatch:*", "*")])),
    ("service-role-lacks", "Lambda", lambda w: w.policies.update(codedeploy=[allow("lambda:*", "*")])),
    ("hook-retried", "Lambda", lambda w: w.table.update({"lambda.get_function_event_invoke_config": lambda asked: {**w.events, "MaximumEventAgeInSeconds": 21600} if "AfterAllow" in asked["FunctionName"] else w.events})),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "platform", "wrong"), MISTAKES, ids=ids(MISTAKES))
def test_one_mistake_is_one_finding(rule: str, platform: str, wrong: Change) -> None:
    found_alone(rule, platform, wrong)
