"""Claims in the report bucket: their conditions, exact requests, and objects that are not claims."""

from __future__ import annotations

import datetime
import hashlib
import io
from typing import TYPE_CHECKING, Any

import botocore.session
import msgspec
import pytest
from botocore.stub import Stubber

from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError
from greenlight.stores.run_claim import ClaimStore, MalformedClaimError, RunClaim
from greenlight.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator

EXECUTION = "canary-execution"
KEY = f"runs/{hashlib.sha256(EXECUTION.encode()).hexdigest()}.json"
CLAIM = RunClaim(
    token="t-1", request_id="r-1", stage="AfterInstall", time_left_s=570.0, deadline="2030-01-01T00:00:00Z"
)
MODIFIED = datetime.datetime(2030, 1, 1, 12, 0, 0, tzinfo=datetime.UTC)


class StubbedSession:
    """Session whose only client is one that a Stubber answers for."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def client(self, _service: str, **_settings: Any) -> Any:
        return self._client


@pytest.fixture
def stub() -> Iterator[tuple[Stubber, ClaimStore]]:
    """Return a stubber and the store that it answers; every stubbed response has to be used."""
    client = botocore.session.Session().create_client(
        "s3", region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    with Stubber(client) as stubber:
        yield stubber, ClaimStore(Aws(StubbedSession(client)), "reports", EXECUTION, FakeClock())
        stubber.assert_no_pending_responses()


def request(**condition: str) -> dict[str, Any]:
    body = msgspec.json.encode(CLAIM)
    return {"Bucket": "reports", "Key": KEY, "Body": body, "ContentType": "application/json", **condition}


def stored(body: bytes, date: str = "Tue, 01 Jan 2030 12:00:30 GMT", **more: Any) -> dict[str, Any]:
    headers = {"HTTPStatusCode": 200, "HTTPHeaders": {"date": date}}
    return {"Body": io.BytesIO(body), "ETag": '"e"', "LastModified": MODIFIED, "ResponseMetadata": headers, **more}


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "KMS.DisabledException"])
def test_a_claim_that_s3_rejects_is_an_error(stub: tuple[Stubber, ClaimStore], code: str) -> None:
    stubber, store = stub
    stubber.add_client_error("put_object", code, http_status_code=403, expected_params=request(IfNoneMatch="*"))
    with pytest.raises(AwsError, match=r"s3:PutObject"):
        store.create(CLAIM, until=0)


def test_conflicts_are_repeated_until_the_given_moment(stub: tuple[Stubber, ClaimStore]) -> None:
    stubber, store = stub
    for _ in range(3):
        stubber.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
    stubber.add_response("put_object", {}, request(IfNoneMatch="*"))
    assert store.create(CLAIM, until=FakeClock().monotonic() + 60)
    stubber.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
    with pytest.raises(AwsError, match="ConditionalRequestConflict"):
        store.create(CLAIM, until=0)


def test_create_and_replace_send_their_condition_and_report_whether_it_held(stub: tuple[Stubber, ClaimStore]) -> None:
    stubber, store = stub
    stubber.add_response("put_object", {"ETag": '"e"'}, request(IfNoneMatch="*"))
    stubber.add_client_error("put_object", "PreconditionFailed", "", 412, expected_params=request(IfNoneMatch="*"))
    stubber.add_response("put_object", {"ETag": '"f"'}, request(IfMatch='"e"'))
    stubber.add_client_error("put_object", "PreconditionFailed", "", 412, expected_params=request(IfMatch='"e"'))
    assert [store.create(CLAIM, 0), store.create(CLAIM, 0)] == [True, False]
    assert [store.replace(CLAIM, '"e"', 0), store.replace(CLAIM, '"e"', 0)] == [True, False]


@pytest.mark.parametrize(
    ("response", "ends_in_s"),
    [
        (stored(msgspec.json.encode(CLAIM)), 540.0),
        (stored(msgspec.json.encode(CLAIM), date="Tue, 01 Jan 2030 12:10:00 GMT"), -30.0),
        (stored(msgspec.json.encode(CLAIM), date=""), None),
        (stored(msgspec.json.encode(CLAIM), date="yesterday"), None),
        (stored(msgspec.json.encode(CLAIM), date="Tue, 01 Jan 2030 12:00:30"), None),
    ],
)
def test_the_end_of_the_holder_follows_from_two_times_of_s3(
    stub: tuple[Stubber, ClaimStore], response: dict[str, Any], ends_in_s: float | None
) -> None:
    stubber, store = stub
    stubber.add_response("get_object", response, {"Bucket": "reports", "Key": KEY})
    claim = store.read()
    assert (claim.claim, claim.etag, claim.ends_in_s) == (CLAIM, '"e"', ends_in_s)


def test_later_versions_of_greenlight_may_add_fields(stub: tuple[Stubber, ClaimStore]) -> None:
    stubber, store = stub
    stubber.add_response("get_object", stored(msgspec.json.encode({**msgspec.to_builtins(CLAIM), "more": [1]})))
    assert store.read().claim == CLAIM


@pytest.mark.parametrize(
    "change",
    [
        {"request_id": "r\n2026-01-01 forged line"},
        {"request_id": ""},
        {"token": "x" * 101},
        {"time_left_s": -1},
        {"time_left_s": 901},
        {"schema": "greenlight.report/1"},
        {"deadline": "x" * 41},
    ],
)
def test_an_object_that_is_not_a_claim_is_refused_with_its_place(
    stub: tuple[Stubber, ClaimStore], change: dict[str, Any]
) -> None:
    stubber, store = stub
    stubber.add_response("get_object", stored(msgspec.json.encode({**msgspec.to_builtins(CLAIM), **change})))
    with pytest.raises(MalformedClaimError, match=f"s3://reports/{KEY} is not a claim of greenlight"):
        store.read()


def test_moto_performs_the_conditions_that_claims_depend_on(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    store = ClaimStore(aws, "reports", EXECUTION)
    assert [store.create(CLAIM, 0), store.create(CLAIM, 0)] == [True, False]
    etag = store.read().etag
    other = msgspec.structs.replace(CLAIM, request_id="r-2")
    assert [store.replace(other, etag, 0), store.replace(CLAIM, etag, 0)] == [True, False]
    assert store.read().claim.request_id == "r-2"
