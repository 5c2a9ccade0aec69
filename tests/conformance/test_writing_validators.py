"""docs/writing-validators.md: every command and every code block of the page is run."""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from greenlight.api import Context
from greenlight.testing import Service

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "writing-validators.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the files of the checkout that the page's commands read and write."""
    folder = tmp_path_factory.mktemp("project")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name in ("validators", "layers", "devkit", "docs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run(command: list[str], project: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    python_path = os.pathsep.join(map(str, (project, project / "layers" / "greenlight")))
    done = subprocess.run(
        command,
        cwd=project,
        env={**os.environ, "PATH": path, "PYTHONPATH": python_path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_page_has_only_console_and_python_blocks() -> None:
    assert {kind for kind, _ in BLOCKS} == {"console", "python"}


def test_commands_of_the_page_have_the_described_effect(project: Path) -> None:
    commands = [line for kind, text in BLOCKS if kind == "console" for line in text.splitlines()]
    assert all(line.startswith("$ ") for line in commands)
    with Service(lambda *_: (200, {}, "well")) as green:
        out = [run(line[2:].replace("http://localhost:8080", green.url).split(), project) for line in commands]
    assert "1 passed" not in out[0]
    assert "3 passed" in out[1]
    assert "ready_header: green says in a header" in out[2]
    assert "Succeeded" in out[-1]
    assert "## ready_header" in (project / "docs" / "validators.md").read_text()


def test_plugins_of_the_page_pass_the_tests_of_the_page(project: Path) -> None:
    folder = project / "tests" / "on_the_page"
    folder.mkdir(parents=True)
    plugins = []
    for number, text in enumerate(text for kind, text in BLOCKS if kind == "python"):
        if claim := re.match(r'"""(\w+): ', text):
            plugins.append(f"validators/{claim[1]}.py")
            (project / plugins[-1]).write_text(text)
        else:
            (folder / f"test_block_{number}.py").write_text(f'"""A block of the page."""\n{text}')
    assert plugins == ["validators/healthy_json.py", "validators/redis_ping.py"]
    assert "6 passed" in run(["pytest", "-q", "-p", "no:cacheprovider", str(folder)], project)
    assert run(["ruff", "check", "--quiet", *plugins], project) == ""


def test_page_documents_every_method_of_the_context_with_valid_arguments() -> None:
    rows = dict(re.findall(r"`context\.(\w+)(\(.*?\))?`", PAGE))
    public = {name for name in dir(Context) if not name.startswith("_")}
    assert {*public, "deployment"} == rows.keys()
    for name, arguments in rows.items():
        if arguments:
            parameters = inspect.signature(getattr(Context, name)).parameters
            assert set(re.findall(r"(\w+)=", arguments)) <= parameters.keys(), name
