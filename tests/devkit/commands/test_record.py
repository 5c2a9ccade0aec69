"""`greenlight record`: plans from a URL, arguments and output; each plan passes lint and `check`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import yaml

from devkit.cli.main import main
from greenlight.testing import HttpServer
from tests.support.recorded_service import STAGE, answer, common_line, passes, record, refuse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def shop() -> Iterator[HttpServer]:
    """A service with a few paths."""
    with HttpServer(answer) as service:
        yield service


def test_plan_recorded_from_a_url_passes_against_it(tmp_path: Path, shop: HttpServer) -> None:
    _, checks = record(tmp_path, shop.url)

    assert list(checks) == ["GET / answers 200", "GET /health answers 200", "GET /openapi.json answers 200"]
    assert passes(tmp_path, shop.url)


def test_only_get_is_sent_to_a_url(tmp_path: Path, shop: HttpServer) -> None:
    record(tmp_path, shop.url)

    assert {method for method, _, _ in shop.requests} == {"GET"}


def test_refusals_alone_are_not_recorded(capsys: pytest.CaptureFixture[str]) -> None:
    with HttpServer(lambda *_: (403, {}, "")) as service:
        stderr = refuse(capsys, f"{service.url}/orders")

    assert "no plan was written, because lint rejects it" in stderr
    assert "refusal" in stderr


def test_unreachable_server_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert "does not answer" in refuse(capsys, "http://127.0.0.1:1/")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a URL, or one of --curl"),
        (["ftp://shop"], "http or https URL"),
        (["http://me:hush@shop/"], "must not contain credentials"),
        (["http://shop", "--path", "health"], "does not begin with /"),
        (["--curl", "no-such-file"], "cannot be read"),
        (["http://shop", "--top", "0"], "--top must be a whole number"),
        (["http://shop", "--secret", "a b"], "--secret must be the name"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_invalid_arguments_are_rejected_without_repeating_secrets(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = refuse(capsys, *arguments)

    assert message in output
    assert "hush" not in output


def test_existing_file_is_not_overwritten(tmp_path: Path, shop: HttpServer, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "plan.yaml").write_text("mine")

    assert "exists and is not overwritten" in refuse(capsys, shop.url, "-o", str(tmp_path / "plan.yaml"))
    assert (tmp_path / "plan.yaml").read_text() == "mine"


def test_json_output_has_the_plan_and_everything_left_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "access.log"
    log.write_text(common_line("/health") + common_line("/search?q=x"))

    assert main(["record", "--access-log", str(log), "--format", "json"]) == 0

    captured = capsys.readouterr()
    document = json.loads(captured.out)
    assert captured.err == ""
    assert document["left_out"] == ["requests with a query, whose values may be secrets (1)"]
    assert (document["secret"], document["secret_keys"]) == ("smoke", [])
    (check,) = yaml.safe_load(document["plan"])["stages"][STAGE]["checks"]
    assert check["name"] == "GET /health answers 200"
    assert "# once in the log\n" in document["plan"]
