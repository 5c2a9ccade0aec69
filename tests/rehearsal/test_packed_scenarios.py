"""Packed scenarios end as they expect, with the real hooks, and write their reports."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace

from devkit.rehearsal.hooks import PROJECT
from devkit.rehearsal.scenario_file import read
from devkit.rehearsal.scenario_player import ScenarioPlayer
from greenlight.core.report import Report

if TYPE_CHECKING:
    from devkit.rehearsal.aws.server import LocalAws
    from devkit.rehearsal.outcome import ScenarioOutcome

SCENARIOS = sorted((PROJECT / "examples" / "scenarios").glob("*.yaml"))
BY_BOTH = ("ecs-broken-release", "ecs-good-canary", "lambda-broken-version", "lambda-good-linear")
"""Scenarios that are played twice, inline and by the state machine: together they run every plan of the examples."""


def assert_as_expected(outcome: ScenarioOutcome, folder: Path) -> dict[str, Any]:
    """Return the document of an outcome that is as its scenario expects."""
    document = outcome.document()
    assert not outcome.problem
    assert document["mismatches"] == []
    assert document["expected"] is True
    for deployment in document["deployments"]:
        for gate in deployment["gates"]:
            report = msgspec.convert(gate, Report)
            assert report.deployment.id == deployment["deployment_id"]
    assert json.loads((folder / "result.json").read_text()) == document
    assert all(report.is_file() for report in outcome.reports)
    return document


def _without_numbers(message: str) -> str:
    """Return a message without numbers, and without the cold start that only some invocations have."""
    return re.sub(r"[0-9.]+", "0", re.sub(r", cold start [0-9.]+ ms", "", message))


def findings_of(document: dict[str, Any]) -> list[Any]:
    """Return what each gate found, without times and other numbers, which differ from run to run."""
    return [
        (deployment["status"], gate["deployment"]["stage"], gate["verdict"], check["name"], check["outcome"],
         check["severity"], _without_numbers(check["message"]), check["asked"]["green"] > 0)
        for deployment in document["deployments"]
        for gate in deployment["gates"]
        for check in gate["checks"]
    ]  # fmt: skip


def test_there_are_packed_scenarios_for_both_platforms() -> None:
    assert {read(path).file.platform for path in SCENARIOS} == {"ecs", "lambda"}


@pytest.mark.parametrize("path", [path for path in SCENARIOS if path.stem not in BY_BOTH], ids=lambda path: path.stem)
def test_packed_scenario_ends_as_it_expects(aws: LocalAws, tmp_path: Path, path: Path) -> None:
    assert_as_expected(ScenarioPlayer(aws, tmp_path).play(read(path)), tmp_path / path.stem)


@pytest.mark.parametrize("name", BY_BOTH)
def test_the_state_machine_finds_what_the_hook_finds(aws: LocalAws, tmp_path: Path, name: str) -> None:
    scenario = read(PROJECT / "examples" / "scenarios" / f"{name}.yaml")
    by_machine = replace(scenario, file=replace(scenario.file, conductor="machine"))
    inline = assert_as_expected(ScenarioPlayer(aws, tmp_path).play(scenario), tmp_path / name)
    machine = assert_as_expected(ScenarioPlayer(aws, tmp_path).play(by_machine, name="machine"), tmp_path / "machine")
    assert findings_of(machine) == findings_of(inline)
    assert findings_of(inline)
