"""Plans in an S3 bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from greenlight.core.errors import AwsError
from greenlight.stores import s3

if TYPE_CHECKING:
    from greenlight.aws.client import Aws


def test_bucket_without_versioning_returns_no_version_id(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="plans")
    aws.client("s3").put_object(Bucket="plans", Key="a.yaml", Body=b"x")
    assert s3.read(aws, "plans/a.yaml") == ("x", "")


def test_missing_key_returns_none_and_missing_bucket_is_an_error(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="plans")
    assert s3.read(aws, "plans/none.yaml") is None
    with pytest.raises(AwsError, match="s3:GetObject failed with NoSuchBucket"):
        s3.read(aws, "no-such-bucket/a.yaml")
