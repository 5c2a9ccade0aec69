"""docs/rehearsal.md and the code say the same: every key, every fault, and an example that can be read."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from devkit.rehearsal import scenario
from devkit.rehearsal.faults import FAULTS
from devkit.rehearsal.hooks import PROJECT
from devkit.rehearsal.scenario_file import read

TEXT = (PROJECT / "docs" / "rehearsal.md").read_text(encoding="utf-8")
# The section (or "" for the whole page) in which each type's keys are explained.
SECTIONS = {
    scenario.ScenarioFile: "A scenario",
    scenario.Release: "`blue` and `green`",
    scenario.Listener: "`listener` (ecs)",
    scenario.Conditions: "`listener` (ecs)",
    scenario.HealthCheck: "`listener` (ecs)",
    scenario.Users: "`users`",
    scenario.Alarm: "`alarms`",
    scenario.Rollback: "`rollback`",
    scenario.Settings: "`settings`",
    scenario.Deployment: "`deployments`",
    scenario.FaultOptions: "`faults`",
    scenario.Expect: "`expect`",
}


def section(title: str) -> str:
    found = re.search(rf"^#+ {re.escape(title)}$(.*?)(?=^#|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found is not None, f"docs/rehearsal.md has no section {title!r}"
    return found[1]


@pytest.mark.parametrize("kind", SECTIONS, ids=lambda kind: kind.__name__)
def test_every_key_is_explained_in_its_section(kind: type[msgspec.Struct]) -> None:
    text = section(SECTIONS[kind])
    missing = [
        field.encode_name for field in msgspec.structs.fields(kind) if not re.search(rf"\b{field.encode_name}\b", text)
    ]
    assert not missing


@pytest.mark.parametrize("kind", [scenario.ScenarioFile, scenario.Expect, scenario.Users, scenario.Settings])
def test_no_key_is_explained_that_does_not_exist(kind: type[msgspec.Struct]) -> None:
    named = set(re.findall(r"^\| `(\w+)` \|", section(SECTIONS[kind]), re.MULTILINE))
    assert named <= {field.encode_name for field in msgspec.structs.fields(kind)}


def test_the_faults_are_all_explained_and_no_others() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \|", section("`faults`"), re.MULTILINE)) == set(FAULTS)


def test_the_example_can_be_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "scenario.yaml").write_text(example)
    (tmp_path / "plan.yaml").write_text("version: 1")
    (deployment,) = read(tmp_path / "scenario.yaml").deployments
    assert deployment.expect.green_requests_from_users == 0
