"""Recognition of a request and its answer in a tunnel whose bytes are encrypted.

Only the heads of TLS records are readable. A handshake alone shows nothing: a load balancer makes it.

Source: RFC 8446, section 5.1 (records); RFC 5246, section 6.2.1
"""

from __future__ import annotations

_HEAD_BYTES = 5
_APPLICATION_DATA = 23
_LARGEST_ALERT_BYTES = 24
"""An encrypted alert, such as the one that closes a connection, is not longer than this; a request is."""


class _RecordReader:
    """Reader of the heads of the records in one direction."""

    def __init__(self) -> None:
        self._head = b""
        self._remaining = 0

    def feed(self, data: bytes) -> list[int]:
        """Return the sizes of the records of application data that begin in `data`."""
        sizes, position = [], 0
        while position < len(data):
            skipped = min(self._remaining, len(data) - position)
            self._remaining -= skipped
            position += skipped
            head = data[position : position + _HEAD_BYTES - len(self._head)]
            self._head += head
            position += len(head)
            if len(self._head) == _HEAD_BYTES:
                self._remaining = int.from_bytes(self._head[3:], "big")
                if self._head[0] == _APPLICATION_DATA:
                    sizes.append(self._remaining)
                self._head = b""
        return sizes


class TlsTunnel:
    """The records of one tunnel.

    Attributes:
        is_answered: Whether the server sent data after a request.
    """

    def __init__(self) -> None:
        """Start without records."""
        self.is_answered = False
        self._sent, self._received = _RecordReader(), _RecordReader()
        self._has_sent = self._has_request = False
        self._is_handshake_encrypted = False

    def send(self, data: bytes) -> None:
        """Add bytes of the client."""
        for size in self._sent.feed(data):
            ends_handshake = self._is_handshake_encrypted and not self._has_sent
            self._has_sent = True
            self._has_request |= size > _LARGEST_ALERT_BYTES and not ends_handshake

    def receive(self, data: bytes) -> None:
        """Add bytes of the server, whose first records in TLS 1.3 are its encrypted handshake."""
        if self._received.feed(data):
            self.is_answered |= self._has_request
            self._is_handshake_encrypted |= not self._has_sent
