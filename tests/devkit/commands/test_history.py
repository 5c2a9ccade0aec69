"""greenlight history: the gates of the index, newest first, and what they show together."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest
from moto import mock_aws
from msgspec.structs import replace

from devkit.cli.main import main
from devkit.reports import history
from greenlight.aws.client import Aws
from greenlight.core.finding import Cause, Finding, Outcome, Severity
from greenlight.core.report import Report
from greenlight.core.verdict import Reason, ShadowedVerdict, Status
from greenlight.publish import index
from tests.support.report_samples import opened

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "reports"
NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def aws(nobody: None) -> Iterator[Aws]:
    """Give an account whose installation has an empty report bucket."""
    with mock_aws():
        template = {
            "Resources": {"Reports": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": BUCKET}}},
            "Outputs": {"R": {"Value": {"Ref": "Reports"}, "Export": {"Name": "greenlight-ReportBucket"}}},
        }
        account = Aws()
        account.call("cloudformation", "create_stack", StackName="greenlight", TemplateBody=json.dumps(template))
        yield account


def finding(name: str, outcome: Outcome = Outcome.PASS, **more: Any) -> Finding:
    return Finding(name=name, outcome=outcome, message="m", **more)


def gate(hours_ago: float = 1, *checks: Finding, took_ms: float = 1000, **deployment: Any) -> Report:
    """Make the report of a gate; it is closed where a blocking check is no PASS."""
    sample = opened()
    broken = [each for each in checks if each.outcome is Outcome.FAIL and each.severity is Severity.BLOCKING]
    return replace(
        sample,
        deployment=replace(sample.deployment, **{"application": "shop", "group": "web", "id": "d-A1"} | deployment),
        checks=checks,
        verdict=Status.FAILED if broken else Status.SUCCEEDED,
        reasons=tuple(Reason(cause=Cause.RELEASE_FAILED, check=each.name, message="is wrong") for each in broken),
        started_at=(NOW - datetime.timedelta(hours=hours_ago)).isoformat(timespec="milliseconds"),
        duration_ms=took_ms,
    )


def store(aws: Aws, *reports: Report) -> None:
    for each in reports:
        index.store(aws, BUCKET, each, "s3://reports/x.json")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["history", "--application", "shop", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    status, out, _ = shown(capsys, *arguments, "--format", "json")
    assert status == 0
    return [each["deployment"] for each in json.loads(out)["gates"]]


# ---- What cannot be shown


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--last", "0"), "--last may be 1 to 1000"),
        (("--last", "1001"), "--last may be 1 to 1000"),
        (("--since", "30"), "--since is a time such as 30d or 12h"),
        (("--since", "nan" + "d"), "--since is longer than nothing"),
        (("--since=-1d",), "--since is longer than nothing"),
        (("--since", "xd"), "--since is a time such as 30d or 12h"),
        (("--application", ""), "--application names nothing"),
        (("--installation", "other"), "have no export other-ReportBucket; name the report bucket with --bucket"),
        (("--bucket", "nobodys"), "s3:ListBucket failed with NoSuchBucket"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_a_call_that_is_wrong_ends_with_a_sentence(
    aws: Aws, arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = shown(capsys, *arguments)

    assert (status, out) == (2, "")
    assert said in err


@pytest.mark.parametrize("arguments", [(), ("--group", "web"), ("--since", "1h")], ids=["all", "group", "since"])
def test_where_no_gate_is_it_says_where_it_looked(
    aws: Aws, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    store(aws, gate(5, finding("a"), group="other", application="shop2"))

    status, out, err = shown(capsys, *arguments)

    assert (status, out) == (1, "")
    assert "there is no gate in s3://reports/index/shop/" in err


def test_what_is_no_entry_is_named_and_never_counted(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    store(aws, gate(1, finding("a")))
    for order in ("0000000000000", "0000000000001"):
        key = f"index/shop/web/{order}-20000101T000000Z-d-B2-AfterInstall.json"
        aws.call("s3", "put_object", Bucket=BUCKET, Key=key, Body=b"{}" if order[-1] == "0" else b"\xff")
    aws.call("s3", "put_object", Bucket=BUCKET, Key="index/shop/web/notes.txt", Body=b"")

    status, out, err = shown(capsys, "--format", "json")

    assert (status, len(json.loads(out)["gates"]), json.loads(out)["summary"]["gates"]) == (0, 1, 1)
    assert err.count("is no entry of the index") == len(json.loads(out)["notes"]) == 2


# ---- Which gates


def test_the_newest_of_all_groups_come_first(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    store(aws, gate(3, id="d-A3"), gate(1, id="d-A1", group="api"), gate(2, id="d-A2"), gate(4, application="shopping"))

    assert listed(capsys) == ["d-A1", "d-A2", "d-A3"]
    assert listed(capsys, "--group", "web") == ["d-A2", "d-A3"]
    assert listed(capsys, "--last", "2") == ["d-A1", "d-A2"]
    assert listed(capsys, "--since", "150m") == ["d-A1", "d-A2"]
    assert listed(capsys, "--since", "1d", "--last", "1") == ["d-A1"]


def test_more_than_one_page_of_the_index_is_read_where_it_is_asked_for(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    store(aws, *(gate(number + 1, id=f"d-{number:03}") for number in range(25)))

    status, out, _ = shown(capsys, "--format", "json")
    assert (status, len(json.loads(out)["gates"]), json.loads(out)["more"]) == (0, 20, True)
    assert listed(capsys, "--since", "24h") == [f"d-{number:03}" for number in range(23)]


# ---- What they show together


def test_the_table_has_the_first_reason_and_the_lines_below_the_whole(
    aws: Aws, capsys: pytest.CaptureFixture[str]
) -> None:
    store(
        aws,
        gate(1, finding("orders work", Outcome.FAIL), finding("it is quick"), took_ms=2000, id="d-A1"),
        gate(2, finding("orders work"), finding("it is quick", flaky=True), id="d-A2"),
        gate(3, id="d-A3"),
    )

    status, out, err = shown(capsys)

    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].endswith(
        "AfterAllowTestTraffic  Failed         2.0 s  d-A1         web  RELEASE_FAILED orders work: is wrong"
    )
    assert lines[1].endswith("d-A2         web  flaky: it is quick")
    assert lines[2].endswith("web  let through without a check")
    assert "gates            2, 1 closed, 1 let through without a check" in lines
    assert "time to verdict  p50 1.0 s, p95 2.0 s" in lines
    assert "closed by        RELEASE_FAILED 1" in lines
    assert "      1       1       0       2  orders work" in lines
    assert "      0       0       1       2  it is quick" in lines


def test_a_name_cannot_speak_to_the_terminal(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    store(aws, gate(1, finding("\x1b[2J\nSucceeded", Outcome.FAIL), id="d-\x1b[2J"))

    out = shown(capsys)[1]

    assert "\x1b" not in out
    assert "\\x1b[2J\\nSucceeded" in out


def entries(*reports: Report) -> list[index.Entry]:
    return [index.build_entry(each, "") for each in reports]


def test_nothing_has_no_percentiles_and_no_weeks() -> None:
    whole = history.summary(entries(gate(1)))

    assert (whole.gates, whole.let_through, whole.p50_ms, whole.p95_ms, whole.weeks) == (0, 1, None, None, ())


def test_weeks_begin_on_monday_and_leave_no_gap() -> None:
    def at(day: str, *checks: Finding) -> Report:
        return replace(gate(0, *checks), started_at=f"{day}T23:59:59.999+00:00")

    bad = finding("x", Outcome.FAIL)
    whole = history.summary(
        entries(at("2026-03-01", bad), at("2026-03-02", bad), at("2026-03-08", finding("x")), at("2026-03-16", bad))
    )

    assert [(str(week.begins), week.gates, week.closed, week.share) for week in whole.weeks] == [
        ("2026-02-23", 1, 1, 1.0),
        ("2026-03-02", 2, 1, 0.5),
        ("2026-03-09", 0, 0, 0.0),
        ("2026-03-16", 1, 1, 1.0),
    ]
    assert history.sparkline([week.share for week in whole.weeks]) == "█▅▁█"


def test_a_gate_that_its_shadow_opened_counts_as_closed() -> None:
    report = replace(
        gate(1, finding("x")),
        shadow=ShadowedVerdict(would_have_been=Status.FAILED, until="2026-12-31", why="we begin"),
        reasons=(Reason(cause=Cause.RELEASE_FAILED, check="x", message="is wrong"),),
    )
    whole = history.summary(entries(report))

    assert (whole.closed, whole.causes) == (1, {"RELEASE_FAILED": 1})


def test_a_skipped_check_is_no_run_and_an_advisory_one_closes_nothing() -> None:
    whole = history.summary(
        entries(
            gate(1, finding("a", Outcome.FAIL), finding("b", Outcome.FAIL, severity=Severity.ADVISORY)),
            gate(2, finding("a", Outcome.SKIPPED), finding("b")),
        )
    )

    assert [(each.name, each.runs, each.failed, each.closed) for each in whole.checks] == [
        ("a", 1, 1, 1),
        ("b", 2, 1, 0),
    ]
