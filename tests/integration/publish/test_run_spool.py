"""Partial reports in a bucket."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError
from greenlight.publish import run_spool
from greenlight.publish.run_spool import PartialRun
from tests.support.account import Account
from tests.support.channels import short_report


@pytest.mark.parametrize("code", ["NoSuchKey", "AccessDenied"])
def test_missing_run_is_fetched_as_none(code: str) -> None:
    assert run_spool.fetch(Aws(Account({"s3.get_object": code})), "reports", "ab12") is None


def test_bucket_that_fails_is_an_error() -> None:
    with pytest.raises(AwsError):
        run_spool.fetch(Aws(Account({"s3.get_object": "SlowDown"})), "reports", "ab12")


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b"\xff", b"[" * 100_000, b'{"schema":"x","report":{}}'])
def test_invalid_run_is_fetched_as_none(aws: Aws, data: bytes) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    run_spool.store(aws, "reports", "ab12", data)

    assert run_spool.fetch(aws, "reports", "ab12") is None


def test_run_of_another_schema_is_fetched_as_none(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    run = PartialRun(schema="greenlight.run/9", report=short_report())
    run_spool.store(aws, "reports", "ab12", run_spool.encode(run, "x" * 40))

    assert run_spool.fetch(aws, "reports", "ab12") is None


@pytest.mark.parametrize("started_at", ["", "now", "2026-11-02T10:00:00"])
def test_run_without_a_valid_start_is_fetched_as_none(aws: Aws, started_at: str) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    run = PartialRun(report=replace(short_report(), started_at=started_at))
    run_spool.store(aws, "reports", "ab12", run_spool.encode(run, "x" * 40))

    assert run_spool.fetch(aws, "reports", "ab12") is None


def test_run_that_was_stored_is_fetched(aws: Aws) -> None:
    aws.client("s3").create_bucket(Bucket="reports")
    run = PartialRun(report=short_report(), judged=True)

    uri = run_spool.store(aws, "reports", "ab12", run_spool.encode(run, "x" * 40))

    assert uri == "s3://reports/runs/ab12.partial.json"
    assert run_spool.fetch(aws, "reports", "ab12") == run
