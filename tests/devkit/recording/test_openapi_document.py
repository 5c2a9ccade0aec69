"""An OpenAPI document becomes a check that the server passes today."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from greenlight.testing import Service
from tests.support.recorded_service import DOCUMENT, passes, record, refuse

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_document_becomes_a_check_with_the_operations_that_pass_today(
    form: str, tmp_path: Path, shop: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"openapi.{form}"
    file.write_text(json.dumps(DOCUMENT) if form == "json" else yaml.safe_dump(DOCUMENT))

    _, checks = record(tmp_path, shop.url, "--openapi", str(file))

    assert checks["the API keeps its contract"]["openapi"] == {"document": "/openapi.json", "minimum": 1}
    assert "left out: POST /orders (not a safe method" in capsys.readouterr().err
    assert passes(tmp_path, shop.url)


def test_document_that_the_service_does_not_serve_is_put_into_the_plan(tmp_path: Path, shop: Service) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps({**DOCUMENT, "info": {"title": "another", "version": "2"}}))

    _, checks = record(tmp_path, "--openapi", str(file))

    assert json.loads(checks["the API keeps its contract"]["openapi"]["text"])["info"]["title"] == "another"
    assert passes(tmp_path, shop.url)


def test_server_that_does_not_follow_the_document_is_not_recorded(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps(DOCUMENT))

    with Service(lambda *_: (200, {"Content-Type": "application/json"}, {"not": "a list"})) as service:
        assert "does not follow the document" in refuse(capsys, service.url, "--openapi", str(file))


def test_document_without_callable_operations_is_rejected(
    tmp_path: Path, shop: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps({**DOCUMENT, "paths": {"/orders": {"post": {}}}}))
    assert "this document has neither" in refuse(capsys, "--openapi", str(file))

    file.write_text(json.dumps({**DOCUMENT, "security": [{"key": []}]}))
    stderr = refuse(capsys, shop.url, "--openapi", str(file))
    assert "no operation of the document can be called without further parameters" in stderr
    assert "GET /orders (needs credentials; give headers)" in stderr


def test_large_document_is_not_put_into_the_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps({**DOCUMENT, "x-large": "x" * 800_000}))

    assert "name the URL of a service that serves it at one of /openapi.json" in refuse(capsys, "--openapi", str(file))


@pytest.mark.parametrize("text", ["[]", "openapi: 2.0.0", "{", "a: [", "swagger: '2.0'"])
def test_invalid_document_is_rejected(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "document"
    file.write_text(text)

    assert "the " in refuse(capsys, "--openapi", str(file))
