"""Packed scenarios end as they expect, with the real hooks, and write their reports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from devkit.rehearsal.hooks import PROJECT
from devkit.rehearsal.scenario_file import read
from devkit.rehearsal.scenario_player import ScenarioPlayer
from greenlight.core.report import Report

if TYPE_CHECKING:
    from devkit.rehearsal.aws.server import LocalAws

SCENARIOS = sorted((PROJECT / "examples" / "scenarios").glob("*.yaml"))


def test_there_are_packed_scenarios_for_both_platforms() -> None:
    assert {read(path).file.platform for path in SCENARIOS} == {"ecs", "lambda"}


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_packed_scenario_ends_as_it_expects(aws: LocalAws, tmp_path: Path, path: Path) -> None:
    outcome = ScenarioPlayer(aws, tmp_path).play(read(path))
    document = outcome.document()
    assert not outcome.problem
    assert document["mismatches"] == []
    assert document["expected"] is True
    for deployment in document["deployments"]:
        for gate in deployment["gates"]:
            report = msgspec.convert(gate, Report)
            assert report.deployment.id == deployment["deployment_id"]
    assert json.loads((tmp_path / path.stem / "result.json").read_text()) == document
    assert all(report.is_file() for report in outcome.reports)
