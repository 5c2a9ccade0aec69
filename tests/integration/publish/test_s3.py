"""Reports and pages in an S3 bucket."""

from __future__ import annotations

import json

import pytest

from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError
from greenlight.publish import s3
from tests.support.account import Account
from tests.support.channels import short_report


def test_report_is_stored_as_json_below_its_deployment(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    uri = s3.store(aws, "reports", short_report(application="shop", group="web"))
    assert uri == "s3://reports/shop/web/d-ABCDEF123/AfterInstall.json"
    stored = aws.client("s3").get_object(Bucket="reports", Key=uri.removeprefix("s3://reports/"))
    assert stored["ContentType"] == "application/json"
    assert json.loads(stored["Body"].read())["deployment"]["application"] == "shop"


def test_page_is_stored_next_to_the_report(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    uri = s3.store_page(aws, "reports", short_report(application="shop", group="web"))
    assert uri == "s3://reports/shop/web/d-ABCDEF123/AfterInstall.html"
    stored = aws.client("s3").get_object(Bucket="reports", Key=uri.removeprefix("s3://reports/"))
    assert stored["ContentType"] == "text/html; charset=utf-8"
    assert stored["Body"].read().startswith(b"<!doctype html>")


@pytest.mark.parametrize(
    ("about", "key"),
    [
        ({}, "unknown/unknown/d-ABCDEF123/AfterInstall.json"),
        ({"application": "a/b", "group": "../c"}, "a%2Fb/..%2Fc/d-ABCDEF123/AfterInstall.json"),
        ({"application": "ä b", "group": "g"}, "%C3%A4 b/g/d-ABCDEF123/AfterInstall.json"),
    ],
)
def test_name_never_adds_a_folder(about: dict[str, str], key: str) -> None:
    assert s3.report_key(short_report(**about)) == key


def test_denied_put_names_the_permission() -> None:
    with pytest.raises(AwsError, match="s3:PutObject was denied"):
        s3.store(Aws(Account({"s3.put_object": "AccessDenied"})), "reports", short_report())
