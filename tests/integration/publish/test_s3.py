"""Reports and pages in an S3 bucket."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError
from greenlight.core.report import Answer, Author, Report
from greenlight.core.verdict import Status
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


# ---- Reports of the last resort


def of_last_resort(*, is_told: bool = True, at: str = "1") -> Report:
    answer = Answer(status=Status.FAILED, told=is_told, at=at, by=Author.LAST_RESORT)
    return replace(short_report(application="shop", group="web"), answer=answer, written_by=Author.LAST_RESORT)


def test_last_resort_never_replaces_its_report(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    uri = s3.store(aws, "reports", of_last_resort())
    assert uri == "s3://reports/shop/web/d-ABCDEF123/AfterInstall.last-resort.json"

    with pytest.raises(s3.AlreadyStoredError, match=r"AfterInstall\.last-resort\.json was stored by an earlier"):
        s3.store(aws, "reports", of_last_resort(at="2"))
    assert s3.fetch(aws, "reports", uri.removeprefix("s3://reports/")) == of_last_resort()


def test_report_that_was_stored_although_its_response_was_lost_is_stored(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")

    assert s3.store(aws, "reports", of_last_resort()) == s3.store(aws, "reports", of_last_resort())


def test_report_with_an_accepted_answer_replaces_one_without(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    uri = s3.store(aws, "reports", of_last_resort(is_told=False))

    with pytest.raises(s3.AlreadyStoredError):
        s3.store(aws, "reports", of_last_resort(is_told=False, at="2"))
    assert s3.store(aws, "reports", of_last_resort(at="3")) == uri
    assert s3.fetch(aws, "reports", uri.removeprefix("s3://reports/")) == of_last_resort(at="3")


def test_last_resort_writes_beside_the_report_of_the_hook(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    hook = short_report(application="shop", group="web")

    assert s3.store(aws, "reports", hook) != s3.store(aws, "reports", of_last_resort())
    assert s3.fetch(aws, "reports", s3.report_key(hook)) == hook


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_missing_report_is_fetched_as_none(code: str) -> None:
    assert s3.fetch(Aws(Account({"s3.get_object": code})), "reports", "a.json") is None
