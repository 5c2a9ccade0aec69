"""One kept-alive HTTP connection under a deadline, on a socket that was made and checked elsewhere."""

from __future__ import annotations

import http.client
import io
import select
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket


class _DeadlineReader(io.RawIOBase):
    """Reads a socket so that all reads together end at the deadline; a plain time-out begins anew at every byte."""

    def __init__(self, connection: DeadlineSocket) -> None:
        self._connection = connection
        self.answered = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.answered:
            return None
        self._connection.arm()
        size = self._connection.raw.recv_into(buffer)
        now = self._connection.received_at = time.perf_counter()
        self._connection.first_at = self._connection.first_at or now
        time.sleep(0)  # other threads whose answer has come note their time before this one is made sense of
        self._connection.ended = size == 0
        return size

    def tell_leftover(self, data: bytes) -> None:
        """Note that the server said more than one answer, so that nothing of it is taken for the next."""
        self._connection.leftover = bool(data)


class _Buffered(io.BufferedReader):
    """Reads one answer, and knows at its end whether the server has said more than that."""

    raw: _DeadlineReader

    def close(self) -> None:
        if not self.closed:
            self.raw.answered = True
            self.raw.tell_leftover(self.peek(1))
        super().close()


class DeadlineSocket:
    """What `http.client` needs of a socket, under one deadline for each exchange."""

    def __init__(self, raw: socket.socket) -> None:
        self.raw = raw
        self.deadline = 0.0
        self.first_at = 0.0
        self.received_at = 0.0
        self.ended = False
        self.leftover = False

    def arm(self) -> None:
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self.raw.settimeout(remaining)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return _Buffered(_DeadlineReader(self), 16384)

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self.arm()
            rest = rest[self.raw.send(rest) :]

    def close(self) -> None:
        """Stay open: `http.client` closes before the body is read where no request can follow. See `Connection.drop`."""

    def stale(self) -> bool:
        """Tell whether the server has closed, or spoken unasked, while the connection was idle."""
        poll = select.poll()  # select() cannot watch descriptors from 1024 on
        poll.register(self.raw, select.POLLIN)
        return bool(poll.poll(0))


class _Answer(http.client.HTTPResponse):
    """A final response; `http.client` itself waits only for the end of 100, and takes 103 for the answer."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200 or status == 101:
                return version, status, reason
            http.client.parse_headers(self.fp)


class Connection(http.client.HTTPConnection):
    """A connection that is handed its socket, made and checked elsewhere.

    `connect_ms` and `tls_ms` are how long making it took; None once it has served a request.
    """

    sock: Any
    connect_ms: float | None = None
    tls_ms: float | None = None
    auto_open = 0
    response_class = _Answer

    def __init__(self, name: str, port: int, wire: DeadlineSocket) -> None:
        super().__init__(name, port)
        self.sock = self.wire = wire

    def drop(self) -> None:
        """Close for good, whatever has not been read yet."""
        self.close()
        self.wire.raw.close()
