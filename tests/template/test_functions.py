"""Functions of template.yaml: CodeDeploy can invoke every hook, and every invocation is answered."""

from __future__ import annotations

import json
import re

import pytest

from greenlight.core import settings
from tests.support.deployed_template import ACCOUNT, REGION, Deployed
from tests.support.sam_template import ECS_STAGES, ROOT, STAGES, listed, of_type, plain, raw_template, transformed

ASYNCHRONOUS = [*(f"{stage}Function" for stage in STAGES), "LastResortFunction", "PipelineActionFunction"]
STEPS = ["PrepareFunction", "ProbeFunction", "VpcProbeFunction", "ConcludeFunction"]
FUNCTIONS = [*ASYNCHRONOUS, *STEPS]
# Settings that an installation cannot choose: the folder of packed plans (beside the handler), and whether checks
# may call loopback addresses (in rehearsals only).
NOT_FOR_ACCOUNTS = {"GREENLIGHT_PLAN_FOLDER", "GREENLIGHT_ALLOW_LOOPBACK"}


def test_functions_are_a_hook_for_every_stage_the_last_resort_and_the_steps_of_the_state_machine() -> None:
    assert sorted(of_type(raw_template(), "AWS::Serverless::Function")) == sorted(FUNCTIONS)


@pytest.mark.parametrize("stage", STAGES)
def test_hook_has_a_name_that_codedeploy_may_invoke(stage: str) -> None:
    name = transformed()["Resources"][f"{stage}Function"]["Properties"]["FunctionName"]["Fn::Sub"]

    assert name == f"CodeDeployHook_${{InstallationName}}-{stage}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_name_with_the_longest_installation_name_is_not_too_long(function: str) -> None:
    template = transformed()
    pattern = template["Parameters"]["InstallationName"]["AllowedPattern"]
    longest = max((n for n in range(65) if re.fullmatch(pattern, "a" * n)), default=0)
    name = template["Resources"][function]["Properties"]["FunctionName"]["Fn::Sub"]

    assert longest >= 20
    assert len(name.replace("${InstallationName}", "a" * longest)) <= 64


@pytest.mark.parametrize("function", ["LastResortFunction", "PipelineActionFunction", *STEPS])
def test_codedeploy_can_invoke_only_hooks(function: str) -> None:
    name = transformed()["Resources"][function]["Properties"]["FunctionName"]["Fn::Sub"]

    assert not name.startswith("CodeDeployHook_")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_runs_on_python_3_13(function: str) -> None:
    assert transformed()["Resources"][function]["Properties"]["Runtime"] == "python3.13"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_handler_of_a_function_exists_in_hooks(function: str) -> None:
    module, _, name = raw_template()["Resources"][function]["Properties"]["Handler"].partition(".")
    source = ROOT / "hooks" / f"{module}.py"

    assert source.is_file()
    assert re.search(rf"^((def )?{name}\b|from [a-z_.]+ import {name}$)", source.read_text(), re.MULTILINE)


@pytest.mark.parametrize("stage", STAGES)
def test_hook_runs_the_handler_of_its_stage(stage: str) -> None:
    module = re.sub("([a-z])([A-Z])", r"\1_\2", stage).lower()

    assert raw_template()["Resources"][f"{stage}Function"]["Properties"]["Handler"] == f"{module}.handler"


def test_every_file_in_hooks_is_the_handler_of_a_function() -> None:
    handlers = {f["Handler"] for f in of_type(raw_template(), "AWS::Serverless::Function").values()}
    files = {f"{path.stem}.handler" for path in (ROOT / "hooks").glob("*.py") if path.stem != "__init__"}

    assert files == handlers


@pytest.mark.parametrize("stage", STAGES)
def test_failed_hook_is_not_retried_and_invokes_the_last_resort(stage: str) -> None:
    config = transformed()["Resources"][f"{stage}FunctionEventInvokeConfig"]["Properties"]

    assert config["MaximumRetryAttempts"] == 0
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["LastResortFunction", "Arn"]}


