"""Lookup of plans: the order of the stores, tags, and stores that cannot be read."""

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
from greenlight.stores.plan_lookup import candidate_uris, find_plan, packed_folder, read
from tests.support.account import Account

if TYPE_CHECKING:
    from pathlib import Path

SHOP = Deployment(
    id="d-ABCDEF123", platform=Platform.ECS, stage="AfterAllowTestTraffic", application="shop", group="web"
)


def plan(name: str) -> str:
    return f"version: 1\nstages: {{AfterAllowTestTraffic: {{checks: [{{name: {name}, http: {{get: /}}}}]}}}}\n"


def name_of(plan: Any) -> str:
    return str(plan.stages["AfterAllowTestTraffic"].checks[0].name)


@pytest.fixture
def plan_everywhere(aws: Aws, tmp_path: Path) -> tuple[Aws, Settings]:
    """An account and a folder with a plan in every store."""
    bucket = aws.client("s3")
    bucket.create_bucket(Bucket="plans")
    for key in ("shop/web.yaml", "shop.yaml"):
        bucket.put_object(Bucket="plans", Key=key, Body=plan(f"s3 {key}").encode())
    aws.client("ssm").put_parameter(Name="/plans/shop/web", Value=plan("ssm"), Type="String")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/web.yaml").write_text(plan("packed group"))
    (tmp_path / "shop.yaml").write_text(plan("packed application"))
    return aws, Settings(plan_bucket="plans", plan_parameter_prefix="/plans", plan_folder=str(tmp_path))


def test_first_store_with_a_plan_wins(plan_everywhere: tuple[Aws, Settings], tmp_path: Path) -> None:
    aws, settings = plan_everywhere
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


def test_unknown_application_has_no_candidates(plan_everywhere: tuple[Aws, Settings]) -> None:
    unknown = Deployment(id="d-ABCDEF123", platform=Platform.ECS, stage="AfterAllowTestTraffic")
    assert list(candidate_uris(plan_everywhere[1], unknown)) == []


def test_deployment_without_a_group_uses_the_plan_of_its_application(plan_everywhere: tuple[Aws, Settings]) -> None:
    groupless = Deployment(id="d-ABCDEF123", platform=Platform.ECS, stage="AfterAllowTestTraffic", application="shop")
    assert name_of(find_plan(*plan_everywhere, groupless, {})) == "s3 shop.yaml"


def test_no_configured_store_has_no_plan(aws: Aws) -> None:
    assert find_plan(aws, Settings(), SHOP, {}) is None


# ---- Environments and fragments


def test_plan_is_parsed_for_the_deployments_environment(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="plans")
    text = plan("c") + "environments: {prod: {variables: {a: 1}}}\n"
    aws.client("s3").put_object(Bucket="plans", Key="shop.yaml", Body=text.encode())
    with pytest.raises(PlanError, match="this installation has no environment"):
        find_plan(aws, Settings(plan_bucket="plans"), SHOP, {})
    parsed = find_plan(aws, Settings(plan_bucket="plans"), replace(SHOP, environment="prod"), {})
    assert parsed is not None
    assert parsed.variables == {"a": 1}


def test_fragments_are_read_from_every_store(plan_everywhere: tuple[Aws, Settings], tmp_path: Path) -> None:
    aws, settings = plan_everywhere
    fragment = "version: 1\nchecks: [{name: included, http: {get: /}}]\n"
    digest = hashlib.sha256(fragment.encode()).hexdigest()
    aws.client("s3").put_object(Bucket="plans", Key="base.yaml", Body=fragment.encode())
    aws.client("ssm").put_parameter(Name="/plans/base", Value=fragment, Type="String")
    (tmp_path / "base.yaml").write_text(fragment)
    for uri in ("s3://plans/base.yaml", "ssm:/plans/base", "file:base.yaml"):
        text = f"version: 1\nstages: {{AfterAllowTestTraffic: {{include: [{{uri: '{uri}', sha256: {digest}}}]}}}}\n"
        aws.client("s3").put_object(Bucket="plans", Key="shop/web.yaml", Body=text.encode())
        parsed = find_plan(aws, settings, SHOP, {})
        assert name_of(parsed) == "included"
        assert parsed is not None
        assert [(include.uri, include.sha256) for include in parsed.source.includes] == [(uri, digest)]


