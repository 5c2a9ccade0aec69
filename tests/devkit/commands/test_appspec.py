"""AppSpecs as AWS documents them, as people get them wrong, and as `greenlight appspec write` writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from devkit.cli.main import main
from devkit.lint.appspec import check_appspec
from devkit.lint.limits import Limits
from devkit.lint.linter import problems
from greenlight.checks.registry import Registry
from greenlight.plan import yaml_reader

if TYPE_CHECKING:
    from pathlib import Path

REGISTRY = Registry()
ARN = "arn:aws:ecs:us-east-1:111122223333:task-definition/web:8"
OF_LAMBDA = ["--platform", "lambda", "--function", "orders", "--alias", "live", "--current-version", "7", "--target-version", "8"]  # fmt: skip
OF_ECS = ["--platform", "ecs", "--task-definition", ARN, "--container", "web", "--port", "8080"]


def rules(text: str, name: str = "appspec.yaml") -> list[str]:
    return [f"{problem.line}:{problem.column} {problem.rule}" for problem in problems(text, name, REGISTRY, Limits())]


def message_of(text: str) -> str:
    (problem,) = problems(text, "appspec.yaml", REGISTRY, Limits())
    return problem.message


# ---- as AWS writes them --------------------------------------------------------------------------------------------

LAMBDA_EXAMPLE = """\
version: 0.0
Resources:
  - myLambdaFunction:
      Type: AWS::Lambda::Function
      Properties:
        Name: "myLambdaFunction"
        Alias: "myLambdaFunctionAlias"
        CurrentVersion: "1"
        TargetVersion: "2"
Hooks:
  - BeforeAllowTraffic: "CodeDeployHook_before"
  - AfterAllowTraffic: "CodeDeployHook_after"
"""
LAMBDA_STRUCTURE = """\
version: 0.0
resources:
  - orders:
      type: "AWS::Lambda::Function"
      properties:
        name: orders
        alias: live
        currentversion: 1
        targetversion: 2
hooks:
  - BeforeAllowTraffic: CodeDeployHook_before
"""
ECS_EXAMPLE = """\
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: "arn:aws:ecs:us-east-1:111222333444:task-definition/my-task-definition-family-name:1"
        LoadBalancerInfo:
          ContainerName: "SampleApplicationName"
          ContainerPort: 80
# Optional properties
        PlatformVersion: "LATEST"
        NetworkConfiguration:
          AwsvpcConfiguration:
            Subnets: ["subnet-1234abcd","subnet-5678abcd"]
            SecurityGroups: ["sg-12345678"]
            AssignPublicIp: "ENABLED"
        CapacityProviderStrategy:
          - Base: 1
            CapacityProvider: "FARGATE_SPOT"
            Weight: 2
          - Base: 0
            CapacityProvider: "FARGATE"
            Weight: 1
Hooks:
  - BeforeInstall: "LambdaFunctionToValidateBeforeInstall"
  - AfterInstall: "LambdaFunctionToValidateAfterInstall"
  - AfterAllowTestTraffic: "LambdaFunctionToValidateAfterTestTrafficStarts"
  - BeforeAllowTraffic: "LambdaFunctionToValidateBeforeAllowingProductionTraffic"
  - AfterAllowTraffic: "LambdaFunctionToValidateAfterAllowingProductionTraffic"
"""
ECS_STRUCTURE = """\
version: 0.0
resources:
  - ecs-service:
      type: AWS::ECS::Service
      properties:
        taskdefinition: my_service:8
        loadbalancerinfo:
          containername: web
          containerport: 80
