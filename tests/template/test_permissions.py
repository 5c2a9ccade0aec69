"""Every statement in template.yaml is needed, is narrow, and is spelled as IAM spells it."""

from __future__ import annotations

import ast
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
    from tests.support.sam_template import Json

ROLES = [*(f"{stage}Role" for stage in STAGES), "LastResortRole"]
PUT = "codedeploy:PutLifecycleEventHookExecutionStatus"
# Actions whose service knows no resource, by the service authorization reference.
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
# IAM's name of a service where it is not botocore's, and an action that is an operation with a parameter.
SERVICE = {"elasticloadbalancing": "elbv2"}
OPERATION = {"s3:ListBucket": "ListObjectsV2", "lambda:InvokeFunction": "Invoke"}


def allowed(role: str) -> list[Json]:
    return [s for s in statements(transformed(), role) if s["Effect"] == "Allow"]


def actions(role: str) -> set[str]:
    return {action for statement in allowed(role) for action in listed(statement["Action"])}


def resources(role: str, action: str) -> set[str]:
    found = [s["Resource"] for s in allowed(role) if action in listed(s["Action"])]
    return {plain(arn) for arn in alternatives(found)}


def test_every_function_has_a_role_of_its_own() -> None:
    functions = of_type(transformed(), "AWS::Lambda::Function")

    assert sorted(f["Role"]["Fn::GetAtt"][0] for f in functions.values()) == sorted(ROLES)
    assert sorted(of_type(transformed(), "AWS::IAM::Role")) == sorted(ROLES)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_for_lambda_alone_and_takes_a_boundary(role: str) -> None:
    properties = transformed()["Resources"][role]["Properties"]
    trust = properties["AssumeRolePolicyDocument"]["Statement"]

    assert trust == [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]
    assert properties["PermissionsBoundary"]["Fn::If"][0] == "HasBoundary"


@pytest.mark.parametrize("role", ROLES)
def test_no_action_is_a_pattern(role: str) -> None:
    assert not [action for action in actions(role) if "*" in action or "?" in action]


@pytest.mark.parametrize("role", ROLES)
def test_every_resource_is_named_where_the_service_knows_one(role: str) -> None:
    anything = {a for s in allowed(role) if "*" in listed(s["Resource"]) for a in listed(s["Action"])}
    network = {action for action in anything if action.startswith("ec2:")}

    assert anything - network <= WITHOUT_RESOURCE
    assert network <= denied_to_code(role)


def denied_to_code(role: str) -> set[str]:
    """Actions that Lambda itself has and the function's code has not."""
    found = [
        s
        for s in statements(transformed(), role)
        if s["Effect"] == "Deny" and "lambda:SourceFunctionArn" in str(s.get("Condition"))
    ]
    return {action for statement in found for action in listed(statement["Action"])}


def test_every_wildcard_resource_has_its_reason_above_it() -> None:
    lines = TEMPLATE.read_text().splitlines()
    places = [n for n, line in enumerate(lines) if re.search(r"""^\s*(Resource:|-)\s+["']\*["']""", line)]

    assert len(places) >= 4
    assert not [n + 1 for n in places if not re.match(r"\s*# why \*: .{20,}", lines[n - 1])]


@pytest.mark.parametrize("role", ROLES)
def test_every_action_exists(role: str) -> None:
    session = botocore.session.Session()
    wrong = []
    for action in actions(role):
        service, _, name = action.partition(":")
        model = session.get_service_model(SERVICE.get(service, service))
        if OPERATION.get(action, name) not in model.operation_names:
            wrong.append(action)

    assert wrong == []


@pytest.mark.parametrize("role", ROLES)
def test_answers_go_to_deployment_groups_of_this_account_and_region(role: str) -> None:
    assert resources(role, PUT) == {
        "arn:${AWS::Partition}:codedeploy:${AWS::Region}:${AWS::AccountId}:deploymentgroup:*"
    }


def test_the_last_resort_answers_and_logs_and_nothing_else() -> None:
    assert actions("LastResortRole") == {PUT, "logs:CreateLogStream", "logs:PutLogEvents"}
    assert "ManagedPolicyArns" not in transformed()["Resources"]["LastResortRole"]["Properties"]


@pytest.mark.parametrize("stage", ECS_STAGES)
def test_a_hook_that_only_ecs_has_may_call_no_function_but_the_last_resort(stage: str) -> None:
    assert resources(f"{stage}Role", "lambda:InvokeFunction") == {"${LastResortFunction.Arn}"}
    assert {a for a in actions(f"{stage}Role") if a.startswith("lambda:")} == {"lambda:InvokeFunction"}


@pytest.mark.parametrize("stage", SHARED_STAGES)
def test_a_hook_invokes_versions_only_and_those_the_operator_named(stage: str) -> None:
    invocable = resources(f"{stage}Role", "lambda:InvokeFunction") - {"${LastResortFunction.Arn}"}

    assert invocable == {"arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${CheckedFunctions}:*"}


