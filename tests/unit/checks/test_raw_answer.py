"""Bytes on a connection are green's if a load balancer would not send them by itself."""

from __future__ import annotations

import h2.config
import h2.connection
import pytest

from greenlight.checks.raw_answer import RawAnswer

ERROR_PAGE = b"<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n</html>"


def is_greens(*parts: bytes) -> bool:
    answer = RawAnswer()
    for part in parts:
        answer.feed(part)
    return answer.is_greens


def answer_http_2(status: str, content_type: str, *data: bytes, padding: int | None = None) -> bytes:
    """Return what an HTTP/2 server sends for one request."""
    client, server = (
        h2.connection.H2Connection(h2.config.H2Configuration(client_side=is_client)) for is_client in (True, False)
    )
    client.initiate_connection()
    client.send_headers(
        1, [(":method", "POST"), (":path", "/"), (":scheme", "http"), (":authority", "green")], end_stream=True
    )
    server.initiate_connection()
    server.receive_data(client.data_to_send())
    server.send_headers(1, [(":status", status), ("content-type", content_type)])
    for part in data:
        server.send_data(1, part, pad_length=padding)
    server.end_stream(1)
    return bytes(server.data_to_send())


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 503 Service Unavailable\r\nServer: awselb/2.0\r\n\r\n" + ERROR_PAGE,
        b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 1010 OK\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\x16\x03\x03\x00\x7a",
        answer_http_2("503", "text/html", ERROR_PAGE),
        answer_http_2("200", "application/grpc"),
        answer_http_2("200", "text/plain", b""),
    ],
    ids=["nothing", "503", "200", "1010", "alert", "handshake", "HTTP/2 page", "no message", "empty data"],
)
def test_data_that_a_load_balancer_sends_by_itself_is_not_greens(data: bytes) -> None:
    assert not is_greens(data)
    assert not is_greens(*(data[index : index + 1] for index in range(len(data))))


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        b"+PONG\r\n",
        b"H",
        b"\x00\x1e\x85\x80binary protocol",
        answer_http_2("200", "application/grpc", b"\0\0\0\0\2\x08\1"),
        answer_http_2("200", "application/grpc", b"\0\0\0\0\2\x08\1", padding=7),
    ],
    ids=["101", "redis", "one letter", "binary", "gRPC", "padded gRPC"],
)
def test_data_that_only_a_target_sends_is_greens(data: bytes) -> None:
    assert is_greens(data, b" and more")
    assert is_greens(*(data[index : index + 1] for index in range(len(data))), b" and more")


def test_only_the_first_proof_is_reported() -> None:
    answer = RawAnswer()

    assert [answer.feed(part) for part in (b"+PO", b"NG", b"")] == [True, False, False]


def test_endless_data_without_a_proof_is_not_kept() -> None:
    answer = RawAnswer()
    frame = b"\x00\x00\x06\x04\x00\x00\x00\x00\x00" + b"\0" * 6 + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01"
    answer.feed(frame)
    for _ in range(40):
        answer.feed(b"\1" * 100_000)

    assert not answer.is_greens
    assert len(answer._buffer) < 3 * 1024 * 1024
