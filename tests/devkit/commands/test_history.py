"""greenlight history: the gates of the index, newest first, and their summary."""

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
from greenlight.core.report import Answer, Author, Report
from greenlight.core.verdict import Reason, ShadowedVerdict, Status
from greenlight.publish import index
from tests.support.report_samples import ALICE, approved, opened

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET = "reports"
NOW = datetime.datetime.now(datetime.UTC)


@pytest.fixture
def aws(no_aws_account: None) -> Iterator[Aws]:
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
    """Build the report of a gate, which is closed if a blocking check fails."""
    sample = opened()
    failed = [item for item in checks if item.outcome is Outcome.FAIL and item.severity is Severity.BLOCKING]
    return replace(
        sample,
        deployment=replace(sample.deployment, **{"application": "shop", "group": "web", "id": "d-A1"} | deployment),
        checks=checks,
        verdict=Status.FAILED if failed else Status.SUCCEEDED,
        reasons=tuple(Reason(cause=Cause.RELEASE_FAILED, check=item.name, message="is wrong") for item in failed),
        started_at=(NOW - datetime.timedelta(hours=hours_ago)).isoformat(timespec="milliseconds"),
        duration_ms=took_ms,
    )


def store(aws: Aws, *reports: Report) -> None:
    for item in reports:
        index.store(aws, BUCKET, item, "s3://reports/x.json")


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["history", "--application", "shop", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    status, out, _ = shown(capsys, *arguments, "--format", "json")
    assert status == 0
    return [item["deployment"] for item in json.loads(out)["gates"]]


# ---- Errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--last", "0"), "--last must be 1 to 1000"),
        (("--last", "1001"), "--last must be 1 to 1000"),
        (("--since", "30"), "is not a valid duration; write for example 30d or 12h"),
        (("--since", "nan" + "d"), "--since must be greater than 0"),
        (("--since=-1d",), "--since must be greater than 0"),
        (("--since", "xd"), "is not a valid duration; write for example 30d or 12h"),
        (("--application", ""), "--application must not be empty"),
        (
            ("--installation", "other"),
            "there is no export other-ReportBucket in this account and region; name the report bucket with --bucket",
        ),
        (("--bucket", "nobodys"), "s3:ListBucket failed with NoSuchBucket"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_invalid_command_line_exits_with_2_and_a_message(
    aws: Aws, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, err = shown(capsys, *arguments)

    assert (status, out) == (2, "")
    assert message in err


@pytest.mark.parametrize("arguments", [(), ("--group", "web"), ("--since", "1h")], ids=["all", "group", "since"])
def test_without_gates_the_searched_place_is_named(
    aws: Aws, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    store(aws, gate(5, finding("a"), group="other", application="shop2"))

    status, out, err = shown(capsys, *arguments)

    assert (status, out) == (1, "")
    period = " of the last 1h" if "--since" in arguments else ""
    assert f"no gates{period} in s3://reports/index/shop/" in err


def test_invalid_entry_is_named_and_not_counted(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    store(aws, gate(1, finding("a")))
    for order in ("0000000000000", "0000000000001"):
        key = f"index/shop/web/{order}-20000101T000000Z-d-B2-AfterInstall.json"
        aws.call("s3", "put_object", Bucket=BUCKET, Key=key, Body=b"{}" if order[-1] == "0" else b"\xff")
    aws.call("s3", "put_object", Bucket=BUCKET, Key="index/shop/web/notes.txt", Body=b"")

    status, out, err = shown(capsys, "--format", "json")

    assert (status, len(json.loads(out)["gates"]), json.loads(out)["summary"]["gates"]) == (0, 1, 1)
    assert err.count("is not a valid entry of the index") == len(json.loads(out)["notes"]) == 2


# ---- Which gates


def test_the_newest_of_all_groups_come_first(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    store(aws, gate(3, id="d-A3"), gate(1, id="d-A1", group="api"), gate(2, id="d-A2"), gate(4, application="shopping"))

    assert listed(capsys) == ["d-A1", "d-A2", "d-A3"]
    assert listed(capsys, "--group", "web") == ["d-A2", "d-A3"]
    assert listed(capsys, "--last", "2") == ["d-A1", "d-A2"]
    assert listed(capsys, "--since", "150m") == ["d-A1", "d-A2"]
    assert listed(capsys, "--since", "1d", "--last", "1") == ["d-A1"]


def of_last_resort(report: Report) -> Report:
    answer = Answer(status=Status.FAILED, told=True, by=Author.LAST_RESORT)
    reasons = (Reason(cause=Cause.GATE_ERROR, message="the hook was killed"),)
    return replace(report, verdict=Status.FAILED, reasons=reasons, answer=answer, written_by=Author.LAST_RESORT)


def test_gate_with_two_reports_is_one_gate_with_a_mark(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    denied = replace(gate(1, id="d-A1"), answer=Answer(status=Status.SUCCEEDED, told=False))
    counting = replace(gate(2, finding("x"), id="d-A2"), answer=Answer(status=Status.SUCCEEDED, told=True))
    store(aws, denied, of_last_resort(denied), counting, of_last_resort(counting), gate(3, finding("x"), id="d-A3"))

    assert listed(capsys) == ["d-A1", "d-A2", "d-A3"]
    assert listed(capsys, "--last", "2") == ["d-A1", "d-A2"]
    _, out, _ = shown(capsys)
    first, second, *_ = out.splitlines()
    assert first.endswith("written by the last resort; GATE_ERROR: the hook was killed")
    assert "last resort" not in second
    assert "gates            3, 1 closed" in out


def test_gate_of_a_hook_that_was_killed_is_found(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    store(aws, of_last_resort(gate(1, id="d-A1")))

    assert listed(capsys) == ["d-A1"]


def test_gate_in_shadow_mode_says_so_beside_its_reason(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    shadow = ShadowedVerdict(would_have_been=Status.FAILED, until="2026-12-31", why="we begin")
    reasons = (Reason(cause=Cause.RELEASE_FAILED, check="x", message="is wrong"),)
    store(aws, replace(gate(1, finding("x")), shadow=shadow, reasons=reasons))

    _, out, _ = shown(capsys)

    assert "shadow: would have Failed; RELEASE_FAILED x: is wrong" in out


def test_further_pages_of_the_index_are_read_if_needed(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    store(aws, *(gate(number + 1, id=f"d-{number:03}") for number in range(25)))

    status, out, _ = shown(capsys, "--format", "json")
    assert (status, len(json.loads(out)["gates"]), json.loads(out)["more"]) == (0, 20, True)
    assert listed(capsys, "--since", "24h") == [f"d-{number:03}" for number in range(23)]


# ---- Summary


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
    return [index.build_entry(item, "") for item in reports]


def test_no_gates_have_no_percentiles_and_no_weeks() -> None:
    summary = history.summarize(entries(gate(1)))

    assert (summary.gates, summary.let_through, summary.p50_ms, summary.p95_ms, summary.weeks) == (0, 1, None, None, ())


def test_weeks_begin_on_monday_without_a_gap() -> None:
    def at(day: str, *checks: Finding) -> Report:
        return replace(gate(0, *checks), started_at=f"{day}T23:59:59.999+00:00")

    bad = finding("x", Outcome.FAIL)
    summary = history.summarize(
        entries(at("2026-03-01", bad), at("2026-03-02", bad), at("2026-03-08", finding("x")), at("2026-03-16", bad))
    )

    assert [(str(week.begins), week.gates, week.closed, week.share) for week in summary.weeks] == [
        ("2026-02-23", 1, 1, 1.0),
        ("2026-03-02", 2, 1, 0.5),
        ("2026-03-09", 0, 0, 0.0),
        ("2026-03-16", 1, 1, 1.0),
    ]
    assert history.sparkline([week.share for week in summary.weeks]) == "█▅▁█"


def test_a_gate_that_its_shadow_opened_counts_as_closed() -> None:
    report = replace(
        gate(1, finding("x")),
        shadow=ShadowedVerdict(would_have_been=Status.FAILED, until="2026-12-31", why="we begin"),
        reasons=(Reason(cause=Cause.RELEASE_FAILED, check="x", message="is wrong"),),
    )
    summary = history.summarize(entries(report))

    assert (summary.closed, summary.causes) == (1, {"RELEASE_FAILED": 1})


def test_skipped_check_does_not_count_and_an_advisory_one_closes_no_gate() -> None:
    summary = history.summarize(
        entries(
            gate(1, finding("a", Outcome.FAIL), finding("b", Outcome.FAIL, severity=Severity.ADVISORY)),
            gate(2, finding("a", Outcome.SKIPPED), finding("b")),
        )
    )

    assert [(item.name, item.runs, item.failed, item.closed) for item in summary.checks] == [
        ("a", 1, 1, 1),
        ("b", 2, 1, 0),
    ]


def test_a_gate_that_a_person_approved_names_the_person(aws: Aws, capsys: pytest.CaptureFixture[str]) -> None:
    held = replace(gate(1, finding("a")), hold=approved().hold)
    index.store(aws, BUCKET, held, "s3://reports/x.json")

    assert main(["history", "--application", "shop", "--bucket", BUCKET]) == 0

    assert f"approved by {ALICE}" in capsys.readouterr().out
