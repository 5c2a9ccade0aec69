"""TLS over a byte stream: handshake, records, ends of a connection, and arrival times."""

from __future__ import annotations

import socket
import ssl
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from greenlight.network.byte_stream import ByteStream
from greenlight.network.tls_stream import TlsStream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CA = trustme.CA()
CERTIFICATE = CA.issue_cert("api.test")


@pytest.fixture
def connect() -> Iterator[Callable[..., TlsStream]]:
    """Return a function that connects to a server whose only connection runs a script."""
    servers: list[tuple[socket.socket, threading.Thread]] = []
    clients: list[socket.socket] = []

    def connect_to(script: Callable[[ssl.SSLSocket], None], name: str = "api.test") -> TlsStream:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        CERTIFICATE.configure_cert(tls)
        listener = socket.create_server(("127.0.0.1", 0))

        def serve() -> None:
            raw = listener.accept()[0]
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                with tls.wrap_socket(raw, server_side=True, suppress_ragged_eofs=False) as connection:
                    script(connection)
            except OSError:
                raw.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        servers.append((listener, thread))
        client = ssl.create_default_context()
        CA.configure_trust(client)
        clients.append(socket.create_connection(listener.getsockname()))
        return TlsStream(ByteStream(clients[-1], time.monotonic() + 5), client, name)

    yield connect_to
    for client in clients:
        client.close()
    for listener, thread in servers:
        listener.close()
        thread.join(5)


def _echo(connection: ssl.SSLSocket) -> None:
    while data := connection.recv(65536):
        connection.sendall(data)


def test_certificate_of_another_name_is_refused(connect: Callable[..., TlsStream]) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        connect(_echo, name="other.test")


def test_server_without_tls_is_refused(pair: tuple[ByteStream, socket.socket]) -> None:
    stream, server = pair
    server.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    with pytest.raises(ssl.SSLError):
        TlsStream(stream, ssl.create_default_context(), "api.test")


def test_server_that_closes_during_the_handshake_is_refused(pair: tuple[ByteStream, socket.socket]) -> None:
    stream, server = pair
    server.shutdown(socket.SHUT_WR)
    with pytest.raises(ssl.SSLEOFError):
        TlsStream(stream, ssl.create_default_context(), "api.test")


def test_silent_server_ends_the_handshake_at_the_deadline(pair: tuple[ByteStream, socket.socket]) -> None:
    stream, _ = pair
    stream.deadline = time.monotonic() + 0.1
    with pytest.raises(TimeoutError):
        TlsStream(stream, ssl.create_default_context(), "api.test")


def test_data_of_many_records_goes_both_ways(connect: Callable[..., TlsStream]) -> None:
    stream = connect(_echo)
    data, received = bytes(range(256)) * 1000, b""
    stream.send(data)
    while len(received) < len(data):
        received += stream.receive()
    assert received == data
    assert not stream.has_pending()


def test_record_that_was_not_returned_is_pending(connect: Callable[..., TlsStream]) -> None:
    sent = threading.Event()

    def script(connection: ssl.SSLSocket) -> None:
        for _ in range(2):
            connection.sendall(b"x" * 100)
        sent.set()
        connection.recv(1)

    stream = connect(script)
    sent.wait(5)
    assert stream.receive() == b"x" * 100
    assert stream.has_pending()


@pytest.mark.parametrize("end", ["alert", "none"])
def test_end_of_the_connection_is_an_empty_read(connect: Callable[..., TlsStream], end: str) -> None:
    def script(connection: ssl.SSLSocket) -> None:
        connection.sendall(b"last")
        if end == "alert":
            connection.unwrap()

    stream = connect(script)
    assert (stream.receive(), stream.receive()) == (b"last", b"")


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's stamps are those of Linux")
def test_wait_of_the_reader_is_not_part_of_the_arrival_time(connect: Callable[..., TlsStream]) -> None:
    stream = connect(_echo)
    for _ in range(50):
        stream.send(b"request")
        time.sleep(0.05)
        read_at = time.perf_counter()
        assert stream.receive() == b"request"
        if stream.stream.is_stamped:
            break
    assert stream.stream.sent_at <= stream.stream.arrived_at < read_at
