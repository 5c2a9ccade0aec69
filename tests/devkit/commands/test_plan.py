"""greenlight plan: a plan that gates would reject is not pushed, and no concurrent change is overwritten."""

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
      - name: green answers
        http: {get: /health, expect: {status: 200}}
"""
WEAKER = PLAN.replace("        http", "        severity: advisory\n        http") + (
    "      - name: green listens\n        tcp: {}\n"
)


@pytest.fixture(autouse=True)
def aws(no_aws_account: pytest.MonkeyPatch) -> Iterator[Aws]:
    """An account with the versioned plan bucket of an installation."""
    no_aws_account.setenv("GREENLIGHT_PLAN_BUCKET", "plans")
    with mock_aws():
        account = Aws()
        account.call("s3", "create_bucket", Bucket="plans")
        account.call("s3", "put_bucket_versioning", Bucket="plans", VersioningConfiguration={"Status": "Enabled"})
        yield account


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a valid plan."""
    path = tmp_path / "plan.yaml"
    path.write_text(PLAN)
    return path


def put(aws: Aws, text: str, key: str = KEY) -> None:
    aws.call("s3", "put_object", Bucket="plans", Key=key, Body=text.encode())


def stored_text(aws: Aws, key: str = KEY) -> str:
    listed = aws.call("s3", "list_objects_v2", Bucket="plans", Prefix=key)
    return (
        str(aws.call("s3", "get_object", Bucket="plans", Key=key)["Body"].read().decode())
        if "Contents" in listed
        else ""
    )


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = main(["plan", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


# ---- push


@pytest.mark.parametrize(
    ("text", "message"),
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
def test_plan_that_gates_would_reject_is_not_pushed(
    action: str, text: str, message: str, file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(text)

    status, out, err = run(capsys, action, file, *GROUP, *(["--yes"] if action == "push" else []))

    assert (status, stored_text(aws)) == (2, "")
    assert message in err or message == "a plan"
    assert "gates would reject this plan" in err
    assert "hush" not in out + err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["push", "nowhere.yaml", *GROUP], "file not found"),
        (["pull", "--application", ""], "--application is missing or empty"),
        (["pull", *GROUP, "--bucket", "nobodys"], "NoSuchBucket"),
    ],
    ids=["file", "application", "bucket"],
)
def test_invalid_command_line_exits_with_2_and_a_message(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = run(capsys, *arguments)

    assert (status, out) == (2, "")
    assert message in err


def test_without_a_terminal_and_without_yes_nothing_is_pushed(
    file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = run(capsys, "push", file, *GROUP)

    assert (status, stored_text(aws)) == (2, "")
    assert "write --yes to push" in err


def test_gates_find_the_pushed_plan(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = run(capsys, "push", file, *GROUP, "--yes", "--format", "json")

    document = json.loads(out)
    about = Deployment(id="d-1", platform=Platform.ECS, stage="", application="shop", group="web")
    plan = find_plan(aws, Settings(plan_bucket="plans"), about, {})
    assert status == 0
    assert plan is not None
    assert (plan.source.uri, plan.source.version_id, plan.source.sha256) == (
        document["uri"],
        document["version_id"],
        document["sha256"],
    )


def test_plan_of_all_groups_has_its_own_place(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "push", file, "--application", "shop", "--yes")[0] == 0

    assert (stored_text(aws, "shop.yaml"), stored_text(aws)) == (PLAN, "")


def test_a_push_shows_what_it_weakens(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    put(aws, PLAN)
    file.write_text(WEAKER)

    status, out, _ = run(capsys, "push", file, *GROUP, "--yes")

    assert (status, stored_text(aws)) == (0, WEAKER)
    assert "+        severity: advisory\n" in out
    assert "WEAKENED  AfterAllowTestTraffic: green answers: severity blocking is now advisory\n" in out
    assert "added     AfterAllowTestTraffic: green listens: a check with tcp, blocking\n" in out


def test_the_same_plan_is_not_pushed_again(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    put(aws, PLAN)

    status, out, _ = run(capsys, "push", file, *GROUP)

    assert (status, "already has this plan" in out) == (0, True)
    assert len(aws.call("s3", "list_object_versions", Bucket="plans")["Versions"]) == 1


class Busy(Aws):
    """An account in which another writer stores a plan just before each push."""

    def __init__(self, theirs: str) -> None:
        super().__init__()
        self._theirs, self._other = theirs, Aws()

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        if operation == "put_object":
            put(self._other, self._theirs)
        return super().call(service, operation, **parameters)


def push(file: Path, aws: Aws, *where: str) -> int:
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return command.run(parser.parse_args(["push", str(file), *(where or GROUP), "--yes"]), aws)


def test_concurrently_pushed_plan_is_not_overwritten(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    put(aws, PLAN)
    file.write_text(WEAKER)
    theirs = PLAN + "# theirs\n"

    assert (push(file, Busy(theirs)), stored_text(aws)) == (1, theirs)
    assert "has changed meanwhile, so nothing was pushed" in capsys.readouterr().err


def test_concurrently_pushed_first_plan_is_not_overwritten(file: Path, aws: Aws) -> None:
    assert (push(file, Busy(WEAKER)), stored_text(aws)) == (1, WEAKER)


def test_push_with_a_lost_first_response_succeeds(file: Path, aws: Aws) -> None:
    put(aws, WEAKER)

    assert (push(file, Busy(PLAN)), stored_text(aws)) == (0, PLAN)


# ---- pull, diff, versions


def test_missing_plan_is_not_pulled(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["pull"], ["pull", "--version", "x"], ["versions"]):
        status, out, err = run(capsys, *arguments, *GROUP)

        assert (status, out) == (1, "")
        assert "there is no s3://plans/shop/web.yaml" in err


def test_an_older_version_is_listed_and_pulled(aws: Aws, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    put(aws, PLAN)
    put(aws, WEAKER)
    put(aws, PLAN, "shop/web.yaml.old")

    versions = json.loads(run(capsys, "versions", *GROUP, "--format", "json")[1])["versions"]
    assert [version["latest"] for version in versions] == [True, False]
    assert run(capsys, "versions", *GROUP)[1].splitlines()[0].endswith("bytes  latest")

    assert run(capsys, "pull", *GROUP)[1] == WEAKER
    path = tmp_path / "old.yaml"
    assert run(capsys, "pull", *GROUP, "--version", versions[1]["version_id"], "-o", path)[0] == 0
    assert path.read_text() == PLAN


def test_json_of_a_pulled_plan_has_its_version(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    put(aws, PLAN)

    status, out, err = run(capsys, "pull", *GROUP, "--format", "json")

    document = json.loads(out)
    assert (status, err, document["text"], document["uri"]) == (0, "", PLAN, "s3://plans/shop/web.yaml")
    assert document["version_id"]
    assert len(document["sha256"]) == 64


def test_a_deleted_plan_has_versions_and_none_of_them_is_pulled_unasked(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    put(aws, PLAN)
    aws.call("s3", "delete_object", Bucket="plans", Key=KEY)

    versions = json.loads(run(capsys, "versions", *GROUP, "--format", "json")[1])["versions"]
    assert [version["deleted"] for version in versions if version["latest"]] == [True]
    assert run(capsys, "pull", *GROUP)[0] == 1


def test_status_of_diff_depends_on_the_difference(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "diff", file, *GROUP)[0] == 1
    put(aws, PLAN)
    assert run(capsys, "diff", file, *GROUP)[:2] == (0, "the bucket already has the same text\n")
    file.write_text(WEAKER)
    status, out, _ = run(capsys, "diff", file, *GROUP, "--format", "json")
    assert (status, [change["kind"] for change in json.loads(out)["changes"]]) == (1, ["weakened", "added"])
    assert stored_text(aws) == PLAN


@pytest.mark.parametrize(
    "stored", [PLAN.replace("/health", "/health, headers: {cookie: hush}"), "hush: ["], ids=["cookie", "invalid YAML"]
)
def test_lines_with_a_possible_secret_are_not_shown(
    stored: str, file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    put(aws, stored)

    status, out, err = run(capsys, "diff", file, *GROUP)

    assert status == 1
    assert "hush" not in out + err
    assert "the lines are not shown" in out


def test_a_plan_with_environments_is_compared_in_each(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    def with_environments(prod: str, stage: str) -> str:
        head = f"variables: {{limit: 1}}\nenvironments:\n  prod: {{variables: {{limit: {prod}}}}}\n"
        more = f"  {stage}: {{variables: {{limit: 3}}}}\n"
        return PLAN.replace("stages:", f"{head}{more}stages:").replace(
            "status: 200", 'status: 200, json: {"x": {lte: "${limit}"}}'
        )

    put(aws, with_environments("2", "stage"))
    file.write_text(with_environments("5", "test"))

    status, out, _ = run(capsys, "diff", file, *GROUP)

    assert status == 1
    assert "changed   the variable limit" in out
    assert "only one of the two plans has the environment 'stage'" in out
    assert "only one of the two plans has the environment 'test'" in out


# ---- a parameter of SSM

AT = ["--at", "ssm:/greenlight/plans/shop/web"]
NAME = "/greenlight/plans/shop/web"


def parameter(aws: Aws, text: str, **more: Any) -> None:
    aws.call("ssm", "put_parameter", Name=NAME, Value=text, **{"Type": "String", "Overwrite": True, **more})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--at", "ssm:"], "is not a valid place for a plan; write s3://BUCKET/KEY or ssm:/NAME"),
        (["--at", "s3://bucket"], "is not a valid place"),
        (["--at", "file:shop.yaml"], "is not a valid place"),
        ([*AT, *GROUP], "--at excludes --application"),
        ([], "or a place with --at URI"),
    ],
    ids=["no name", "no key", "a file", "both", "neither"],
)
def test_invalid_place_is_rejected(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = run(capsys, "pull", *arguments)

    assert (status, out) == (2, "")
    assert message in err


def test_missing_parameter_is_not_pulled(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["pull"], ["pull", "--version", "3"], ["versions"]):
        status, out, err = run(capsys, *arguments, *AT)

        assert (status, out) == (1, "")
        assert "there is no ssm:/greenlight/plans/shop/web" in err


def test_gates_find_the_plan_pushed_to_a_parameter(file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    about = Deployment(id="d-1", platform=Platform.ECS, stage="", application="shop", group="web")
    for text, version in ((PLAN, "1"), (WEAKER, "2")):
        file.write_text(text)
        status, out, _ = run(capsys, "push", file, *AT, "--yes", "--format", "json")
        plan = find_plan(aws, Settings(plan_parameter_prefix="/greenlight/plans"), about, {})

        assert status == 0
        assert plan is not None
        assert (json.loads(out)["version_id"], plan.source.version_id) == (version, version)
        assert plan.source.sha256 == json.loads(out)["sha256"]
    assert [change["kind"] for change in json.loads(out)["changes"]] == ["weakened", "added"]


def test_versions_of_a_parameter_are_listed_compared_and_pulled(
    file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "there is no plan in the parameter yet" in run(capsys, "diff", file, *AT)[1]
    parameter(aws, WEAKER)
    parameter(aws, PLAN)

    assert run(capsys, "diff", file, *AT)[:2] == (0, "the parameter already has the same text\n")
    versions = json.loads(run(capsys, "versions", *AT, "--format", "json")[1])["versions"]
    assert [(version["version_id"], version["latest"]) for version in versions] == [("2", True), ("1", False)]
    assert run(capsys, "pull", *AT)[1] == PLAN
    assert run(capsys, "pull", *AT, "--version", "1")[1] == WEAKER
    assert run(capsys, "pull", *AT, "--version", "9")[0] == 1


@pytest.mark.parametrize("large", [True, False], ids=["large", "encrypted"])
def test_large_plan_or_encrypted_parameter_is_not_pushed(
    large: bool, file: Path, aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    parameter(aws, PLAN, Type="String" if large else "SecureString")
    file.write_text(WEAKER + "#" * 9000 * large)

    status, _, err = run(capsys, "push", file, *AT, "--yes")

    assert status == 2
    assert ("has at most 8 KiB" if large else "is a SecureString, and a push would lose its KMS key") in err
    assert run(capsys, "pull", *AT)[1] == PLAN


class Hurried(Aws):
    """An account in which another writer stores a parameter just before each push."""

    def call(self, service: str, operation: str, /, **parameters: Any) -> dict[str, Any]:
        if operation == "put_parameter":
            parameter(Aws(), PLAN + "# theirs\n")
        return super().call(service, operation, **parameters)


def test_concurrently_created_parameter_is_not_overwritten(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert push(file, Hurried(), *AT) == 1
    assert "nothing was pushed" in capsys.readouterr().err
    assert run(capsys, "pull", *AT)[1].endswith("# theirs\n")


def test_concurrent_change_of_a_parameter_is_reported(file: Path, aws: Aws) -> None:
    parameter(aws, WEAKER)

    with pytest.raises(
        GreenlightError, match="was changed by another writer meanwhile, and this push has replaced that change"
    ):
        push(file, Hurried(), *AT)
