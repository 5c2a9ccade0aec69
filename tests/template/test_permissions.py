"""Permissions of template.yaml: every statement is needed, least-privileged and spelled as IAM requires."""

from __future__ import annotations

import fnmatch
import json
import re
from typing import TYPE_CHECKING

import botocore.session
import pytest

from devkit.plans.iam_policy import GRANTED
from greenlight.api import Validator
from greenlight.checks.registry import Registry
from tests.support.deployed_template import ACCOUNT, REGION, Deployed, policy_size
from tests.support.permissions import (
    ANSWERING_ROLES,
    BY_CALLERS,
    BY_CHECK_POLICY,
    EVERYTHING,
    FUNCTION_ROLES,
    HARDENED,
    HOOK_ROLES,
    PROBE_ROLES,
    PUT,
    ROLES,
    SERVICES,
    WATCH_ROLE,
    actions,
    allow_statements,
    calls,
    denied_to_code,
    resources,
)
from tests.support.sam_template import (
    ECS_STAGES,
    ROOT,
    SHARED_STAGES,
    STAGES,
    TEMPLATE,
    listed,
    of_type,
    transformed,
)
from validators import effect

if TYPE_CHECKING:
    from tests.support.sam_template import Json

# Actions without resource-level permissions, by the service authorization reference.
WITHOUT_RESOURCE = {
    "cloudtrail:LookupEvents",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTasks",
    "elasticloadbalancing:DescribeListenerCertificates",
    "codedeploy:BatchGetDeploymentTargets",
    "codedeploy:ListDeploymentTargets",
    "codepipeline:PutJobFailureResult",
    "codepipeline:PutJobSuccessResult",
    "codedeploy:StopDeployment",
    "elasticloadbalancing:DescribeListeners",
    "elasticloadbalancing:DescribeLoadBalancers",
    "elasticloadbalancing:DescribeRules",
    "elasticloadbalancing:DescribeTargetGroups",
    "elasticloadbalancing:DescribeTargetHealth",
    "xray:GetTraceSummaries",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
}
# Actions of Step Functions itself, which no SDK has: it delivers logs with the role of the state machine.
WITHOUT_OPERATION = {
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:UpdateLogDelivery",
}
# Services whose name in IAM differs from botocore's, and actions whose name differs from the operation's.
SERVICE = {"elasticloadbalancing": "elbv2", "states": "stepfunctions"}
OPERATION = {"s3:ListBucket": "ListObjectsV2", "s3:GetObjectVersion": "GetObject", "lambda:InvokeFunction": "Invoke"}


def test_every_function_has_its_own_role() -> None:
    functions = of_type(transformed(), "AWS::Lambda::Function")

    assert sorted(f["Role"]["Fn::GetAtt"][0] for f in functions.values()) == sorted(FUNCTION_ROLES)
    assert sorted(of_type(transformed(), "AWS::IAM::Role")) == sorted(ROLES)


