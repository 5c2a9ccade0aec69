"""greenlight plan: what gates would refuse is not pushed, and nobody's plan is overwritten unseen."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws

from devkit.cli.main import main
from devkit.commands import plan as command
from greenlight.aws.client import Aws
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import GreenlightError
from greenlight.core.settings import Settings
from greenlight.stores.plan_lookup import find_plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GROUP = ["--application", "shop", "--group", "web"]
KEY = "shop/web.yaml"
PLAN = """\
version: 1
stages:
  AfterAllowTestTraffic:
    checks:
      - name: green is well
        http: {get: /health, expect: {status: 200}}
"""
WEAKER = PLAN.replace("        http", "        severity: advisory\n        http") + (
    "      - name: green listens\n        tcp: {}\n"
)


@pytest.fixture(autouse=True)
def aws(no_aws_account: pytest.MonkeyPatch) -> Iterator[Aws]:
    """Give an account with an installation's plan bucket, which keeps versions."""
    no_aws_account.setenv("GREENLIGHT_PLAN_BUCKET", "plans")
    with mock_aws():
        account = Aws()
        account.call("s3", "create_bucket", Bucket="plans")
        account.call("s3", "put_bucket_versioning", Bucket="plans", VersioningConfiguration={"Status": "Enabled"})
        yield account


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Give a file with a good plan."""
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return path


def put(aws: Aws, text: str, key: str = KEY) -> None:
    aws.call("s3", "put_object", Bucket="plans", Key=key, Body=text.encode())


def kept(aws: Aws, key: str = KEY) -> str:
    found = aws.call("s3", "list_objects_v2", Bucket="plans", Prefix=key)
    return (
        str(aws.call("s3", "get_object", Bucket="plans", Key=key)["Body"].read().decode())
        if "Contents" in found
        else ""
    )


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["plan", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


# ---- push


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "version"),
        (PLAN.replace("htt", "htp"), "there is no validator"),
        (PLAN.replace("status: 200", "status: 200, colour: red"), "unknown key 'colour'"),
        ("version: 0.0\nResources: []\nHooks:\n  - AfterInstall: CodeDeployHook_x\n", "a plan"),
        (PLAN.replace("get: /health", "get: /health, headers: {authorization: hush-hush}"), "plain-secret"),
    ],
    ids=["empty", "validator", "key", "appspec", "secret"],
)
@pytest.mark.parametrize("action", ["push", "diff"])
def test_what_gates_would_refuse_is_not_pushed(
    action: str, text: str, what: str, file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(text)

    status, out, err = said(capsys, action, file, *GROUP, *(["--yes"] if action == "push" else []))

    assert (status, kept(aws)) == (2, "")
    assert what in err or what == "a plan"
    assert "gates would refuse this plan" in err
    assert "hush" not in out + err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["push", "nowhere.yaml", *GROUP], "there is no such file"),
        (["pull", "--application", ""], "--application names nothing"),
        (["pull", *GROUP, "--bucket", "nobodys"], "NoSuchBucket"),
    ],
    ids=["file", "application", "bucket"],
)
def test_a_call_that_is_wrong_ends_with_a_sentence(
    arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = said(capsys, *arguments)

    assert (status, out) == (2, "")
    assert what in err


def test_without_a_terminal_and_without_yes_nothing_is_pushed(
    file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = said(capsys, "push", file, *GROUP)

    assert (status, kept(aws)) == (2, "")
    assert "write --yes to push" in err


def test_what_is_pushed_is_what_gates_find(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = said(capsys, "push", file, *GROUP, "--yes", "--format", "json")

    document = json.loads(out)
    about = Deployment(id="d-1", platform=Platform.ECS, stage="", application="shop", group="web")
    found = find_plan(aws, Settings(plan_bucket="plans"), about, {})
    assert status == 0
    assert found is not None
    assert (found.source.uri, found.source.version_id, found.source.sha256) == (
        document["uri"],
        document["version_id"],
        document["sha256"],
    )


def test_the_plan_of_all_groups_has_its_own_place(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "push", file, "--application", "shop", "--yes")[0] == 0

    assert (kept(aws, "shop.yaml"), kept(aws)) == (PLAN, "")


def test_a_push_shows_what_it_weakens(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    put(aws, PLAN)
    file.write_text(WEAKER)

    status, out, _ = said(capsys, "push", file, *GROUP, "--yes")

    assert (status, kept(aws)) == (0, WEAKER)
    assert "+        severity: advisory\n" in out
    assert "WEAKENED  AfterAllowTestTraffic: green is well: severity blocking is now advisory\n" in out
    assert "added     AfterAllowTestTraffic: green listens: a check with tcp, blocking\n" in out


def test_the_same_plan_is_not_pushed_again(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    put(aws, PLAN)

    status, out, _ = said(capsys, "push", file, *GROUP)

    assert (status, "has this plan already" in out) == (0, True)
    assert len(aws.call("s3", "list_object_versions", Bucket="plans")["Versions"]) == 1


class Busy(Aws):
    """An account in which somebody else does something just before each push."""

    def __init__(self, theirs: str) -> None:
        super().__init__()
        self._theirs, self._other = theirs, Aws()

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        if operation == "put_object":
            put(self._other, self._theirs)
        return super().call(service, operation, **parameters)


def pushed(file: Path, aws: Aws, *where: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(["push", str(file), *(where or GROUP), "--yes"]), aws)


def test_a_plan_that_somebody_else_pushed_meanwhile_is_not_overwritten(
    file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    put(aws, PLAN)
    file.write_text(WEAKER)
    theirs = PLAN + "# theirs\n"

    assert (pushed(file, Busy(theirs)), kept(aws)) == (1, theirs)
    assert "is another plan than a moment ago, so nothing was pushed" in capsys.readouterr().err


def test_a_first_plan_that_somebody_else_pushed_meanwhile_is_not_overwritten(file: Path, aws: Aws) -> None:
    assert (pushed(file, Busy(WEAKER)), kept(aws)) == (1, WEAKER)


def test_a_push_whose_first_answer_got_lost_is_a_push(file: Path, aws: Aws) -> None:
    put(aws, WEAKER)

    assert (pushed(file, Busy(PLAN)), kept(aws)) == (0, PLAN)


# ---- pull, diff, versions


def test_what_is_not_there_is_not_pulled(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["pull"], ["pull", "--version", "x"], ["versions"]):
        status, out, err = said(capsys, *arguments, *GROUP)

        assert (status, out) == (1, "")
        assert "there is no s3://plans/shop/web.yaml" in err


def test_an_older_version_is_listed_and_pulled(aws: Aws, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(aws, PLAN)
    put(aws, WEAKER)
    put(aws, PLAN, "shop/web.yaml.old")

    versions = json.loads(said(capsys, "versions", *GROUP, "--format", "json")[1])["versions"]
    assert [each["latest"] for each in versions] == [True, False]
    assert said(capsys, "versions", *GROUP)[1].splitlines()[0].endswith("bytes  now")

    assert said(capsys, "pull", *GROUP)[1] == WEAKER
    path = tmp_path / "old.yaml"
    assert said(capsys, "pull", *GROUP, "--version", versions[1]["version_id"], "-o", path)[0] == 0
    assert path.read_text() == PLAN


def test_a_program_gets_a_plan_with_its_version_in_one_document(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    put(aws, PLAN)

    status, out, err = said(capsys, "pull", *GROUP, "--format", "json")

    document = json.loads(out)
    assert (status, err, document["text"], document["uri"]) == (0, "", PLAN, "s3://plans/shop/web.yaml")
    assert document["version_id"]
    assert len(document["sha256"]) == 64


def test_a_deleted_plan_has_versions_and_none_of_them_is_pulled_unasked(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    put(aws, PLAN)
    aws.call("s3", "delete_object", Bucket="plans", Key=KEY)

    versions = json.loads(said(capsys, "versions", *GROUP, "--format", "json")[1])["versions"]
    assert [each["deleted"] for each in versions if each["latest"]] == [True]
    assert said(capsys, "pull", *GROUP)[0] == 1


def test_a_diff_ends_with_whether_there_is_one(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "diff", file, *GROUP)[0] == 1
    put(aws, PLAN)
    assert said(capsys, "diff", file, *GROUP)[:2] == (0, "the same text is in the bucket\n")
    file.write_text(WEAKER)
    status, out, _ = said(capsys, "diff", file, *GROUP, "--format", "json")
    assert (status, [each["kind"] for each in json.loads(out)["changes"]]) == (1, ["weakened", "added"])
    assert kept(aws) == PLAN


@pytest.mark.parametrize(
    "stored", [PLAN.replace("/health", "/health, headers: {cookie: hush}"), "hush: ["], ids=["cookie", "no YAML"]
)
def test_of_what_may_hold_a_secret_no_line_is_shown(
    stored: str, file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    put(aws, stored)

    status, out, err = said(capsys, "diff", file, *GROUP)

    assert status == 1
    assert "hush" not in out + err
    assert "the lines are not shown" in out


def test_a_plan_with_environments_is_compared_in_each(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    def written(prod: str, stage: str) -> str:
        head = f"variables: {{limit: 1}}\nenvironments:\n  prod: {{variables: {{limit: {prod}}}}}\n"
        more = f"  {stage}: {{variables: {{limit: 3}}}}\n"
        return PLAN.replace("stages:", f"{head}{more}stages:").replace(
            "status: 200", 'status: 200, json: {"x": {lte: "${limit}"}}'
        )

    put(aws, written("2", "stage"))
    file.write_text(written("5", "test"))

    status, out, _ = said(capsys, "diff", file, *GROUP)

    assert status == 1
    assert "changed   the variable limit" in out
    assert "only one of both has the environment 'stage'" in out
    assert "only one of both has the environment 'test'" in out


# ---- a parameter of SSM

AT = ["--at", "ssm:/greenlight/plans/shop/web"]
NAME = "/greenlight/plans/shop/web"


def parameter(aws: Aws, text: str, **more: Any) -> None:
    aws.call("ssm", "put_parameter", Name=NAME, Value=text, **{"Type": "String", "Overwrite": True, **more})


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (["--at", "ssm:"], "is no place that a plan is put; write s3://BUCKET/KEY or ssm:/NAME"),
        (["--at", "s3://bucket"], "is no place"),
        (["--at", "file:shop.yaml"], "is no place"),
        ([*AT, *GROUP], "--at names the place"),
        ([], "its place: --at URI"),
    ],
    ids=["no name", "no key", "a file", "both", "neither"],
)
def test_a_place_that_is_none_is_said(arguments: list[str], what: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = said(capsys, "pull", *arguments)

    assert (status, out) == (2, "")
    assert what in err


def test_a_parameter_that_is_not_there_is_not_pulled(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["pull"], ["pull", "--version", "3"], ["versions"]):
        status, out, err = said(capsys, *arguments, *AT)

        assert (status, out) == (1, "")
        assert "there is no ssm:/greenlight/plans/shop/web" in err


def test_what_is_pushed_to_a_parameter_is_what_gates_find(
    file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    about = Deployment(id="d-1", platform=Platform.ECS, stage="", application="shop", group="web")
    for text, version in ((PLAN, "1"), (WEAKER, "2")):
        file.write_text(text)
        status, out, _ = said(capsys, "push", file, *AT, "--yes", "--format", "json")
        found = find_plan(aws, Settings(plan_parameter_prefix="/greenlight/plans"), about, {})

        assert status == 0
        assert found is not None
        assert (json.loads(out)["version_id"], found.source.version_id) == (version, version)
        assert found.source.sha256 == json.loads(out)["sha256"]
    assert [change["kind"] for change in json.loads(out)["changes"]] == ["weakened", "added"]


def test_versions_of_a_parameter_are_listed_compared_and_pulled(
    file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "there is no plan in the parameter yet" in said(capsys, "diff", file, *AT)[1]
    parameter(aws, WEAKER)
    parameter(aws, PLAN)

    assert said(capsys, "diff", file, *AT)[:2] == (0, "the same text is in the parameter\n")
    versions = json.loads(said(capsys, "versions", *AT, "--format", "json")[1])["versions"]
    assert [(each["version_id"], each["latest"]) for each in versions] == [("2", True), ("1", False)]
    assert said(capsys, "pull", *AT)[1] == PLAN
    assert said(capsys, "pull", *AT, "--version", "1")[1] == WEAKER
    assert said(capsys, "pull", *AT, "--version", "9")[0] == 1


@pytest.mark.parametrize("large", [True, False], ids=["large", "encrypted"])
def test_what_a_parameter_cannot_hold_or_would_lose_is_not_pushed(
    large: bool, file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    parameter(aws, PLAN, Type="String" if large else "SecureString")
    file.write_text(WEAKER + "#" * 9000 * large)

    status, _, err = said(capsys, "push", file, *AT, "--yes")

    assert status == 2
    assert ("has 8 KiB at most" if large else "is a SecureString, whose key a push would lose") in err
    assert said(capsys, "pull", *AT)[1] == PLAN


class Hurried(Aws):
    """An account in which somebody else stores a parameter just before each push."""

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        if operation == "put_parameter":
            parameter(Aws(), PLAN + "# theirs\n")
        return super().call(service, operation, **parameters)


def test_a_parameter_that_somebody_else_made_meanwhile_is_not_overwritten(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert pushed(file, Hurried(), *AT) == 1
    assert "nothing was pushed" in capsys.readouterr().err
    assert said(capsys, "pull", *AT)[1].endswith("# theirs\n")


def test_a_parameter_that_somebody_else_changed_meanwhile_is_told(file: Path, aws: Aws) -> None:
    parameter(aws, WEAKER)

    with pytest.raises(GreenlightError, match="was another plan than a moment ago, and this one has replaced it"):
        pushed(file, Hurried(), *AT)
