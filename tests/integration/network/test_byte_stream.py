"""Deadlines of a socket, and the time at which the kernel received its bytes."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from greenlight.network.byte_stream import ByteStream, Clocks, arrival_time

if TYPE_CHECKING:
    pass

S = 1_000_000_000
BEFORE = Clocks(100.0, 1_700_000_000 * S)
AFTER = Clocks(101.0, 1_700_000_001 * S)
ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's stamps are those of Linux")


def test_deadline_ends_a_read_without_bytes(pair: tuple[ByteStream, socket.socket]) -> None:
    stream, _ = pair
    stream.deadline = time.monotonic() + 0.1
    with pytest.raises(TimeoutError):
        stream.receive()


def test_expired_deadline_ends_reads_and_writes_at_once(pair: tuple[ByteStream, socket.socket]) -> None:
    stream, server = pair
    server.sendall(b"x")
    stream.deadline = time.monotonic() - 1
    with pytest.raises(TimeoutError):
        stream.receive()
    with pytest.raises(TimeoutError):
        stream.send(b"x")


def test_deadline_ends_a_write_that_the_other_side_does_not_read(pair: tuple[ByteStream, socket.socket]) -> None:
    stream, _ = pair
    stream.deadline = time.monotonic() + 0.2
    with pytest.raises(TimeoutError):
        stream.send(bytes(64 * 1024 * 1024))


def test_large_data_is_sent_whole(pair: tuple[ByteStream, socket.socket]) -> None:
    stream, server = pair
    received = bytearray()

    def read() -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(1 << 20):
                received.extend(data)

    reader = threading.Thread(target=read)
    reader.start()
    stream.send(b"ab" * 4_000_000)
    stream.raw.shutdown(socket.SHUT_WR)
    reader.join(10)
    assert received == b"ab" * 4_000_000


def test_end_of_the_connection_is_an_empty_read(pair: tuple[ByteStream, socket.socket]) -> None:
    stream, server = pair
    server.close()
    assert stream.receive() == b""


@ON_LINUX
def test_wait_of_the_reader_is_not_part_of_the_arrival_time(pair: tuple[ByteStream, socket.socket]) -> None:
    stream, server = pair
    for _ in range(50):  # the kernel switches stamps on a moment after the first socket asks for them
        stream.send(b"request")
        server.sendall(b"response")
        time.sleep(0.05)
        read_at = time.perf_counter()
        assert stream.receive() == b"response"
        if stream.is_stamped:
            break
    assert stream.sent_at <= stream.arrived_at < read_at


def test_socket_without_stamps_has_the_time_of_the_read() -> None:
    client, server = socket.socketpair()
    with client, server:
        stream = ByteStream(client, time.monotonic() + 5)
        stream.send(b"request")
        server.sendall(b"response")
        before_read = time.perf_counter()
        stream.receive()
        assert before_read <= stream.arrived_at <= time.perf_counter()
    assert not stream.is_stamped


def test_stamp_between_both_moments_is_the_arrival_time() -> None:
    stamp_ns = BEFORE.since_epoch_ns + S // 4
    assert arrival_time(stamp_ns, BEFORE, AFTER) == pytest.approx(100.25)


@pytest.mark.parametrize("step_s", [-3600, -0.5, -0.01, 0.01, 0.5, 3600])
@pytest.mark.parametrize("stamp_s", [0.25, 0.75])
def test_clock_that_steps_gives_no_arrival_time(step_s: float, stamp_s: float) -> None:
    stamp_ns = BEFORE.since_epoch_ns + int((stamp_s + step_s) * S)
    after = Clocks(101.0, AFTER.since_epoch_ns + int(step_s * S))
    assert arrival_time(stamp_ns, BEFORE, after) == after.monotonic_s


@pytest.mark.parametrize("stamp_s", [-3600, -0.1, 1.1, 3600])
def test_stamp_outside_of_the_exchange_gives_no_arrival_time(stamp_s: float) -> None:
    stamp_ns = BEFORE.since_epoch_ns + int(stamp_s * S)
    assert arrival_time(stamp_ns, BEFORE, AFTER) == AFTER.monotonic_s


def test_adjusted_speed_of_both_clocks_is_not_a_step() -> None:
    after = Clocks(101.0, AFTER.since_epoch_ns + 400_000)
    assert arrival_time(BEFORE.since_epoch_ns + S // 2, BEFORE, after) == pytest.approx(100.5, abs=0.001)
