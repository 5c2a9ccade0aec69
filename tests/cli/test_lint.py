"""greenlight lint: every mistake at its place, offline."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from devkit.cli import main

if TYPE_CHECKING:
    from pathlib import Path

LAMBDA_APPSPEC = """\
version: 0.0
Resources:
  - orders:
      Type: AWS::Lambda::Function
      Properties: {Name: orders, Alias: live, CurrentVersion: "7", TargetVersion: "8"}
Hooks:
  - BeforeAllowTraffic: CodeDeployHook_greenlight-BeforeAllowTraffic
"""
ECS_APPSPEC = """\
version: 0.0
Resources:
  - TargetService:
      Type: AWS::ECS::Service
      Properties:
        TaskDefinition: <TASK_DEFINITION>
        LoadBalancerInfo: {ContainerName: web, ContainerPort: 8080}
Hooks:
  - AfterAllowTestTraffic: CodeDeployHook_greenlight-AfterAllowTestTraffic
"""


def lint(tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    status = main(["lint", str(path)])
    return status, capsys.readouterr().out.replace(str(path), "file.yaml")


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("BeforeAllowTrafic:", "BeforeAllowTraffic:", "did you mean 'BeforeAllowTraffic'?"),
        ("AfterInstall:", "BeforeAllowTraffic:", "there is no event 'AfterInstall' here"),
        ("my-function", "CodeDeployHook_greenlight-BeforeAllowTraffic", "does not begin with CodeDeployHook_"),
        ("CodeDeployHook_x:live", "CodeDeployHook_greenlight-BeforeAllowTraffic", "qualified name"),
        ("arn:aws:lambda:eu-west-1:1:function:orders", "orders,", "not its ARN"),
        ('"$LATEST"', '"8"', "a published version's number"),
        ('"7"', '"8"', "nothing would be deployed"),
        ("AWS::Lambda::Functions", "AWS::Lambda::Function", "Type is 'AWS::Lambda::Functions'"),
    ],
)
def test_a_mistake_in_a_lambda_appspec_is_named(
    wrong: str, right: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out = lint(tmp_path, LAMBDA_APPSPEC.replace(right, wrong + ("," if right == "orders," else ""), 1), capsys)

    assert status == 2
    assert said in out
    assert out.startswith("file.yaml:")


def test_lost_indentation_in_an_appspec_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = lint(tmp_path, "version: 0.0\nResources:\n  - orders:\n    Type: AWS::Lambda::Function\n", capsys)

    assert status == 2
    assert "Resources is a list of one map with one key" in out


def test_a_quoted_container_port_is_named_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = lint(tmp_path, ECS_APPSPEC.replace("8080", '"8080"'), capsys)

    assert status == 2
    assert out.startswith("file.yaml:7:")
    assert "without quotes" in out


@pytest.mark.parametrize(
    "text", [LAMBDA_APPSPEC, ECS_APPSPEC, LAMBDA_APPSPEC.replace("Resources", "resources").replace("Name:", "name:")]
)
def test_a_right_appspec_has_no_problem(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert lint(tmp_path, text, capsys) == (0, "")


def test_all_mistakes_of_a_plan_come_at_once_each_with_its_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = """\
version: 1
stages:
  BeforeAllowTraffic:
    checks:
      - name: one
        lambda_invok: {}
      - name: two
        http: {get: "/${nobody}", expect: {status: {lessthan: 300}}}
      - name: three
        target_health: {heathy: 2}
"""
    status, out = lint(tmp_path, text, capsys)

    assert status == 2
    assert [line.split(": ")[0] for line in out.splitlines()] == [
        "file.yaml:6:23",
        "file.yaml:8:21",
        "file.yaml:8:63",
        "file.yaml:10:33",
    ]
    assert "did you mean 'lambda_invoke'?" in out
    assert "nothing is called ${nobody}" in out
    assert "unknown predicate 'lessthan'" in out
    assert "did you mean 'healthy'?" in out


def test_a_stage_that_can_never_succeed_is_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out = lint(
        tmp_path,
        "version: 1\nstages:\n  AfterAllowTraffic:\n    checks:\n      - {name: a, severity: advisory, target_health: {}}\n",
        capsys,
    )

    assert status == 2
    assert "can never succeed" in out


def test_json_is_one_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["lint", "--format", "json", str(tmp_path / "none.yaml")])

    document = json.loads(capsys.readouterr().out)
    assert status == 2
    assert document["problems"][0]["message"] == "there is no such file"
