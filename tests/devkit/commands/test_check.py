"""greenlight check: exit status, formats, and sentences for calls that are wrong."""

from __future__ import annotations

import datetime
import json
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from devkit.cli.main import build_full_parser, main
from greenlight.testing import HttpServer
from tests.support.wire import Server, hang

if TYPE_CHECKING:
    from pathlib import Path

STAGE = ("--stage", "AfterAllowTestTraffic")


def check(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    status = main(["check", *arguments])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_a_green_that_is_wrong_ends_with_1_and_says_why(
    plan: Path, green: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(plan.read_text().replace("status: ok", "status: fine"))

    status, out, _ = check(capsys, str(plan), *STAGE, "--url", green)

    assert status == 1
    assert out.startswith("Failed: shop local at AfterAllowTestTraffic\n  RELEASE_FAILED: green answers: ")
    assert 'json status is "ok", expected "fine"' in out


def test_a_green_that_is_right_ends_with_0_though_an_advisory_check_fails(
    plan: Path, green: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = check(capsys, str(plan), *STAGE, "--url", green)

    assert status == 0
    assert "FAIL  green has a shop (advisory)" in out


def test_without_anything_that_answers_it_ends_with_1(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, _ = check(capsys, str(plan), *STAGE, "--url", "http://127.0.0.1:9")

    assert status == 1
    assert "refuses connections" in out


@pytest.mark.parametrize(("timeout", "budget"), [("300ms", "1m"), ("1m", "800ms")], ids=["of the check", "of the gate"])
def test_a_query_that_takes_very_long_is_ended_with_its_time(
    tmp_path: Path, timeout: str, budget: str, capsys: pytest.CaptureFixture[str]
) -> None:
    query = "count(//i[not(@id = preceding-sibling::i/@id)])"  # every element against every one before it
    plan = tmp_path / "plan.json"
    request = {"get": "/", "expect": {"xml": {query: 30_000}}}
    checks = [{"name": "all differ", "timeout": timeout, "http": request}]
    plan.write_text(json.dumps({"version": 1, "stages": {STAGE[1]: {"checks": checks}}}))
    body = "<l>" + "".join(f'<i id="{number}"/>' for number in range(30_000)) + "</l>"

    with HttpServer(lambda *_: (200, {"content-type": "application/xml"}, body.encode())) as service:
        where = ("--url", service.url, "--budget", budget, "--format", "json")
        status, out, _ = check(capsys, str(plan), *STAGE, *where)

    report = json.loads(out)
    assert (status, report["checks"][0]["outcome"], report["reasons"][0]["cause"]) == (1, "ERROR", "DEADLINE")
    assert report["duration_ms"] < 5000


@pytest.mark.parametrize(
    "validator", ["http: {get: /, expect: {status: 200}}", "load: {paths: [/], requests: 20}", "openapi: {}"]
)
def test_check_of_a_hung_green_that_the_budget_cuts_off_is_a_matter_of_time(
    validator: str, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(
        f"version: 1\nstages: {{AfterAllowTestTraffic: {{checks: [{{name: a, timeout: 20s, {validator}}}]}}}}\n"
    )
    with Server(hang) as green:
        status, out, _ = check(capsys, str(plan), *STAGE, "--url", green.url, "--budget", "2s", "--format", "json")

    assert (status, [reason["cause"] for reason in json.loads(out)["reasons"]]) == (1, ["DEADLINE"])


@pytest.mark.parametrize(("flags", "outcome"), [([], "FAIL"), (["--first-deployment"], "skip")], ids=["later", "first"])
def test_a_first_deployment_leaves_out_what_the_plan_skips_then(
    plan: Path, green: str, flags: list[str], outcome: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(plan.read_text().replace("severity: advisory", "on_first_deployment: skip"))

    status, out, _ = check(capsys, str(plan), *STAGE, "--url", green, *flags)

    assert status == (0 if flags else 1)
    assert f"{outcome}  green has a shop [" in out


@pytest.mark.parametrize(("bake", "first"), [("", "0/2 running"), ("bake: 10ms", "0/2 starting after a bake of 10ms")])
def test_a_terminal_is_told_how_far_it_is_from_the_beginning(
    bake: str, first: str, plan: Path, green: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(plan.read_text().replace("    checks:", f"    {bake}\n    checks:"))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    _, out, err = check(capsys, str(plan), *STAGE, "--url", green)

    lines = err.split("\r\x1b[K")
    assert lines[1] == first
    assert [line.partition(" ")[0] for line in lines[1:]] == ["0/2", "1/2", "2/2"]
    assert err.endswith("\n")
    assert "2/2" not in out


def test_a_check_from_the_command_line_is_in_no_shadow(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    until = datetime.datetime.now(datetime.UTC).date()
    plan.write_text(f'{plan.read_text()}shadow: {{until: "{until}", why: getting to know it}}\n')

    status, out, _ = check(capsys, str(plan), *STAGE, "--url", "http://127.0.0.1:9")

    assert status == 1
    assert out.startswith("Failed: ")


def test_without_a_url_that_a_check_needs_is_a_usage_error(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = check(capsys, str(plan), *STAGE)

    assert (status, out) == (2, "")
    assert "the check 'green answers' sends requests to green, and there is no URL of green; give --url, " in err


@pytest.mark.parametrize(
    "validator",
    ["http: {get: 'http://127.0.0.1:9/health', expect: {status: 200}}", "tcp: {host: 127.0.0.1, port: 9}"],
)
def test_a_url_is_not_required_of_a_check_that_names_a_host(
    validator: str, plan: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stages = f"version: 1\nstages: {{AfterAllowTestTraffic: {{checks: [{{name: a, {validator}}}]}}}}\n"
    plan.write_text(stages)

    assert check(capsys, str(plan), *STAGE, "--allow-host", "127.0.0.1")[0] == 1

    plan.write_text(f"target: {{url: 'http://127.0.0.1:9'}}\n{stages}".replace("http://127.0.0.1:9/health", "/health"))
    assert check(capsys, str(plan), *STAGE, "--allow-host", "127.0.0.1")[0] == 1


def test_a_report_has_the_command_that_checks_again(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan.write_text(plan.read_text().replace("stages:", "variables: {who: a}\nstages:", 1))
    where = (
        "--url",
        "http://127.0.0.1:9",
        "--host",
        "it's",
        "--var",
        "who=hush",
        "--budget",
        "20s",
        "--first-deployment",
    )

    _, out, _ = check(
        capsys, str(plan), *STAGE, *where, "--allow-host", "a", "--allow-host", "b", "--format", "markdown"
    )

    (typed,) = [line for line in out.splitlines() if line.startswith("$ greenlight check ")]
    parsed = vars(build_full_parser().parse_args(shlex.split(typed)[2:]))
    expected = vars(
        build_full_parser().parse_args(["check", str(plan), *STAGE, *where, "--allow-host", "a", "--allow-host", "b"])
    )
    assert parsed == {**expected, "var": ["who=VALUE"]}
    assert "hush" not in out


def test_json_on_standard_output_is_one_document_with_the_promised_keys(
    plan: Path, green: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, out, _ = check(capsys, str(plan), *STAGE, "--url", green, "--format", "json")

    document = json.loads(out)
    assert status == 0
    assert document["verdict"] == "Succeeded"
    assert document["reasons"] == []
    assert {"name", "validator", "outcome", "severity", "message", "evidence", "attempts", "duration_ms"} <= document[
        "checks"
    ][0].keys()
    assert document["plan"]["uri"] == str(plan)
    assert document["deployment"]["stage"] == "AfterAllowTestTraffic"


def test_output_goes_to_a_file_on_request(
    plan: Path, green: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "report.json"

    status, out, err = check(capsys, str(plan), *STAGE, "--url", green, "--format", "json", "-o", str(target))

    assert (status, out) == (0, "")
    assert str(target) in err
    assert json.loads(target.read_text())["verdict"] == "Succeeded"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--url", "localhost:80"), "is not a valid http or https URL"),
        (("--url", "http://127.0.0.1:9/#/"), "--url must not contain ? or #"),
        (
            ("--url", "http://127.0.0.1:9", "--blue-url", "http://127.0.0.1:9/?a=b"),
            "--blue-url must not contain ? or #",
        ),
        (("--function", "orders"), "write NAME:VERSION"),
        (("--budget", "10"), "such as 500ms, 5s or 10m"),
        (("--concurrency", "0"), "must be 1 to 256"),
        (("--url", "http://127.0.0.1:9", "-o", "/nowhere/report"), "cannot be written"),
    ],
)
def test_invalid_command_line_exits_with_2_and_a_message(
    plan: Path, arguments: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, err = check(capsys, str(plan), *STAGE, *arguments)

    assert status == 2
    assert message in err


def test_invalid_plan_exits_with_2_names_the_place_and_still_writes_a_report(
    plan: Path, green: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan.write_text(plan.read_text().replace("get: /health", "gett: /health"))

    status, out, err = check(capsys, str(plan), *STAGE, "--url", green, "--format", "json")

    document = json.loads(out)
    assert status == 2
    assert f"{plan}:6:" in err
    assert "did you mean 'get'?" in err
    assert document["verdict"] == "Failed"
    assert {reason["cause"] for reason in document["reasons"]} == {"PLAN_ERROR"}


@pytest.mark.parametrize("name", ["missing.yaml", "."])
def test_a_plan_that_cannot_be_read_ends_with_2(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = check(capsys, name, *STAGE)

    assert status == 2
    assert "Traceback" not in err
    assert name in err


def test_a_stage_that_the_plan_has_not_ends_with_2(plan: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = check(capsys, str(plan), "--stage", "BeforeAllowTraffic")

    assert status == 2
    assert "it has AfterAllowTestTraffic" in err


def test_checks_call_no_host_that_the_call_does_not_name(
    plan: Path, green: str, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = green.replace("127.0.0.1", "localhost")
    accepts = "    accepts: {evidence: environment, why: the other host is what matters here}\n    checks:"
    plan.write_text(plan.read_text().replace("/health,", f"{elsewhere}/health,").replace("    checks:", accepts))

    refused, out, _ = check(capsys, str(plan), *STAGE, "--url", green)
    allowed, _, _ = check(capsys, str(plan), *STAGE, "--url", green, "--allow-host", "localhost")

    assert (refused, allowed) == (1, 0)
    assert "localhost is neither a host of this deployment nor allowed" in out


def test_progress_and_colour_stay_out_of_a_pipe(plan: Path, green: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "devkit.cli.main", "check", str(plan), *STAGE, "--url", green],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stderr == ""
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("form", "start"),
    [
        ("junit", "<?xml "),
        ("markdown", "## ✅ Succeeded"),
        ("tap", "TAP version 14\n1..2\n"),
        ("html", "<!doctype html>\n"),
    ],
)
def test_a_report_is_written_in_the_format_that_is_asked_for(
    form: str, start: str, plan: Path, green: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "report"

    status, out, err = check(capsys, str(plan), *STAGE, "--url", green, "--format", form, "-o", str(output))

    assert (status, out) == (0, "")
    assert output.read_text(encoding="utf-8").startswith(start)
    assert err.endswith(f"Succeeded; the report is in {output}\n")


def test_two_urls_are_compared(green: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = tmp_path / "compare.yaml"
    plan.write_text(
        "version: 1\nstages:\n  AfterAllowTestTraffic:\n    checks:\n"
        "      - {name: nothing broke that worked, compare: {requests: [/health]}}\n"
    )

    with HttpServer(lambda *_: (200, {"Content-Type": "application/json"}, {"status": "ok", "release": "1"})) as blue:
        status, out, _ = check(capsys, str(plan), *STAGE, "--url", green, "--blue-url", blue.url)

    assert status == 1
    assert "release" in out
    assert check(capsys, str(plan), *STAGE, "--url", green, "--blue-url", green)[0] == 0
    assert "there is no --blue-url" in check(capsys, str(plan), *STAGE, "--url", green)[1]


def test_a_hold_is_not_asked_and_the_report_says_so(plan: Path, green: str, capsys: pytest.CaptureFixture[str]) -> None:
    hold = "    hold: {within: 30m, ask: release managers}\n    checks:"
    plan.write_text(plan.read_text().replace("    checks:", hold))

    status, out, _ = check(capsys, str(plan), *STAGE, "--url", green, "--format", "json")

    document = json.loads(out)
    assert (status, document["hold"]) == (0, None)
    assert any("only a deployment waits for one" in note for note in document["deployment"]["notes"])
