"""A kept-alive HTTP connection with a deadline, on a socket that the caller has opened and checked."""

from __future__ import annotations

import http.client
import io
import select
import time
from typing import TYPE_CHECKING, Any

from greenlight.core.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    import socket


class _DeadlineReader(io.RawIOBase):
    """Raw reader whose reads share one deadline; a socket's timeout would restart with every byte."""

    def __init__(self, connection: DeadlineSocket) -> None:
        self._connection = connection
        self.is_finished = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.is_finished:
            return None
        self._connection.apply_timeout()
        size = self._connection.raw.recv_into(buffer)
        now = self._connection.last_byte_at = time.perf_counter()
        self._connection.first_byte_at = self._connection.first_byte_at or now
        # Release the GIL, so that other threads can record the arrival of their responses before this one is parsed.
        SYSTEM_CLOCK.sleep(0)
        self._connection.is_at_end = size == 0
        return size

    def record_leftover(self, data: bytes) -> None:
        """Record whether the server sent more than one response; the rest must not be read as the next response."""
        self._connection.has_leftover = bool(data)


class _ResponseReader(io.BufferedReader):
    """Buffered reader of one response that detects at its end whether the server has sent more."""

    raw: _DeadlineReader

    def close(self) -> None:
        if not self.closed:
            self.raw.is_finished = True
            self.raw.record_leftover(self.peek(1))
        super().close()


class DeadlineSocket:
    """The part of a socket that `http.client` uses, with one deadline for each exchange.

    Attributes:
        raw: The socket itself.
        deadline: When the exchange must be over, on the monotonic clock.
        first_byte_at: When the first byte of the response arrived; 0 before that.
        last_byte_at: When the last bytes arrived.
        is_at_end: The server has closed its side.
        has_leftover: The server sent more than one response.
    """

    def __init__(self, raw: socket.socket) -> None:
        """Wrap a connected socket; `deadline` must be set before each exchange."""
        self.raw = raw
        self.deadline = 0.0
        self.first_byte_at = 0.0
        self.last_byte_at = 0.0
        self.is_at_end = False
        self.has_leftover = False

    def apply_timeout(self) -> None:
        """Set the socket's time-out to the time that remains.

        Raises:
            TimeoutError: The deadline has passed.
        """
        remaining_s = self.deadline - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError
        self.raw.settimeout(remaining_s)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """Return a reader for one response."""
        return _ResponseReader(_DeadlineReader(self), 16384)

    def sendall(self, data: bytes) -> None:
        """Send all of `data` before the deadline."""
        remaining = memoryview(data)
        while remaining:
            self.apply_timeout()
            remaining = remaining[self.raw.send(remaining) :]

    def close(self) -> None:
        """Ignore the call; `Connection.drop` closes the socket.

        `http.client` closes before the body is read when no further request can follow.
        """

    def is_stale(self) -> bool:
        """Return whether the server has closed the connection, or sent something, while it was idle."""
        poll = select.poll()  # select() does not support descriptors above 1023
        poll.register(self.raw, select.POLLIN)
        return bool(poll.poll(0))


class _FinalResponse(http.client.HTTPResponse):
    """The final response; `http.client` skips only 100 and treats 103 as the final response."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200 or status == 101:
                return version, status, reason
            http.client.parse_headers(self.fp)


class Connection(http.client.HTTPConnection):
    """A connection on a socket that the caller has opened and checked.

    Attributes:
        wire: The socket.
        connect_ms: How long connecting took; None after the first request.
        tls_ms: How long the TLS handshake took; None after the first request, and without TLS.
    """

    sock: Any
    connect_ms: float | None = None
    tls_ms: float | None = None
    auto_open = 0
    response_class = _FinalResponse

    def __init__(self, name: str, port: int, wire: DeadlineSocket) -> None:
        """Use `wire`, which is connected to the host `name`."""
        super().__init__(name, port)
        self.sock = self.wire = wire

    def drop(self) -> None:
        """Close the connection and its socket, even if there is unread data."""
        self.close()
        self.wire.raw.close()
