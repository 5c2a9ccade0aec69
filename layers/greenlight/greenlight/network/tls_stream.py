"""TLS over a `ByteStream`, so that the arrival of encrypted bytes at the socket counts, and not the time of a read.

`ssl.SSLSocket` reads the socket itself and has no place for the kernel's stamps, so OpenSSL works on memory here.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from greenlight.network.byte_stream import ByteStream

_RECORD_BYTES = 16384
"""The largest record of TLS (RFC 8446 section 5.1); a read returns one at most."""


class TlsStream:
    """A connection with TLS.

    Attributes:
        stream: The encrypted bytes.
        session: The TLS session, with the certificate of the other side.
    """

    def __init__(self, stream: ByteStream, context: ssl.SSLContext, server_name: str) -> None:
        """Make the handshake before the deadline of `stream`, and verify the certificate for `server_name`.

        Raises:
            OSError: The handshake failed; `ssl.SSLError` and TimeoutError are such errors.
            ValueError: The name cannot be used in TLS.
        """
        self.stream = stream
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        while True:
            try:
                self.session.do_handshake()
                break
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    self._flush()  # the alert that says why, for the log of the other side
                raise
        self._flush()

    def send(self, data: bytes) -> None:
        """Send all of `data`, encrypted.

        Raises:
            TimeoutError: The deadline has passed.
        """
        remaining = memoryview(data)
        while remaining:
            remaining = remaining[self.session.write(remaining) :]  # to memory, one record at a time
        self._flush()

    def receive(self) -> bytes:
        """Return the next decrypted bytes, b"" if the other side has closed the connection, with or without an alert.

        Raises:
            TimeoutError: The deadline has passed.
        """
        while True:
            try:
                return self.session.read(_RECORD_BYTES)
            except ssl.SSLWantReadError:
                self._flush()  # an answer to a message of TLS itself, such as a new key
                self._fill()
            except ssl.SSLEOFError:
                return b""

    def has_pending(self) -> bool:
        """Return whether bytes have been read from the socket that `receive` has not returned."""
        return bool(self._incoming.pending or self.session.pending())

    def _fill(self) -> None:
        data = self.stream.receive()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self.stream.send(data)