def test_record_that_the_last_resort_could_not_answer_is_kept_in_a_queue_of_its_own() -> None:
    config = transformed()["Resources"]["LastResortFunctionEventInvokeConfig"]["Properties"]

    assert list(of_type(transformed(), "AWS::SQS::Queue")) == ["UnansweredQueue"]
    assert config["DestinationConfig"] == {"OnFailure": {"Destination": {"Fn::GetAtt": ["UnansweredQueue", "Arn"]}}}


def test_queue_is_encrypted_keeps_records_for_fourteen_days_and_stays_visible_to_its_alarm() -> None:
    queue = transformed()["Resources"]["UnansweredQueue"]["Properties"]

    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert queue["VisibilityTimeout"] == 0, "the alarm does not count a message that a person is reading"
    assert "RedrivePolicy" not in queue
    assert queue["QueueName"] == {"Fn::Sub": "${InstallationName}-unanswered"}


def test_queue_rejects_requests_without_tls_and_accepts_events_of_one_rule() -> None:
    policy = transformed()["Resources"]["UnansweredQueuePolicy"]["Properties"]

    assert policy["Queues"] == [{"Ref": "UnansweredQueue"}]
    statement, events = policy["PolicyDocument"]["Statement"]
    assert (events["Effect"], events["Principal"], events["Action"]) == (
        "Allow",
        {"Service": "events.amazonaws.com"},
        "sqs:SendMessage",
    )
    assert events["Resource"] == {"Fn::GetAtt": ["UnansweredQueue", "Arn"]}
    assert events["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Fn::GetAtt": ["GuardianFailedRule", "Arn"]}}}
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "sqs:*")
    assert statement["Resource"] == {"Fn::GetAtt": ["UnansweredQueue", "Arn"]}
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_concurrency_is_reserved_for_the_last_resort_alone_and_never_as_zero() -> None:
    template = transformed()
    reserved = {
        name: function["ReservedConcurrentExecutions"]
        for name, function in of_type(template, "AWS::Lambda::Function").items()
        if "ReservedConcurrentExecutions" in function
    }
    parameter = template["Parameters"]["LastResortConcurrency"]

    assert reserved == {
        "LastResortFunction": {
            "Fn::If": ["HasLastResortConcurrency", {"Ref": "LastResortConcurrency"}, {"Ref": "AWS::NoValue"}]
        }
    }
    assert template["Conditions"]["HasLastResortConcurrency"] == {
        "Fn::Not": [{"Fn::Equals": [{"Ref": "LastResortConcurrency"}, "0"]}]
    }
    assert parameter["Default"] == "0", "new accounts cannot reserve any concurrency"


@pytest.mark.parametrize("function", ASYNCHRONOUS)
def test_event_invoke_config_applies_to_the_unqualified_function(function: str) -> None:
    template = transformed()

    assert template["Resources"][f"{function}EventInvokeConfig"]["Properties"]["Qualifier"] == "$LATEST"
    assert not of_type(template, "AWS::Lambda::Alias")


def test_functions_are_not_deployed_by_codedeploy() -> None:
    functions = of_type(raw_template(), "AWS::Serverless::Function")

    assert raw_template()["Globals"]["Function"]["DeploymentPreference"] == {"Enabled": False}
    assert not [name for name, function in functions.items() if "DeploymentPreference" in function]
    assert not [t for t in (r["Type"] for r in transformed()["Resources"].values()) if "CodeDeploy" in t]


def test_hook_and_last_resort_end_within_the_hour_that_codedeploy_waits() -> None:
    template = transformed()
    hook = template["Resources"]["AfterAllowTrafficFunctionEventInvokeConfig"]["Properties"]
    last = template["Resources"]["LastResortFunctionEventInvokeConfig"]["Properties"]
    last_run = template["Resources"]["LastResortFunction"]["Properties"]["Timeout"]
    longest_hook = template["Parameters"]["HookTimeout"]["MaxValue"]

    assert hook["MaximumEventAgeInSeconds"] + longest_hook + last["MaximumEventAgeInSeconds"] + last_run < 3600


