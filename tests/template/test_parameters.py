"""Parameters of template.yaml: each has a valid default, checks its values and is documented."""

from __future__ import annotations

import re
import tomllib

import pytest

from greenlight.core import settings
from greenlight.core.errors import SettingsError
from tests.support.deployed_template import Deployed
from tests.support.sam_template import ROOT, STAGES, of_type, raw_template, transformed

PARAMETERS = raw_template()["Parameters"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_default_of_a_parameter_is_valid(name: str) -> None:
    parameter = PARAMETERS[name]
    default = parameter["Default"]

    assert re.fullmatch(parameter.get("AllowedPattern", ".*"), str(default))
    assert default in parameter.get("AllowedValues", [default])
    assert parameter.get("MinValue", default) <= default <= parameter.get("MaxValue", default)


@pytest.mark.parametrize("name", [n for n, p in PARAMETERS.items() if "AllowedPattern" in p])
def test_pattern_matches_the_whole_value_and_has_a_description_of_the_constraint(name: str) -> None:
    pattern = PARAMETERS[name]["AllowedPattern"]

    assert (pattern[:2], pattern[-2:]) == ("^(", ")$")
    assert PARAMETERS[name]["ConstraintDescription"].startswith("must be ")


def test_every_parameter_is_in_one_group_of_the_console_form() -> None:
    groups = raw_template()["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]

    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("InstallationName", "Team_A"),
        ("InstallationName", "1st"),
        ("InstallationName", "a" * 25),
        ("Environment", "pr od"),
        ("FragmentArns", "arn:aws:s3:::platform-plans"),
        ("FragmentArns", "*"),
        ("PlanParameterPrefix", "/"),
        ("PlanParameterPrefix", "/plans/"),
        ("CheckedFunctions", "orders:*"),
        ("CheckedFunctions", ""),
        ("PluginLayerArn", "arn:aws:lambda:eu-central-1:111122223333:layer:plugins"),
        ("SecretArns", "*"),
        ("SecretArns", "arn:aws:s3:::bucket"),
        ("SecretKeyArns", "alias/aws/ssm"),
        ("SecretPaths", ","),
        ("SecretPaths", "greenlight/*"),
        ("SecretPaths", "greenlight/{app}"),
        ("SecretPaths", "greenlight/x-{application}"),
        ("SecretPaths", "greenlight/{application}, shared"),
        ("SecretPaths", "greenlight//{application}"),
        ("LastResortConcurrency", "00"),
        ("LastResortConcurrency", "0.0"),
        ("LastResortConcurrency", "-1"),
        ("LastResortConcurrency", ""),
        ("LastResortConcurrency", "101"),
        ("LogKeyArn", "alias/logs"),
        ("LogKeyArn", "arn:aws:kms:eu-central-1:111122223333:alias/logs"),
        ("LogKeyArn", "*"),
        ("EventBusName", "a bus"),
        ("EventBusName", "arn:aws:events:eu-central-1:111122223333:event-bus/central"),
        ("NoticeTopicArn", "notices"),
        ("AlarmTopicArn", "alarms"),
        ("VpcSubnetIds", "vpc-0a1b2c3d"),
        ("VpcSubnetIds", "subnet-0a1b2c3d, subnet-4e5f6a7b"),
        ("VpcSecurityGroupIds", ",sg-0a1b2c3d"),
        ("ProbeSubnetIds", "subnet-0a1b2c3d,"),
        ("ProbeSecurityGroupIds", "sg-0a1b2c3d, sg-4e5f6a7b"),
        ("AllowedHosts", "https://example.com/x"),
    ],
)
def test_invalid_value_is_rejected_before_a_resource_is_created(name: str, value: str) -> None:
    assert not re.fullmatch(PARAMETERS[name]["AllowedPattern"], value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("InstallationName", "greenlight-staging"),
        ("Environment", "prod-eu"),
        ("FragmentArns", "arn:aws:s3:::platform-plans/*,arn:aws-cn:s3:::other/base.yaml"),
        ("PlanParameterPrefix", "/teams/greenlight/plans"),
        ("CheckedFunctions", "orders-*"),
        ("PluginLayerArn", "arn:aws-us-gov:lambda:us-gov-west-1:111122223333:layer:plugins:3"),
        ("SecretArns", "arn:aws:secretsmanager:eu-central-1:111122223333:secret:orders/smoke-*"),
        ("SecretArns", "arn:aws-cn:ssm:cn-north-1:111122223333:parameter/smoke/*"),
        (
            "SecretArns",
            "arn:aws:ssm:eu-central-1:111122223333:parameter/a,arn:aws:secretsmanager:eu-central-1:111122223333:secret:b-*",
        ),
        ("LastResortConcurrency", "0"),
        ("LastResortConcurrency", "5"),
        ("LastResortConcurrency", "100"),
        ("SecretPaths", ""),
        ("SecretPaths", "greenlight/{application}"),
        ("SecretPaths", "/greenlight/{application}/smoke,shared/greenlight"),
        ("LogKeyArn", "arn:aws-cn:kms:cn-north-1:111122223333:key/mrk-0123456789abcdef0123456789abcdef"),
        ("VpcSubnetIds", "subnet-0a1b2c3d,subnet-4e5f6a7b"),
        ("ProbeSubnetIds", "subnet-0a1b2c3d,subnet-4e5f6a7b"),
        ("ProbeSecurityGroupIds", "sg-0a1b2c3d"),
        ("EventBusName", ""),
        ("EventBusName", "releases/all"),
        ("NoticeTopicArn", "arn:aws:sns:eu-central-1:111122223333:releases"),
        ("AlarmTopicArn", "arn:aws:sns:eu-central-1:111122223333:on-call"),
        ("AllowedHosts", "auth.example.com, *.example.org, 10.0.0.7"),
        ("CheckPolicyArn", "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess"),
    ],
)
def test_valid_value_is_accepted(name: str, value: str) -> None:
    assert re.fullmatch(PARAMETERS[name]["AllowedPattern"], value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "/a",
        "a/",
        "a,b",
        "a,,b",
        "a/{application}/b",
        "{application}",
        "a/{application}x",
        "a/*",
        "a b",
        "/",
        "..",
        "a/..",
        "a/.b",
        "a.b",
        "//a",
        "a//",
        "/a/",
    ],
)
def test_engine_accepts_the_secret_paths_that_the_template_accepts(value: str) -> None:
    accepted = re.fullmatch(PARAMETERS["SecretPaths"]["AllowedPattern"], value) is not None
    try:
        settings.read({"GREENLIGHT_SECRET_PATHS": value})
    except SettingsError:
        assert not accepted
    else:
        assert accepted