@pytest.mark.parametrize("role", FUNCTION_ROLES)
def test_role_of_a_function_trusts_lambda_alone(role: str) -> None:
    trust = transformed()["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]

    assert trust == [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]


@pytest.mark.parametrize("machine", ["Gate", "Guardian", "Watch"])
def test_role_of_a_state_machine_trusts_step_functions_for_this_machine_alone(machine: str) -> None:
    (trust,) = Deployed().properties(f"{machine}MachineRole")["AssumeRolePolicyDocument"]["Statement"]

    assert trust == {
        "Effect": "Allow",
        "Principal": {"Service": "states.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnEquals": {"aws:SourceArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:greenlight-{machine}"},
        },
    }


@pytest.mark.parametrize("role", ROLES)
def test_role_accepts_a_permissions_boundary(role: str) -> None:
    assert transformed()["Resources"][role]["Properties"]["PermissionsBoundary"]["Fn::If"][0] == "HasBoundary"


@pytest.mark.parametrize("role", ROLES)
def test_role_is_within_the_limits_of_iam(role: str) -> None:
    properties = EVERYTHING.properties(role)
    managed = [arn.rpartition("/")[2] for arn in properties.get("ManagedPolicyArns", [])]
    documents = [EVERYTHING.properties(name)["PolicyDocument"] for name in managed if name in EVERYTHING.resources]

    assert len(managed) <= 9, "IAM allows 10 for a role; one is left for the organisation"
    assert all(policy_size(document) <= 6144 for document in documents)
    assert sum(policy_size(policy["PolicyDocument"]) for policy in properties.get("Policies", [])) <= 10240


@pytest.mark.parametrize("parameters", [{"EventBusName": ""}, {"EventBusName": "", "Conductor": "machine"}])
def test_every_policy_has_a_statement(parameters: dict[str, str]) -> None:
    deployed = Deployed(**parameters)
    names = [name for name, r in deployed.resources.items() if r["Type"] == "AWS::IAM::ManagedPolicy"]

    assert names
    assert not [name for name in names if not deployed.properties(name)["PolicyDocument"]["Statement"]]


@pytest.mark.parametrize("role", ROLES)
def test_no_action_contains_a_wildcard(role: str) -> None:
    assert not [action for action in actions(role) if "*" in action or "?" in action]


@pytest.mark.parametrize("role", ROLES)
def test_resources_are_restricted_unless_the_service_does_not_support_it(role: str) -> None:
    unrestricted = {a for s in allow_statements(role) if "*" in listed(s["Resource"]) for a in listed(s["Action"])}
    network = {action for action in unrestricted if action.startswith("ec2:")}

    assert unrestricted - network <= WITHOUT_RESOURCE
    assert network <= denied_to_code(role)


def documented_actions(*labels: str) -> set[str]:
    """Return the actions that the table of the installation guide has in the rows with one of these labels."""
    guide = (ROOT / "docs" / "install.md").read_text().partition("## Permissions of the functions")[2]
    lines = [line for line in guide.partition("\n## ")[0].splitlines() if line.startswith("|")][2:]
    actions_of_rows, who = set(), ""
    for first, _, names, _ in ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines):
        who = first or who
        assert set(who.split(", ")) <= set(LABELS)
        actions_of_rows |= set(re.findall(r"`([^`]+)`", names)) if set(labels) & set(who.split(", ")) else set()
    return actions_of_rows


CHECKING, CHECKING_LAMBDA = "hooks that run checks", "hooks of Lambda deployments that run checks"
LABELS = {
    "all functions": FUNCTION_ROLES,
    "hooks": HOOK_ROLES,
    CHECKING: HOOK_ROLES,
    CHECKING_LAMBDA: [f"{stage}Role" for stage in SHARED_STAGES],
    "last resort": ["LastResortRole"],
    "Prepare": ["PrepareRole"],
    "Probe": PROBE_ROLES,
    "Conclude": ["ConcludeRole"],
    "PipelineAction": ["PipelineActionRole"],
    "Gate": ["GateMachineRole"],
    "Guardian": ["GuardianMachineRole"],
    "hook BeforeAllowTraffic": ["BeforeAllowTrafficRole"],
    "Watch": [WATCH_ROLE],
}
"""Labels of the table, with the roles of each."""


@pytest.mark.parametrize("role", ROLES)
def test_installation_guide_lists_exactly_the_actions_of_a_role(role: str) -> None:
    labels = [label for label, roles in LABELS.items() if role in roles]

    assert documented_actions(*labels) == actions(role) - denied_to_code(role)


@pytest.mark.parametrize("role", HOOK_ROLES)
def test_installation_guide_lists_exactly_the_actions_of_a_hook_that_runs_no_checks(role: str) -> None:
    allowed = {a for s in HARDENED.statements(role) if s["Effect"] == "Allow" for a in listed(s["Action"])}

    assert documented_actions("all functions", "hooks") == allowed - denied_to_code(role)


