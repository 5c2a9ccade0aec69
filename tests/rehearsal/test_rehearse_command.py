"""`greenlight rehearse`: exit codes, one JSON document on standard output, and a clean end in every case."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devkit.commands import rehearse
from devkit.rehearsal.outcome import ScenarioOutcome
from devkit.rehearsal.scenario_player import ScenarioPlayer

if TYPE_CHECKING:
    from devkit.rehearsal.scenario import Scenario

GOOD = """
name: a good release
platform: ecs
blue: {command: "python service.py fine {port}"}
green: {command: "python service.py fine {port}"}
plan: a.plan.yaml
expect: {status: Succeeded, users_errors: 0}
"""


def run(*words: str) -> int:
    parser = argparse.ArgumentParser()
    rehearse.add_arguments(parser)
    return rehearse.run(parser.parse_args([*words]))


def write(folder: Path, text: str, name: str = "s.yaml") -> str:
    path = folder / name
    path.write_text(text)
    return str(path)


def test_bad_scenario_ends_with_2_and_its_mistakes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(write(folder, GOOD + "nonsense: 1\n"), str(folder / "missing.yaml")) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "s.yaml:8:1: nonsense: unknown key" in captured.err
    assert "missing.yaml: the file cannot be read" in captured.err
    assert "Traceback" not in captured.err


def test_bad_scenario_is_a_document_in_format_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(write(folder, "name: x"), "--format", "json") == 2
    document = json.loads(capsys.readouterr().out)
    assert document["scenarios"] == []
    assert any("the key 'platform' is missing" in problem for problem in document["problems"])


def test_folder_without_scenarios_is_reported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(tmp_path)) == 2
    assert "there are no scenarios; name a file" in capsys.readouterr().err


def test_good_scenario_ends_with_0_and_its_progress_is_printed_line_by_line(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(write(folder, GOOD), "-o", str(folder / "out")) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert "\x1b" not in captured.out
    for line in (
        r"AfterAllowTestTraffic +hook called",
        r"PASS +green answers",
        r"verdict Succeeded",
        r"green has 100 % of the users' traffic",
        r"as expected +a good release +Succeeded",
        r"out/s/d-[A-Z0-9]{9}/AfterAllowTestTraffic\.html",
        r"1 of 1 ended as expected",
    ):
        assert re.search(line, captured.out), line
    (report_file,) = (folder / "out").rglob("AfterAllowTestTraffic.json")
    report = json.loads(report_file.read_text())
    assert (report["bucket"], bool(report["traffic"])) == ("", True)


def test_unexpected_end_is_exit_1_and_standard_output_is_one_json_document(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = GOOD.replace("status: Succeeded", "status: Failed")
    assert run(write(folder, text), "--format", "json", "-o", str(folder / "out")) == 1
    captured = capsys.readouterr()
    (scenario,) = json.loads(captured.out)["scenarios"]
    keys = ["name", "platform", "status", "expected", "rolled_back", "failed_at", "green_requests_from_users"]
    assert list(scenario)[:10] == [*keys, "lifecycle", "traffic", "gates"]
    assert (scenario["status"], scenario["expected"], scenario["failed_at"]) == ("Succeeded", False, None)
    assert set(scenario["lifecycle"][0]) == {"event", "status", "duration_ms"}
    assert set(scenario["traffic"][0]) == {"at_s", "green_percent"}
    assert scenario["gates"][0]["verdict"] == "Succeeded"
    assert "hook called" in captured.err


def test_scenarios_of_the_same_name_have_separate_results(folder: Path) -> None:
    (folder / "other").mkdir()
    bad = GOOD.replace("service.py", "absent.py").replace("a.plan.yaml", "../a.plan.yaml")
    assert (
        run(write(folder, bad, "other/s.yaml"), write(folder, bad.replace("../", ""), "s.yaml"), "-o", str(folder)) == 2
    )
    assert (folder / "s" / "result.json").is_file()
    assert (folder / "s-2" / "result.json").is_file()


def test_results_folder_that_is_a_file_is_reported(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(write(folder, GOOD), "-o", write(folder, "", "file")) == 2
    assert "not completed: " in capsys.readouterr().out


@pytest.mark.parametrize("error", [RuntimeError("cannot join thread before it is started"), None])
def test_interrupt_is_reported_with_and_without_an_error_after_it(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: Exception | None,
) -> None:
    played = []

    def play(_player: ScenarioPlayer, scenario: Scenario, *_: object) -> ScenarioOutcome:
        played.append(scenario.path.name)
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        if error:
            raise error
        return ScenarioOutcome(scenario)

    monkeypatch.setattr(ScenarioPlayer, "play", play)
    assert run(write(folder, GOOD), write(folder, GOOD, "next.yaml"), "-o", str(folder / "out")) == 130
    assert played == ["s.yaml"]
    assert "all started processes have ended" in capsys.readouterr().err


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_interrupt_stops_every_started_process(folder: Path) -> None:
    slow = GOOD.replace('fine {port}"}\nplan', 'slow {port}"}\nplan')
    code = (
        "import argparse, sys; from devkit.commands import rehearse; p = argparse.ArgumentParser(); "
        "rehearse.add_arguments(p); sys.exit(rehearse.run(p.parse_args()))"
    )
    command = [sys.executable, "-c", code, write(folder, slow), "-o", str(folder / "out")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None
    with process.stdout as output:
        for line in output:
            if "hook called" in line:
                break
        assert running(folder)
        process.send_signal(signal.SIGINT)
        rest = output.read()
    assert process.wait(60) == 130, rest
    assert "all started processes have ended" in rest
    end = time.monotonic() + 20
    while running(folder) and time.monotonic() < end:
        time.sleep(0.05)
    assert running(folder) == []


def running(folder: Path) -> list[str]:
    """List the programs that run in the scenario's folder."""
    programs = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd") == str(folder):
                programs.append(process.name)
        except OSError:
            continue
    return programs
