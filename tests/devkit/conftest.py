"""Fixtures for the commands: a local server as green, and a plan for it."""

from __future__ import annotations

import http.server
import json
import threading
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class _Green(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps({"status": "ok", "release": self.headers.get("x-want", "2"), "path": self.path}).encode()
        self.send_response(200 if self.path.startswith("/health") else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Release", "2")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Log nothing."""


@pytest.fixture(scope="session")
def green() -> Iterator[str]:
    """Base URL of a green that passes its checks."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Green)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def plan(tmp_path: Path) -> Path:
    """A plan that the green of the fixture passes."""
    path = tmp_path / "shop.yaml"
    path.write_text(
        """\
version: 1
stages:
  AfterAllowTestTraffic:
    checks:
      - name: green answers
        http: {get: /health, expect: {status: 200, json: {status: ok}}}
      - name: green has a shop
        severity: advisory
        http: {get: /shop, expect: {status: 200}}
"""
    )
    return path