def test_every_wildcard_resource_has_a_comment_with_the_reason_above_it() -> None:
    lines = TEMPLATE.read_text().splitlines()
    line_indexes = [n for n, line in enumerate(lines) if re.search(r"""^\s*(Resource:|-)\s+["']\*["']""", line)]

    assert len(line_indexes) >= 4
    assert not [n + 1 for n in line_indexes if not re.match(r"\s*# why \*: .{20,}", lines[n - 1])]


@pytest.mark.parametrize("role", ROLES)
def test_every_action_exists(role: str) -> None:
    session = botocore.session.Session()
    unknown = []
    for action in actions(role) - WITHOUT_OPERATION:
        service, _, name = action.partition(":")
        model = session.get_service_model(SERVICE.get(service, service))
        if OPERATION.get(action, name) not in model.operation_names:
            unknown.append(action)

    assert unknown == []


@pytest.mark.parametrize("role", ANSWERING_ROLES)
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
    managed = transformed()["Resources"]["LastResortRole"]["Properties"]["ManagedPolicyArns"]
    assert [arn["Fn::If"][1]["Ref"] for arn in managed] == ["PublishPolicy", "BucketKeyPolicy"]


@pytest.mark.parametrize("stage", ECS_STAGES)
def test_hook_of_a_stage_that_only_ecs_has_may_invoke_the_last_resort_alone(stage: str) -> None:
    assert resources(f"{stage}Role", "lambda:InvokeFunction") == {"${LastResortFunction.Arn}"}
    assert {a for a in actions(f"{stage}Role") if a.startswith("lambda:")} == {"lambda:InvokeFunction"}


@pytest.mark.parametrize("stage", SHARED_STAGES)
def test_hook_may_invoke_only_versions_of_functions_that_the_operator_named(stage: str) -> None:
    invocable = resources(f"{stage}Role", "lambda:InvokeFunction") - {"${LastResortFunction.Arn}"}

    assert invocable == {"arn:${AWS::Partition}:lambda:${AWS::Region}:${AWS::AccountId}:function:${CheckedFunctions}:*"}


INVOCATIONS_OF_GREENLIGHT = [
    f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}{qualifier}"
    for name in (
        *(f"CodeDeployHook_greenlight-{stage}" for stage in STAGES),
        *(f"greenlight-{step}" for step in ("Prepare", "Probe", "VpcProbe", "Conclude")),
    )
    for qualifier in ("", ":$LATEST", ":1")
]


@pytest.mark.parametrize("role", [*HOOK_ROLES, *PROBE_ROLES])
def test_no_check_can_invoke_a_hook_or_a_step_of_the_state_machine(role: str) -> None:
    invocable = [arn for arn in INVOCATIONS_OF_GREENLIGHT if EVERYTHING.may(role, "lambda:InvokeFunction", arn)]
    deployed_version = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:greenlight-Probes:1"

    assert invocable == []
    assert EVERYTHING.may(role, "lambda:InvokeFunction", deployed_version), "by the operator's own policy"
    assert not [
        s for s in EVERYTHING.statements(role) if s.get("Sid") == "NeverInvokeHooksOrSteps" and "Condition" in s
    ]


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
        "states:StartExecution",
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


@pytest.mark.parametrize("role", [*HOOK_ROLES, "LastResortRole", "ConcludeRole"])
def test_verdicts_go_only_to_the_bus_and_topic_that_the_operator_named_and_only_as_greenlight(role: str) -> None:
    (put_events,) = [s for s in allow_statements(role) if "events:PutEvents" in listed(s["Action"])]

    assert resources(role, "sns:Publish") == {"${NoticeTopicArn}"}
    assert resources(role, "events:PutEvents") == {
        "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:event-bus/${EventBusName}"
    }
    assert put_events["Condition"] == {"StringEquals": {"events:source": "greenlight"}}


@pytest.mark.parametrize(
    ("role", "count"),
    [
        *((role, 3) for role in HOOK_ROLES),
        ("PrepareRole", 2),
        *((role, 2) for role in PROBE_ROLES),
        ("ConcludeRole", 1),
        ("LastResortRole", 1),
    ],
)
def test_kms_keys_may_be_used_only_through_the_service_that_stores_the_data(role: str, count: int) -> None:
    kms_statements = [s for s in allow_statements(role) if any(a.startswith("kms:") for a in listed(s["Action"]))]

    assert len(kms_statements) == count
    assert all("kms:ViaService" in str(s["Condition"]) for s in kms_statements)