def test_timeout_of_a_hook_is_a_parameter_with_values_that_lambda_accepts() -> None:
    template = transformed()
    parameter = template["Parameters"]["HookTimeout"]

    assert (parameter["Default"], parameter["MaxValue"]) == (600, 900)
    assert all(template["Resources"][f"{s}Function"]["Properties"]["Timeout"] == {"Ref": "HookTimeout"} for s in STAGES)


def test_environment_variables_are_exactly_the_settings_that_the_engine_reads() -> None:
    keys: set[str] = set()

    class RecordedEnvironment(dict[str, str]):
        def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
            keys.add(key)
            return default

    settings.read(RecordedEnvironment())
    variables = raw_template()["Globals"]["Function"]["Environment"]["Variables"]

    assert {name for name in variables if name.startswith("GREENLIGHT_")} == keys - NOT_FOR_ACCOUNTS
    assert keys == {f"GREENLIGHT_{name.upper()}" for name in settings.Settings.__struct_fields__}


def test_parameters_allow_the_same_values_as_the_engine() -> None:
    parameters = raw_template()["Parameters"]

    assert tuple(parameters["OnMissingPlan"]["AllowedValues"]) == settings.MISSING_PLAN_CHOICES
    assert tuple(parameters["OnRollback"]["AllowedValues"]) == settings.ROLLBACK_CHOICES
    assert tuple(parameters["Conductor"]["AllowedValues"]) == settings.CONDUCTOR_CHOICES
    assert parameters["Conductor"]["Default"] == settings.Settings().conductor
    assert parameters["OnMissingPlan"]["Default"] == settings.Settings().on_missing_plan
    assert parameters["OnRollback"]["Default"] == settings.Settings().on_rollback
    assert parameters["Concurrency"]["Default"] == settings.Settings().concurrency


RUNS_CHECKS = [*(f"{stage}Function" for stage in STAGES), "ProbeFunction", "VpcProbeFunction"]


@pytest.mark.parametrize("function", RUNS_CHECKS)
def test_plugin_layer_cannot_replace_a_part_of_the_engine(function: str) -> None:
    plugins = f"arn:aws:lambda:{REGION}:{ACCOUNT}:layer:plugins:1"
    deployed = Deployed(PluginLayerArn=plugins, ProbeSubnetIds="subnet-1", ProbeSecurityGroupIds="sg-1")
    layers = [layer.rstrip("0123456789abcdef") for layer in deployed.properties(function)["Layers"][1:]]

    assert deployed.properties(function)["Layers"][0] == plugins
    assert layers == ["ValidatorsLayer", "EngineLayer"]


@pytest.mark.parametrize("function", sorted({*FUNCTIONS} - {*RUNS_CHECKS}))
def test_function_that_runs_no_checks_has_no_validators_and_no_plugins(function: str) -> None:
    assert raw_template()["Resources"][function]["Properties"]["Layers"] == [{"Ref": "EngineLayer"}]


