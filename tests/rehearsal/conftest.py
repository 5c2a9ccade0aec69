"""Fixtures of the rehearsal's tests: every test is marked, and one local AWS serves all of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from devkit.rehearsal.aws.server import LocalAws
from devkit.rehearsal.processes import kill_all
from devkit.rehearsal.scenario_file import read
from devkit.rehearsal.scenario_player import ScenarioPlayer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from devkit.rehearsal.outcome import ScenarioOutcome

HERE = f"{Path(__file__).parent}{os.sep}"

# A small service whose first argument selects its behaviour, and a small function that an environment variable breaks.
SERVICE = """
import http.server, sys, time
manner, port = sys.argv[1], int(sys.argv[2])
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_GET(self):
        time.sleep({"slow": 3, "leisurely": 1}.get(manner, 0))
        status, body, more = 200, b'{"status": "ok"}', {}
        if manner == "broken":
            status = 500
        if manner == "redirecting":
            status, body, more = 302, b"", {"Location": "http://169.254.169.254/latest/"}
        if manner == "huge":
            body = b"x" * (64 * 1024 * 1024)
        self.send_response(status)
        for name, value in more.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) * (2 if manner == "lying" else 1)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = manner == "lying"
    def log_message(self, *arguments):
        pass
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 100
    daemon_threads = True
print("listening on", port, flush=True)
Server(("127.0.0.1", port), Handler).serve_forever()
"""
FUNCTION = """
import os
def handler(event, context):
    if os.environ.get("BROKEN") == "true":
        raise RuntimeError("no")
    return {"release": os.environ.get("RELEASE")}
"""
PLAN = """
version: 1
stages:
  AfterAllowTestTraffic:
    checks:
      - {name: green answers, timeout: 1500ms, http: {get: /, expect: {status: 200, json: {status: ok}}}}
"""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test of this folder."""
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.rehearsal)


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    """Return the local AWS; a test resets it with the services that it needs."""
    local = LocalAws()
    local.start()
    yield local
    local.stop()


@pytest.fixture(autouse=True)
def no_process_remains() -> Iterator[None]:
    """Stop the processes that a failing test has left running."""
    yield
    kill_all()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a service, a function and a plan for scenarios."""
    (tmp_path / "service.py").write_text(SERVICE)
    (tmp_path / "function.py").write_text(FUNCTION)
    (tmp_path / "a.plan.yaml").write_text(PLAN)
    return tmp_path


@pytest.fixture
def play(aws: LocalAws, folder: Path) -> Callable[..., ScenarioOutcome]:
    """Return a function that writes a scenario and plays it; `hooks` is a folder with hooks other than greenlight's."""

    def run(text: str, hooks: Path | None = None) -> ScenarioOutcome:
        path = folder / "scenario.yaml"
        path.write_text(text)
        results = folder / "results"
        player = ScenarioPlayer(aws, results, hooks) if hooks else ScenarioPlayer(aws, results)
        return player.play(read(path))

    return run
