"""`greenlight override`: gates apply the stored overrides, and an override that they would ignore is not stored."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from devkit.cli.main import main
from greenlight.aws.client import Aws
from greenlight.core.finding import Finding, Outcome, Severity
from greenlight.stores.overrides import read_overrides
from greenlight.verdict.override import OverrideContext, applicable_overrides

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUP = ["--application", "shop", "--group", "web"]
ADD = ["override", "add", *GROUP, "--check", "orders work", "--why", "the probe is broken"]
FOR = ["--deployment", "d-ABCDEF123", "--expires", "2h"]


@pytest.fixture(autouse=True)
def aws(no_aws_account: None) -> Iterator[Aws]:
    """An account with the plan bucket of an installation."""
    with mock_aws():
        account = Aws()
        template = {
            "Resources": {"PlanBucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "plans"}}},
            "Outputs": {"P": {"Value": {"Ref": "PlanBucket"}, "Export": {"Name": "greenlight-PlanBucket"}}},
        }
        account.client("cloudformation").create_stack(StackName="greenlight", TemplateBody=json.dumps(template))
        yield account


def stored(aws: Aws) -> list[dict[str, Any]]:
    return [json.loads(override.data) for override in read_overrides(aws, "plans", "overrides/shop/web/")[0]]


def added(capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert main([*ADD, *FOR, *more, "--format", "json"]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*ADD, "--deployment", "d-ABCDEF123", "--expires", "8"], "is not a valid duration"),
        ([*ADD, "--deployment", "d-ABCDEF123", "--expires", "169h"], "be valid for more than 7 days"),
        ([*ADD, "--deployment", "d-ABCDEF123", "--expires", "0s"], "expires before it was created"),
        ([*ADD, "--deployment", "*", "--expires", "2h"], "malformed"),
        ([*ADD, "--deployment", "", "--expires", "2h"], "malformed"),
        ([*ADD, "--plan-sha256", "abc", "--expires", "2h"], "malformed"),
        ([*ADD, *FOR, "--why", " "], "'why' is blank"),
        ([*ADD, *FOR, "--who", " "], "'who' is blank"),
        ([*ADD, *FOR, "--check", "*"], "'*' does not name a check"),
        ([*ADD, *FOR, "--group", ""], "--application and --group must not be empty"),
        (
            [*ADD, *FOR, "--installation", "other"],
            "no export other-PlanBucket in this account and region; name the plan bucket with --bucket",
        ),
        ([*ADD, *FOR, "--bucket", "no-such-bucket"], "s3:PutObject failed with NoSuchBucket"),
        (["override", "remove", *GROUP, "../web2/1.json"], "is not a valid override name"),
    ],
    ids=lambda value: "" if isinstance(value, list) else value,
)
def test_override_that_gates_would_ignore_is_not_stored(
    aws: Aws, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2

    assert message in capsys.readouterr().err
    assert stored(aws) == []


@pytest.mark.parametrize(
    "arguments",
    [ADD, [*ADD, *FOR, "--plan-sha256", "0" * 64], ["override", "add", *GROUP, *FOR, "--why", "w"], ["override"]],
    ids=["no scope", "two scopes", "no check", "no action"],
)
def test_incomplete_command_line_exits_with_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)

    assert ended.value.code == 2


def test_stored_override_is_applied_by_its_gate(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    document = added(capsys)

    overrides, notes = read_overrides(aws, "plans", "overrides/shop/web/")
    failing = Finding(name="orders work", outcome=Outcome.FAIL, message="no", severity=Severity.REQUIRED_WITH_OVERRIDE)
    now = datetime.datetime.now(datetime.UTC)
    gate = OverrideContext(deployment="d-ABCDEF123", plan_sha256="", findings=(failing,), now=now)
    (granted,), refused = applicable_overrides(overrides, gate)
    assert (granted.check, granted.uri, granted.why) == ("orders work", document["uri"], "the probe is broken")
    assert granted.who == "arn:aws:sts::123456789012:user/moto"
    assert (notes, refused) == ((), ())


def test_person_and_several_checks_can_be_named(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    override = added(capsys, "--who", "someone", "--check", "prices are right")["override"]

    assert stored(aws) == [override]
    assert (override["who"], override["checks"]) == ("someone", ["orders work", "prices are right"])
    assert override["scope"] == {"deployment": "d-ABCDEF123"}


def test_a_bucket_can_be_named(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    aws.client("s3").create_bucket(Bucket="other")

    assert main([*ADD, *FOR, "--bucket", "other"]) == 0
    monkeypatch.setenv("GREENLIGHT_PLAN_BUCKET", "other")
    assert main([*ADD, *FOR]) == 0
    assert (len(read_overrides(aws, "other", "overrides/shop/web/")[0]), stored(aws)) == (2, [])


def test_list_shows_valid_expired_and_malformed_overrides(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    valid = added(capsys)
    past = {**valid["override"], "created": "2020-01-01T00:00:00Z", "expires": "2020-01-01T01:00:00Z"}
    for name, body in (("over.json", json.dumps(past)), ("wrong.json", "{}")):
        aws.client("s3").put_object(Bucket="plans", Key=f"overrides/shop/web/{name}", Body=body.encode())

    assert main(["override", "list", *GROUP, "--format", "json"]) == 0
    overrides = {override["name"]: override for override in json.loads(capsys.readouterr().out)["overrides"]}
    assert {name: override["state"] for name, override in overrides.items()} == {
        valid["name"]: "valid",
        "over.json": "expired",
        "wrong.json": "",
    }
    assert "malformed" in overrides["wrong.json"]["problem"]

    assert main(["override", "list", *GROUP]) == 0
    text = capsys.readouterr().out
    assert f"{valid['name']}  valid\n    orders work; for deployment d-ABCDEF123; until " in text
    assert "over.json  expired\n" in text


def test_empty_list_is_not_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["override", "list", *GROUP]) == 0

    output = capsys.readouterr()
    assert (output.out, output.err) == ("", "there are no overrides in s3://plans/overrides/shop/web/\n")


def test_override_is_removed_and_a_missing_one_is_reported(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    name = added(capsys)["name"]

    assert main(["override", "remove", *GROUP, name]) == 0
    assert stored(aws) == []
    assert main(["override", "remove", *GROUP, name]) == 1
    assert f"there is no s3://plans/overrides/shop/web/{name}" in capsys.readouterr().err