@pytest.mark.parametrize("function", sorted({*FUNCTIONS} - {*RUNS_CHECKS}))
def test_function_that_answers_or_decides_is_never_in_a_vpc(function: str) -> None:
    assert "VpcConfig" not in transformed()["Resources"][function]["Properties"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_function_writes_to_its_own_log_group_with_retention(function: str) -> None:
    template = transformed()
    properties = template["Resources"][function]["Properties"]
    group = template["Resources"][properties["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]

    assert group["LogGroupName"]["Fn::Sub"] == "/aws/lambda/" + properties["FunctionName"]["Fn::Sub"]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_every_log_group_is_encrypted_with_the_key_that_the_operator_named() -> None:
    groups = of_type(transformed(), "AWS::Logs::LogGroup")

    assert sorted(groups) == sorted([*(f.replace("Function", "LogGroup") for f in FUNCTIONS), "MachineLogGroup"])
    assert [group["KmsKeyId"] for group in groups.values()] == [
        {"Fn::If": ["HasLogKey", {"Ref": "LogKeyArn"}, {"Ref": "AWS::NoValue"}]}
    ] * len(groups)
    assert {str(group["RetentionInDays"]) for group in groups.values()} == {"{'Ref': 'LogRetentionDays'}"}


def test_key_policy_of_the_installation_guide_is_for_the_log_groups_of_the_template_alone() -> None:
    guide = (ROOT / "docs" / "install.md").read_text().partition("## Encryption of logs")[2]
    statement = json.loads(guide.partition("```json\n")[2].partition("```")[0])
    arns = [
        "arn:aws:logs:REGION:ACCOUNT:log-group:"
        + plain(group["LogGroupName"]).replace("${InstallationName}", "greenlight")
        for group in of_type(transformed(), "AWS::Logs::LogGroup").values()
    ]

    assert statement["Effect"] == "Allow"
    assert statement["Principal"] == {"Service": "logs.REGION.amazonaws.com"}
    assert statement["Action"] == [
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:ReEncrypt*",
        "kms:GenerateDataKey*",
        "kms:Describe*",
    ]
    assert statement["Condition"] == {"ArnEquals": {"kms:EncryptionContext:aws:logs:arn": arns}}


def test_both_layers_support_both_architectures() -> None:
    layers = of_type(raw_template(), "AWS::Serverless::LayerVersion")

    assert sorted(layers) == ["EngineLayer", "ValidatorsLayer"]
    assert all(layer["CompatibleArchitectures"] == ["arm64", "x86_64"] for layer in layers.values())


@pytest.mark.parametrize("stage", STAGES)
def test_service_stack_can_import_the_name_of_a_hook(stage: str) -> None:
    output = transformed()["Outputs"][f"{stage}Hook"]

    assert output["Value"] == {"Ref": f"{stage}Function"}
    assert output["Export"]["Name"]["Fn::Sub"] == f"${{InstallationName}}-{stage}"


@pytest.mark.parametrize("bucket", ["PlanBucket", "ReportBucket"])
def test_bucket_is_private_encrypted_versioned_and_retained(bucket: str) -> None:
    template = transformed()
    resource = template["Resources"][bucket]
    properties = resource["Properties"]

    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(properties["PublicAccessBlockConfiguration"]) == 4
    assert properties["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert all(rule["Status"] == "Enabled" for rule in properties["LifecycleConfiguration"]["Rules"])
    assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"
    assert template["Resources"][f"{bucket}Policy"]["DeletionPolicy"] == "Retain"


def test_claims_expire_long_before_reports() -> None:
    rules = transformed()["Resources"]["ReportBucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule["Id"] == "expire-runs"]

    assert (rule["Prefix"], rule["ExpirationInDays"]) == ("runs/", 3)
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
    assert [rule["Id"] for rule in rules if "ExpirationInDays" in rule and "Prefix" not in rule] == ["expire-reports"]


@pytest.mark.parametrize("bucket", ["PlanBucket", "ReportBucket"])
def test_bucket_rejects_requests_without_tls(bucket: str) -> None:
    policy = transformed()["Resources"][f"{bucket}Policy"]["Properties"]["PolicyDocument"]["Statement"]
    tls_statements = [s for s in policy if s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}]

    assert [(s["Effect"], s["Principal"], s["Action"]) for s in tls_statements] == [("Deny", "*", "s3:*")]
    assert {plain(arn) for arn in listed(tls_statements[0]["Resource"])} == {
        f"${{{bucket}.Arn}}",
        f"${{{bucket}.Arn}}/*",
    }


def test_descriptions_name_the_stages_that_only_ecs_has() -> None:
    descriptions = {s: transformed()["Resources"][f"{s}Function"]["Properties"]["Description"] for s in STAGES}

    assert {s for s, text in descriptions.items() if "ECS only" in text} == set(ECS_STAGES)