@pytest.mark.parametrize("stage", STAGES)
def test_no_plan_makes_a_hook_call_a_hook(stage: str) -> None:
    denied = [
        s
        for s in statements(transformed(), f"{stage}Role")
        if s["Effect"] == "Deny" and s["Action"] == "lambda:InvokeFunction"
    ]

    assert [plain(s["Resource"]) for s in denied] == ["arn:${AWS::Partition}:lambda:*:*:function:CodeDeployHook_*"]
    assert "Condition" not in denied[0]


@pytest.mark.parametrize("stage", STAGES)
def test_a_hook_writes_its_own_reports_and_its_own_log(stage: str) -> None:
    role = f"{stage}Role"

    assert resources(role, "s3:PutObject") == {
        f"${{ReportBucket.Arn}}/{name}" for name in (f"*/{stage}.json", f"*/{stage}.html", f"index/*-{stage}.json")
    }
    assert resources(role, "logs:PutLogEvents") == {f"${{{stage}LogGroup.Arn}}"}


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_hook_may_change_is_its_answer_its_report_and_its_log(stage: str) -> None:
    reading = re.compile(r":(Get|BatchGet|List|Describe)[A-Z]")
    inside_the_vpc = denied_to_code(f"{stage}Role")
    changing = {action for action in actions(f"{stage}Role") - inside_the_vpc if not reading.search(action)}

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


@pytest.mark.parametrize("stage", STAGES)
def test_a_hook_tells_the_bus_and_the_topic_the_operator_named_and_speaks_for_itself_alone(stage: str) -> None:
    role = f"{stage}Role"
    (told,) = [s for s in allowed(role) if "events:PutEvents" in listed(s["Action"])]

    assert resources(role, "sns:Publish") == {"${NoticeTopicArn}"}
    assert resources(role, "events:PutEvents") == {
        "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${EventBusName}"
    }
    assert told["Condition"] == {"StringEquals": {"events:source": "greenlight"}}


@pytest.mark.parametrize("stage", STAGES)
def test_keys_are_used_through_the_service_that_keeps_the_data(stage: str) -> None:
    found = [s for s in allowed(f"{stage}Role") if any(a.startswith("kms:") for a in listed(s["Action"]))]

    assert len(found) == 2
    assert all("kms:ViaService" in str(s["Condition"]) for s in found)


@pytest.mark.parametrize("stage", STAGES)
def test_secrets_are_those_the_operator_named_and_none_by_default(stage: str) -> None:
    template = transformed()

    assert resources(f"{stage}Role", "secretsmanager:GetSecretValue") == {"${SecretArns}"}
    assert template["Parameters"]["SecretArns"]["Default"] == ""
    assert template["Conditions"]["HasSecrets"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "SecretArns"}, ""]}]}


def test_arns_name_no_partition_of_their_own() -> None:
    body = TEMPLATE.read_text().partition("\nConditions:")[2]

    assert not re.findall(r"arn:aws[a-z-]*:", body)
    assert "amazonaws.com" not in body.replace("lambda.amazonaws.com", "")


# What no call in the code shows: KMS keys are used by the services on the caller's behalf, and Lambda itself writes
# logs, calls the last resort and manages interfaces.
WITHOUT_A_CALL = {
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
}


def calls(*folders: str) -> set[str]:
    """IAM actions of all AWS calls in the sources: aws.call("service", "operation") and the like, and boto3's methods."""
    found = set()
    for tree in (ast.parse(path.read_text()) for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            words = [a.value for a in node.args[:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if len(words) == 2 and words[0] in SERVICES:
                found.add(iam_action(*words))
            elif node.func.attr in METHODS:
                found.add(iam_action(*METHODS[node.func.attr]))
    return found


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

# What changes something, or shows what a service wrote of its users: each installation allows it by CheckPolicyArn.
BY_CHECK_POLICY = {
    "logs:FilterLogEvents",
    "logs:GetQueryResults",
    "logs:StartQuery",
    "logs:StopQuery",
    "synthetics:StartCanary",
}


def test_effect_declares_the_calls_it_makes_and_no_more() -> None:
    # Its calls are in a table; a key that is not there is told from a forbidden one only by who may list the bucket.
    made = {iam_action(*call) for call in effect._CALLS.values()} | {"lambda:InvokeFunction", "s3:ListBucket"}

    assert set(effect.effect.iam) == made


# What the template allows for its own plan bucket and its own topic alone.
OF_ITS_OWN = {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "sns:Publish"}


def test_greenlight_iam_knows_what_the_template_grants_and_for_which_resources() -> None:
    role = "AfterAllowTrafficRole"
    declared = {action for _, found in Registry().all() if isinstance(found, Validator) for action in found.iam}
    granted = (actions(role) - denied_to_code(role)) & declared - OF_ITS_OWN
    limits = {a: sorted(set(re.findall(r"\$\{(?!AWS::|Last)(\w+)\}", " ".join(resources(role, a))))) for a in granted}

    assert {action: [limit] if limit else [] for action, limit in GRANTED.items()} == limits


def test_a_hook_may_do_what_the_engine_and_its_validators_do_and_no_more() -> None:
    needed = calls("layers/greenlight/greenlight", "validators")
    granted = actions("AfterAllowTrafficRole") - denied_to_code("AfterAllowTrafficRole")

    assert needed - BY_CHECK_POLICY == granted - WITHOUT_A_CALL
