"""A kept-alive connection with a deadline, on a socket that the caller has opened and checked."""

from __future__ import annotations

import select
import time
from typing import TYPE_CHECKING

from greenlight.network.byte_stream import ByteStream
from greenlight.network.response_reader import RawResponse, ResponseReader
from greenlight.network.tls_stream import TlsStream

if TYPE_CHECKING:
    import socket
    import ssl


class Connection:
    """A connection with one deadline for each exchange; a plain socket time-out would start again at every byte.

    Attributes:
        raw: The socket itself.
        connect_ms: How long connecting took; None after the first request.
        tls_ms: How long the TLS handshake took; None after the first request, and without TLS.
        sent_at: When the first byte of the request was sent, on the clock of `time.perf_counter`.
        first_byte_at: When the first byte of the response arrived; 0 before that.
        last_byte_at: When the last bytes arrived.
    """

    def __init__(self, raw: socket.socket, deadline: float = 0.0) -> None:
        """Use a connected socket."""
        self.raw = raw
        self.connect_ms: float | None = None
        self.tls_ms: float | None = None
        self.sent_at = self.first_byte_at = self.last_byte_at = 0.0
        self._stream = ByteStream(raw, deadline)
        self._tls: TlsStream | None = None

    @property
    def deadline(self) -> float:
        """When the exchange must be over, on the monotonic clock; must be set before each exchange."""
        return self._stream.deadline

    @deadline.setter
    def deadline(self, deadline: float) -> None:
        self._stream.deadline = deadline

    @property
    def tls_session(self) -> ssl.SSLObject | None:
        """The TLS session; None without TLS."""
        return self._tls.session if self._tls is not None else None

    def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Make the TLS handshake, and verify the certificate for `server_name`.

        Raises:
            OSError: The handshake failed; `ssl.SSLError` and TimeoutError are such errors.
            ValueError: The name cannot be used in TLS.
        """
        started = time.perf_counter()
        self._tls = TlsStream(self._stream, context, server_name)
        self.tls_ms = (time.perf_counter() - started) * 1000

    def send(self, data: bytes) -> None:
        """Send all of `data` before the deadline.

        Raises:
            TimeoutError: The deadline has passed.
        """
        (self._tls or self._stream).send(data)
        self.sent_at = self._stream.sent_at

    def receive(self) -> bytes:
        """Return the next bytes, b"" if the server has closed its side.

        Raises:
            TimeoutError: The deadline has passed.
        """
        data = (self._tls or self._stream).receive()
        arrived_at = self.last_byte_at = self._stream.arrived_at
        self.first_byte_at = self.first_byte_at or arrived_at
        return data

    def read_response(self, method: str, limit: int) -> RawResponse:
        """Read the response to a request with `method`, with at most `limit` bytes of its body."""
        self.first_byte_at = 0.0
        return ResponseReader(self.receive, method, limit).read()

    def is_stale(self) -> bool:
        """Return whether the server has closed the connection, or sent something, while it was idle."""
        if self._tls is not None and self._tls.has_pending():
            return True
        poll = select.poll()  # select() does not support descriptors above 1023
        poll.register(self.raw, select.POLLIN)
        return bool(poll.poll(0))

    def drop(self) -> None:
        """Close the connection, even if there is unread data."""
        self.raw.close()
