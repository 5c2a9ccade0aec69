"""Contestants: all make the same three assertions about every item - status, header and one JSON field."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PROJECT = Path(__file__).resolve().parents[2]
PEERS = Path(__file__).resolve().parent / "peers"
BIN = Path(sys.executable).parent
BENCH_BIN = PROJECT / ".venv-bench" / "bin"
STAGE = "AfterAllowTestTraffic"


@dataclass(frozen=True)
class Task:
    """Items to check: how many, how many at once, and where."""

    count: int
    concurrency: int
    url: str
    work: Path
    ca_file: str = ""

    def environment(self) -> dict[str, str]:
        """Return the variables for a contestant, among them the certificates that make clients trust the target."""
        trust = {"SSL_CERT_FILE": self.ca_file, "REQUESTS_CA_BUNDLE": self.ca_file} if self.ca_file else {}
        return {
            "BENCH_URL": self.url,
            "BENCH_COUNT": str(self.count),
            "BENCH_CONCURRENCY": str(self.concurrency),
            "PYTHONDONTWRITEBYTECODE": "",
            "NO_COLOR": "1",
            **trust,
        }


@dataclass(frozen=True)
class Contestant:
    """Command that exits with 0 if all items are right and with another status otherwise."""

    name: str
    command: Callable[[Task], list[str]] = field(repr=False)
    environment: dict[str, str] = field(default_factory=dict)


def greenlight_command(task: Task, *, latency: bool = False, report: Path | None = None) -> list[str]:
    """Return the real command with a YAML plan that has one check for each item."""
    output = ["--format", "json", "-o", str(report)] if report else []
    return [
        str(BIN / "greenlight"),
        "check",
        str(plan(task, latency=latency)),
        "--stage",
        STAGE,
        "--url",
        task.url,
        "--concurrency",
        str(task.concurrency),
        *output,
    ]


def plan(task: Task, *, latency: bool = False) -> Path:
    """Write the plan, once for each number of items, and return its path."""
    path = task.work / f"items-{task.count}{'-latency' if latency else ''}.yaml"
    if not path.exists():
        extra = "            latency: {lt: 1s}\n" if latency else ""
        checks = "".join(
            f"      - name: item {item}\n"
            f"        http:\n"
            f"          get: /items/{item}\n"
            f"          expect:\n"
            f"            status: 200\n"
            f'            headers: {{x-release: "7"}}\n'
            f"            json: {{id: {item}}}\n{extra}"
            for item in range(task.count)
        )
        path.write_text(f"version: 1\nstages:\n  {STAGE}:\n    checks:\n{checks}")
    return path


def _schemathesis(task: Task) -> list[str]:
    path = task.work / f"items-{task.count}.openapi.json"
    if not path.exists():
        paths = {
            f"/items/{item}": {"get": {"responses": {"200": _response_schema(item)}}} for item in range(task.count)
        }
        document = {"openapi": "3.0.3", "info": {"title": "items", "version": "1"}, "paths": paths}
        path.write_text(json.dumps(document))
    return [
        str(BENCH_BIN / "schemathesis"),
        "run",
        str(path),
        f"--url={task.url}",
        "--phases=coverage",
        "--mode=positive",
        "--max-examples=1",
        "--checks=status_code_conformance,response_headers_conformance,response_schema_conformance",
        f"--workers={min(task.concurrency, 16)}",  # more make it slower
    ]


def _response_schema(item: int) -> dict[str, object]:
    field_schema = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer", "enum": [item]}}}
    return {
        "description": "the item",
        "headers": {"X-Release": {"required": True, "schema": {"type": "string", "enum": ["7"]}}},
        "content": {"application/json": {"schema": field_schema}},
    }


def _newman(task: Task) -> list[str]:
    path = task.work / f"items-{task.count}.postman.json"
    if not path.exists():
        items = [_postman(item) for item in range(task.count)]
        schema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
        path.write_text(json.dumps({"info": {"name": "items", "schema": schema}, "item": items}))
    return ["newman", "run", str(path), "--env-var", f"url={task.url}", "--reporters", "cli"]


def _postman(item: int) -> dict[str, object]:
    tests = [
        "pm.test('status', () => pm.response.to.have.status(200));",
        "pm.test('header', () => pm.response.to.have.header('X-Release', '7'));",
        f"pm.test('field', () => pm.expect(pm.response.json().id).to.eql({item}));",
    ]
    return {
        "name": f"item {item}",
        "event": [{"listen": "test", "script": {"exec": tests}}],
        "request": {"method": "GET", "url": f"{{{{url}}}}/items/{item}"},
    }


def _script(name: str) -> Callable[[Task], list[str]]:
    return lambda _task: [str(BENCH_BIN / "python"), str(PEERS / name)]


def _pytest(_task: Task) -> list[str]:
    options = ["-q", "-p", "no:cacheprovider", "-c", "/dev/null", "--rootdir", str(PEERS)]
    return [str(BENCH_BIN / "python"), "-m", "pytest", *options, str(PEERS / "pytest_requests.py")]


GREENLIGHT = Contestant("greenlight check", greenlight_command)
REQUESTS_THREADS = Contestant("requests in threads", _script("requests_threads.py"))
REQUESTS_SEQUENTIAL = Contestant("sequential requests, as in AWS's samples", _script("requests_sequential.py"))
HTTP_CLIENT = Contestant("bare http.client in threads (floor)", _script("http_client_threads.py"))
# Plugins of other packages in that environment do not belong to pytest + requests.
PYTEST = Contestant("pytest + requests", _pytest, {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"})
SCHEMATHESIS = Contestant("schemathesis", _schemathesis)
K6 = Contestant("k6", lambda _task: ["k6", "run", "--quiet", "--no-usage-report", str(PEERS / "k6.js")])
NEWMAN = Contestant("newman", _newman)


def present() -> list[Contestant]:
    """List the optional contestants that are installed on this machine."""
    return [contestant for contestant in (K6, NEWMAN) if shutil.which(contestant.name)]
