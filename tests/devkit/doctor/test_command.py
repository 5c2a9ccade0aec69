"""`greenlight doctor` of an account: what it prints, and what it ends with."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from devkit.cli.main import main
from devkit.doctor.reader import Reader
from tests.support.doctor_world import ME, TRUST, World, appspec, run


def test_the_command_ends_with_0_where_nothing_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(World("ECS")) == 0
    assert capsys.readouterr().out == (
        "shop/live (ecs, the AppSpec of d-1)\n  nothing wrong was found\n\nnothing will go wrong that can be seen from here\n"
    )


def test_the_worst_comes_first_each_with_evidence_and_fix(capsys: pytest.CaptureFixture[str]) -> None:
    world = World("ECS")
    world.pair.pop("testTrafficRoute")
    world.alarms[0]["StateValue"] = "ALARM"
    world.policies |= {"mute": []}
    world.hook["Role"] = f"arn:aws:iam::{ME}:role/mute"
    world.group["alarmConfiguration"]["ignorePollAlarmFailure"] = True

    assert run(world) == 1

    out = capsys.readouterr().out
    harms = [line.split("  ")[1] for line in out.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    assert harms == ["SHIPS UNCHECKED", "STALLS AN HOUR", "BLOCKS", "ANNOYS"]
    assert "      seen: role mute: own" in out
    assert "      fix:  deploy greenlight again: its template has this permission" in out
    assert out.endswith("go wrong: 1 ships unchecked, 1 stalls an hour, 1 blocks, 1 annoys\n")


def test_a_narrow_terminal_breaks_no_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    world = World("Lambda")
    world.group["autoRollbackConfiguration"]["enabled"] = False

    assert run(world) == 1

    (fix,) = [line for line in capsys.readouterr().out.splitlines() if "fix:" in line]
    assert "aws deploy update-deployment-group --application-name shop" in fix
    assert fix.endswith("DEPLOYMENT_STOP_ON_REQUEST")


def test_warnings_alone_end_with_0_and_what_is_not_seen_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    warned, unseen = World("Lambda"), World("Lambda")
    warned.alarms[0]["StateValue"] = "INSUFFICIENT_DATA"
    unseen.table["cloudwatch.describe_alarms"] = "AccessDenied"

    assert run(warned) == 0
    assert run(unseen) == 3
    assert "you may not call cloudwatch:DescribeAlarms" in capsys.readouterr().out


def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    world = World("Lambda")
    world.alias["RoutingConfig"] = {"AdditionalVersionWeights": {"8": 0.1}}

    assert run(world, "--format", "json") == 1

    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["looked_at_everything"]) == (1, True)
    ((one,),) = [each["findings"] for each in document["examined"]]
    assert (one["rule"], one["severity"]) == ("alias-weighted", "blocks")
    assert one["evidence"] == ["version 7, and version 8 with 10%"]
    assert "update-alias --function-name shop --name live --function-version 7" in one["fix"]


def test_names_from_the_account_are_quoted_in_commands_and_shown_clean(capsys: pytest.CaptureFixture[str]) -> None:
    world = World("Lambda")
    world.group["alarmConfiguration"]["alarms"] = [{"name": "x; rm -rf \x1b[2J"}]
    world.alarms = [{"AlarmName": "x; rm -rf \x1b[2J", "StateValue": "ALARM", "StateReason": "a\nBLOCKS  b"}]

    assert run(world) == 1

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "--alarm-name 'x; rm -rf" in out
    assert "\nBLOCKS" not in out


def test_the_command_reads_an_account_as_moto_keeps_it(
    moto: Reader, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arn = moto.client("iam").create_role(RoleName="codedeploy", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    policy = "arn:aws:iam::aws:policy/service-role/AWSCodeDeployRoleForLambda"
    moto.client("iam").attach_role_policy(RoleName="codedeploy", PolicyArn=policy)
    moto.client("codedeploy").create_application(applicationName="shop", computePlatform="Lambda")
    moto.client("codedeploy").create_deployment_group(
        applicationName="shop",
        deploymentGroupName="live",
        serviceRoleArn=arn,
        autoRollbackConfiguration={"enabled": True, "events": ["DEPLOYMENT_FAILURE"]},
    )
    path = tmp_path / "appspec.json"
    path.write_text(appspec("Lambda", {"BeforeAllowTraffic": "shop-check"}))

    assert main(["doctor", "--application", "shop", "--appspec", str(path), "--format", "json"]) == 1

    ((*found,),) = [each["findings"] for each in json.loads(capsys.readouterr().out)["examined"]]
    assert [each["rule"] for each in found] == ["first-deployment", "hook-missing", "no-alarms"]
    assert main(["doctor", "--application", "shpo"]) == 2
    assert "did you mean 'shop'?" in capsys.readouterr().err
