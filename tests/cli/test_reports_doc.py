"""docs/reports.md: the commands it shows are understood as they stand there, and its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from devkit.cli import main

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "reports.md").read_text()
COMMANDS = [
    line.removeprefix("$ greenlight ")
    for block in re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL)
    for line in block.splitlines()
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_understood(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    # With --help nothing is done; what the command does not know is not in its help.
    with pytest.raises(SystemExit) as ended:
        main([*shlex.split(command), "--help"])

    assert ended.value.code == 0
    said = capsys.readouterr().out
    assert [option for option in re.findall(r"--[a-z-]+", command) if option not in said] == []


def test_every_file_it_links_to_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link]

    assert [link for link in links if not (DOCS / link).exists()] == []
