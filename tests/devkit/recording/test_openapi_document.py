"""An OpenAPI document becomes a check that the server passes today."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from greenlight.testing import HttpServer
from tests.support.recorded_service import DOCUMENT, passes, record, refuse

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_document_becomes_a_check_with_the_operations_that_pass_today(
    form: str, tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / f"openapi.{form}"
    file.write_text(json.dumps(DOCUMENT) if form == "json" else yaml.safe_dump(DOCUMENT))

    _, checks = record(tmp_path, shop.url, "--openapi", str(file))

    assert checks["the API keeps its contract"]["openapi"] == {"document": "/openapi.json", "minimum": 1}
    assert "left out: POST /orders (not a safe method)\n" in capsys.readouterr().err
    assert passes(tmp_path, shop.url)


def test_document_that_the_service_does_not_serve_is_put_into_the_plan(tmp_path: Path, shop: HttpServer) -> None:
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

    with HttpServer(lambda *_: (200, {"Content-Type": "application/json"}, {"not": "a list"})) as service:
        assert "does not follow the document" in refuse(capsys, service.url, "--openapi", str(file))


def test_document_without_callable_operations_is_rejected(
    tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps({**DOCUMENT, "paths": {"/orders": {"post": {}}}}))
    assert "this document has neither" in refuse(capsys, "--openapi", str(file))

    file.write_text(json.dumps({**DOCUMENT, "security": [{"key": []}]}))
    stderr = refuse(capsys, shop.url, "--openapi", str(file))
    assert "no operation of the document can be called without further parameters" in stderr
    assert "GET /orders (needs credentials; give headers)" in stderr


def test_document_of_which_nothing_could_be_called_is_rejected_without_a_url(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps({**DOCUMENT, "security": [{"key": []}]}))
    assert "needs credentials, so the plan could never pass" in refuse(capsys, "--openapi", str(file))

    for path_item in ({"$ref": "orders.yml"}, {"get": {"$ref": "orders.yml"}}):
        file.write_text(json.dumps({**DOCUMENT, "paths": {"/orders": path_item}}))
        assert "in other files; bundle it" in refuse(capsys, "--openapi", str(file))


@pytest.mark.parametrize("with_url", [True, False])
def test_document_with_references_of_cloudformation_is_recorded(
    with_url: bool, tmp_path: Path, shop: HttpServer
) -> None:
    file = tmp_path / "openapi.json"
    title = {"Fn::Sub": "${AWS::StackName} of $${not}"}
    file.write_text(json.dumps({**DOCUMENT, "info": {"title": title, "version": "1"}}))

    _, checks = record(tmp_path, "--openapi", str(file), *([shop.url] if with_url else []))

    assert "$${AWS::StackName}" in checks["the API keeps its contract"]["openapi"]["text"]
    assert passes(tmp_path, shop.url)


def test_large_document_is_not_put_into_the_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "openapi.json"
    file.write_text(json.dumps({**DOCUMENT, "x-large": "x" * 800_000}))

    assert "name the URL of a service that serves it at one of /openapi.json" in refuse(capsys, "--openapi", str(file))


@pytest.mark.parametrize("text", ["[]", "openapi: 2.0.0", "{", "a: [", "swagger: '2.0'"])
def test_invalid_document_is_rejected(text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "document"
    file.write_text(text)

    assert "the " in refuse(capsys, "--openapi", str(file))
