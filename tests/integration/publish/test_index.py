"""Index of the report bucket."""

from __future__ import annotations

import json

import msgspec
import pytest

from greenlight.aws.client import Aws
from greenlight.core.finding import Cause, Finding, Outcome
from greenlight.core.verdict import Reason
from greenlight.publish import index
from tests.support.channels import short_report


def test_entry_of_the_index_refers_to_the_report(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    uri = index.store(aws, "reports", short_report(application="a/b", group="web"), "s3://reports/x.json")
    assert uri == "s3://reports/index/a%2Fb/web/9053315199999-20000101T000000Z-d-ABCDEF123-AfterInstall.json"
    stored = aws.client("s3").get_object(Bucket="reports", Key=uri.removeprefix("s3://reports/"))
    entry = json.loads(stored["Body"].read())
    assert (entry["schema"], entry["verdict"], entry["report"]) == (
        "greenlight.index/1",
        "Failed",
        "s3://reports/x.json",
    )


def test_unknown_deployment_has_an_entry_and_the_same_run_the_same_key(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    uris = {index.store(aws, "reports", short_report(), "") for _ in range(2)}
    assert len(uris) == 1
    assert uris.pop().startswith("s3://reports/index/unknown/unknown/")


def test_keys_sort_from_newest_to_oldest(aws: Aws) -> None:
    times = ["1999-12-31T23:59:59.999+00:00", "2000-01-01T00:00:00.000+00:00", "2026-02-01T10:00:00.000+01:00"]
    keys = [index.entry_key(msgspec.structs.replace(short_report(), started_at=at)) for at in times]
    assert sorted(keys) == keys[::-1]
    assert [index.parse_key_time(key) for key in keys] == [946684799.999, 946684800.0, 1769936400.0]


@pytest.mark.parametrize("key", ["", "index/a/g/AfterInstall.json", "index/a/d-A1/AfterInstall.json", "index/a/g/1-x"])
def test_invalid_key_has_no_time(key: str) -> None:
    assert index.parse_key_time(key) is None


def test_very_large_report_has_a_small_entry() -> None:
    reasons = tuple(Reason(cause=Cause.GATE_ERROR, message="x" * 5000) for _ in range(50))
    checks = tuple(Finding(outcome=Outcome.PASS, message="y" * 5000, name=f"n{n}") for n in range(600))
    entry = index.build_entry(msgspec.structs.replace(short_report(), reasons=reasons, checks=checks), "")
    assert (len(entry.reasons), len(entry.checks), entry.left_out) == (10, 500, 100)
    assert len(msgspec.json.encode(entry)) < 64 * 1024
