"""grpc_health against gRPC's own server and health service, with and without TLS, and against other protocols."""

from __future__ import annotations

import concurrent.futures
import threading
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import trustme
from grpc_health.v1 import health, health_pb2_grpc
from grpc_health.v1.health_pb2 import HealthCheckResponse
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import StreamEnded

from greenlight.api import Finding, Outcome
from tests.support.wire import Server, answer, answering, hang, unused_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.wire import Peer, Script

    Check = Callable[..., Finding]

NAME = "shop.orders.v1.Orders" + "x" * 200  # a length of two bytes in protobuf


class Servicer(health.HealthServicer):  # type: ignore[misc]
    """gRPC's own servicer, which also stores the metadata of the last call."""

    metadata: dict[str, str]
    over = threading.Event()

    def Check(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        self.metadata = dict(context.invocation_metadata())
        if request.service == "slow":
            self.over.wait(10)
        return super().Check(request, context)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def green(authority: trustme.CA) -> Iterator[dict[str, Any]]:
    """A server with a serving and a failing service, in plain text and with TLS."""
    servicer = Servicer()
    servicer.set("", HealthCheckResponse.SERVING)
    servicer.set(NAME, HealthCheckResponse.SERVING)
    servicer.set("shop.stock", HealthCheckResponse.NOT_SERVING)
    servicer.set("slow", HealthCheckResponse.SERVING)
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(4))
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    plain = server.add_insecure_port("127.0.0.1:0")
    issued = authority.issue_cert("orders.example")
    chain = b"".join(item.bytes() for item in issued.cert_chain_pems)
    secure = server.add_secure_port(
        "127.0.0.1:0", grpc.ssl_server_credentials([(issued.private_key_pem.bytes(), chain)])
    )
    server.start()
    yield {"url": f"http://127.0.0.1:{plain}", "tls": f"https://127.0.0.1:{secure}", "servicer": servicer}
    servicer.over.set()
    server.stop(None).wait()


def test_a_service_that_is_not_serving_fails(check: Check, green: dict[str, Any]) -> None:
    finding = check("grpc_health", {"service": "shop.stock"}, green["url"])
    assert finding.outcome is Outcome.FAIL
    assert finding.message == 'shop.stock: serving status is "NOT_SERVING", expected "SERVING"'


def test_a_service_that_the_server_does_not_know_fails(check: Check, green: dict[str, Any]) -> None:
    finding = check("grpc_health", {"service": "shop.unheard"}, green["url"])
    assert (finding.outcome, "NOT_FOUND" in finding.message) == (Outcome.FAIL, True)


def test_a_server_without_a_health_service_fails(check: Check) -> None:
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    finding = check("grpc_health", {}, f"http://127.0.0.1:{port}")
    server.stop(None).wait()
    assert (finding.outcome, "UNIMPLEMENTED" in finding.message) == (Outcome.FAIL, True)


def test_a_server_that_is_slow_fails_in_time(check: Check, green: dict[str, Any]) -> None:
    began = time.monotonic()
    finding = check("grpc_health", {"service": "slow"}, green["url"], timeout_s=0.4)
    assert finding.message == "slow: no answer came in time"
    assert time.monotonic() - began < 5


