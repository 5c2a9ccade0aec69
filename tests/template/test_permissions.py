"""Permissions of template.yaml: every statement is needed, least-privileged and spelled as IAM requires."""

from __future__ import annotations

import ast
import fnmatch
import json
import re
from typing import TYPE_CHECKING

import botocore.session
import pytest

from devkit.plans.iam_policy import GRANTED
from greenlight.api import Validator
from greenlight.aws.client import iam_action
from greenlight.checks.registry import Registry
from tests.support.sam_template import (
    ECS_STAGES,
    ROOT,
    SHARED_STAGES,
    STAGES,
    TEMPLATE,
    alternatives,
    listed,
    of_type,
    plain,
    statements,
    transformed,
)
from validators import effect

if TYPE_CHECKING:
    from collections.abc import Collection

    from tests.support.sam_template import Json

ROLES = [*(f"{stage}Role" for stage in STAGES), "LastResortRole"]
PUT = "codedeploy:PutLifecycleEventHookExecutionStatus"
# Actions without resource-level permissions, by the service authorization reference.
WITHOUT_RESOURCE = {
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTasks",
    "elasticloadbalancing:DescribeListenerCertificates",
    "codedeploy:BatchGetDeploymentTargets",
    "codedeploy:ListDeploymentTargets",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "xray:GetTraceSummaries",
}
# Services whose name in IAM differs from botocore's, and actions whose name differs from the operation's.
SERVICE = {"elasticloadbalancing": "elbv2"}
OPERATION = {"s3:ListBucket": "ListObjectsV2", "lambda:InvokeFunction": "Invoke"}


def allow_statements(role: str) -> list[Json]:
    return [s for s in statements(transformed(), role) if s["Effect"] == "Allow"]


def actions(role: str) -> set[str]:
    return {action for statement in allow_statements(role) for action in listed(statement["Action"])}


def resources(role: str, action: str) -> set[str]:
    elements = [s["Resource"] for s in allow_statements(role) if action in listed(s["Action"])]
    return {plain(arn) for arn in alternatives(elements)}


