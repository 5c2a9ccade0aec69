"""Every example of the README works as it is printed."""

from __future__ import annotations

import argparse
import importlib.util
import re
import shlex
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devkit.cli.main import COMMANDS, main
from greenlight.checks.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def block(language: str, start: str) -> str:
    return next(text for text in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if text.startswith(start))


@pytest.fixture
def plugins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Name of an importable folder with the README's validator."""
    folder = tmp_path / "readme_validators"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "release_header.py").write_text(block("python", '"""release_header'))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder.name
    for name in [name for name in sys.modules if name.startswith(folder.name)]:
        del sys.modules[name]


def test_the_plan_has_no_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(block("yaml", "# yaml-language-server"))

    assert main(["lint", str(path)]) == 0, capsys.readouterr().out


def test_the_validator_is_found_and_has_at_most_twelve_lines(plugins: str) -> None:
    validator = Registry(plugins).get("release_header")

    assert validator is not None
    assert validator.summary == "A response header of green names the release."
    assert len([line for line in block("python", '"""release_header').splitlines() if line]) <= 12


def test_every_linked_file_exists() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", README) if "://" not in link]

    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_names_every_command() -> None:
    assert [name for name in COMMANDS if f"greenlight {name}" not in README and f"make {name}" not in README] == []


@pytest.fixture
def shop(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of the shop of the examples, broken or not."""
    spec = importlib.util.spec_from_file_location("shop_of_the_readme", ROOT / "examples" / "ecs" / "app.py")
    assert spec
    assert spec.loader
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    options = argparse.Namespace(host="127.0.0.1", port=0, release="1", broken=request.param, degrades=None)
    with app.Shop(options) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("shop", "status", "message"),
    [
        (False, 0, "Succeeded: plan local"),
        (
            True,
            1,
            "RELEASE_FAILED: an order can be placed and read back: step 1: POST /orders: status is 500, expected 201",
        ),
    ],
    indirect=["shop"],
    ids=["good", "broken"],
)
def test_the_command_of_the_readme_checks_the_shop(
    shop: str, status: int, message: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    (line,) = re.findall(r"^\$ \.venv/bin/greenlight (check .*)$", README, re.MULTILINE)

    assert main(shlex.split(line.replace("http://localhost:8080", shop))) == status
    assert message in capsys.readouterr().out