def test_packed_fragment_cannot_be_outside_its_folder(plan_everywhere: tuple[Aws, Settings]) -> None:
    text = "version: 1\nstages: {AfterAllowTestTraffic: {include: [{uri: 'file:../../etc/passwd'}]}}\n"
    plan_everywhere[0].client("s3").put_object(Bucket="plans", Key="shop/web.yaml", Body=text.encode())
    with pytest.raises(PlanError, match="outside the folder of packed plans"):
        find_plan(*plan_everywhere, SHOP, {})


def test_plan_from_s3_has_its_version_id(aws: Aws) -> None:
    bucket = aws.client("s3")
    bucket.create_bucket(Bucket="plans")
    bucket.put_bucket_versioning(Bucket="plans", VersioningConfiguration={"Status": "Enabled"})
    versions = [bucket.put_object(Bucket="plans", Key="shop.yaml", Body=plan(n).encode())["VersionId"] for n in "ab"]
    parsed = find_plan(aws, Settings(plan_bucket="plans"), SHOP, {})
    assert parsed is not None
    assert (parsed.source.uri, parsed.source.version_id) == ("s3://plans/shop.yaml", versions[1])
    assert len(parsed.source.sha256) == 64


def test_denied_store_is_an_error() -> None:
    for operation in ("s3.get_object", "ssm.get_parameter"):
        table: dict[str, Any] = {"s3.get_object": "NoSuchKey", "ssm.get_parameter": "ParameterNotFound"}
        account = Account(table | {operation: "AccessDenied"})
        with pytest.raises(AwsError, match="was denied; you need that permission"):
            find_plan(Aws(account), Settings(plan_bucket="p", plan_parameter_prefix="/p"), SHOP, {})


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"x" * (MAX_BYTES + 1), "larger than"), (b"caf\xe9: 1", "not UTF-8 text")],
)
def test_too_large_or_undecodable_plan_is_rejected(aws: Aws, body: bytes, reason: str) -> None:
    aws.client("s3").create_bucket(Bucket="plans")
    aws.client("s3").put_object(Bucket="plans", Key="shop.yaml", Body=body)
    with pytest.raises(PlanError, match=reason) as refused:
        find_plan(aws, Settings(plan_bucket="plans"), SHOP, {})
    assert refused.value.source == "s3://plans/shop.yaml"


def test_byte_order_mark_is_removed(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="plans")
    aws.client("s3").put_object(Bucket="plans", Key="shop.yaml", Body=b"\xef\xbb\xbf" + plan("c").encode())
    assert name_of(find_plan(aws, Settings(plan_bucket="plans"), SHOP, {})) == "c"


@pytest.mark.parametrize("application", ["..", "../secret", "/etc/passwd", "a/../../secret"])
def test_application_name_cannot_leave_the_folder(aws: Aws, tmp_path: Path, application: str) -> None:
    (tmp_path / "secret.yaml").write_text(plan("canary"))
    folder = tmp_path / "plans"
    folder.mkdir()
    deployment = Deployment(id="d-ABCDEF123", platform=Platform.ECS, stage="AfterInstall", application=application)
    try:
        parsed = find_plan(aws, Settings(plan_folder=str(folder)), deployment, {})
    except PlanError as refused:
        assert "outside the folder" in str(refused)  # noqa: PT017 - an error and None are both right, a plan is not
    else:
        assert parsed is None


