"""load against real servers that are fast, slow, or fail now and then."""

from __future__ import annotations

import itertools
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome
from greenlight.testing import HttpServer
from tests.support.wire import unused_port

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]

BURST = {"paths": ["/a", "/b"], "requests": 40, "concurrency": 4}


def fine(_method: str, _path: str, _body: bytes) -> Any:
    return 200, {}, "ok"


def test_one_error_in_forty_fails_and_is_shown(check: Check) -> None:
    numbers = itertools.count()

    def sometimes(_method: str, _path: str, _body: bytes) -> Any:
        return (503 if next(numbers) == 25 else 200), {}, ""

    with HttpServer(sometimes) as green:
        finding = check("load", BURST, green.url)
    assert finding.outcome is Outcome.FAIL
    assert "error rate is 0.025, expected 0" in finding.message
    assert "answered 503" in finding.message


def test_a_missing_page_is_an_error(check: Check) -> None:
    with HttpServer(lambda *_: (404, {}, "")) as green:
        assert check("load", BURST, green.url).outcome is Outcome.FAIL
        assert check("load", {**BURST, "status": 404}, green.url).outcome is Outcome.PASS


def test_a_closed_port_fails(check: Check) -> None:
    finding = check("load", BURST, f"http://127.0.0.1:{unused_port()}")
    assert finding.outcome is Outcome.FAIL
    assert "error rate is 1" in finding.message


def test_a_slow_green_fails_on_its_percentile(check: Check) -> None:
    numbers = itertools.count()

    def slow(_method: str, _path: str, _body: bytes) -> Any:
        if next(numbers) % 10 == 0:
            time.sleep(0.15)
        return 200, {}, ""

    with HttpServer(slow) as green:
        expect = {"p50": {"lte": "100ms"}, "p95": {"lte": "100ms"}}
        finding = check("load", {**BURST, "warm_up": 0, "expect": expect}, green.url)
    assert finding.outcome is Outcome.FAIL
    slowest = next(result for result in finding.evidence if result.query == "p95 (ms)")
    assert slowest.actual >= 150
    assert finding.message.startswith(f"p95 (ms) is {slowest.actual}, expected")
    assert [result.passed for result in finding.evidence] == [True, True, False]


def test_a_burst_cut_short_is_inconclusive(check: Check) -> None:
    def slow(_method: str, _path: str, _body: bytes) -> Any:
        time.sleep(0.05)
        return 200, {}, ""

    with HttpServer(slow) as green:
        raw_params = {**BURST, "requests": 400, "concurrency": 2}
        finding = check("load", raw_params, green.url, timeout_s=1.5)
        assert finding.outcome is Outcome.INCONCLUSIVE
        assert "of 400 requests" in finding.message
        finding = check("load", {"paths": ["/"], "duration": "5s"}, green.url, timeout_s=1.5)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "before the 5s of the burst" in finding.message


def test_a_rate_that_is_not_reached_is_inconclusive(check: Check) -> None:
    def slow(_method: str, _path: str, _body: bytes) -> Any:
        time.sleep(0.05)
        return 200, {}, ""

    with HttpServer(slow) as green:
        raw_params = {"paths": ["/"], "duration": "800ms", "rate": 100, "concurrency": 2, "warm_up": 0}
        finding = check("load", raw_params, green.url)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "requests a second were reached of 100" in finding.message


def test_a_host_out_of_bounds_is_an_error(check: Check) -> None:
    finding = check("load", {**BURST, "paths": ["http://elsewhere.example/"]}, "http://127.0.0.1:1")
    assert (finding.outcome, "AllowedHosts" in finding.message) == (Outcome.ERROR, True)


def test_a_quick_burst_passes_without_its_warm_up(check: Check) -> None:
    with HttpServer(fine) as green:
        expect = {"p99": {"lte": "2s"}, "slowest": {"lte": "2s"}, "statuses": {"2xx": 40, "5xx": 0, "none": 0}}
        finding = check("load", {**BURST, "method": "HEAD", "headers": {"x-load": "1"}, "expect": expect}, green.url)
    assert finding.outcome is Outcome.PASS, finding.message
    assert len(green.requests) == 45
    assert {path for _, path, _ in green.requests} == {"/a", "/b"}
    assert all(headers["x-load"] == "1" for headers in green.headers)
    plot = finding.series[0]
    assert (len(plot.values), plot.limits) == (40, {"p99 lte": 2000.0, "slowest lte": 2000.0})


def test_requests_follow_the_rate(check: Check) -> None:
    with HttpServer(fine) as green:
        raw_params = {"paths": ["/"], "duration": "1s", "rate": 30, "warm_up": 0}
        finding = check("load", raw_params, green.url)
    assert finding.outcome is Outcome.PASS, finding.message
    assert 26 <= len(green.requests) <= 31


@pytest.mark.parametrize(
    ("raw_params", "reason"),
    [
        ({"paths": ["/"]}, "exactly one of requests and duration"),
        ({"paths": ["/"], "requests": 10, "duration": "1s"}, "exactly one of requests and duration"),
        ({"paths": ["/"], "requests": 10}, "minimum_samples is 20"),
        ({"paths": ["/"], "duration": "1s", "rate": 5}, "at most 5 requests"),
        ({"paths": ["/"], "duration": "1h"}, "at most 10m"),
        ({"paths": ["/"], "requests": 10001}, "at most 10000"),
        ({"paths": [], "requests": 100}, "length >= 1"),
        ({"paths": ["/"], "requests": 100, "method": "POST"}, "POST"),
        ({"paths": ["/"], "requests": 100, "expect": {"error_rate": {"lte": 1}}}, "nothing but errors would pass"),
        (
            {"paths": ["/"], "requests": 100, "expect": {"error_rate": {"exists": True}}},
            "nothing but errors would pass",
        ),
    ],
)
def test_invalid_parameters_are_rejected_with_a_reason(check: Check, raw_params: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        check("load", raw_params)


@pytest.mark.parametrize(
    "params", [{"warm_up": 0}, {"warm_up": 2}, {"expect": {"error_rate": {"lt": 1}}, "warm_up": 0}]
)
def test_a_green_that_answers_no_request_fails(check: Check, params: Any) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as hung:  # accepts connections and reads nothing
        url = f"http://127.0.0.1:{hung.getsockname()[1]}"
        finding = check("load", {"paths": ["/"], "requests": 30, "minimum_samples": 1, **params}, url, timeout_s=1.5)

    assert finding.outcome is Outcome.FAIL, finding.message
    assert "green answered none of" in finding.message