def test_every_function_has_its_own_role() -> None:
    functions = of_type(transformed(), "AWS::Lambda::Function")

    assert sorted(f["Role"]["Fn::GetAtt"][0] for f in functions.values()) == sorted(ROLES)
    assert sorted(of_type(transformed(), "AWS::IAM::Role")) == sorted(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_role_trusts_lambda_alone_and_accepts_a_permissions_boundary(role: str) -> None:
    properties = transformed()["Resources"][role]["Properties"]
    trust = properties["AssumeRolePolicyDocument"]["Statement"]

    assert trust == [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    assert properties["PermissionsBoundary"]["Fn::If"][0] == "HasBoundary"


@pytest.mark.parametrize("role", ROLES)
def test_no_action_contains_a_wildcard(role: str) -> None:
    assert not [action for action in actions(role) if "*" in action or "?" in action]


@pytest.mark.parametrize("role", ROLES)
def test_resources_are_restricted_unless_the_service_does_not_support_it(role: str) -> None:
    unrestricted = {a for s in allow_statements(role) if "*" in listed(s["Resource"]) for a in listed(s["Action"])}
    network = {action for action in unrestricted if action.startswith("ec2:")}

    assert unrestricted - network <= WITHOUT_RESOURCE
    assert network <= denied_to_code(role)


def denied_to_code(role: str) -> set[str]:
    """Return the actions that the role allows to Lambda and denies to the code of the function."""
    denied = [
        s
        for s in statements(transformed(), role)
        if s["Effect"] == "Deny" and "lambda:SourceFunctionArn" in str(s.get("Condition"))
    ]
    return {action for statement in denied for action in listed(statement["Action"])}


@pytest.mark.parametrize("role", ROLES)
def test_installation_guide_lists_exactly_the_actions_of_a_role(role: str) -> None:
    guide = (ROOT / "docs" / "install.md").read_text().partition("## Permissions of the hooks")[2].partition("\n## ")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in guide.splitlines() if line.startswith("|")][2:]
    applies = {"all functions": ROLES, "last resort": ["LastResortRole"], "hooks": ROLES[:-1]}
    applies["hooks BeforeAllowTraffic and AfterAllowTraffic"] = [f"{stage}Role" for stage in SHARED_STAGES]
    documented, who = set(), ""
    for first, _, names, _ in rows:
        who = first or who
        documented |= set(re.findall(r"`([^`]+)`", names)) if role in applies[who] else set()

    assert documented == actions(role) - denied_to_code(role)


def test_every_wildcard_resource_has_a_comment_with_the_reason_above_it() -> None:
    lines = TEMPLATE.read_text().splitlines()
    line_indexes = [n for n, line in enumerate(lines) if re.search(r"""^\s*(Resource:|-)\s+["']\*["']""", line)]

    assert len(line_indexes) >= 4
    assert not [n + 1 for n in line_indexes if not re.match(r"\s*# why \*: .{20,}", lines[n - 1])]


@pytest.mark.parametrize("role", ROLES)
def test_every_action_exists(role: str) -> None:
    session = botocore.session.Session()
    unknown = []
    for action in actions(role):
        service, _, name = action.partition(":")
        model = session.get_service_model(SERVICE.get(service, service))
        if OPERATION.get(action, name) not in model.operation_names:
            unknown.append(action)

    assert unknown == []


@pytest.mark.parametrize("role", ROLES)
def test_answers_go_to_deployment_groups_of_this_account_and_region(role: str) -> None:
    assert resources(role, PUT) == {
        "arn:${AWS::Partition}:codedeploy:${AWS::Region}:${AWS::AccountId}:deploymentgroup:*"
    }


def test_last_resort_may_only_answer_publish_its_own_reports_and_write_its_log_and_queue() -> None:
    assert actions("LastResortRole") == {
        PUT,
        "codedeploy:GetDeployment",
        "events:PutEvents",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:GetObject",
        "s3:PutObject",
        "sns:Publish",
        "sqs:SendMessage",
    }
    assert resources("LastResortRole", "sqs:SendMessage") == {"${UnansweredQueue.Arn}"}
    assert resources("LastResortRole", "logs:PutLogEvents") == {"${LastResortLogGroup.Arn}"}
    assert resources("LastResortRole", "s3:GetObject") == {"${ReportBucket.Arn}/*.json"}
    assert resources("LastResortRole", "s3:PutObject") == {
        "${ReportBucket.Arn}/*.last-resort.json",
        "${ReportBucket.Arn}/*.last-resort.html",
    }
    assert "ManagedPolicyArns" not in transformed()["Resources"]["LastResortRole"]["Properties"]


@pytest.mark.parametrize("stage", ECS_STAGES)
def test_hook_of_a_stage_that_only_ecs_has_may_invoke_the_last_resort_alone(stage: str) -> None:
    assert resources(f"{stage}Role", "lambda:InvokeFunction") == {"${LastResortFunction.Arn}"}
    assert {a for a in actions(f"{stage}Role") if a.startswith("lambda:")} == {"lambda:InvokeFunction"}


@pytest.mark.parametrize("stage", SHARED_STAGES)
def test_hook_may_invoke_only_versions_of_functions_that_the_operator_named(stage: str) -> None:
    invocable = resources(f"{stage}Role", "lambda:InvokeFunction") - {"${LastResortFunction.Arn}"}

    assert invocable == {"arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${CheckedFunctions}:*"}


@pytest.mark.parametrize("stage", STAGES)
def test_hook_may_never_invoke_a_hook(stage: str) -> None:
    denied = [
        s
        for s in statements(transformed(), f"{stage}Role")
        if s["Effect"] == "Deny" and s["Action"] == "lambda:InvokeFunction"
    ]

    assert [plain(s["Resource"]) for s in denied] == ["arn:${AWS::Partition}:lambda:*:*:function:CodeDeployHook_*"]
    assert "Condition" not in denied[0]


@pytest.mark.parametrize("stage", STAGES)
def test_hook_may_write_only_the_reports_of_its_stage_and_its_own_log(stage: str) -> None:
    role = f"{stage}Role"
    log_group = transformed()["Resources"][f"{stage}LogGroup"]["Properties"]["LogGroupName"]["Fn::Sub"]

    names = (f"*/{stage}.json", f"*/{stage}.html", f"index/*-{stage}.json", "runs/*.json")
    assert resources(role, "s3:PutObject") == {f"${{ReportBucket.Arn}}/{name}" for name in names}
    assert resources(role, "logs:CreateLogStream") == resources(role, "logs:PutLogEvents")
    assert resources(role, "logs:PutLogEvents") == {
        f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:{log_group}:*"
    }


@pytest.mark.parametrize("stage", STAGES)
def test_hook_may_read_only_claims_in_the_report_bucket_and_cannot_list_them(stage: str) -> None:
    role = f"{stage}Role"

    readable = {arn for arn in resources(role, "s3:GetObject") if arn.startswith("${ReportBucket")}
    assert readable == {"${ReportBucket.Arn}/runs/*.json"}
    assert resources(role, "s3:ListBucket") == {"${PlanBucket.Arn}"}


@pytest.mark.parametrize("stage", STAGES)
def test_policy_variables_are_filled_in_by_the_one_tag_of_the_role(stage: str) -> None:
    role = transformed()["Resources"][f"{stage}Role"]["Properties"]

    assert role["Tags"] == [{"Key": "greenlight-stage", "Value": stage}]
    assert "PrincipalTag" not in json.dumps(allow_statements(f"{stage}Role"))


@pytest.mark.parametrize("stage", STAGES)
def test_hook_may_change_only_its_answer_its_reports_and_its_log(stage: str) -> None:
    reading = re.compile(r":(Get|BatchGet|List|Describe)[A-Z]")
    of_lambda_only = denied_to_code(f"{stage}Role")
    changing = {action for action in actions(f"{stage}Role") - of_lambda_only if not reading.search(action)}

    assert changing == {
        PUT,
        "lambda:InvokeFunction",
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "s3:PutObject",
        "events:PutEvents",
        "sns:Publish",
        "kms:Decrypt",
        "kms:GenerateDataKey",
    }


def test_no_hook_may_write_what_the_last_resort_writes() -> None:
    own = ["shop/web/d-1/AfterInstall.last-resort.json", "index/shop/web/1-d-1-AfterInstall.last-resort.json"]
    for stage in STAGES:
        patterns = [arn.partition("/")[2] for arn in resources(f"{stage}Role", "s3:PutObject")]
        assert not [key for key in own for pattern in patterns if fnmatch.fnmatchcase(key, pattern)]


@pytest.mark.parametrize("role", ROLES)
def test_function_may_publish_only_to_the_bus_and_topic_of_the_operator_and_only_as_greenlight(role: str) -> None:
    (put_events,) = [s for s in allow_statements(role) if "events:PutEvents" in listed(s["Action"])]

    assert resources(role, "sns:Publish") == {"${NoticeTopicArn}"}
    assert resources(role, "events:PutEvents") == {
        "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${EventBusName}"
    }
    assert put_events["Condition"] == {"StringEquals": {"events:source": "greenlight"}}


@pytest.mark.parametrize("role", ROLES)
def test_kms_keys_may_be_used_only_through_the_service_that_stores_the_data(role: str) -> None:
    kms_statements = [s for s in allow_statements(role) if any(a.startswith("kms:") for a in listed(s["Action"]))]

    assert len(kms_statements) == (1 if role == "LastResortRole" else 2)
    assert all("kms:ViaService" in str(s["Condition"]) for s in kms_statements)


@pytest.mark.parametrize("stage", STAGES)
def test_hook_may_read_only_secrets_that_the_operator_named_and_none_by_default(stage: str) -> None:
    template = transformed()

    assert resources(f"{stage}Role", "secretsmanager:GetSecretValue") == {"${SecretArns}"}
    assert template["Parameters"]["SecretArns"]["Default"] == ""
    assert template["Conditions"]["HasSecrets"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "SecretArns"}, ""]}]}


