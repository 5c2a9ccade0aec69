"""A service to record, and helpers that record it and check the recorded plan."""

from __future__ import annotations

import argparse
import itertools
import json
from typing import TYPE_CHECKING, Any

import yaml

from devkit.cli.main import main
from devkit.commands import record as command

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

STAGE = "AfterAllowTestTraffic"
_COUNTER, _FLIPS = itertools.count(), itertools.count()
_ARRAY_RESPONSE = {"description": "all", "content": {"application/json": {"schema": {"type": "array"}}}}
DOCUMENT = {
    "openapi": "3.0.3",
    "info": {"title": "shop", "version": "1"},
    "paths": {
        "/orders": {
            "get": {"responses": {"200": _ARRAY_RESPONSE}},
            "post": {"responses": {"201": {"description": "made"}}},
        },
        "/orders/{id}": {
            "get": {
                "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "one"}},
            }
        },
    },
}


def answer(method: str, path: str, body: bytes) -> tuple[int, dict[str, str], Any]:
    """Answer a request as the recorded service."""
    json_headers = {"Content-Type": "application/json; charset=utf-8"}
    bare = path.partition("?")[0]
    if method == "POST":
        return 201, json_headers, {"sku": json.loads(body)["sku"], "id": f"o-{next(_COUNTER)}"}
    if bare == "/health":
        health = {
            "status": "ok",
            "version": "1.4.2",
            "hits": next(_COUNTER),
            "db": {"up": True, "pool size": 4},
            "token": "t",
        }
        return 200, json_headers, health
    if bare == "/orders":
        return 200, json_headers, [{"sku": "A1"}, {"sku": "A2"}]
    if bare == "/":
        return 200, {"Content-Type": "text/html"}, "<h1>Shop</h1>"
    if bare == "/openapi.json":
        return 200, json_headers, DOCUMENT
    if bare == "/price":
        return (
            200,
            json_headers,
            {"price": 1.1, "note": "${not} a reference", "opens": "9:30", "ratio": 1e20, "none": None},
        )
    if bare == "/flips":
        return 200 if next(_FLIPS) % 2 else 404, {}, ""
    if bare == "/secret":
        return 200, json_headers, {"echo": "k-27819", "kind": "echo"}
    return (503 if bare == "/broken" else 404), {}, "no"


def record(tmp_path: Path, *arguments: str) -> tuple[str, dict[str, Any]]:
    """Record a plan without a pause between requests; return its text, and its checks by name."""
    target = tmp_path / "plan.yaml"
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args([*arguments, "-o", str(target)]), pause_s=0.0) == 0
    text = target.read_text()
    assert main(["lint", "--strict", str(target)]) == 0
    return text, {check["name"]: check for check in yaml.safe_load(text)["stages"][STAGE]["checks"]}


def passes(tmp_path: Path, url: str) -> bool:
    """Return whether the recorded plan passes against a server."""
    return main(["check", str(tmp_path / "plan.yaml"), "--stage", STAGE, "--url", url]) == 0


def refuse(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Check that the command records nothing; return its standard error."""
    assert main(["record", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def common_line(path: str, status: int = 200, method: str = "GET", more: str = "") -> str:
    """Return a line in the common log format."""
    return f'203.0.113.9 - - [22/Nov/2026:10:00:00 +0000] "{method} {path} HTTP/1.1" {status} 512{more}\n'


def load_balancer_line(path: str, duration_s: float, status: str = "200") -> str:
    """Return a line of an Application Load Balancer's access log."""
    return (
        "https 2026-11-22T10:00:00.000000Z app/shop/0123456789abcdef 203.0.113.9:2817 10.0.0.1:80 "
        f"0.000 {duration_s:.3f} 0.000 {status} {status} 34 366 "
        f'"GET https://shop.example:443{path} HTTP/1.1" "curl/8" - - '
        "arn:aws:elasticloadbalancing:eu-west-1:111122223333:targetgroup/t/1 "
        '"Root=1-2-3" "-" "-" 0 - "forward" "-" "-" "-" "-" "-" "-"\n'
    )
