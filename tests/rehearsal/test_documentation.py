"""docs/rehearsal.md matches the code: every key, every fault, and an example that can be read."""

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
# The section that explains the keys of each type.
SECTIONS = {
    scenario.ScenarioFile: "A scenario",
    scenario.Release: "`blue` and `green`",
    scenario.Listener: "`listener` (ecs)",
    scenario.Conditions: "`listener` (ecs)",
    scenario.OtherRule: "`listener` (ecs)",
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
    match = re.search(rf"^#+ {re.escape(title)}$(.*?)(?=^#|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert match is not None, f"docs/rehearsal.md has no section {title!r}"
    return match[1]


@pytest.mark.parametrize("kind", SECTIONS, ids=lambda kind: kind.__name__)
def test_every_key_is_explained_in_its_section(kind: type[msgspec.Struct]) -> None:
    text = section(SECTIONS[kind])
    missing = [
        field.encode_name for field in msgspec.structs.fields(kind) if not re.search(rf"\b{field.encode_name}\b", text)
    ]
    assert not missing


@pytest.mark.parametrize("kind", [scenario.ScenarioFile, scenario.Expect, scenario.Users, scenario.Settings])
def test_every_explained_key_exists(kind: type[msgspec.Struct]) -> None:
    explained = set(re.findall(r"^\| `(\w+)` \|", section(SECTIONS[kind]), re.MULTILINE))
    assert explained <= {field.encode_name for field in msgspec.structs.fields(kind)}


def test_exactly_the_existing_faults_are_explained() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \|", section("`faults`"), re.MULTILINE)) == set(FAULTS)


def test_the_example_can_be_read(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "scenario.yaml").write_text(example)
    (tmp_path / "plan.yaml").write_text("version: 1")
    (deployment,) = read(tmp_path / "scenario.yaml").deployments
    assert deployment.expect.green_requests_from_users == 0
