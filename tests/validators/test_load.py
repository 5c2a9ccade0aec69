"""load against real servers that are fast, slow, or fail now and then."""

from __future__ import annotations

import itertools
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome
from greenlight.testing import FakeClock, HttpServer
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


def taking(seconds: float, clock: FakeClock) -> Callable[..., Any]:
    """Return a handler that takes its time on a clock; with one connection at once, nothing else moves the clock."""

    def answer(_method: str, _path: str, _body: bytes) -> Any:
        clock.sleep(seconds)
        return 200, {}, ""

    return answer


@pytest.mark.parametrize(
    ("length", "message"),
    [({"requests": 400}, "of 400 requests"), ({"duration": "50s"}, "before the 50s of the burst")],
)
def test_a_burst_cut_short_is_inconclusive(check: Check, length: dict[str, Any], message: str) -> None:
    clock = FakeClock()
    raw_params = {"paths": ["/a"], "concurrency": 1, "warm_up": 0, **length}
    with HttpServer(taking(0.5, clock)) as green:
        finding = check("load", raw_params, green.url, timeout_s=30.0, clock=clock)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert message in finding.message
    assert 50 <= len(green.requests) <= 60


def hanging(shares: int) -> HttpServer:
    """Serve quickly, but never answer the first `shares` requests; 0 answers none."""
    numbers = itertools.count()

    def respond(_method: str, _path: str, _body: bytes) -> Any:
        if not shares or next(numbers) < shares:
            time.sleep(3)
        return 200, {}, ""

    return HttpServer(respond)


def test_requests_that_hang_until_the_time_ends_do_not_pass(check: Check) -> None:
    raw_params = {"paths": ["/"], "duration": "300ms", "concurrency": 4, "warm_up": 0}
    with hanging(2) as green:
        finding = check("load", raw_params, green.url, timeout_s=1.5)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.message.startswith("2 requests of the burst had no answer when the check's time ended")


@pytest.mark.parametrize("warm_up", [0, 2])
def test_green_that_answers_no_request_fails(check: Check, warm_up: int) -> None:
    with hanging(0) as green:
        finding = check("load", {**BURST, "warm_up": warm_up}, green.url, timeout_s=1.0)
    assert finding.outcome is Outcome.FAIL
    assert "green answered none of" in finding.message


def test_a_rate_that_is_not_reached_is_inconclusive(check: Check) -> None:
    clock = FakeClock()
    raw_params = {"paths": ["/"], "duration": "20s", "rate": 10, "concurrency": 1, "warm_up": 0}
    with HttpServer(taking(0.5, clock)) as green:
        finding = check("load", raw_params, green.url, timeout_s=30.0, clock=clock)
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert "2 requests a second were reached of 10;" in finding.message


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
    clock = FakeClock()
    with HttpServer(fine) as green:
        raw_params = {"paths": ["/"], "duration": "60s", "rate": 0.5, "warm_up": 0, "concurrency": 1}
        finding = check("load", raw_params, green.url, timeout_s=90.0, clock=clock)
    assert finding.outcome is Outcome.PASS, finding.message
    assert len(green.requests) == 30
    assert all(1.0 < pause_s <= 2.0 for pause_s in clock.slept)


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
