"""Overrides in the plan bucket: newest first, limited, and noted if they cannot be read."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

import pytest

from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError
from greenlight.stores.overrides import MAX_BYTES, MAX_OBJECTS, read_overrides
from tests.support.account import Account

if TYPE_CHECKING:
    from typing import Any

MODIFIED = datetime.datetime(2026, 11, 23, 12, tzinfo=datetime.UTC)
FOLDER = "overrides/shop/web/"


@pytest.fixture
def bucket(aws: Aws) -> Any:
    """A client of S3 with a versioned bucket."""
    client = aws.client("s3")
    client.create_bucket(Bucket="plans")
    client.put_bucket_versioning(Bucket="plans", VersioningConfiguration={"Status": "Enabled"})
    return client


def put(bucket: Any, name: str, body: bytes = b"{}") -> str:
    return str(bucket.put_object(Bucket="plans", Key=f"{FOLDER}{name}", Body=body)["VersionId"])


def test_empty_folder_has_no_overrides(aws: Aws, bucket: Any) -> None:
    assert read_overrides(aws, "plans", FOLDER) == ((), ())


def test_missing_bucket_is_an_error(aws: Aws) -> None:
    with pytest.raises(AwsError, match="s3:ListBucket failed with NoSuchBucket"):
        read_overrides(aws, "plans", FOLDER)


def test_override_has_uri_version_and_time_of_storage(aws: Aws, bucket: Any) -> None:
    put(bucket, "1.json", b"old")
    version = put(bucket, "1.json", b"new")

    ((override,), notes) = read_overrides(aws, "plans", FOLDER)

    assert (override.uri, override.version_id, override.data) == (f"s3://plans/{FOLDER}1.json", version, b"new")
    assert override.stored_at.tzinfo is not None
    assert notes == ()


def test_subfolders_and_other_folders_are_not_read(aws: Aws, bucket: Any) -> None:
    for key in (FOLDER, f"{FOLDER}deeper/1.json", "overrides/shop/web2/1.json", "overrides/shop/1.json", "shop.yaml"):
        bucket.put_object(Bucket="plans", Key=key, Body=b"{}")

    assert read_overrides(aws, "plans", FOLDER) == ((), ())


def test_too_large_object_is_noted_and_the_others_are_read(aws: Aws, bucket: Any) -> None:
    put(bucket, "1.json", b"x" * (MAX_BYTES + 1))
    put(bucket, "2.json", b"y" * MAX_BYTES)

    overrides, notes = read_overrides(aws, "plans", FOLDER)

    assert [override.uri for override in overrides] == [f"s3://plans/{FOLDER}2.json"]
    assert notes == (f"the override s3://plans/{FOLDER}1.json is not honoured: it is larger than 16 KiB",)


def test_number_of_overrides_is_limited_with_a_note(aws: Aws, bucket: Any) -> None:
    for number in range(MAX_OBJECTS + 1):
        put(bucket, f"{number:02}.json")

    overrides, notes = read_overrides(aws, "plans", FOLDER)

    assert len(overrides) == MAX_OBJECTS
    assert notes == (f"s3://plans/{FOLDER} contains more than {MAX_OBJECTS} overrides; the others were not read",)


def test_denied_object_is_noted_with_the_permission() -> None:
    listing = {"Contents": [{"Key": f"{FOLDER}1.json", "LastModified": MODIFIED}]}
    account = Account({"s3.list_objects_v2": listing, "s3.get_object": "AccessDenied"})

    overrides, notes = read_overrides(Aws(account), "plans", FOLDER)

    assert overrides == ()
    assert "s3:GetObject was denied" in notes[0]
