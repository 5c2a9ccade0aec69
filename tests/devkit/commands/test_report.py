"""greenlight report: reports from files and from the report bucket, and messages for missing ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from moto import mock_aws
from msgspec.structs import replace

from devkit.cli.main import main
from greenlight.aws.client import Aws
from greenlight.core.report import Answer, Author
from greenlight.core.verdict import Status
from greenlight.publish import s3
from greenlight.report import json as as_json
from tests.support.report_samples import closed, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ID = closed().deployment.id
BUCKET = "reports"


@pytest.fixture
def bucket(no_aws_account: pytest.MonkeyPatch) -> Iterator[Aws]:
    """Give an account whose report bucket holds nothing yet."""
    no_aws_account.setenv("GREENLIGHT_REPORT_BUCKET", BUCKET)
    with mock_aws():
        account = Aws()
        account.call("s3", "create_bucket", Bucket=BUCKET)
        yield account


def report(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["report", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def store(aws: Aws, *stages: str, verdict: Status = Status.SUCCEEDED) -> None:
    for stage in stages:
        sample = opened() if verdict is Status.SUCCEEDED else closed()
        s3.store(aws, BUCKET, replace(sample, deployment=replace(sample.deployment, stage=stage)))
        s3.store_page(aws, BUCKET, replace(sample, deployment=replace(sample.deployment, stage=stage)))


# ---- From a file


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"schema": "x"}', "\xff", "[" * 100_000])
def test_file_that_is_not_a_report_is_rejected(
    content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "report.json"
    path.write_text(content, encoding="latin-1")

    status, out, err = report(capsys, str(path))

    assert (status, out) == (2, "")
    assert "is not a valid report of greenlight" in err


def test_report_of_another_schema_is_rejected(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "report.json"
    path.write_text(as_json.render(replace(closed(), schema="greenlight.report/9")), encoding="utf-8")

    status, _, err = report(capsys, str(path))

    assert (status, "this version reads greenlight.report/1" in err) == (2, True)


def test_a_file_that_is_not_there_is_not_found(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = report(capsys, "nowhere.json")

    assert (status, "nowhere.json: file not found" in err) == (1, True)


def test_a_file_is_written_in_another_format_also_one_of_an_older_or_newer_greenlight(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(as_json.render(closed()))
    del document["clock"], document["checks"][0]["tries"]
    document["of the future"] = document["checks"][0]["of the future"] = [1]
    path, page = tmp_path / "report.json", tmp_path / "report.html"
    path.write_text(json.dumps(document), encoding="utf-8")

    status, out, err = report(capsys, str(path), "--format", "html", "-o", str(page))

    assert (status, out, err) == (0, "", f"Failed; the report is in {page}\n")
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


# ---- From the report bucket


def test_without_a_bucket_or_an_installation_it_asks_for_one(
    bucket: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("GREENLIGHT_REPORT_BUCKET", raising=False)

    status, _, err = report(capsys, ID)

    assert (status, "name the report bucket with --bucket" in err) == (2, True)


def test_group_without_application_is_rejected(bucket: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    assert report(capsys, ID, "--group", "g")[0] == 2


def test_a_bucket_that_is_not_there_is_named(bucket: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = report(capsys, ID, "--bucket", "nobodys")

    assert (status, "s3:ListBucket failed with NoSuchBucket" in err) == (2, True)


def test_a_deployment_without_reports_is_not_found(bucket: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    store(bucket, "AfterInstall")

    assert report(capsys, "d-OTHER0001")[0] == 1
    status, _, err = report(capsys, ID, "--stage", "BeforeInstall")
    assert (status, f"has no report of {ID} at BeforeInstall" in err) == (1, True)


def store_both(aws: Aws, *, is_told: bool) -> None:
    """Store a report of a hook and one of the last resort for the same gate."""
    hook = closed(answer=Answer(status=Status.FAILED, told=is_told))
    s3.store(aws, BUCKET, hook)
    answer = Answer(status=Status.FAILED, told=True, by=Author.LAST_RESORT)
    s3.store(aws, BUCKET, replace(hook, answer=answer, written_by=Author.LAST_RESORT))


@pytest.mark.parametrize(("is_told", "other"), [(False, "hook"), (True, "last-resort")])
def test_report_with_the_answer_of_codedeploy_is_shown_and_the_other_is_named(
    is_told: bool, other: str, bucket: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    store_both(bucket, is_told=is_told)

    status, out, err = report(capsys, ID, "--format", "json")

    assert (status, json.loads(out)["written_by"] == other) == (0, False)
    name = "AfterAllowTestTraffic" + ".last-resort" * (other == "last-resort")
    place = f"s3://{BUCKET}/shop/shop-blue-green/{ID}/{name}.json"
    assert err == f"greenlight report: the {other} has a report of AfterAllowTestTraffic as well: {place}\n"
    assert report(capsys, place)[0] == 0


def test_report_of_the_last_resort_alone_is_found_by_stage(bucket: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    s3.store(bucket, BUCKET, closed(written_by=Author.LAST_RESORT))

    status, out, _ = report(capsys, ID, "--stage", "AfterAllowTestTraffic")

    assert (status, out.startswith("Failed")) == (0, True)


@pytest.mark.parametrize(
    "place", [(), ("--application", "shop"), ("--application", "shop", "--group", "shop-blue-green")]
)
def test_the_first_closed_gate_is_shown_and_the_others_are_listed(
    place: tuple[str, ...], bucket: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    store(bucket, "BeforeInstall", "AfterInstall")
    store(bucket, "AfterAllowTestTraffic", verdict=Status.FAILED)

    status, out, err = report(capsys, ID, *place)

    assert status == 0
    assert out.startswith(f"Failed (1 check overridden): shop/shop-blue-green {ID} at AfterAllowTestTraffic\n")
    assert "there is also a report of AfterInstall (Succeeded); show it with --stage AfterInstall" in err


def test_the_last_gate_is_shown_if_no_gate_was_closed(bucket: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    store(bucket, "AfterInstall", "BeforeInstall", "BeforeAllowTraffic")

    assert report(capsys, ID)[1].startswith(f"Succeeded: shop/shop-blue-green {ID} at BeforeAllowTraffic\n")


def test_one_stage_can_be_asked_for_and_json_is_the_document(bucket: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    store(bucket, "BeforeInstall", "AfterInstall")

    status, out, err = report(capsys, ID, "--stage", "BeforeInstall", "--format", "json")

    assert (status, err) == (0, "")
    assert json.loads(out)["deployment"]["stage"] == "BeforeInstall"


def test_names_that_are_quoted_in_the_bucket_are_found(bucket: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    sample = opened()
    s3.store(bucket, BUCKET, replace(sample, deployment=replace(sample.deployment, application="a/b ä", group="")))

    assert report(capsys, ID, "--application", "a/b ä")[0] == 0
    assert report(capsys, ID)[0] == 0


def test_the_place_that_the_log_names_is_fetched_as_it_is(bucket: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    uri = s3.store(bucket, BUCKET, opened())

    assert report(capsys, uri)[1].startswith("Succeeded: ")
    status, _, err = report(capsys, uri.replace(ID, "d-OTHER0001"))
    assert (status, "there is no s3://reports/shop/shop-blue-green/d-OTHER0001/" in err) == (1, True)


@pytest.mark.parametrize("uri", ["s3://", "s3://reports", "s3://Wrong_Bucket!/k"])
def test_invalid_s3_uri_is_rejected(uri: str, bucket: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = report(capsys, uri)

    assert (status, err.startswith("greenlight: s3:GetObject")) == (2, True)
