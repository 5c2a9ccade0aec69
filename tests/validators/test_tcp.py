"""tcp against sockets that accept, that refuse, and that checks may not call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.api import Finding, Outcome
from tests.support.wire import Server, hang, unused_port

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]


def test_a_port_that_refuses_fails(check: Check) -> None:
    port = unused_port()
    finding = check("tcp", {"port": port}, "http://127.0.0.1:1")
    assert finding.outcome is Outcome.FAIL
    assert finding.message == f"127.0.0.1 (127.0.0.1 port {port}) refuses connections"


def test_a_host_that_is_not_allowed_is_an_error_and_not_called(check: Check) -> None:
    with Server(hang) as server:
        finding = check("tcp", {"host": "elsewhere.example", "port": server.port}, server.url)
    assert finding.outcome is Outcome.ERROR
    assert "AllowedHosts" in finding.message
    assert server.connections == 0


def test_the_machines_metadata_is_never_called(check: Check) -> None:
    finding = check(
        "tcp", {"host": "db.example", "port": 80}, hosts=("db.example",), resolver=lambda *_: ["169.254.169.254"]
    )
    assert (finding.outcome, "metadata" in finding.message) == (Outcome.ERROR, True)


def test_another_host_needs_its_port(check: Check) -> None:
    finding = check("tcp", {"host": "localhost"}, "http://127.0.0.1:1")
    assert (finding.outcome, finding.message) == (Outcome.ERROR, "set the port to connect to at localhost")


def test_without_a_url_of_green_host_and_port_are_needed(check: Check) -> None:
    finding = check("tcp", {"port": 5671}, no_url="a function has no URL")
    assert (finding.outcome, finding.message) == (Outcome.ERROR, "a function has no URL; set host and port")


def test_a_connection_that_took_too_long_fails(check: Check) -> None:
    with Server(hang) as server:
        finding = check("tcp", {"connect": {"lt": "0ms"}}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert "time to connect (ms) is" in finding.message


def test_a_port_that_accepts_passes(check: Check) -> None:
    with Server(hang) as server:
        finding = check("tcp", {"connect": {"lt": "1s"}}, server.url)
        elsewhere = check("tcp", {"host": "localhost", "port": server.port})
    assert (finding.outcome, elsewhere.outcome) == (Outcome.PASS, Outcome.PASS)
    assert [result.query for result in finding.evidence] == ["connection", "time to connect (ms)"]
    assert (finding.asked.green, finding.asked.balancer, elsewhere.asked.other) == (0, 1, 1)


def test_a_port_behind_a_listener_that_passes_connections_on_is_greens(check: Check) -> None:
    with Server(hang) as server:
        assert check("tcp", {}, server.url, protocol="TCP").asked.green == 1