@pytest.mark.parametrize("role", [*HOOK_ROLES, *PROBE_ROLES])
def test_checks_may_read_only_secrets_that_the_operator_named_and_none_by_default(role: str) -> None:
    template = transformed()

    assert resources(role, "secretsmanager:GetSecretValue") == {"${SecretArns}"}
    assert template["Parameters"]["SecretArns"]["Default"] == ""
    assert template["Conditions"]["HasSecrets"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "SecretArns"}, ""]}]}


def test_partial_reports_expire_after_days_and_reports_after_the_retention() -> None:
    rules = transformed()["Resources"]["ReportBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (partial,) = [rule for rule in rules if rule.get("Prefix") == "runs/"]

    assert (partial["Status"], partial["ExpirationInDays"]) == ("Enabled", 3)
    assert partial["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}


def test_arns_do_not_hard_code_a_partition() -> None:
    body = TEMPLATE.read_text().partition("\nConditions:")[2]

    assert not re.findall(r"arn:aws[a-z-]*:", body)
    principals = re.compile(r"Service: (lambda|states|events)\.amazonaws\.com|Principal: events\.amazonaws\.com")
    assert "amazonaws.com" not in principals.sub("", body)


# Actions without a call in the code: services use KMS keys for the caller, and Lambda itself writes logs, invokes
# the last resort and manages network interfaces.
WITHOUT_A_CALL = {
    "kms:Decrypt",
    "kms:GenerateDataKey",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
}


def test_effect_declares_exactly_the_actions_that_it_calls() -> None:
    # invoke is in the toolkit. s3:ListBucket is needed to distinguish a missing key from a forbidden one.
    others = {"lambda:InvokeFunction", "s3:ListBucket"}
    called = calls("validators/_effects", services=(*SERVICES, "dynamodb", "sqs")) | others

    assert set(effect.effect.iam) == called


# Actions that the template allows for its own buckets, topic and state machine only.
OF_ITS_OWN = {"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "sns:Publish", "states:DescribeExecution"}


def test_greenlight_iam_lists_the_actions_and_resources_that_the_template_grants() -> None:
    role = "AfterAllowTrafficRole"
    declared = {action for _, entry in Registry().all() if isinstance(entry, Validator) for action in entry.iam}
    granted = (actions(role) - denied_to_code(role)) & declared - OF_ITS_OWN
    limits = {a: sorted(set(re.findall(r"\$\{(?!AWS::|Last)(\w+)\}", " ".join(resources(role, a))))) for a in granted}

    assert {action: [limit] if limit else [] for action, limit in GRANTED.items()} == limits


def test_hook_may_do_exactly_what_the_engine_and_its_validators_call() -> None:
    needed = calls("layers/greenlight/greenlight", "validators")
    granted = actions("AfterAllowTrafficRole") - denied_to_code("AfterAllowTrafficRole")

    assert needed - BY_CHECK_POLICY - BY_CALLERS == granted - WITHOUT_A_CALL - BY_CHECK_POLICY
    assert needed >= BY_CALLERS


def documents() -> list[Json]:
    """Return the policy documents of all resources."""
    properties = [resource["Properties"] for resource in transformed()["Resources"].values()]
    inline = [policy["PolicyDocument"] for item in properties for policy in item.get("Policies", ())]
    return inline + [item["PolicyDocument"] for item in properties if "PolicyDocument" in item]


def test_ids_of_statements_are_unique_in_their_policy() -> None:
    # IAM and S3 refuse a policy with a repeated id when the stack is created.
    all_ids = [re.findall(r'"Sid": "(\w+)"', json.dumps(document)) for document in documents()]
    assert all(all_ids)
    assert [sorted(ids) for ids in all_ids] == [sorted(set(ids)) for ids in all_ids]
