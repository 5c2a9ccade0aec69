"""One kept-alive connection: its deadline, idle state and unrequested data."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from greenlight.network.connection import Connection, DeadlineSocket

if TYPE_CHECKING:
    from collections.abc import Iterator

RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    """A connection, and the socket of its server."""
    client, server = socket.socketpair()
    connection = Connection("shop.example", 80, DeadlineSocket(client))
    connection.wire.deadline = time.monotonic() + 5
    with server:
        yield connection, server
        connection.drop()


def read_response(connection: Connection) -> bytes:
    connection.request("GET", "/")
    return connection.getresponse().read()


def test_expired_deadline_times_out_before_reading_and_writing(pair: tuple[Connection, socket.socket]) -> None:
    connection, _ = pair
    connection.wire.deadline = time.monotonic() - 1

    with pytest.raises(TimeoutError):
        connection.wire.sendall(b"GET / HTTP/1.1\r\n")
    with pytest.raises(TimeoutError):
        connection.wire.makefile("rb").readline()


def test_reads_share_one_deadline(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    connection.wire.deadline = time.monotonic() + 0.2
    server.sendall(b"HTTP/1.1 200 OK\r\n")

    with pytest.raises(TimeoutError):
        read_response(connection)


def test_response_sets_the_times_of_its_first_and_last_byte(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    started = time.perf_counter()
    server.sendall(RESPONSE)

    assert read_response(connection) == b"ok"
    assert started <= connection.wire.first_byte_at <= connection.wire.last_byte_at <= time.perf_counter()


@pytest.mark.parametrize(("extra", "has_leftover"), [(b"", False), (b"HTTP/1.1 200 OK\r\n", True)])
def test_data_after_the_response_is_detected(
    pair: tuple[Connection, socket.socket], extra: bytes, has_leftover: bool
) -> None:
    connection, server = pair
    server.sendall(RESPONSE + extra)

    assert read_response(connection) == b"ok"
    assert connection.wire.has_leftover is has_leftover


def test_idle_connection_is_stale_after_the_server_closes(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    assert not connection.wire.is_stale()

    server.close()

    assert connection.wire.is_stale()


def test_idle_connection_is_stale_after_unrequested_data(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    server.sendall(b"x")

    assert connection.wire.is_stale()


def test_only_drop_closes_the_socket(pair: tuple[Connection, socket.socket]) -> None:
    connection, _ = pair

    connection.close()
    assert connection.wire.raw.fileno() >= 0
    connection.drop()
    assert connection.wire.raw.fileno() == -1
