"""The functions of template.yaml are what CodeDeploy can call, and what it calls is answered."""

from __future__ import annotations

import re

import pytest

from greenlight.core import settings
from tests.support.sam_template import ECS_STAGES, ROOT, STAGES, listed, of_type, plain, transformed, written

FUNCTIONS = [*(f"{stage}Function" for stage in STAGES), "LastResortFunction"]
# Read by settings.py and not for an account to choose: where packed plans lie (in Lambda, beside the handler),
# and whether checks may call this very machine (in rehearsals only).
NOT_FOR_ACCOUNTS = {"GREENLIGHT_PLAN_FOLDER", "GREENLIGHT_ALLOW_LOOPBACK"}


def test_there_is_a_hook_for_every_stage_and_a_last_resort_and_nothing_else() -> None:
    assert sorted(of_type(written(), "AWS::Serverless::Function")) == sorted(FUNCTIONS)


@pytest.mark.parametrize("stage", STAGES)
def test_a_hook_has_the_name_that_codedeploy_may_call(stage: str) -> None:
    name = transformed()["Resources"][f"{stage}Function"]["Properties"]["FunctionName"]["Fn::Sub"]

    assert name == f"CodeDeployHook_${{InstallationName}}-{stage}"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_longest_installation_name_leaves_room_in_a_function_name(function: str) -> None:
    template = transformed()
    pattern = template["Parameters"]["InstallationName"]["AllowedPattern"]
    longest = max((n for n in range(65) if re.fullmatch(pattern, "a" * n)), default=0)
    name = template["Resources"][function]["Properties"]["FunctionName"]["Fn::Sub"]

    assert longest >= 20
    assert len(name.replace("${InstallationName}", "a" * longest)) <= 64


def test_codedeploy_cannot_call_the_last_resort() -> None:
    name = transformed()["Resources"]["LastResortFunction"]["Properties"]["FunctionName"]["Fn::Sub"]

    assert not name.startswith("CodeDeployHook_")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_runs_on_python_3_13(function: str) -> None:
    assert transformed()["Resources"][function]["Properties"]["Runtime"] == "python3.13"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_finds_its_handler_in_hooks(function: str) -> None:
    module, _, name = written()["Resources"][function]["Properties"]["Handler"].partition(".")
    source = ROOT / "hooks" / f"{module}.py"

    assert source.is_file()
    assert re.search(rf"^(def )?{name}\b", source.read_text(), re.MULTILINE)


@pytest.mark.parametrize("stage", STAGES)
def test_a_hook_runs_the_handler_of_its_own_stage(stage: str) -> None:
    module = re.sub("([a-z])([A-Z])", r"\1_\2", stage).lower()

    assert written()["Resources"][f"{stage}Function"]["Properties"]["Handler"] == f"{module}.handler"


def test_every_file_in_hooks_is_a_function() -> None:
    handlers = {f["Handler"] for f in of_type(written(), "AWS::Serverless::Function").values()}
    files = {f"{path.stem}.handler" for path in (ROOT / "hooks").glob("*.py") if path.stem != "__init__"}

    assert files == handlers


@pytest.mark.parametrize("stage", STAGES)
def test_a_hook_that_fails_is_not_tried_again_but_handed_to_the_last_resort(stage: str) -> None:
    config = transformed()["Resources"][f"{stage}FunctionEventInvokeConfig"]["Properties"]

    assert config["MaximumRetryAttempts"] == 0
    assert config["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": ["LastResortFunction", "Arn"]}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_settings_of_a_call_hold_for_the_plain_name_that_is_called(function: str) -> None:
    template = transformed()

    assert template["Resources"][f"{function}EventInvokeConfig"]["Properties"]["Qualifier"] == "$LATEST"
    assert not of_type(template, "AWS::Lambda::Alias")


def test_no_function_here_is_shifted_gradually_itself() -> None:
    functions = of_type(written(), "AWS::Serverless::Function")

    assert all(f["DeploymentPreference"] == {"Enabled": False} for f in functions.values())
    assert not [t for t in (r["Type"] for r in transformed()["Resources"].values()) if "CodeDeploy" in t]


def test_hook_and_last_resort_are_through_within_the_hour_codedeploy_waits() -> None:
    template = transformed()
    hook = template["Resources"]["AfterAllowTrafficFunctionEventInvokeConfig"]["Properties"]
    last = template["Resources"]["LastResortFunctionEventInvokeConfig"]["Properties"]
    last_run = template["Resources"]["LastResortFunction"]["Properties"]["Timeout"]
    longest_hook = template["Parameters"]["HookTimeout"]["MaxValue"]

    assert hook["MaximumEventAgeInSeconds"] + longest_hook + last["MaximumEventAgeInSeconds"] + last_run < 3600


