"""Hostile input: every command prints a message without a traceback and exits with 2."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from devkit.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Reject = Callable[..., str]

DEEP = "[" * 100_000


@pytest.fixture
def reject(capsys: pytest.CaptureFixture[str]) -> Reject:
    """Call a command that must exit with 2, and return its output."""

    def call(*arguments: str) -> str:
        assert main(arguments) == 2
        captured = capsys.readouterr()
        assert "Traceback" not in captured.out + captured.err
        assert (captured.out + captured.err).strip()
        return captured.out + captured.err

    return call


@pytest.mark.parametrize("name", ["x" * 5000, "a\udcff.yaml", ""], ids=["too long", "no text", "empty"])
@pytest.mark.parametrize(
    "command",
    [
        ("lint",),
        ("lint", "--format", "github"),
        ("lint", "--format", "sarif"),
        ("iam",),
        ("doctor", "--template"),
        ("appspec", "lint"),
        ("record", "--curl"),
        ("check", "--stage", "AfterAllowTestTraffic"),
    ],
    ids=" ".join,
)
def test_invalid_file_name_is_rejected(reject: Reject, command: tuple[str, ...], name: str) -> None:
    reject(*command, name)


@pytest.mark.parametrize(
    "command",
    [("lint",), ("doctor", "--template"), ("record", "http://127.0.0.1:9", "--openapi"), ("rehearse",)],
    ids=" ".join,
)
def test_deeply_nested_file_is_rejected(reject: Reject, tmp_path: Path, command: tuple[str, ...]) -> None:
    path = tmp_path / "deep.yaml"
    path.write_text(DEEP)
    reject(*command, str(path))


@pytest.mark.parametrize(
    "command",
    [
        ("record", "URL"),
        ("check", "plan.yaml", "--stage", "AfterAllowTestTraffic", "--url", "URL"),
        ("check", "plan.yaml", "--stage", "AfterAllowTestTraffic", "--url", "http://a", "--blue-url", "URL"),
        ("replay", "report.json", "--url", "URL"),
    ],
    ids=lambda command: " ".join(command),
)
@pytest.mark.parametrize("url", ["http://[", "http://a:99999", "ftp://a", "http://u:hunter2@a/"])
def test_invalid_url_is_rejected_and_not_repeated(reject: Reject, command: tuple[str, ...], url: str) -> None:
    assert "hunter2" not in reject(*(url if word == "URL" else word for word in command))


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("--curl", "curl http://[::1\ncurl http://a:99999/\ncurl -u\ncurl\n" + "x" * 2_000_000),
        ("--access-log", '1.2.3.4 - - [x] "GET http://[::1/ HTTP/1.1" 200 5\n'),
    ],
)
def test_invalid_requests_are_left_out(reject: Reject, tmp_path: Path, option: str, text: str) -> None:
    path = tmp_path / "requests"
    path.write_text(text)
    assert "nothing could be recorded" in reject("record", option, str(path))


def test_too_many_commands_are_rejected(reject: Reject, tmp_path: Path) -> None:
    path = tmp_path / "requests"
    path.write_text("x\n" * 10_001)
    assert "more than 10000 commands" in reject("record", "--curl", str(path))


def test_control_characters_of_a_report_are_escaped_for_the_terminal(
    reject: Reject, tmp_path: Path, plan: Path
) -> None:
    deployment = {"id": "d-A", "platform": "ecs", "stage": "x\x1b]0;owned\x07"}
    report = {"schema": "greenlight.report/1", "verdict": "Failed", "reasons": [], "checks": [], "plan": {}}
    times = {"started_at": "2026-01-01T00:00:00+00:00", "duration_ms": 1.0, "greenlight": "1"}
    path = tmp_path / "report.json"
    path.write_text(json.dumps({**report, **times, "deployment": deployment}))
    assert "\x1b" not in reject("replay", str(path), "--url", "http://127.0.0.1:9", "--plan", str(plan))


@pytest.mark.parametrize(("where", "status"), [(">/dev/full", 2), (">&-", 0)])
def test_output_that_cannot_be_written_causes_no_traceback(where: str, status: int) -> None:
    command = f"{sys.executable} -m devkit.cli.main schema {where}"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)  # noqa: S602 - tests a redirection

    assert (done.returncode, "Traceback" in done.stderr, "Exception" in done.stderr) == (status, False, False)