def test_packed_folder_defaults_to_the_task_root(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_invalid_tag_is_rejected_with_the_valid_forms(aws: Aws, uri: str) -> None:
    with pytest.raises(PlanError, match="write s3://BUCKET/KEY, ssm:/NAME or file:NAME"):
        find_plan(aws, Settings(plan_folder="/tmp"), SHOP, {"greenlight:plan": uri})


def test_tag_of_a_missing_plan_is_an_error(
    plan_everywhere: tuple[Aws, Settings],
) -> None:
    for uri in ("s3://plans/other.yaml", "ssm:/plans/other", "file:other.yaml"):
        with pytest.raises(PlanError, match=f"names {uri}, which does not exist"):
            find_plan(*plan_everywhere, SHOP, {"greenlight:plan": uri})


def test_tag_may_name_any_store(plan_everywhere: tuple[Aws, Settings]) -> None:
    uris = {
        "s3://plans/shop.yaml": "s3 shop.yaml",
        "ssm:/plans/shop/web": "ssm",
        " file:shop.yaml ": "packed application",
    }
    for uri, name in uris.items():
        assert name_of(find_plan(*plan_everywhere, SHOP, {"greenlight:plan": uri})) == name


def test_file_uri_needs_packed_plans(aws: Aws) -> None:
    with pytest.raises(PlanError, match="no plans are packed"):
        read(aws, Settings(), "file:/proc/self/environ")


def test_empty_tag_is_ignored(plan_everywhere: tuple[Aws, Settings]) -> None:
    assert name_of(find_plan(*plan_everywhere, SHOP, {"greenlight:plan": "  "})) == "s3 shop/web.yaml"


# ---- Secrets that the hook may read


SECRETS_AS_PLANS = [
    "hunter2XYhunter2",
    "!Passw0rd123456",
    "0049291234567812",
    "0x1F2E3D4C5B",
    "version: 'hunter2XYhunter2'",
    "p@ssW0rd-hunter2: 1",
    "hunter2XYhunter2: [",
    '{"version": 1, "stages": {"hunter2XYhunter2": {}}}',
    "version: 1\nchecks: []\nhunter2XYhunter2: 1",
    "version: 1\nstages: {AfterInstall: {checks: [hunter2XYhunter2]}}",
]
PIECES = ("hunter2", "Passw0rd", "ssW0rd", "49291234", "1F2E3D")


def refusal(aws: Aws, settings: Settings, tags: dict[str, str]) -> str:
    with pytest.raises(PlanError) as refused:
        find_plan(aws, settings, SHOP, tags)
    return str(refused.value)


@pytest.mark.parametrize(
    "uri", ["ssm:/shop/secret", "ssm:/plansecret", "ssm:/plans", "ssm:secret", "ssm:arn:aws:ssm:x"]
)
def test_parameter_outside_of_the_path_of_plans_is_refused(plan_everywhere: tuple[Aws, Settings], uri: str) -> None:
    aws, settings = plan_everywhere
    for name in ("/shop/secret", "/plansecret", "/plans", "secret"):
        aws.client("ssm").put_parameter(Name=name, Value="hunter2XYhunter2", Type="String")
    including = f"version: 1\nstages: {{AfterAllowTestTraffic: {{include: [{{uri: '{uri}'}}]}}}}\n"
    aws.client("s3").put_object(Bucket="plans", Key="including.yaml", Body=including.encode())

    for tag in (uri, "s3://plans/including.yaml"):
        message = refusal(aws, settings, {"greenlight:plan": tag})
        assert f"{uri} is outside of the SSM path of plans (PlanParameterPrefix, /plans)" in message
        assert "hunter2" not in message
    assert "outside of the SSM path" in refusal(aws, Settings(plan_bucket="plans"), {"greenlight:plan": uri})


@pytest.mark.parametrize("text", SECRETS_AS_PLANS)
def test_secret_that_is_read_as_a_plan_is_not_quoted(plan_everywhere: tuple[Aws, Settings], text: str) -> None:
    aws, settings = plan_everywhere
    aws.client("s3").create_bucket(Bucket="secrets")
    aws.client("s3").put_object(Bucket="secrets", Key="shop", Body=text.encode())
    aws.client("ssm").put_parameter(Name="/plans/secure", Value=text, Type="SecureString")
    for uri in ("s3://secrets/shop", "ssm:/plans/secure"):
        including = f"version: 1\nstages: {{AfterAllowTestTraffic: {{include: [{{uri: '{uri}'}}]}}}}\n"
        aws.client("s3").put_object(Bucket="plans", Key="including.yaml", Body=including.encode())
        for tag in (uri, "s3://plans/including.yaml"):
            message = refusal(aws, settings, {"greenlight:plan": tag})
            assert not [piece for piece in PIECES if piece.lower() in message.lower()], message
            assert "it is not quoted" in message
            assert "line 1" in message or "line 2" in message or "line 3" in message


def test_plan_in_the_plan_bucket_is_quoted(plan_everywhere: tuple[Aws, Settings]) -> None:
    aws, settings = plan_everywhere
    aws.client("s3").put_object(Bucket="plans", Key="shop.yaml", Body=b"version: 1\nstagse: {}\n")

    assert "unknown key 'stagse'" in refusal(aws, settings, {"greenlight:plan": "s3://plans/shop.yaml"})


def test_plan_in_a_secure_parameter_is_used(plan_everywhere: tuple[Aws, Settings]) -> None:
    aws, settings = plan_everywhere
    aws.client("ssm").put_parameter(Name="/plans/secure", Value=plan("secure"), Type="SecureString")

    assert name_of(find_plan(aws, settings, SHOP, {"greenlight:plan": "ssm:/plans/secure"})) == "secure"
