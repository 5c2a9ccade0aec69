"""A kept-alive connection with a deadline, on a socket that the caller has opened and checked."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.network.response_reader import RawResponse, ResponseReader

if TYPE_CHECKING:
    import socket

_RECEIVE_BYTES = 65536


class Connection:
    """A connection with one deadline for each exchange; a plain socket time-out would start again at every byte.

    Attributes:
        raw: The socket itself.
        connect_ms: How long connecting took; None after the first request.
        tls_ms: How long the TLS handshake took; None after the first request, and without TLS.
        deadline: When the exchange must be over, on the monotonic clock; must be set before each exchange.
        first_byte_at: When the first byte of the response arrived; 0 before that.
        last_byte_at: When the last bytes arrived.
    """

    def __init__(self, raw: socket.socket) -> None:
        """Use a connected socket."""
        self.raw = raw
        self.connect_ms: float | None = None
        self.tls_ms: float | None = None
        self.deadline = 0.0
        self.first_byte_at = 0.0
        self.last_byte_at = 0.0

    def send(self, data: bytes) -> None:
        """Send all of `data` before the deadline.

        Raises:
            TimeoutError: The deadline has passed.
        """
        remaining = memoryview(data)
        while remaining:
            self._apply_timeout()
            remaining = remaining[self.raw.send(remaining) :]

    def receive(self) -> bytes:
        """Return the next bytes, b"" if the server has closed its side.

        Raises:
            TimeoutError: The deadline has passed.
        """
        self._apply_timeout()
        data = self.raw.recv(_RECEIVE_BYTES)
        now = self.last_byte_at = time.perf_counter()
        self.first_byte_at = self.first_byte_at or now
        # Yield the GIL, so that other threads whose response has arrived take their time before this one is parsed.
        SYSTEM_CLOCK.sleep(0)
        return data

    def read_response(self, method: str, limit: int) -> RawResponse:
        """Read the response to a request with `method`, with at most `limit` bytes of its body."""
        self.first_byte_at = 0.0
        return ResponseReader(self.receive, method, limit).read()

    def is_stale(self) -> bool:
        """Return whether the server has closed the connection, or sent something, while it was idle."""
        poll = select.poll()  # select() does not support descriptors above 1023
        poll.register(self.raw, select.POLLIN)
        return bool(poll.poll(0))

    def drop(self) -> None:
        """Close the connection, even if there is unread data."""
        self.raw.close()

    def _apply_timeout(self) -> None:
        """Set the socket's time-out to the time that remains."""
        remaining_s = self.deadline - time.monotonic()
        if remaining_s <= 0:
            raise TimeoutError
        self.raw.settimeout(remaining_s)
