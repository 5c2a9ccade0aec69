"""No plan whose checks never reach green is Succeeded: green is dead, everything else works."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from devkit.cli.main import main
from greenlight.testing import HttpServer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STAGE = "AfterAllowTestTraffic"
DEAD = "http://127.0.0.1:9"
NOTE = {"id": 1, "text": "x"}


def _answer(_method: str, path: str, body: bytes) -> tuple[int, dict[str, str], Any]:
    text = json.loads(body).get("text", "x") if body else "x"
    return 200, {"content-type": "application/json"}, {"status": "ok", "path": path, "data": {"a": 1}, "text": text}


@pytest.fixture
def blue() -> Iterator[str]:
    with HttpServer(_answer) as server:
        yield server.url


@pytest.fixture
def other() -> Iterator[str]:
    with HttpServer(_answer) as server:
        yield server.url


def check(
    tmp_path: Path, capsys: Any, validator: dict[str, Any], *options: str, accepts: dict[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    """Return the exit status and the report of a gate with one check."""
    stage = {"checks": [{"name": "a", "timeout": "3s", **validator}], **({"accepts": accepts} if accepts else {})}
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"version": 1, "stages": {STAGE: stage}}))
    status = main(["check", str(plan), "--stage", STAGE, *options, "--format", "json"])
    return status, json.loads(capsys.readouterr().out or "{}")


OK = {"status": 200}
AT_BLUE = {"http": {"get": "${blue.url}/health", "expect": OK}}

ELSEWHERE = {
    "http at blue": (lambda _: AT_BLUE, "asked blue"),
    "http at another host": (lambda url: {"http": {"get": f"{url}/health", "expect": OK}}, "asked another host"),
    "tcp at another host": (lambda url: {"tcp": {"host": "127.0.0.1", "port": _port(url)}}, "asked another host"),
    "graphql at another host": (
        lambda url: {"graphql": {"path": f"{url}/graphql", "query": "{ a }"}},
        "asked another host",
    ),
    "load at another host": (
        lambda url: {"load": {"paths": [f"{url}/"], "requests": 20, "warm_up": 0, "expect": {"error_rate": 0}}},
        "asked another host",
    ),
}


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


@pytest.mark.parametrize("form", ELSEWHERE)
def test_check_that_passes_elsewhere_does_not_succeed_with_a_dead_green(
    form: str, tmp_path: Path, blue: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    build, asked = ELSEWHERE[form]
    options = ("--url", DEAD, "--blue-url", blue, "--allow-host", "127.0.0.1")

    status, report = check(tmp_path, capsys, build(other), *options)

    assert [finding["outcome"] for finding in report["checks"]] == ["PASS"]
    ((cause, message),) = [(reason["cause"], reason["message"]) for reason in report["reasons"]]
    assert (status, report["verdict"], cause) == (1, "Failed", "NO_EVIDENCE")
    assert message == f"1 check passed and none of them asked green: 1 {asked}, so nothing shows that green works"
    assert report["green_asked"] == {"times": 0, "checks": 0}


@pytest.mark.parametrize(
    "validator",
    [
        {"compare": {"requests": ["${blue.url}/catalogue"]}},
        {
            "migration": {
                "capture": {"probe": "unique"},
                "write": {"post": "${blue.url}/notes", "body": {"json": {"text": "${probe}"}}},
                "read": {"get": "${blue.url}/notes"},
                "expect": {"json": {"text": "x"}},
                "clean_up": {"delete": "${blue.url}/notes"},
            }
        },
    ],
    ids=["compare", "migration"],
)
def test_url_in_a_check_of_both_sides_rejects_the_plan(
    validator: dict[str, Any], tmp_path: Path, blue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"version": 1, "stages": {STAGE: {"checks": [{"name": "a", **validator}]}}}))

    status = main(["check", str(plan), "--stage", STAGE, "--url", DEAD, "--blue-url", blue])

    captured = capsys.readouterr()
    assert status != 0
    assert "one address for both sides" in captured.out + captured.err


def test_green_that_redirects_to_blue_is_not_asked(
    tmp_path: Path, blue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    validator = {"http": {"get": "/health", "redirects": 3, "expect": {"status": 200, "json": {"status": "ok"}}}}
    with HttpServer(lambda *_: (302, {"location": f"{blue}/health"}, "")) as green:
        known, report = check(tmp_path, capsys, validator, "--url", green.url, "--blue-url", blue)
        unknown, other = check(tmp_path, capsys, validator, "--url", green.url)

    assert (known, unknown) == (1, 1)
    assert report["checks"][0]["asked"]["blue"] == 1
    assert other["checks"][0]["asked"]["other"] == 1
    assert report["checks"][0]["message"].endswith(f"the answer came from {blue}/health, not from green")


@pytest.mark.parametrize(
    "validator", [{"tcp": {}}, {"http": {"get": "/health", "expect": {"status": 503}}}], ids=["tcp", "503"]
)
def test_load_balancer_without_green_is_not_green(
    validator: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with HttpServer(lambda *_: (503, {}, "<html>Service Temporarily Unavailable</html>")) as balancer:
        status, report = check(tmp_path, capsys, validator, "--url", balancer.url)

    (finding,), (reason,) = report["checks"], report["reasons"]
    assert (status, finding["outcome"], finding["asked"]["balancer"]) == (1, "PASS", 1)
    assert "none of them asked green: 1 got no further than green's load balancer" in reason["message"]


def test_reason_in_the_plan_lets_weaker_evidence_pass_and_the_report_repeats_it(
    tmp_path: Path, blue: str, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ("--url", DEAD, "--blue-url", blue)
    accepts = {"evidence": "environment", "why": "only blue can be asked here"}

    status, report = check(tmp_path, capsys, AT_BLUE, *options, accepts=accepts)
    stricter, _ = check(tmp_path, capsys, AT_BLUE, *options, accepts={**accepts, "evidence": "readiness"})

    assert (status, report["accepted"], stricter) == (0, accepts, 1)


def test_good_green_is_asked_and_counted(tmp_path: Path, blue: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, report = check(tmp_path, capsys, {"http": {"get": "/health", "expect": OK}}, "--url", blue)

    assert (status, report["green_asked"]) == (0, {"times": 1, "checks": 1})
