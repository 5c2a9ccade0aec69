"""Expectations include only values that stay the same in the next release."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from greenlight.testing import HttpServer
from tests.support.recorded_service import passes, record

if TYPE_CHECKING:
    from pathlib import Path


def test_values_that_differ_or_change_with_a_release_are_left_out(
    tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    _, checks = record(tmp_path, f"{shop.url}/health")

    assert checks["GET /health answers 200"]["http"]["expect"] == {
        "status": 200,
        "headers": {"content-type": {"starts_with": "application/json"}},
        "json": {"status": "ok", "db.up": True, 'db."pool size"': 4},
    }
    stderr = capsys.readouterr().err
    assert "left out: GET /health: hits (differs between two responses)" in stderr
    assert "left out: GET /health: version (changes with the release, host or time)" in stderr
    assert "left out: GET /health: token (may be a secret)" in stderr


def test_recorded_plan_fails_for_a_different_response(tmp_path: Path, shop: HttpServer) -> None:
    record(tmp_path, f"{shop.url}/health")

    with HttpServer(lambda *_: (200, {"Content-Type": "application/json"}, {"status": "down"})) as other:
        assert not passes(tmp_path, other.url)


def test_texts_that_yaml_could_read_as_other_types_are_preserved(tmp_path: Path, shop: HttpServer) -> None:
    _, checks = record(tmp_path, f"{shop.url}/price")

    fields = checks["GET /price answers 200"]["http"]["expect"]["json"]
    assert fields == {"price": 1.1, "note": "$${not} a reference", "opens": "9:30"}
    assert passes(tmp_path, shop.url)


def test_path_with_two_different_responses_is_left_out(
    tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]
) -> None:
    _, checks = record(tmp_path, shop.url, "--path", "/flips", "--path", "/broken")

    assert not any("flips" in name or "broken" in name for name in checks)
    stderr = capsys.readouterr().err
    assert "left out: GET /flips: it answered " in stderr
    assert "left out: GET /broken: it answered 503" in stderr
