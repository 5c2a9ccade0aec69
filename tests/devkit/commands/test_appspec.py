"""`greenlight appspec`: written AppSpecs, and linted files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from devkit.cli.main import main
from tests.support.appspec_samples import ARN, ECS_EXAMPLE
from tests.support.linting import rules

if TYPE_CHECKING:
    from pathlib import Path

OF_LAMBDA = [
    "--platform",
    "lambda",
    "--function",
    "orders",
    "--alias",
    "live",
    "--current-version",
    "7",
    "--target-version",
    "8",
]
OF_ECS = ["--platform", "ecs", "--task-definition", ARN, "--container", "web", "--port", "8080"]


# ---- as AWS writes them --------------------------------------------------------------------------------------------


# ---- as people get them wrong --------------------------------------------------------------------------------------


# ---- as they are written -------------------------------------------------------------------------------------------


def write_appspec(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["appspec", "write", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target-version", "$LATEST"], "TargetVersion must be the number of a published version"),
        (["--target-version", "7"], "nothing would be deployed"),
        (["--function", "arn:aws:lambda:eu-west-1:111122223333:function:orders"], "not its ARN; write orders"),
        (["--alias", "7"], "is not a valid alias"),
        (["--alias", ""], "an AppSpec for lambda requires --alias"),
        (["--port", "80"], "--port: only for --platform ecs, but this AppSpec is for lambda"),
        (["--stage", "AfterInstall"], "there is no lifecycle event 'AfterInstall'"),
        (["--installation", "my installation"], "--installation must be 1 to 24 letters"),
        (
            ["--installation", "", "--stage", "AfterAllowTraffic"],
            "--stage requires an --installation that is not empty",
        ),
        (["-o", "no/such/folder/appspec.yaml"], "cannot be written"),
    ],
)
def test_an_impossible_appspec_for_lambda_is_not_written(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["appspec", "write", *OF_LAMBDA, *arguments])

    output = capsys.readouterr()
    assert (status, output.out) == (2, "")
    assert message in output.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "http"], "ContainerPort must be a number from 1 to 65535"),
        (["--port", "70000"], "ContainerPort must be a number from 1 to 65535"),
        (["--task-definition", "arn:aws:ecs:eu-west-1:111122223333::task-definition/web:8"], "two colons in a row"),
        (["--platform-version", "newest"], "PlatformVersion must be LATEST or a version"),
        (["--subnet", "subnet-1"], "SecurityGroups must be a list of ids"),
        (["--capacity-provider", "FARGATE:x"], "is not NAME, NAME:WEIGHT or NAME:WEIGHT:BASE"),
        (["--capacity-provider", "FARGATE:1001"], "Weight must be a whole number from 0 to 1000"),
        (["--function", "web"], "--function: only for --platform lambda, but this AppSpec is for ecs"),
    ],
)
def test_an_impossible_appspec_for_ecs_is_not_written(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["appspec", "write", *OF_ECS, *arguments])

    output = capsys.readouterr()
    assert (status, output.out) == (2, "")
    assert message in output.err


@pytest.mark.parametrize("arguments", [OF_LAMBDA, OF_ECS], ids=["lambda", "ecs"])
def test_yaml_and_json_say_the_same_and_lint_finds_nothing(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = write_appspec(arguments, capsys)
    other = tmp_path / "appspec.json"
    assert main(["appspec", "write", *arguments, "--format", "json", "-o", str(other)]) == 0

    assert yaml.safe_load(text) == json.loads(other.read_text())
    assert rules(text) == []
    assert main(["appspec", "lint", str(other), "--strict"]) == 0


def test_the_hooks_are_those_of_the_installation_in_the_order_of_a_deployment(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = write_appspec(
        [*OF_ECS, "--installation", "prod", "--stage", "AfterAllowTraffic", "--stage", "AfterInstall"], capsys
    )

    assert yaml.safe_load(text)["Hooks"] == [
        {"AfterInstall": "CodeDeployHook_prod-AfterInstall"},
        {"AfterAllowTraffic": "CodeDeployHook_prod-AfterAllowTraffic"},
    ]


def test_appspec_without_hooks_causes_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["appspec", "write", *OF_LAMBDA, "--installation", ""]) == 0

    output = capsys.readouterr()
    assert "Hooks" not in yaml.safe_load(output.out)
    assert "CodeDeploy would shift traffic without a check" in output.err


def test_all_options_for_ecs_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    options = [
        "--platform-version",
        "1.4.0",
        "--subnet",
        "subnet-1",
        "--subnet",
        "subnet-2",
        "--security-group",
        "sg-1",
    ]

    text = write_appspec([*OF_ECS, *options, "--capacity-provider", "FARGATE_SPOT:2:1"], capsys)

    assert yaml.safe_load(text)["Resources"][0]["TargetService"]["Properties"] == {
        "TaskDefinition": ARN,
        "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 8080},
        "PlatformVersion": "1.4.0",
        "NetworkConfiguration": {
            "AwsvpcConfiguration": {
                "Subnets": ["subnet-1", "subnet-2"],
                "SecurityGroups": ["sg-1"],
                "AssignPublicIp": "DISABLED",
            }
        },
        "CapacityProviderStrategy": [{"CapacityProvider": "FARGATE_SPOT", "Weight": 2, "Base": 1}],
    }


def test_linting_a_wrong_appspec_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "appspec.yaml"
    path.write_text(ECS_EXAMPLE.replace(": 80\n", ': "80"\n'))

    assert main(["appspec", "lint", str(path)]) == 2
    assert capsys.readouterr().out.startswith(f"{path}:9:26: ")


def test_a_template_and_functions_of_templates_are_recognized(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    template, spec = tmp_path / "template.yaml", tmp_path / "appspec.yaml"
    template.write_text(
        "Transform: AWS::Serverless-2016-10-31\nResources: {A: {Type: AWS::Lambda::Function, Name: !Ref B}}"
    )
    spec.write_text(
        "version: 0.0\nResources:\n  - A: {Type: AWS::ECS::Service, Properties: {TaskDefinition: !Ref Task}}"
    )

    assert main(["appspec", "lint", str(template), str(spec)]) == 2

    first, second = capsys.readouterr().out.splitlines()
    assert "this is a CloudFormation or SAM template, not an AppSpec; check it with greenlight doctor" in first
    assert first.endswith("[appspec-template]")
    assert "the tag !Ref is not allowed: CodeDeploy does not resolve functions in an AppSpec" in second


OTHERS = {
    "a plan": ("version: 1\nstages: {}\n", "this is a plan, not an AppSpec; check it with greenlight lint"),
    "a revision": (
        '{"revisionType": "AppSpecContent", "appSpecContent": {"content": "{}"}}',
        "this is the input of create-deployment",
    ),
    "the input of create-deployment": (
        "applicationName: shop\nrevision: {revisionType: S3}\n",
        "this is the input of create-deployment",
    ),
    "something else": ("name: shop\n", "CodeDeploy ignores 'name'; there are version, Resources, Hooks"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_file_passed_as_an_appspec_is_not_read_as_a_plan(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text, words = OTHERS[kind]
    path = tmp_path / "file.yaml"
    path.write_text(text)

    assert main(["appspec", "lint", str(path)]) == 2
    assert words in capsys.readouterr().out


def test_plans_in_a_folder_of_appspecs_are_ignored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.yaml").write_text("version: 1\nstages: {}\n")

    assert main(["appspec", "lint", str(tmp_path)]) == 2
    assert "this is a plan" not in capsys.readouterr().out