@pytest.mark.parametrize("stage", STAGES)
def test_subnets_and_security_groups_are_set_together(stage: str) -> None:
    template = transformed()

    assert template["Resources"][f"{stage}Function"]["Properties"]["VpcConfig"]["Fn::If"][0] == "InVpc"
    assert "VpcSecurityGroupIds" in str(template["Rules"]["SubnetsAndSecurityGroupsTogether"])


def test_subnets_and_security_groups_of_probes_are_set_together_and_only_then_is_there_a_probe_in_them() -> None:
    without = Deployed(ProbeSubnetIds="subnet-1")
    deployed = Deployed(ProbeSubnetIds="subnet-1,subnet-2", ProbeSecurityGroupIds="sg-1")
    vpc_resources = set(deployed.resources) - set(without.resources)

    assert vpc_resources == {"VpcProbeFunction", "VpcProbeLogGroup", "VpcProbeRole", "VpcPolicy"}
    assert deployed.properties("VpcProbeFunction")["VpcConfig"] == {
        "SubnetIds": ["subnet-1", "subnet-2"],
        "SecurityGroupIds": ["sg-1"],
    }
    assert [
        d.properties("PrepareFunction")["Environment"]["Variables"]["GREENLIGHT_VPC_PROBE_FUNCTION"]
        for d in (without, deployed)
    ] == ["", "greenlight-VpcProbe"]
    assert "ProbeSecurityGroupIds" in str(transformed()["Rules"]["ProbeSubnetsAndSecurityGroupsTogether"])


def test_every_environment_of_samconfig_sets_valid_values_of_existing_parameters() -> None:
    environments = tomllib.loads((ROOT / "samconfig.toml").read_text())
    overrides = {
        name: e["deploy"]["parameters"].get("parameter_overrides", [])
        for name, e in environments.items()
        if name != "version"
    }
    invalid = []
    for environment, pairs in overrides.items():
        for name, _, value in (pair.partition("=") for pair in pairs):
            parameter = PARAMETERS.get(name, {"AllowedValues": ["(there is no such parameter)"]})
            allowed = [str(choice) for choice in parameter.get("AllowedValues", [value])]
            if value not in allowed or not re.fullmatch(parameter.get("AllowedPattern", ".*"), value):
                invalid.append(f"{environment}: {name}={value}")

    assert {"default", "dev", "staging", "prod"} == set(overrides)
    assert invalid == []


def test_samconfig_names_no_account_and_no_region() -> None:
    text = (ROOT / "samconfig.toml").read_text()

    assert not re.search(r"\b[0-9]{12}\b|^\s*(region|profile|s3_bucket)\s*=", text, re.MULTILINE)


def test_installations_of_one_account_have_different_names() -> None:
    environments = tomllib.loads((ROOT / "samconfig.toml").read_text())
    names = {e: environments[e]["global"]["parameters"]["stack_name"] for e in ("dev", "staging", "prod")}

    assert len(set(names.values())) == 3
    for environment, stack in names.items():
        assert f"InstallationName={stack}" in environments[environment]["deploy"]["parameters"]["parameter_overrides"]


def test_every_alarm_notifies_the_topic_when_it_begins_and_ends() -> None:
    alarms = of_type(transformed(), "AWS::CloudWatch::Alarm")
    actions = {"Fn::If": ["HasAlarmTopic", [{"Ref": "AlarmTopicArn"}], {"Ref": "AWS::NoValue"}]}

    assert all(alarm["AlarmActions"] == alarm["OKActions"] == actions for alarm in alarms.values())


def test_installation_guide_lists_exactly_the_parameters_with_their_defaults() -> None:
    guide = (ROOT / "docs" / "install.md").read_text().partition("## Parameters")[2].partition("\n## ")[0]
    rows = [
        [cell.strip().replace("`", "") for cell in line.split("|")[1:3]] for line in guide.splitlines() if "| `" in line
    ]
    documented = {name: value for names, values in rows for name, value in pairs(names, values)}

    assert documented == {name: str(parameter["Default"]) for name, parameter in PARAMETERS.items()}


def pairs(names: str, values: str) -> list[tuple[str, str]]:
    """Return the parameters of a row with their defaults; a row documents one parameter or two."""
    separate = names.split(", ")
    return list(zip(separate, values.split(", ") if values else [""] * len(separate), strict=True))