def test_a_server_that_speaks_http_1_fails(check: Check) -> None:
    with answering(answer(200, b"ok")) as server:
        finding = check("grpc_health", {}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert "HTTP/2" in finding.message


def test_a_silent_server_fails(check: Check) -> None:
    with Server(hang) as server:
        finding = check("grpc_health", {}, server.url, timeout_s=0.3)
    assert finding.outcome is Outcome.FAIL


def test_a_closed_port_fails_and_a_host_that_is_not_allowed_is_an_error(check: Check) -> None:
    assert check("grpc_health", {}, f"http://127.0.0.1:{unused_port()}").outcome is Outcome.FAIL
    elsewhere = {"host": "bank.example", "port": 443}
    assert check("grpc_health", elsewhere, "http://127.0.0.1:1").outcome is Outcome.ERROR
    assert check("grpc_health", {}, no_url="no listener").outcome is Outcome.ERROR


def test_a_rule_that_does_not_forward_the_call_to_green_is_an_error(check: Check, green: dict[str, Any]) -> None:
    for pattern in ("/shop.Orders/*", "/shop.Orders/Place"):
        finding = check("grpc_health", {}, green["url"], path_patterns=(pattern,))
        assert finding.outcome is Outcome.ERROR
        assert f"accepts only the paths {pattern}" in finding.message


@pytest.mark.parametrize("metadata", [{":path": "/x"}, {"te": "x"}, {"a": "b\r\nc"}])
def test_metadata_that_cannot_be_sent_is_rejected(check: Check, metadata: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        check("grpc_health", {"metadata": metadata}, "http://127.0.0.1:1")


@pytest.mark.parametrize(
    "body", [b"", b"\0\0\0\0", b"\1\0\0\0\2\x08\1", b"\0\0\0\0\3\x08\1", b"\0\0\0\0\2\x0d\1", b"\0\0\0\0\1\x08"]
)
def test_an_invalid_message_is_never_a_status(body: bytes) -> None:
    from validators import _grpc

    with pytest.raises(_grpc.BrokenCallError):
        _grpc.read_serving_status(body)


def test_a_missing_status_is_unknown_and_other_fields_are_ignored() -> None:
    from validators import _grpc

    assert _grpc.read_serving_status(b"\0\0\0\0\0") == "UNKNOWN"
    assert _grpc.read_serving_status(b"\0\0\0\0\7\x12\1x\x18\x05\x08\1") == "SERVING"


def answer_call(
    headers: list[tuple[str, str]], trailers: list[tuple[str, str]], message: bytes = b"\0\0\0\0\2\x08\1"
) -> Script:
    """Return a script that answers one call over HTTP/2 with these headers, a message and these trailers."""

    def script(peer: Peer) -> None:
        http2 = H2Connection(H2Configuration(client_side=False))
        http2.initiate_connection()
        peer.send(http2.data_to_send())
        while data := peer.raw.recv(65536):
            for event in http2.receive_data(data):
                if isinstance(event, StreamEnded):
                    http2.send_headers(1, headers)
                    http2.send_data(1, message)
                    http2.send_headers(1, trailers, end_stream=True)
            peer.send(http2.data_to_send())

    return script


ILLEGAL_CODES = ("00", "+0", "-0", "0x0", "0_0", "0.0", "0,0", "\u0660", "OK", "", "17", "999")
GRPC_HEADERS = [(":status", "200"), ("content-type", "application/grpc")]


@pytest.mark.parametrize(
    ("headers", "trailers", "reason"),
    [
        ([(":status", "200"), ("content-type", "text/html")], [("grpc-status", "0")], 'content type is "text/html"'),
        ([(":status", "200"), ("content-type", "application/grpc-web")], [("grpc-status", "0")], "content type is"),
        ([(":status", "200")], [("grpc-status", "0")], 'content type is "none"'),
        (
            [*GRPC_HEADERS, ("content-type", "text/html")],
            [("grpc-status", "0")],
            "the answer has several content-type",
        ),
        (GRPC_HEADERS, [("grpc-status", "14"), ("grpc-status", "0")], "the answer has several grpc-status"),
        ([*GRPC_HEADERS, ("grpc-status", "14")], [("grpc-status", "0")], "the answer has several grpc-status"),
        ([*GRPC_HEADERS, ("grpc-status", "0")], [("x", "y")], "grpc-status came before the message"),
        *((GRPC_HEADERS, [("grpc-status", code)], "gRPC status is") for code in ILLEGAL_CODES),
        (GRPC_HEADERS, [("x", "y")], "gRPC status is"),
    ],
)
def test_ambiguous_or_foreign_answer_fails(check: Check, headers: Any, trailers: Any, reason: str) -> None:
    with Server(answer_call(headers, trailers)) as server:
        finding = check("grpc_health", {}, server.url)
    assert finding.outcome is Outcome.FAIL
    assert reason in finding.message


@pytest.mark.parametrize("content_type", ["application/grpc", "application/grpc+proto", "Application/grpc; a=b"])
def test_content_types_of_grpc_pass(check: Check, content_type: str) -> None:
    headers = [(":status", "200"), ("content-type", content_type)]
    with Server(answer_call(headers, [("grpc-status", "0")])) as server:
        assert check("grpc_health", {}, server.url).outcome is Outcome.PASS


@pytest.mark.parametrize("service", ["", NAME])
def test_a_serving_service_passes(check: Check, green: dict[str, Any], service: str) -> None:
    raw_params = {"service": service, "metadata": {"X-Smoke": "1"}}
    finding = check("grpc_health", raw_params, green["url"], headers={"X-Rule": "green"})
    assert finding.outcome is Outcome.PASS, finding.message
    assert green["servicer"].metadata["x-smoke"] == "1"
    assert green["servicer"].metadata["x-rule"] == "green"
    assert (finding.asked.green, finding.asked.balancer) == (1, 0)


def test_a_service_that_should_not_serve_yet_passes_when_it_does_not(check: Check, green: dict[str, Any]) -> None:
    finding = check("grpc_health", {"service": "shop.stock", "status": "NOT_SERVING"}, green["url"])
    assert finding.outcome is Outcome.PASS


def test_tls_verifies_the_name_of_greens_host(
    check: Check, green: dict[str, Any], authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert check("grpc_health", {}, green["tls"], host="orders.example").outcome is Outcome.FAIL
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    finding = check("grpc_health", {}, green["tls"], host="orders.example")
    assert (finding.outcome, finding.asked.green) == (Outcome.PASS, 1), finding.message