def test_partial_reports_expire_after_days_and_reports_after_the_retention() -> None:
    rules = transformed()["Resources"]["ReportBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (partial,) = [rule for rule in rules if rule.get("Prefix")]

    assert (partial["Prefix"], partial["Status"], partial["ExpirationInDays"]) == ("runs/", "Enabled", 3)
    assert partial["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_arns_do_not_hard_code_a_partition() -> None:
    body = TEMPLATE.read_text().partition("\nConditions:")[2]

    assert not re.findall(r"arn:aws[a-z-]*:", body)
    assert "amazonaws.com" not in body.replace("lambda.amazonaws.com", "")


# Actions without a call in the code: services use KMS keys for the caller, and Lambda itself writes logs, invokes
# the last resort and manages network interfaces.
WITHOUT_A_CALL = {
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
}


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
    "synthetics",
    "xray",
)
METHODS = {
    "put_lifecycle_event_hook_execution_status": ("codedeploy", "put_lifecycle_event_hook_execution_status"),
    "invoke": ("lambda", "invoke"),
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
    "synthetics:StartCanary",
}


def test_effect_declares_exactly_the_actions_that_it_calls() -> None:
    # invoke is in the toolkit. s3:ListBucket is needed to distinguish a missing key from a forbidden one.
    others = {"lambda:InvokeFunction", "s3:ListBucket"}
    called = calls("validators/_effects", services=(*SERVICES, "dynamodb", "sqs", "stepfunctions")) | others

    assert set(effect.effect.iam) == called


# Actions that the template allows for its own plan bucket and its own topic only.
OF_ITS_OWN = {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "sns:Publish"}


def test_greenlight_iam_lists_the_actions_and_resources_that_the_template_grants() -> None:
    role = "AfterAllowTrafficRole"
    declared = {action for _, entry in Registry().all() if isinstance(entry, Validator) for action in entry.iam}
    granted = (actions(role) - denied_to_code(role)) & declared - OF_ITS_OWN
    limits = {a: sorted(set(re.findall(r"\$\{(?!AWS::|Last)(\w+)\}", " ".join(resources(role, a))))) for a in granted}

    assert {action: [limit] if limit else [] for action, limit in GRANTED.items()} == limits


def test_hook_may_do_exactly_what_the_engine_and_its_validators_call() -> None:
    needed = calls("layers/greenlight/greenlight", "validators")
    granted = actions("AfterAllowTrafficRole") - denied_to_code("AfterAllowTrafficRole")

    assert needed - BY_CHECK_POLICY == granted - WITHOUT_A_CALL
