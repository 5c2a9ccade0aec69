"""`greenlight doctor` of an account: output and exit status."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from devkit.cli.main import main
from devkit.doctor.reader import Reader
from tests.support.doctor_account import ACCOUNT_ID, TRUST_POLICY, DoctorAccount, appspec, run


def test_valid_setup_ends_with_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(DoctorAccount("ECS")) == 0
    assert capsys.readouterr().out == (
        "shop/live (ecs, the AppSpec of d-1)\n  no findings\n\nno problem found that would break the next deployment\n"
    )


def test_findings_are_sorted_by_harm_with_evidence_and_fix(capsys: pytest.CaptureFixture[str]) -> None:
    account = DoctorAccount("ECS")
    account.pair.pop("testTrafficRoute")
    account.alarms[0]["StateValue"] = "ALARM"
    account.policies |= {"mute": []}
    account.hook["Role"] = f"arn:aws:iam::{ACCOUNT_ID}:role/mute"
    account.group["alarmConfiguration"]["ignorePollAlarmFailure"] = True

    assert run(account) == 1

    out = capsys.readouterr().out
    harms = [line.split("  ")[1] for line in out.splitlines() if line.startswith("  ") and not line.startswith("   ")]
    assert harms == ["SHIPS UNCHECKED", "STALLS AN HOUR", "BLOCKS", "ANNOYS"]
    assert "      seen: policies of mute: own" in out
    assert "      fix:  deploy greenlight again: its template has this permission" in out
    assert out.endswith("go wrong: 1 ships unchecked, 1 stalls an hour, 1 blocks, 1 annoys\n")


def test_narrow_terminal_does_not_wrap_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    account = DoctorAccount("Lambda")
    account.group["autoRollbackConfiguration"]["enabled"] = False

    assert run(account) == 1

    (fix,) = [line for line in capsys.readouterr().out.splitlines() if "fix:" in line]
    assert "aws deploy update-deployment-group --application-name shop" in fix
    assert fix.endswith("DEPLOYMENT_STOP_ON_REQUEST")


def test_warnings_end_with_status_0_and_unread_parts_with_3(capsys: pytest.CaptureFixture[str]) -> None:
    warned, unseen = DoctorAccount("Lambda"), DoctorAccount("Lambda")
    warned.alarms[0]["StateValue"] = "INSUFFICIENT_DATA"
    unseen.table["cloudwatch.describe_alarms"] = "AccessDenied"

    assert run(warned) == 0
    assert run(unseen) == 3
    assert "access denied to cloudwatch:DescribeAlarms" in capsys.readouterr().out


def test_json_output_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    account = DoctorAccount("Lambda")
    account.alias["RoutingConfig"] = {"AdditionalVersionWeights": {"8": 0.1}}

    assert run(account, "--format", "json") == 1

    document = json.loads(capsys.readouterr().out)
    assert (document["status"], document["looked_at_everything"]) == (1, True)
    ((finding,),) = [group["findings"] for group in document["examined"]]
    assert (finding["rule"], finding["severity"]) == ("alias-weighted", "blocks")
    assert finding["evidence"] == ["version 7, and version 8 with 10%"]
    assert "update-alias --function-name shop --name live --function-version 7" in finding["fix"]


def test_names_from_the_account_are_quoted_in_commands_and_printed_without_control_characters(
    capsys: pytest.CaptureFixture[str],
) -> None:
    account = DoctorAccount("Lambda")
    account.group["alarmConfiguration"]["alarms"] = [{"name": "x; rm -rf \x1b[2J"}]
    account.alarms = [{"AlarmName": "x; rm -rf \x1b[2J", "StateValue": "ALARM", "StateReason": "a\nBLOCKS  b"}]

    assert run(account) == 1

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "--alarm-name 'x; rm -rf" in out
    assert "\nBLOCKS" not in out


def test_account_of_moto_is_examined(moto: Reader, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arn = moto.client("iam").create_role(RoleName="codedeploy", AssumeRolePolicyDocument=TRUST_POLICY)["Role"]["Arn"]
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

    ((*findings,),) = [group["findings"] for group in json.loads(capsys.readouterr().out)["examined"]]
    assert [finding["rule"] for finding in findings] == ["first-deployment", "hook-missing", "no-alarms"]
    assert main(["doctor", "--application", "shpo"]) == 2
    assert "did you mean 'shop'?" in capsys.readouterr().err
