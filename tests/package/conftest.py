"""The wheel of this checkout, installed with its dependencies into an empty environment."""

from __future__ import annotations

import http.server
import importlib.metadata
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
UV = str(Path(sys.executable).with_name("uv"))


class Installation(NamedTuple):
    """An environment that has the wheel and its dependencies, and an empty folder to run in."""

    wheel: Path
    sdist: Path
    environment: Path
    folder: Path

    def run(self, *arguments: str, input_text: str = "") -> subprocess.CompletedProcess[str]:
        """Run the installed `greenlight` in the folder, without anything of the checkout on its paths."""
        return subprocess.run(
            [str(self.environment / "bin" / "greenlight"), *arguments],
            cwd=self.folder,
            env=clean_environment(),
            input=input_text,
            capture_output=True,
            text=True,
            timeout=60,
        )


def clean_environment() -> dict[str, str]:
    """Return environment variables without those that lead Python, AWS or greenlight elsewhere."""
    prefixes = ("PYTHON", "AWS_", "GREENLIGHT_", "VIRTUAL_ENV", "PYTEST")
    return {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}


def dependency_closure(requirements: list[str]) -> set[str]:
    """Return the names of the distributions that requirements need, as they are installed here."""
    names: set[str] = set()
    pending = [Requirement(text) for text in requirements]
    while pending:
        requirement = pending.pop()
        name = re.sub(r"[-_.]+", "-", requirement.name).lower()
        if (requirement.marker and not requirement.marker.evaluate({"extra": ""})) or name in names:
            continue
        names.add(name)
        pending += [Requirement(text) for text in importlib.metadata.requires(name) or []]
    return names


def locked_versions() -> dict[str, str]:
    """Return the version of each distribution in the lock file."""
    lock = (ROOT / "requirements" / "dev.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([a-z0-9-]+)(?:\[[a-z,]+\])?==([^\s;]+)", lock, re.MULTILINE))


def uv(*arguments: str) -> str:
    """Run uv without network access: `make setup` has put every locked distribution into its cache."""
    done = subprocess.run([UV, *arguments, "--offline"], capture_output=True, text=True, env=clean_environment())
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="session")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """Return the wheel and the sdist of the checkout and an environment with the wheel."""
    base = tmp_path_factory.mktemp("package")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(base)], cwd=ROOT, check=True, capture_output=True
    )
    (wheel,), (sdist,) = base.glob("*.whl"), base.glob("*.tar.gz")
    environment, folder = base / "environment", base / "folder"
    folder.mkdir()
    uv("venv", "--quiet", "--python", sys.executable, str(environment))
    requirements = [text for text in importlib.metadata.requires("greenlight") or [] if "extra ==" not in text]
    versions = locked_versions()
    packages = [f"{name}=={versions[name]}" for name in sorted(dependency_closure(requirements))]
    python = str(environment / "bin" / "python")
    uv("pip", "install", "--quiet", "--python", python, "--no-deps", *packages, str(wheel))
    return Installation(wheel, sdist, environment, folder)


@pytest.fixture(scope="session")
def local_service() -> Iterator[str]:
    """Return the base URL of a service on this machine that answers /health."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = b'{"status": "ok"}'
            self.send_response(200 if self.path == "/health" else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            """Log nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