def test_the_timeout_of_a_hook_is_a_parameter_lambda_accepts() -> None:
    template = transformed()
    parameter = template["Parameters"]["HookTimeout"]

    assert (parameter["Default"], parameter["MaxValue"]) == (600, 900)
    assert all(template["Resources"][f"{s}Function"]["Properties"]["Timeout"] == {"Ref": "HookTimeout"} for s in STAGES)


def test_every_setting_the_engine_reads_is_set_and_no_other() -> None:
    asked: set[str] = set()

    class Asked(dict[str, str]):
        def get(self, key: str, default: str = "") -> str:  # type: ignore[override]
            asked.add(key)
            return default

    settings.read(Asked())
    variables = written()["Globals"]["Function"]["Environment"]["Variables"]

    assert {name for name in variables if name.startswith("GREENLIGHT_")} == asked - NOT_FOR_ACCOUNTS


def test_the_choices_of_the_parameters_are_the_choices_of_the_engine() -> None:
    parameters = written()["Parameters"]

    assert tuple(parameters["OnMissingPlan"]["AllowedValues"]) == settings.MISSING_PLAN_CHOICES
    assert tuple(parameters["OnRollback"]["AllowedValues"]) == settings.ROLLBACK_CHOICES
    assert parameters["OnMissingPlan"]["Default"] == settings.Settings().on_missing_plan
    assert parameters["OnRollback"]["Default"] == settings.Settings().on_rollback
    assert parameters["Concurrency"]["Default"] == settings.Settings().concurrency


@pytest.mark.parametrize("stage", STAGES)
def test_a_plugin_layer_cannot_replace_a_part_of_the_engine(stage: str) -> None:
    layers = written()["Resources"][f"{stage}Function"]["Properties"]["Layers"]

    assert layers[0]["Fn::If"] == ["HasPluginLayer", {"Ref": "PluginLayerArn"}, {"Ref": "AWS::NoValue"}]
    assert layers[1:] == [{"Ref": "ValidatorsLayer"}, {"Ref": "EngineLayer"}]


def test_the_last_resort_stays_outside_of_the_vpc_and_of_plugins() -> None:
    last_resort = transformed()["Resources"]["LastResortFunction"]["Properties"]

    assert "VpcConfig" not in last_resort
    assert "Fn::If" not in str(last_resort["Layers"])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_writes_to_a_log_group_with_an_end(function: str) -> None:
    template = transformed()
    properties = template["Resources"][function]["Properties"]
    group = template["Resources"][properties["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]

    assert group["LogGroupName"]["Fn::Sub"] == "/aws/lambda/" + properties["FunctionName"]["Fn::Sub"]
    assert group["RetentionInDays"] == {"Ref": "LogRetentionDays"}


def test_both_layers_are_built_for_both_architectures() -> None:
    layers = of_type(written(), "AWS::Serverless::LayerVersion")

    assert sorted(layers) == ["EngineLayer", "ValidatorsLayer"]
    assert all(layer["CompatibleArchitectures"] == ["arm64", "x86_64"] for layer in layers.values())


@pytest.mark.parametrize("stage", STAGES)
def test_a_service_stack_can_import_the_plain_name_of_a_hook(stage: str) -> None:
    output = transformed()["Outputs"][f"{stage}Hook"]

    assert output["Value"] == {"Ref": f"{stage}Function"}
    assert output["Export"]["Name"]["Fn::Sub"] == f"${{InstallationName}}-{stage}"


@pytest.mark.parametrize("bucket", ["PlanBucket", "ReportBucket"])
def test_a_bucket_is_private_encrypted_versioned_and_outlives_the_stack(bucket: str) -> None:
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


@pytest.mark.parametrize("bucket", ["PlanBucket", "ReportBucket"])
def test_a_bucket_is_not_spoken_to_without_tls(bucket: str) -> None:
    policy = transformed()["Resources"][f"{bucket}Policy"]["Properties"]["PolicyDocument"]["Statement"]
    denied = [s for s in policy if s["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}]

    assert [(s["Effect"], s["Principal"], s["Action"]) for s in denied] == [("Deny", "*", "s3:*")]
    assert {plain(arn) for arn in listed(denied[0]["Resource"])} == {f"${{{bucket}.Arn}}", f"${{{bucket}.Arn}}/*"}


def test_ecs_has_stages_that_lambda_has_not() -> None:
    descriptions = {s: transformed()["Resources"][f"{s}Function"]["Properties"]["Description"] for s in STAGES}

    assert {s for s, text in descriptions.items() if "ECS only" in text} == set(ECS_STAGES)
