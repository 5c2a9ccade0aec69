"""One kept-alive connection: its deadline, idle state and unrequested data."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from greenlight.network.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Iterator

RESPONSE = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture
def pair() -> Iterator[tuple[Connection, socket.socket]]:
    """A connection, and the socket of its server."""
    client, server = socket.socketpair()
    connection = Connection(client)
    connection.deadline = time.monotonic() + 5
    with server:
        yield connection, server
        connection.drop()


def test_expired_deadline_times_out_before_reading_and_writing(pair: tuple[Connection, socket.socket]) -> None:
    connection, _ = pair
    connection.deadline = time.monotonic() - 1

    with pytest.raises(TimeoutError):
        connection.send(b"GET / HTTP/1.1\r\n")
    with pytest.raises(TimeoutError):
        connection.receive()


def test_reads_share_one_deadline(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    connection.deadline = time.monotonic() + 0.2
    server.sendall(b"HTTP/1.1 200 OK\r\n")

    with pytest.raises(TimeoutError):
        connection.read_response("GET", 100)


def test_response_sets_the_times_of_its_first_and_last_byte(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    started = time.perf_counter()
    server.sendall(RESPONSE)

    assert connection.read_response("GET", 100).body == b"ok"
    assert started <= connection.first_byte_at <= connection.last_byte_at <= time.perf_counter()


@pytest.mark.parametrize(("extra", "is_reusable"), [(b"", True), (b"HTTP/1.1 200 OK\r\n", False), (b"x", False)])
def test_data_after_the_response_is_detected(
    pair: tuple[Connection, socket.socket], extra: bytes, is_reusable: bool
) -> None:
    connection, server = pair
    server.sendall(RESPONSE + extra)

    response = connection.read_response("GET", 100)

    assert response.body == b"ok"
    assert response.is_reusable is is_reusable


def test_idle_connection_is_stale_after_the_server_closes(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    assert not connection.is_stale()

    server.close()

    assert connection.is_stale()


def test_idle_connection_is_stale_after_unrequested_data(pair: tuple[Connection, socket.socket]) -> None:
    connection, server = pair
    server.sendall(b"x")

    assert connection.is_stale()


def test_drop_closes_the_socket(pair: tuple[Connection, socket.socket]) -> None:
    connection, _ = pair

    connection.drop()

    assert connection.raw.fileno() == -1
