"""The example stacks fit the installation they are written for."""

from __future__ import annotations

import re

import pytest
import yaml

from greenlight.publish import eventbridge
from tests.support.sam_template import ROOT, STAGES, parse, transform, transformed

STACKS = ROOT / "examples"
APPSPEC = yaml.safe_load((STACKS / "ecs" / "appspec.yaml").read_text())


def exports() -> set[str]:
    """The names that other stacks can import from an installation with the default name."""
    outputs = [output for output in transformed()["Outputs"].values() if "Export" in output]
    return {output["Export"]["Name"]["Fn::Sub"].replace("${InstallationName}", "greenlight") for output in outputs}


def function_names() -> set[str]:
    functions = [r["Properties"] for r in transformed()["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
    return {f["FunctionName"]["Fn::Sub"].replace("${InstallationName}", "greenlight") for f in functions}


def test_the_lambda_service_imports_what_an_installation_exports() -> None:
    template = parse((STACKS / "lambda" / "template.yaml").read_text())
    hooks = template["Resources"]["OrdersFunction"]["Properties"]["DeploymentPreference"]["Hooks"]
    imported = {h["Fn::ImportValue"]["Fn::Sub"].replace("${InstallationName}", "greenlight") for h in hooks.values()}

    assert imported == {"greenlight-BeforeAllowTraffic", "greenlight-AfterAllowTraffic"}
    assert imported <= exports()


def test_the_plan_tag_of_the_lambda_service_reaches_its_deployment_group_and_names_the_plan_bucket() -> None:
    template = transform(parse((STACKS / "lambda" / "template.yaml").read_text()))
    tags = {
        tag["Key"]: tag["Value"] for tag in template["Resources"]["OrdersFunctionDeploymentGroup"]["Properties"]["Tags"]
    }
    text, names = tags["greenlight:plan"]["Fn::Sub"]

    assert text == "s3://${Bucket}/orders.yaml"
    assert names["Bucket"]["Fn::ImportValue"]["Fn::Sub"].replace("${InstallationName}", "greenlight") in exports()


def test_the_appspec_names_functions_that_an_installation_has_each_at_its_own_stage() -> None:
    hooks = {stage: name for entry in APPSPEC["Hooks"] for stage, name in entry.items()}

    assert set(hooks.values()) <= function_names()
    assert set(hooks) <= set(STAGES)
    assert all(name.endswith(f"-{stage}") for stage, name in hooks.items())


def test_only_the_hooks_reach_the_test_listener() -> None:
    template = parse((STACKS / "ecs" / "template.yaml").read_text())
    port = template["Resources"]["TestListener"]["Properties"]["Port"]
    rules = template["Resources"]["LoadBalancerSecurityGroup"]["Properties"]["SecurityGroupIngress"]
    admitted = [rule for rule in rules if rule["FromPort"] <= port <= rule["ToPort"]]

    assert [rule.get("SourceSecurityGroupId") for rule in admitted] == [{"Ref": "HookSecurityGroupId"}]


def test_a_closed_gate_rolls_the_ecs_service_back() -> None:
    template = parse((STACKS / "ecs" / "template.yaml").read_text())
    group = template["Resources"]["DeploymentGroup"]["Properties"]

    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_FAILURE" in group["AutoRollbackConfiguration"]["Events"]
    assert len(group["AlarmConfiguration"]["Alarms"]) == 2


@pytest.mark.parametrize("document", ["README.md", "docs/install.md"])
def test_a_document_names_functions_and_exports_that_an_installation_has(document: str) -> None:
    text = (ROOT / document).read_text()
    named = set(re.findall(r"CodeDeployHook_greenlight[A-Za-z_-]+", text))
    imported = set(re.findall(r"ImportValue (greenlight-[A-Za-z]+)", text))

    assert named
    assert named <= function_names()
    assert imported <= exports()


def test_the_central_bus_and_its_members_want_the_events_that_a_gate_puts() -> None:
    central = parse((ROOT / "examples" / "multi-account" / "central.yaml").read_text())["Resources"]
    member = parse((ROOT / "examples" / "multi-account" / "member.yaml").read_text())["Resources"]
    wanted = {"source": [eventbridge.SOURCE], "detail-type": [eventbridge.DETAIL_TYPE]}

    assert central["Keep"]["Properties"]["EventPattern"] == wanted
    assert member["Forward"]["Properties"]["EventPattern"].items() >= wanted.items()
    taken = central["BusPolicy"]["Properties"]["Statement"]["Condition"]["StringEquals"]
    assert [taken["events:source"]] == wanted["source"]
    assert [taken["events:detail-type"]] == wanted["detail-type"]
