"""Paths of secrets: no plan refers to the secret of another application, whatever it or the application is called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.secret_paths import SecretReference, forbidden_reason, is_path, parse_reference

PATHS = ("greenlight/{application}", "shared/smoke")
MANAGER_ARN = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:"
PARAMETER_ARN = "arn:aws:ssm:eu-central-1:111122223333:parameter/"


@pytest.mark.parametrize(
    "reference",
    [
        "secretsmanager:greenlight/billing/token",
        "secretsmanager:greenlight/billing/token#key",
        "secretsmanager:greenlight/shop",
        "secretsmanager:greenlight/shop#key",
        "secretsmanager:greenlight/shop/",
        "secretsmanager:greenlight/shop2/token",
        "secretsmanager:greenlight/Shop/token",
        "secretsmanager:greenlight/shop /token",
        "secretsmanager:greenlight/sh*p/token",
        "secretsmanager:greenlight/*/token",
        "secretsmanager:greenlight/?hop/token",
        "secretsmanager:greenlight/{application}/token",
        "secretsmanager:greenlight/shop/../billing/token",
        "secretsmanager:greenlight/./shop/token",
        "secretsmanager:greenlight/billing/../shop/token",
        "secretsmanager:greenlight//shop/token",
        "secretsmanager://greenlight/shop/token",
        "secretsmanager:greenlight\\shop\\token",
        "secretsmanager:greenlight%2Fshop%2Ftoken",
        "secretsmanager:x/greenlight/shop/token",
        "secretsmanager:shop/token",
        "secretsmanager:shared/smoke",
        "secretsmanager:shared/other/token",
        f"secretsmanager:{MANAGER_ARN}greenlight/billing/token-AbCdEf",
        f"secretsmanager:{MANAGER_ARN}greenlight/shop-AbCdEf",
        f"secretsmanager:{MANAGER_ARN}other-AbCdEf:greenlight/shop/token",
        f"secretsmanager:{PARAMETER_ARN}greenlight/shop/token",
        "secretsmanager:arn:greenlight/shop/token",
        "secretsmanager:ARN:aws:secretsmanager:eu-central-1:111122223333:secret:greenlight/shop/token",
        "ssm:/greenlight/billing/token",
        "ssm:/greenlight/shop",
        "ssm:/aws/reference/secretsmanager/greenlight/shop/token",
        f"ssm:{PARAMETER_ARN}greenlight/billing/token",
        f"ssm:{MANAGER_ARN}greenlight/shop/token-AbCdEf",
        "secretsmanager:",
        "",
    ],
)
def test_secret_outside_the_paths_of_an_application_is_refused(reference: str) -> None:
    reason = forbidden_reason(reference, "shop", PATHS)

    assert reason == (
        "plans of shop may refer to secrets below greenlight/shop/ or shared/smoke/ only (SecretPaths); "
        "use a secret with such a name, or ask the operator of greenlight to add its path"
    )


@pytest.mark.parametrize("application", ["", ".", "..", "a/b", "/", "shop/", "shop/token"])
def test_application_whose_name_is_not_one_segment_has_no_secrets_of_its_own(application: str) -> None:
    for name in (f"greenlight/{application}/token", "greenlight/shop/token", "greenlight//token", "greenlight/a/b/c"):
        assert "may refer to no secret" in forbidden_reason(f"ssm:/{name}", application, PATHS[:1])
    assert forbidden_reason("ssm:/shared/smoke/token", application, PATHS) == ""


@pytest.mark.parametrize("application", ["*", "?", "sh*p", "[a-z]+", ".*", "{application}", "SHOP", "billin\u0261"])
def test_application_is_compared_as_text_and_never_as_a_pattern(application: str) -> None:
    assert forbidden_reason("ssm:/greenlight/shop/token", application, PATHS)
    assert forbidden_reason("ssm:/greenlight/billing/token", application, PATHS)


def test_application_named_like_the_secret_of_another_one_cannot_read_it() -> None:
    arn = f"secretsmanager:{MANAGER_ARN}greenlight/shop-AbCdEf"

    assert forbidden_reason(arn, "shop-AbCdEf", PATHS)


@given(owner=st.text(min_size=1, max_size=12), other=st.text(max_size=12), rest=st.text(max_size=12))
def test_no_application_reads_what_is_below_the_path_of_another_one(owner: str, other: str, rest: str) -> None:
    if owner != other and "/" not in owner and "#" not in owner:
        assert forbidden_reason(f"secretsmanager:greenlight/{owner}/{rest}", other, PATHS[:1])


@pytest.mark.parametrize(
    "reference",
    [
        "secretsmanager:greenlight/shop/token",
        "secretsmanager:greenlight/shop/token#key",
        "secretsmanager:greenlight/shop/smoke/token",
        "secretsmanager:/greenlight/shop/token",
        "secretsmanager:shared/smoke/token",
        f"secretsmanager:{MANAGER_ARN}greenlight/shop/token-AbCdEf#key",
        "ssm:/greenlight/shop/token",
        "ssm:/greenlight/shop/token:3",
        f"ssm:{PARAMETER_ARN}greenlight/shop/token",
    ],
)
def test_secret_below_the_paths_of_an_application_is_allowed(reference: str) -> None:
    assert forbidden_reason(reference, "shop", PATHS) == ""


@pytest.mark.parametrize("path", ["{application}/smoke", "/{application}/smoke/", "a/{application}", "{application}"])
def test_application_may_be_any_segment_of_a_path(path: str) -> None:
    name = path.strip("/").replace("{application}", "shop")

    assert forbidden_reason(f"ssm:/{name}/token", "shop", [path]) == ""
    assert forbidden_reason(f"ssm:/{name.replace('shop', 'billing')}/token", "shop", [path])


def test_every_secret_is_allowed_without_paths() -> None:
    assert forbidden_reason("secretsmanager:greenlight/billing/token", "shop", ()) == ""


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/",
        "a//b",
        "..",
        "a/../b",
        "./a",
        "a*",
        "*",
        "a b",
        "{app}",
        "x-{application}",
        "{application}x",
        "ä",
        ".a",
        "//a",
        "a//",
    ],
)
def test_invalid_path_is_rejected(text: str) -> None:
    assert not is_path(text)


@pytest.mark.parametrize(
    "text", ["greenlight/{application}", "/greenlight/{application}/", "{application}", "a_+=.@-b"]
)
def test_valid_path_is_accepted(text: str) -> None:
    assert is_path(text)


@pytest.mark.parametrize(
    ("reference", "parts"),
    [
        ("", ("", "", "")),
        ("ssm:/a#b", ("ssm", "/a", "b")),
        ("secretsmanager:a/b#c#d", ("secretsmanager", "a/b", "c#d")),
        (f"secretsmanager:{MANAGER_ARN}a", ("secretsmanager", f"{MANAGER_ARN}a", "")),
    ],
)
def test_reference_is_split_into_its_parts(reference: str, parts: tuple[str, str, str]) -> None:
    assert parse_reference(reference) == SecretReference(*parts)
