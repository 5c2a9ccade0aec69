"""greenlight replay: the same plan against the same green, now; and a sentence where one of them is gone."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws
from msgspec.structs import replace

from devkit.cli.main import main
from devkit.commands import replay as command
from devkit.plans.replay import CannotReplayError, plan_of_report
from greenlight.aws.client import Aws
from greenlight.core.deployment import Deployment, Platform, Side
from greenlight.core.finding import Finding, Outcome
from greenlight.core.report import DEFAULT_CHECKS, PlanSource, Report
from greenlight.core.routing_rules import RoutingRule, RuleCondition
from greenlight.core.verdict import Status
from greenlight.plan import parser as plans
from greenlight.publish import s3
from greenlight.report import json as as_json
from tests.support.account import Account
from tests.support.report_samples import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

ID = "d-ABCDEF123"
STAGE = "AfterAllowTestTraffic"
PLAN = """\
version: 1
stages:
  AfterAllowTestTraffic:
    bake: 1h
    checks:
      - name: green answers
        http: {get: /health, expect: {status: 200}}
      - name: there is a shop
        severity: advisory
        http: {get: /shop, expect: {status: 200}}
"""


@pytest.fixture
def aws(no_aws_account: pytest.MonkeyPatch) -> Iterator[Aws]:
    """Give an account with both buckets; the plan bucket keeps versions."""
    no_aws_account.setenv("GREENLIGHT_REPORT_BUCKET", "reports")
    with mock_aws():
        account = Aws()
        for bucket in ("reports", "plans"):
            account.call("s3", "create_bucket", Bucket=bucket)
        account.call("s3", "put_bucket_versioning", Bucket="plans", VersioningConfiguration={"Status": "Enabled"})
        yield account


def put(text: str = PLAN) -> PlanSource:
    version = Aws().call("s3", "put_object", Bucket="plans", Key="shop.yaml", Body=text.encode())["VersionId"]
    return plans.parse(text, "s3://plans/shop.yaml", version).source


def store(aws: Aws, source: PlanSource, *checks: Finding, **deployment: Any) -> Report:
    """Store the report of a gate that a plan judged."""
    about = Deployment(**{"id": ID, "platform": Platform.ECS, "stage": STAGE, "application": "shop"} | deployment)
    report = replace(opened(), deployment=about, plan=source, checks=checks)
    s3.store(aws, "reports", report)
    return report


def found(name: str, outcome: Outcome = Outcome.PASS) -> Finding:
    return Finding(name=name, outcome=outcome, message=f"{name} then")


def replayed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    status = main(["replay", ID, *arguments, "--format", "json"])
    captured = capsys.readouterr()
    return status, json.loads(captured.out) if captured.out else {}, captured.err


# ---- Errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--url", "shop"], "is not a valid http or https URL"),
        (["--url", "http://shop.example.com/#/"], "must not contain ? or #"),
        (["--budget", "0s"], "--budget must be greater than 0s"),
        (["--budget", "5"], "--budget: "),
        (["--plan", "nowhere.yaml"], "file not found"),
        (["--bucket", "nobodys"], "NoSuchBucket"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_invalid_command_line_exits_with_2_and_a_message(
    arguments: list[str], message: str, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    store(aws, put())

    status, document, err = replayed(capsys, *arguments)

    assert (status, document) == (2, {})
    assert message in err


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (PlanSource(), "the gate had no plan"),
        (PlanSource(uri="file:/var/task/plans/shop.yaml", sha256="0"), "was packed with the hooks"),
        (PlanSource(uri="s3://plans/gone.yaml", sha256="0"), "s3://plans/gone.yaml no longer exists"),
        (
            PlanSource(uri="s3://plans/shop.yaml", sha256="0"),
            "the text of s3://plans/shop.yaml is no longer the one of the report",
        ),
        (PlanSource(uri="s3://nobodys/shop.yaml", sha256="0"), "s3://nobodys/shop.yaml cannot be fetched: "),
        (PlanSource(uri="ssm:/gone", version_id="1", sha256="0"), "ssm:/gone no longer exists"),
        (
            PlanSource(uri="ssm:/shop", version_id="7", sha256="0"),
            "ssm:/shop no longer exists in the version of the report",
        ),
    ],
    ids=["none", "packed", "gone", "changed", "bucket", "parameter", "parameter-version"],
)
def test_unavailable_plan_must_be_named(
    source: PlanSource, message: str, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    put()
    aws.call("ssm", "put_parameter", Name="/shop", Value=PLAN, Type="String")
    store(aws, source)

    status, _, err = replayed(capsys)

    assert status == 2
    assert message in err
    assert "--plan FILE" in err


def test_report_of_greenlight_check_is_not_replayed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    typed = f"greenlight check plan.yaml --stage {STAGE}"
    path.write_text(as_json.render(replace(opened(), plan=PlanSource(uri="plan.yaml"), command=typed)))

    assert main(["replay", str(path)]) == 2
    assert f"run it again: {typed}\n" in capsys.readouterr().err


def test_missing_stage_of_the_named_plan_is_reported(
    aws: Aws, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(aws, put())
    path = tmp_path / "other.yaml"
    path.write_text(PLAN.replace(STAGE, "BeforeInstall"))

    status, _, err = replayed(capsys, "--plan", str(path))

    assert (status, f"has no stage {STAGE}; it has BeforeInstall" in err) == (2, True)


def reported(tmp_path: Path, **deployment: Any) -> argparse.Namespace:
    """Return the arguments for a report in a file whose plan was the default checks."""
    about = Deployment(**{"id": ID, "platform": Platform.ECS, "stage": STAGE} | deployment)
    path = tmp_path / "report.json"
    path.write_text(as_json.render(replace(opened(), deployment=about, plan=PlanSource(uri=DEFAULT_CHECKS))))
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args([str(path)])


def test_missing_task_set_cannot_be_replayed(tmp_path: Path) -> None:
    green = Side(task_set="ecs-svc/2", target_group="arn", url="https://shop.example.com:8443")
    call = reported(tmp_path, cluster="prod", service="shop", green=green)
    account = Account({"ecs.describe_services": {"services": [{"taskSets": [{"id": "ecs-svc/3"}]}]}})

    with pytest.raises(CannotReplayError, match="green is gone: the service shop no longer has the task set ecs-svc/2"):
        command.run(call, Aws(account))

    assert account.names() == ["ecs.describe_services"]


def test_missing_version_cannot_be_replayed(tmp_path: Path) -> None:
    call = reported(tmp_path, platform=Platform.LAMBDA, function="orders", green=Side(version="8"))
    account = Account({"lambda.get_function_configuration": "ResourceNotFoundException"})

    with pytest.raises(CannotReplayError, match="green is gone: AWS no longer has orders:8"):
        command.run(call, Aws(account))


# ---- Replays


def test_default_checks_are_replayed_with_the_evidence_that_the_gate_accepted() -> None:
    rule = RoutingRule(priority="5", conditions=(RuleCondition(field="path-pattern", values=("/health",)),))
    green = Side(target_group="arn", url="https://shop.example.com", health_check_path="/health", rules_above=(rule,))
    about = Deployment(id=ID, platform=Platform.ECS, stage=STAGE, green=green)
    report = replace(opened(), deployment=about, plan=PlanSource(uri=DEFAULT_CHECKS))

    stage = plan_of_report(report, Aws(Account({})), ()).stages[STAGE]

    assert stage.accepts is not None
    assert stage.accepts.evidence == "readiness"


def test_changed_parameter_is_read_in_its_old_version(aws: Aws, green: str, capsys: pytest.CaptureFixture[str]) -> None:
    for text in (PLAN, PLAN.replace("/health", "/elsewhere")):
        aws.call("ssm", "put_parameter", Name="/shop", Value=text, Type="SecureString", Overwrite=True)
    store(aws, plans.parse(PLAN, "ssm:/shop", "1").source)

    status, document, _ = replayed(capsys, "--url", green)

    assert status == 0
    assert [check["name"] for check in document["checks"]] == ["green answers", "there is a shop"]


def test_every_check_is_shown_then_and_now(aws: Aws, green: str, capsys: pytest.CaptureFixture[str]) -> None:
    store(aws, put(), found("green answers", Outcome.FAIL), found("there is a shop", Outcome.FAIL))

    status, document, _ = replayed(capsys, "--url", green)

    assert (status, document["now"]["verdict"]) == (0, "Succeeded")
    assert [(check["name"], check["then"], check["now"], check["differs"]) for check in document["checks"]] == [
        ("green answers", "FAIL", "PASS", True),
        ("there is a shop", "FAIL", "FAIL", False),
    ]
    assert document["notes"] == []


def test_the_plan_is_the_text_of_then_even_if_there_is_a_newer_one(
    aws: Aws, green: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store(aws, put())
    put(PLAN.replace("/health", "/nowhere"))

    status, document, _ = replayed(capsys, "--url", green)

    assert (status, document["checks"][0]["now"]) == (0, "PASS")


def test_another_plan_can_be_named_and_is_noted(
    aws: Aws, green: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store(aws, put(), found("green answers"))
    path = tmp_path / "other.yaml"
    path.write_text(PLAN.replace("/health", "/nowhere").replace("there is a shop", "there is a stall"))

    status, document, _ = replayed(capsys, "--url", green, "--plan", str(path))

    assert (status, document["then"]["verdict"], document["now"]["verdict"]) == (1, "Succeeded", "Failed")
    assert [(check["name"], check["then"], check["now"]) for check in document["checks"]] == [
        ("green answers", "PASS", "FAIL"),
        ("there is a stall", "", "FAIL"),
    ]
    assert "the text of the plan is different from that of the report" in document["notes"][0]


ORDER = """\
      - name: an order can be placed
        http: {steps: [{get: /health, expect: {status: 200}}, {post: /health, expect: {status: 501}}]}