"""
OF_THE_CDK = json.dumps(
    {
        "version": "0.0",
        "Resources": [
            {
                "TargetService": {
                    "Type": "AWS::ECS::Service",
                    "Properties": {
                        "TaskDefinition": ARN,
                        "LoadBalancerInfo": {"ContainerName": "web", "ContainerPort": 80},
                        "NetworkConfiguration": {
                            "awsvpcConfiguration": {
                                "subnets": ["subnet-1"], "securityGroups": ["sg-1"], "assignPublicIp": "DISABLED",
                            },
                        },
                    },
                }
            }
        ],
    }
)  # fmt: skip
OF_CODEPIPELINE = ECS_STRUCTURE.replace("my_service:8", "<TASK_DEFINITION>").replace(": 80", ": ${PORT}")
AS_DOCUMENTED = {
    "lambda example": LAMBDA_EXAMPLE,
    "lambda structure": LAMBDA_STRUCTURE,
    "ecs example": ECS_EXAMPLE,
    "ecs structure": ECS_STRUCTURE,
    "cdk": OF_THE_CDK,
    "codepipeline": OF_CODEPIPELINE,
}


@pytest.mark.parametrize("text", AS_DOCUMENTED.values(), ids=AS_DOCUMENTED)
def test_a_documented_appspec_has_no_problem_as_yaml_and_as_json(text: str) -> None:
    assert rules(text) == []
    assert rules(json.dumps(yaml.safe_load(text), indent="\t"), "appspec.json") == []


def test_a_hook_without_the_prefix_needs_a_role_of_your_own() -> None:
    text = LAMBDA_EXAMPLE.replace("CodeDeployHook_before", "LambdaFunctionToValidateBeforeTrafficShift")

    (problem,) = problems(text, "appspec.yaml", REGISTRY, Limits())

    assert (problem.rule, problem.severity, problem.line) == ("appspec-hook-prefix", "warning", 11)


# ---- as people get them wrong --------------------------------------------------------------------------------------

L, E = LAMBDA_EXAMPLE, ECS_EXAMPLE
MISTAKES = {
    "a list around the balancer, as old documents have it": (
        E.replace("          ContainerName", "          - ContainerName").replace("          ContainerPort", "            ContainerPort"),
        "8:11 appspec-load-balancer",
    ),
    "a doubled colon, as in the ECS tutorial": (E.replace("444:task", "444::task"), "6:25 appspec-task-definition"),
    "an ARN that lost its arn:": (E.replace('"arn:aws', '"aws'), "6:25 appspec-task-definition"),
    "a quoted port": (E.replace(": 80\n", ': "80"\n'), "9:26 appspec-container-port"),
    "port 0": (E.replace(": 80\n", ": 0\n"), "9:26 appspec-container-port"),
    "a port that is true": (E.replace(": 80\n", ": true\n"), "9:26 appspec-container-port"),
    "no port": (E.replace("          ContainerPort: 80\n", ""), "8:11 appspec-load-balancer"),
    "no container": (E.replace('          ContainerName: "SampleApplicationName"\n', ""), "8:11 appspec-load-balancer"),
    "no task definition": (E.replace(E.split("\n")[5] + "\n", ""), "6:9 appspec-property"),
    "a platform version as a number": (E.replace('"LATEST"', "1.4"), "11:26 appspec-platform-version"),
    "subnets by name": (E.replace("subnet-1234abcd", "private-a"), "14:22 appspec-network"),
    "a public address as a boolean": (E.replace('"ENABLED"', "true"), "16:29 appspec-network"),
    "no capacity provider": (E.replace('            CapacityProvider: "FARGATE"\n', ""), "21:13 appspec-capacity-provider"),
    "a weight of text": (E.replace("Weight: 2", "Weight: two"), "20:21 appspec-capacity-provider"),
    "an event of servers": (E.replace("AfterInstall:", "ApplicationStart:"), "26:23 appspec-event"),
    "an event in small letters": (E.replace("AfterInstall:", "afterInstall:"), "26:19 appspec-event"),
    "a hook without a function": (E.replace('"LambdaFunctionToValidateAfterInstall"', ""), "26:18 appspec-hook"),
    "a hook as a list": (E.replace('"LambdaFunctionToValidateAfterInstall"', "[a]"), "26:19 appspec-hook"),
    "a script of a server": (
        E.replace('"LambdaFunctionToValidateAfterInstall"', "\n      - location: scripts/a.sh\n        timeout: 300"),
        "27:7 appspec-ec2",
    ),
    "a resource as a map": (L.replace("  - myLambdaFunction:", "    myLambdaFunction:"), "3:5 appspec-resources"),
    "no resource": (L.replace(L[L.index("  - my") : L.index("Hooks")], "  []\n"), "3:3 appspec-resources"),
    "resources without anything": (L.replace(L[L.index("  - my") : L.index("Hooks")], ""), "2:11 appspec-resources"),
    "two resources": (
        L.replace("Hooks:", "  - other: {Type: 'AWS::Lambda::Function', Properties: {}}\nHooks:"), "3:3 appspec-resources",
    ),
    "the type beside the name": (
        L.replace("      Type", "    Type").replace("      Properties:", "    Properties:"), "4:11 appspec-indentation",
    ),
    "properties beside Properties": (L.replace("\n        ", "\n      "), "5:18 appspec-indentation"),
    "properties without anything": (L.replace(L[L.index('        Name') : L.index("Hooks")], ""), "5:18 appspec-indentation"),
    "another type": (L.replace("AWS::Lambda::Function", "AWS::Serverless::Function"), "4:13 appspec-type"),
    "a name that is an ARN": (
        L.replace('Name: "', 'Name: "arn:aws:lambda:us-east-1:111122223333:function:'), "6:15 appspec-function-name",
    ),
    "a name with its alias": (L.replace('Name: "myLambdaFunction"', "Name: orders:live"), "6:15 appspec-function-name"),
    "an alias of digits": (L.replace('"myLambdaFunctionAlias"', '"8"'), "7:16 appspec-alias"),
    "a version that is an ARN": (
        L.replace('TargetVersion: "2"', "TargetVersion: arn:aws:lambda:us-east-1:111122223333:function:orders:2"),
        "9:24 appspec-lambda-version",
    ),
    "a version that changes under way": (L.replace('TargetVersion: "2"', "TargetVersion: $LATEST"), "9:24 appspec-lambda-version"),
    "version zero": (L.replace('CurrentVersion: "1"', "CurrentVersion: 0"), "8:25 appspec-lambda-version"),
    "the same version": (L.replace('TargetVersion: "2"', "TargetVersion: 1"), "9:24 appspec-same-version"),
    "an empty alias": (L.replace('"myLambdaFunctionAlias"', '""'), "7:16 appspec-property"),
    "version 1": (L.replace("version: 0.0", "version: 1"), "1:10 appspec-version"),
    "version false": (L.replace("version: 0.0", "version: false"), "1:10 appspec-version"),
    "no version": (L.replace("version: 0.0\n", ""), "1:1 appspec-version"),
    "an event of ECS": (L.replace("BeforeAllowTraffic", "AfterInstall"), "11:19 appspec-event"),
    "the same event twice": (L.replace("AfterAllow", "BeforeAllow"), "12:25 appspec-event-twice"),
    "hooks as a map": (L.replace("  - BeforeAllow", "  BeforeAllow").replace("  - AfterAllow", "  AfterAllow"), "11:3 appspec-hooks"),
    "one entry with both hooks": (L.replace("  - AfterAllow", "    AfterAllow"), "11:5 appspec-hooks"),
    "a hook with its version": (L.replace("CodeDeployHook_before", "CodeDeployHook_before:3"), "11:25 appspec-hook"),
    "a hook that is no name": (L.replace("CodeDeployHook_before", "scripts/smoke test.sh"), "11:25 appspec-hook"),
    "a hook's ARN of another kind": (L.replace("CodeDeployHook_before", "arn:aws:iam::111122223333:role/x"), "11:25 appspec-hook"),
    "the hook of another event": (L.replace("CodeDeployHook_after", "CodeDeployHook_greenlight-BeforeAllowTraffic"), "12:24 appspec-hook-stage"),
    "a misspelt key": (L.replace("Hooks:", "Hoks:"), "11:3 appspec-unknown-key"),
    "a key in two cases": (L.replace("Hooks:", "resources: []\nHooks:"), "10:12 appspec-key-twice"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_reported_once_at_its_place_with_its_rule(text: str, expected: str) -> None:
    places = rules(text)

    assert [problem.split()[1] for problem in places] == [expected.split()[1]], places
    assert places[0].split(":")[0] == expected.split(":")[0], places


def test_an_appspec_for_servers_is_recognized_by_its_keys() -> None:
    text = "version: 0.0\nos: linux\nfiles:\n  - source: /\n    destination: /srv\nhooks:\n  AfterInstall:\n    - location: a.sh\n"

    assert rules(text) == ["2:5 appspec-ec2", "4:3 appspec-ec2"]


@pytest.mark.parametrize(
    ("wrong", "right", "words"),
    [
        ("beforeallowtraffic", "BeforeAllowTraffic", "write BeforeAllowTraffic"),
        ("AfterInstall", "BeforeAllowTraffic", "Lambda deployments do not have it"),
        ("$LATEST", "2", "publish a version"),
        ("arn:aws:lambda:us-east-1:111122223333:function:orders:2", "2", "write 2 and not the ARN"),
        ("AWS::Lambda::Alias", "AWS::Lambda::Function", "it may be AWS::Lambda::Function or AWS::ECS::Service"),
    ],
)
def test_a_message_suggests_a_correction(wrong: str, right: str, words: str) -> None:
    assert words in message_of(
        LAMBDA_EXAMPLE.replace(right, wrong, 1) if right != "2" else L.replace('"2"', f'"{wrong}"')
    )


@pytest.mark.parametrize("later", ["<VERSION>", "${VERSION}", "$VERSION", "'{{ version }}'"])
def test_a_placeholder_for_a_pipeline_is_not_a_mistake(later: str) -> None:
    assert rules(LAMBDA_EXAMPLE.replace('"2"', later)) == []


def test_a_missing_colon_in_json_is_reported_at_its_place() -> None:
    text = json.dumps(yaml.safe_load(LAMBDA_EXAMPLE), indent=2).replace('"Alias":', '"Alias"')

    assert rules(text, "appspec.json") == ["9:19 yaml-syntax"]


def test_yaml_in_a_json_file_is_rejected() -> None:
    assert rules(LAMBDA_EXAMPLE, "appspec.json") == ["1:1 yaml-syntax"]


@given(st.recursive(st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5), lambda below: st.lists(below, max_size=3) | st.dictionaries(st.sampled_from(["Type", "Properties", "Name", "hooks", "Hooks", "x", "LoadBalancerInfo", "NetworkConfiguration"]), below, max_size=3)))  # fmt: skip
def test_no_content_of_an_appspec_crashes_the_linter(anything: Any) -> None:
    for key, value in (("Resources", anything), ("Hooks", anything)):
        whole = {**yaml.safe_load(ECS_EXAMPLE), key: value}
        list(check_appspec(yaml_reader.Document(whole, None)))
    for key in ("LoadBalancerInfo", "NetworkConfiguration", "CapacityProviderStrategy", "TaskDefinition"):
        whole = yaml.safe_load(ECS_EXAMPLE)
        whole["Resources"][0]["TargetService"]["Properties"][key] = anything
        list(check_appspec(yaml_reader.Document(whole, None)))


# ---- as they are written -------------------------------------------------------------------------------------------


def write_appspec(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["appspec", "write", *arguments]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--target-version", "$LATEST"], "TargetVersion is a published version's number"),
        (["--target-version", "7"], "nothing would be deployed"),
        (["--function", "arn:aws:lambda:eu-west-1:111122223333:function:orders"], "not its ARN; write orders"),
        (["--alias", "7"], "is not an alias's name"),
        (["--alias", ""], "an AppSpec for lambda needs --alias"),
        (["--port", "80"], "--port is for ecs, and this is for lambda"),
        (["--stage", "AfterInstall"], "there is no event 'AfterInstall' here"),
        (["--installation", "my installation"], "--installation is 1 to 24 letters"),
        (["--installation", "", "--stage", "AfterAllowTraffic"], "--installation is empty"),
        (["-o", "no/such/folder/appspec.yaml"], "cannot be written"),
    ],
)
def test_an_impossible_appspec_for_lambda_is_not_written(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["appspec", "write", *OF_LAMBDA, *arguments])

    shown = capsys.readouterr()
    assert (status, shown.out) == (2, "")
    assert message in shown.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "http"], "ContainerPort is a number from 1 to 65535"),
        (["--port", "70000"], "ContainerPort is a number from 1 to 65535"),
        (["--task-definition", "arn:aws:ecs:eu-west-1:111122223333::task-definition/web:8"], "two colons in a row"),
        (["--platform-version", "newest"], "PlatformVersion is LATEST or a version"),
        (["--subnet", "subnet-1"], "SecurityGroups is a list of ids"),
        (["--capacity-provider", "FARGATE:x"], "is not NAME, NAME:WEIGHT or NAME:WEIGHT:BASE"),
        (["--capacity-provider", "FARGATE:1001"], "Weight is a whole number from 0 to 1000"),
        (["--function", "web"], "--function is for lambda, and this is for ecs"),
    ],
)
def test_an_impossible_appspec_for_ecs_is_not_written(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["appspec", "write", *OF_ECS, *arguments])

    shown = capsys.readouterr()
    assert (status, shown.out) == (2, "")
    assert message in shown.err


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


def test_an_appspec_without_hooks_has_a_notice(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["appspec", "write", *OF_LAMBDA, "--installation", ""]) == 0

    shown = capsys.readouterr()
    assert "Hooks" not in yaml.safe_load(shown.out)
    assert "CodeDeploy would ask nobody" in shown.err


def test_all_options_for_ecs_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    more = ["--platform-version", "1.4.0", "--subnet", "subnet-1", "--subnet", "subnet-2", "--security-group", "sg-1"]

    text = write_appspec([*OF_ECS, *more, "--capacity-provider", "FARGATE_SPOT:2:1"], capsys)

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
    assert "this is a template of CloudFormation or SAM, not an AppSpec; greenlight doctor --template" in first
    assert "the tag !Ref is not allowed: CodeDeploy does not resolve functions in an AppSpec" in second


OTHERS = {
    "a plan": ("version: 1\nstages: {}\n", "this is a plan, not an AppSpec; greenlight lint reads it"),
    "a revision": ('{"revisionType": "AppSpecContent", "appSpecContent": {"content": "{}"}}', "this is the input of create-deployment"),
    "the input of create-deployment": ("applicationName: shop\nrevision: {revisionType: S3}\n", "this is the input of create-deployment"),
    "something else": ("name: shop\n", "CodeDeploy ignores 'name'; there are version, Resources, Hooks"),
}  # fmt: skip


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
