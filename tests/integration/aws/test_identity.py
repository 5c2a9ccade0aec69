"""A signed request proves who made a statement, and nothing else: STS verifies the signature."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from msgspec.structs import replace

from greenlight.aws.client import Aws
from greenlight.aws.identity import IdentityError, SignedIdentity, sign_identity, verify_identity
from greenlight.core.errors import AwsError
from tests.support.identity_fakes import GREENLIGHT, Caller, Sts, session_of

if TYPE_CHECKING:
    from collections.abc import Iterator

ALICE = session_of("ReleaseManager", "alice")
USER = Caller("arn:aws:iam::111122223333:user/bob", "AIDABOB", "AKIABOB", "bob's secret")
DIGEST = "0" * 64


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sts]:
    with Sts(callers=[GREENLIGHT, ALICE, USER]) as fake:
        monkeypatch.setenv("AWS_ENDPOINT_URL_STS", fake.url)
        yield fake


def signed(caller: Caller, digest: str = DIGEST) -> SignedIdentity:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in caller.environment().items():
            patch.setenv(name, value)
        return sign_identity(Aws(), digest)


def altered(identity: SignedIdentity, **parts: str) -> SignedIdentity:
    """Return another identity, decoded as a gate decodes it."""
    return msgspec.convert(msgspec.to_builtins(identity) | parts, SignedIdentity)


def test_a_signature_of_another_statement_proves_nothing(sts: Sts) -> None:
    with pytest.raises(IdentityError, match="SignatureDoesNotMatch"):
        verify_identity(Aws(), "1" * 64, signed(ALICE))


def test_a_signature_that_does_not_cover_the_statement_is_not_valid(sts: Sts) -> None:
    identity = signed(ALICE)
    without = identity.authorization.replace(";x-greenlight-hold", "")
    with pytest.raises(msgspec.ValidationError):
        altered(identity, authorization=without)


@pytest.mark.parametrize(
    "parts",
    [
        {"authorization": "Bearer x"},
        {"date": "20261128T221432Z\r\nhost: evil.example"},
        {"token": "a b"},
        {"url": "https://evil.example"},
    ],
)
def test_other_headers_are_not_valid(sts: Sts, parts: dict[str, str]) -> None:
    with pytest.raises(msgspec.ValidationError):
        altered(signed(ALICE), **parts)


def test_a_signature_with_another_token_or_without_its_token_proves_nothing(sts: Sts) -> None:
    identity = signed(ALICE)
    with pytest.raises(IdentityError):
        verify_identity(Aws(), DIGEST, replace(identity, token="another"))
    with pytest.raises(IdentityError, match="does not cover the session token"):
        verify_identity(Aws(), DIGEST, replace(identity, token=""))
    with pytest.raises(IdentityError, match="does not cover the session token"):
        verify_identity(Aws(), DIGEST, replace(signed(USER), token="another"))


def test_the_key_of_another_principal_proves_nothing(sts: Sts) -> None:
    forged = Caller(ALICE.arn, ALICE.user_id, ALICE.access_key, "guessed", ALICE.token)
    with pytest.raises(IdentityError, match="SignatureDoesNotMatch"):
        verify_identity(Aws(), DIGEST, signed(forged))


def test_an_old_signature_proves_nothing(sts: Sts) -> None:
    identity = signed(ALICE)
    sts.clock_offset_s = 3600
    with pytest.raises(IdentityError, match="ExpiredToken"):
        verify_identity(Aws(), DIGEST, identity)


def test_an_sts_that_is_down_is_an_error(sts: Sts) -> None:
    identity = signed(ALICE)
    sts.is_down = True
    with pytest.raises((IdentityError, AwsError)):
        verify_identity(Aws(), DIGEST, identity)


@pytest.mark.parametrize("caller", [ALICE, USER], ids=["session", "user"])
def test_sts_names_the_principal_that_signed(sts: Sts, caller: Caller) -> None:
    principal = verify_identity(Aws(), DIGEST, signed(caller))
    assert (principal.arn, principal.user_id, principal.account) == (caller.arn, caller.user_id, caller.account)


def test_later_calls_of_the_same_client_are_those_of_the_process(sts: Sts) -> None:
    aws = Aws()
    verify_identity(aws, DIGEST, signed(ALICE))
    assert aws.call("sts", "get_caller_identity")["Arn"] == GREENLIGHT.arn


def test_a_proof_contains_no_secret_key(sts: Sts) -> None:
    assert ALICE.secret_key not in msgspec.json.encode(signed(ALICE)).decode()