"""


def test_check_that_may_change_data_is_left_out_without_unsafe(
    aws: Aws, green: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store(aws, put(PLAN + ORDER))

    status, document, _ = replayed(capsys, "--url", green)
    assert (status, document["checks"][2]["now"], document["unjudged"]) == (3, "SKIPPED", ["an order can be placed"])
    assert document["checks"][2]["left_out"] == "left out of the replay: it sends POST; --unsafe runs it"
    assert not document["checks"][2]["differs"]

    status, document, _ = replayed(capsys, "--url", green, "--unsafe")
    assert (status, document["checks"][2]["now"], document["notes"]) == (0, "PASS", [])
    assert (document["checks"][2]["left_out"], document["unjudged"]) == ("", [])


def test_text_lists_the_checks_that_were_left_out(aws: Aws, green: str, capsys: pytest.CaptureFixture[str]) -> None:
    store(aws, put(PLAN + ORDER), found("an order can be placed", Outcome.FAIL), found("green answers"))

    status = main(["replay", ID, "--url", green])

    out = capsys.readouterr().out
    assert status == 3
    assert "verdict  then Succeeded, now Succeeded, without 1 blocking check that may change data\n" in out
    assert "  FAIL          left out      an order can be placed\n      left out of the replay: it sends POST" in out
    assert out.endswith("not run again: an order can be placed; --unsafe runs checks that may change data\n")


def test_left_out_advisory_check_does_not_change_the_status(
    aws: Aws, green: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store(aws, put(PLAN + ORDER.replace("can be placed\n", "can be placed\n        severity: advisory\n")))

    status, document, _ = replayed(capsys, "--url", green)

    assert (status, document["unjudged"]) == (0, [])
    assert document["checks"][2]["left_out"]


def test_missing_report_is_handled_like_in_greenlight_report(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("replay", "report"):
        assert main([name, ID, "--application", "shop"]) == 1
        assert f"greenlight {name}: s3://reports has no report of {ID}" in capsys.readouterr().err


def test_unsafe_validator_is_left_out(aws: Aws, green: str, capsys: pytest.CaptureFixture[str]) -> None:
    graphql = "      - name: it asks\n        graphql: {query: '{a}', expect: {data: {a: 1}}}\n"
    store(aws, put(PLAN + graphql))

    _, document, _ = replayed(capsys, "--url", green)

    assert document["checks"][2]["now"] == "SKIPPED"
    assert "graphql may change data" in document["checks"][2]["left_out"]


def test_text_lists_the_checks_with_another_outcome(aws: Aws, green: str, capsys: pytest.CaptureFixture[str]) -> None:
    store(aws, put(), found("green answers", Outcome.ERROR))

    status = main(["replay", ID, "--url", green])

    out = capsys.readouterr().out
    assert status == 0
    assert "verdict  then Succeeded, now Succeeded\n" in out
    assert "* ERROR         PASS          green answers\n      then  green answers then\n" in out
    assert (
        "* -             FAIL          there is a shop (advisory)\n      then  the plan does not have this check\n"
        in out
    )
    assert "2 of 2 checks have a different outcome" in out


def test_report_without_a_url_of_green_needs_one(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    store(aws, put())

    status, document, err = replayed(capsys)

    assert (status, document) == (2, {})
    assert "'green answers' sends requests to green, and there is no URL of green; give --url, " in err


def test_loopback_address_of_a_report_is_not_called(aws: Aws, green: str, capsys: pytest.CaptureFixture[str]) -> None:
    store(aws, put(), green=Side(url=green))

    status, document, _ = replayed(capsys)

    assert (status, document["now"]["verdict"]) == (1, Status.FAILED)
    assert document["checks"][0]["now"] == "ERROR"
    assert "it could not be verified" in document["notes"][0]
