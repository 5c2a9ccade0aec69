"""Where plans are looked for, in which order, and that what cannot be read is not what does not exist."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from greenlight.aws.client import Aws
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import AwsError, PlanError
from greenlight.core.settings import Settings
from greenlight.plan.yaml_reader import MAX_BYTES
from greenlight.stores import file, s3, ssm
from greenlight.stores.plan_lookup import candidates, find_plan, packed_folder, read
from tests.support.account import Account

if TYPE_CHECKING:
    from pathlib import Path

SHOP = Deployment(
    id="d-ABCDEF123", platform=Platform.ECS, stage="AfterAllowTestTraffic", application="shop", group="web"
)


def plan(name: str) -> str:
    return f"version: 1\nstages: {{AfterAllowTestTraffic: {{checks: [{{name: {name}, http: {{get: /}}}}]}}}}\n"


def name_of(found: Any) -> str:
    return str(found.stages["AfterAllowTestTraffic"].checks[0].name)


@pytest.fixture
def everywhere(aws: Aws, tmp_path: Path) -> tuple[Aws, Settings]:
    """Give an account and a folder with a plan in every place that the convention knows."""
    bucket = aws.client("s3")
    bucket.create_bucket(Bucket="plans")
    for key in ("shop/web.yaml", "shop.yaml"):
        bucket.put_object(Bucket="plans", Key=key, Body=plan(f"s3 {key}").encode())
    aws.client("ssm").put_parameter(Name="/plans/shop/web", Value=plan("ssm"), Type="String")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/web.yaml").write_text(plan("packed group"))
    (tmp_path / "shop.yaml").write_text(plan("packed application"))
    return aws, Settings(plan_bucket="plans", plan_parameter_prefix="/plans", plan_folder=str(tmp_path))


def test_the_first_place_that_has_a_plan_wins(everywhere: tuple[Aws, Settings], tmp_path: Path) -> None:
    aws, settings = everywhere
    tags = {"greenlight:plan": f"file:{tmp_path}/shop.yaml"}
    assert name_of(find_plan(aws, settings, SHOP, tags)) == "packed application"
    order = []
    for remove in (
        lambda: aws.client("s3").delete_object(Bucket="plans", Key="shop/web.yaml"),
        lambda: aws.client("s3").delete_object(Bucket="plans", Key="shop.yaml"),
        lambda: aws.client("ssm").delete_parameter(Name="/plans/shop/web"),
        lambda: (tmp_path / "shop/web.yaml").unlink(),
        lambda: (tmp_path / "shop.yaml").unlink(),
    ):
        order.append(name_of(find_plan(aws, settings, SHOP, {})))
        remove()
    assert order == ["s3 shop/web.yaml", "s3 shop.yaml", "ssm", "packed group", "packed application"]
    assert find_plan(aws, settings, SHOP, {}) is None


def test_an_unknown_application_has_no_plan_anywhere(everywhere: tuple[Aws, Settings]) -> None:
    nobody = Deployment(id="d-ABCDEF123", platform=Platform.ECS, stage="AfterAllowTestTraffic")
    assert list(candidates(everywhere[1], nobody)) == []


def test_a_deployment_without_a_group_has_the_plan_of_its_application(everywhere: tuple[Aws, Settings]) -> None:
    groupless = Deployment(id="d-ABCDEF123", platform=Platform.ECS, stage="AfterAllowTestTraffic", application="shop")
    assert name_of(find_plan(*everywhere, groupless, {})) == "s3 shop.yaml"


def test_nowhere_to_look_is_no_plan(aws: Aws) -> None:
    assert find_plan(aws, Settings(), SHOP, {}) is None


# ---- Environments and fragments


def test_a_plan_is_read_for_the_deployments_environment(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="plans")
    text = plan("c") + "environments: {prod: {variables: {a: 1}}}\n"
    aws.client("s3").put_object(Bucket="plans", Key="shop.yaml", Body=text.encode())
    with pytest.raises(PlanError, match="this installation has no environment"):
        find_plan(aws, Settings(plan_bucket="plans"), SHOP, {})
    found = find_plan(aws, Settings(plan_bucket="plans"), replace(SHOP, environment="prod"), {})
    assert found is not None
    assert found.variables == {"a": 1}


def test_fragments_are_read_from_the_places_of_plans(everywhere: tuple[Aws, Settings], tmp_path: Path) -> None:
    aws, settings = everywhere
    fragment = "version: 1\nchecks: [{name: included, http: {get: /}}]\n"
    digest = hashlib.sha256(fragment.encode()).hexdigest()
    aws.client("s3").put_object(Bucket="plans", Key="base.yaml", Body=fragment.encode())
    aws.client("ssm").put_parameter(Name="/plans/base", Value=fragment, Type="String")
    (tmp_path / "base.yaml").write_text(fragment)
    for uri in ("s3://plans/base.yaml", "ssm:/plans/base", "file:base.yaml"):
        text = f"version: 1\nstages: {{AfterAllowTestTraffic: {{include: [{{uri: '{uri}', sha256: {digest}}}]}}}}\n"
        aws.client("s3").put_object(Bucket="plans", Key="shop/web.yaml", Body=text.encode())
        found = find_plan(aws, settings, SHOP, {})
        assert name_of(found) == "included"
        assert found is not None
        assert [(each.uri, each.sha256) for each in found.source.includes] == [(uri, digest)]


def test_a_packed_fragment_cannot_be_outside_of_its_folder(everywhere: tuple[Aws, Settings]) -> None:
    text = "version: 1\nstages: {AfterAllowTestTraffic: {include: [{uri: 'file:../../etc/passwd'}]}}\n"
    everywhere[0].client("s3").put_object(Bucket="plans", Key="shop/web.yaml", Body=text.encode())
    with pytest.raises(PlanError, match="outside of the folder of packed plans"):
        find_plan(*everywhere, SHOP, {})


# ---- S3


def test_a_plan_from_s3_has_the_version_it_was_read_in(aws: Aws) -> None:
    bucket = aws.client("s3")
    bucket.create_bucket(Bucket="plans")
    bucket.put_bucket_versioning(Bucket="plans", VersioningConfiguration={"Status": "Enabled"})
    versions = [bucket.put_object(Bucket="plans", Key="shop.yaml", Body=plan(n).encode())["VersionId"] for n in "ab"]
    found = find_plan(aws, Settings(plan_bucket="plans"), SHOP, {})
    assert found is not None
    assert (found.source.uri, found.source.version_id) == ("s3://plans/shop.yaml", versions[1])
    assert len(found.source.sha256) == 64


def test_a_bucket_that_keeps_no_versions_gives_none(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="plans")
    aws.client("s3").put_object(Bucket="plans", Key="a.yaml", Body=b"x")
    assert s3.read(aws, "plans/a.yaml") == ("x", "")


def test_a_missing_key_is_no_plan_and_a_missing_bucket_is_an_error(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="plans")
    assert s3.read(aws, "plans/none.yaml") is None
    with pytest.raises(AwsError, match="s3:GetObject failed with NoSuchBucket"):
        s3.read(aws, "no-such-bucket/a.yaml")


def test_a_place_that_may_not_be_read_is_not_a_place_without_a_plan() -> None:
    for operation in ("s3.get_object", "ssm.get_parameter"):
        table: dict[str, Any] = {"s3.get_object": "NoSuchKey", "ssm.get_parameter": "ParameterNotFound"}
        account = Account(table | {operation: "AccessDenied"})
        with pytest.raises(AwsError, match="was denied; you need that permission"):
            find_plan(Aws(account), Settings(plan_bucket="p", plan_parameter_prefix="/p"), SHOP, {})


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"x" * (MAX_BYTES + 1), "larger than"), (b"caf\xe9: 1", "not UTF-8 text")],
)
def test_a_plan_that_is_no_text_of_a_sensible_size_is_refused(aws: Aws, body: bytes, said: str) -> None:
    aws.client("s3").create_bucket(Bucket="plans")
    aws.client("s3").put_object(Bucket="plans", Key="shop.yaml", Body=body)
    with pytest.raises(PlanError, match=said) as refused:
        find_plan(aws, Settings(plan_bucket="plans"), SHOP, {})
    assert refused.value.source == "s3://plans/shop.yaml"


def test_a_byte_order_mark_is_no_part_of_a_plan(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="plans")
    aws.client("s3").put_object(Bucket="plans", Key="shop.yaml", Body=b"\xef\xbb\xbf" + plan("c").encode())
    assert name_of(find_plan(aws, Settings(plan_bucket="plans"), SHOP, {})) == "c"


# ---- SSM


def test_a_parameter_is_read_with_its_version_and_decrypted(aws: Aws) -> None:
    for value in ("one", "two"):
        aws.client("ssm").put_parameter(Name="/plans/shop/web", Value=value, Type="SecureString", Overwrite=True)
    assert ssm.read(aws, "/plans/shop/web") == ("two", "2")
    assert ssm.read(aws, "/plans/none") is None


# ---- Files


@pytest.mark.parametrize(
    "name", ["../secret.yaml", "/etc/passwd", "a/../../secret.yaml", "link.yaml", "linked/secret.yaml"]
)
def test_a_packed_plan_cannot_be_outside_of_its_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret.yaml").write_text("canary")
    folder = tmp_path / "plans"
    (folder / "a").mkdir(parents=True)
    (folder / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    (folder / "linked").symlink_to(tmp_path)
    with pytest.raises(PlanError, match="outside of the folder of packed plans") as refused:
        file.read(name, str(folder))
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("application", ["..", "../secret", "/etc/passwd", "a/../../secret"])
def test_an_applications_name_leads_nowhere_else(aws: Aws, tmp_path: Path, application: str) -> None:
    (tmp_path / "secret.yaml").write_text(plan("canary"))
    folder = tmp_path / "plans"
    folder.mkdir()
    deployment = Deployment(id="d-ABCDEF123", platform=Platform.ECS, stage="AfterInstall", application=application)
    try:
        found = find_plan(aws, Settings(plan_folder=str(folder)), deployment, {})
    except PlanError as refused:
        assert "outside of the folder" in str(refused)  # noqa: PT017 - either answer is right, a plan is not
    else:
        assert found is None


def test_what_is_no_file_is_no_plan_or_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "plain").write_text("x")
    assert file.read("none.yaml", str(tmp_path)) is None
    assert file.read("plain/none.yaml", str(tmp_path)) is None
    with pytest.raises(PlanError, match="cannot be read: Is a directory"):
        file.read("folder.yaml", str(tmp_path))


def test_plans_are_packed_in_the_task_root_unless_a_folder_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert packed_folder(Settings()) == ""
    monkeypatch.setenv("LAMBDA_TASK_ROOT", "/var/task")
    assert packed_folder(Settings()) == os.path.join("/var/task", "plans")
    assert packed_folder(Settings(plan_folder="/else")) == "/else"


# ---- The tag


@pytest.mark.parametrize(
    "uri",
    [
        "shop.yaml",
        "http://example.com/p.yaml",
        "s3:plans/shop.yaml",
        "s3://",
        "s3://bucket",
        "s3://bucket/",
        "ssm:",
        "file:",
        "ssm",
    ],
)
def test_a_tag_that_is_no_place_says_what_one_looks_like(aws: Aws, uri: str) -> None:
    with pytest.raises(PlanError, match="write s3://BUCKET/KEY, ssm:/NAME or file:NAME"):
        find_plan(aws, Settings(plan_folder="/tmp"), SHOP, {"greenlight:plan": uri})


def test_a_tag_that_names_what_is_not_there_is_refused_and_nothing_else_is_looked_for(
    everywhere: tuple[Aws, Settings],
) -> None:
    for uri in ("s3://plans/other.yaml", "ssm:/plans/other", "file:other.yaml"):
        with pytest.raises(PlanError, match=f"names {uri}, and there is nothing"):
            find_plan(*everywhere, SHOP, {"greenlight:plan": uri})


def test_a_tag_may_name_any_of_the_places(everywhere: tuple[Aws, Settings]) -> None:
    uris = {
        "s3://plans/shop.yaml": "s3 shop.yaml",
        "ssm:/plans/shop/web": "ssm",
        " file:shop.yaml ": "packed application",
    }
    for uri, name in uris.items():
        assert name_of(find_plan(*everywhere, SHOP, {"greenlight:plan": uri})) == name


def test_a_file_cannot_be_named_where_no_plans_are_packed(aws: Aws) -> None:
    with pytest.raises(PlanError, match="no plans are packed"):
        read(aws, Settings(), "file:/proc/self/environ")


def test_an_empty_tag_is_none(everywhere: tuple[Aws, Settings]) -> None:
    assert name_of(find_plan(*everywhere, SHOP, {"greenlight:plan": "  "})) == "s3 shop/web.yaml"
