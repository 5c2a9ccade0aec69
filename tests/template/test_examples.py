"""Example stacks use names and exports that an installation has."""

from __future__ import annotations

import re

import pytest
import yaml

from greenlight.publish import eventbridge
from tests.support.sam_template import ROOT, STAGES, parse, transform, transformed

STACKS = ROOT / "examples"
APPSPEC = yaml.safe_load((STACKS / "ecs" / "appspec.yaml").read_text())


def exports() -> set[str]:
    """Return the names of all exports of an installation with the default name."""
    outputs = [output for output in transformed()["Outputs"].values() if "Export" in output]
    return {output["Export"]["Name"]["Fn::Sub"].replace("${InstallationName}", "greenlight") for output in outputs}


def function_names() -> set[str]:
    functions = [r["Properties"] for r in transformed()["Resources"].values() if r["Type"] == "AWS::Lambda::Function"]
    return {f["FunctionName"]["Fn::Sub"].replace("${InstallationName}", "greenlight") for f in functions}


def test_lambda_service_imports_names_that_an_installation_exports() -> None:
    template = parse((STACKS / "lambda" / "template.yaml").read_text())
    hooks = template["Resources"]["OrdersFunction"]["Properties"]["DeploymentPreference"]["Hooks"]
    imported = {h["Fn::ImportValue"]["Fn::Sub"].replace("${InstallationName}", "greenlight") for h in hooks.values()}

    assert imported == {"greenlight-BeforeAllowTraffic", "greenlight-AfterAllowTraffic"}
    assert imported <= exports()


def test_deployment_group_of_the_lambda_service_has_a_plan_tag_with_the_plan_bucket() -> None:
    template = transform(parse((STACKS / "lambda" / "template.yaml").read_text()))
    tags = {
        tag["Key"]: tag["Value"] for tag in template["Resources"]["OrdersFunctionDeploymentGroup"]["Properties"]["Tags"]
    }
    text, names = tags["greenlight:plan"]["Fn::Sub"]

    assert text == "s3://${Bucket}/orders.yaml"
    assert names["Bucket"]["Fn::ImportValue"]["Fn::Sub"].replace("${InstallationName}", "greenlight") in exports()


def test_appspec_names_the_hook_of_an_installation_at_every_stage() -> None:
    hooks = {stage: name for entry in APPSPEC["Hooks"] for stage, name in entry.items()}

    assert set(hooks.values()) <= function_names()
    assert set(hooks) <= set(STAGES)
    assert all(name.endswith(f"-{stage}") for stage, name in hooks.items())


def test_only_the_hooks_may_connect_to_the_test_listener() -> None:
    template = parse((STACKS / "ecs" / "template.yaml").read_text())
    port = template["Resources"]["TestListener"]["Properties"]["Port"]
    rules = template["Resources"]["LoadBalancerSecurityGroup"]["Properties"]["SecurityGroupIngress"]
    admitted = [rule for rule in rules if rule["FromPort"] <= port <= rule["ToPort"]]

    assert [rule.get("SourceSecurityGroupId") for rule in admitted] == [{"Ref": "HookSecurityGroupId"}]


def test_closed_gate_rolls_back_the_ecs_service() -> None:
    template = parse((STACKS / "ecs" / "template.yaml").read_text())
    group = template["Resources"]["DeploymentGroup"]["Properties"]

    assert group["AutoRollbackConfiguration"]["Enabled"] is True
    assert "DEPLOYMENT_FAILURE" in group["AutoRollbackConfiguration"]["Events"]
    assert len(group["AlarmConfiguration"]["Alarms"]) == 2


@pytest.mark.parametrize("document", ["README.md", "docs/install.md"])
def test_document_names_existing_functions_and_exports(document: str) -> None:
    text = (ROOT / document).read_text()
    names = set(re.findall(r"CodeDeployHook_greenlight[A-Za-z_-]+", text))
    imported = set(re.findall(r"ImportValue (greenlight-[A-Za-z]+)", text))

    assert names
    assert names <= function_names()
    assert imported <= exports()


def test_central_bus_and_members_accept_the_events_that_a_gate_puts() -> None:
    central = parse((ROOT / "examples" / "multi-account" / "central.yaml").read_text())["Resources"]
    member = parse((ROOT / "examples" / "multi-account" / "member.yaml").read_text())["Resources"]
    pattern = {"source": [eventbridge.SOURCE], "detail-type": [eventbridge.DETAIL_TYPE]}

    assert central["Keep"]["Properties"]["EventPattern"] == pattern
    assert member["Forward"]["Properties"]["EventPattern"].items() >= pattern.items()
    condition = central["BusPolicy"]["Properties"]["Statement"]["Condition"]["StringEquals"]
    assert [condition["events:source"]] == pattern["source"]
    assert [condition["events:detail-type"]] == pattern["detail-type"]
