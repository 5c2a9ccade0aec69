"""Recognition of an answer of green on a connection for another protocol than HTTP.

A load balancer accepts connections and ends TLS by itself, so an open connection shows nothing about a target. On its
own a balancer sends HTTP and TLS alone: errors, redirects, the settings of HTTP/2 and TLS alerts.
"""

from __future__ import annotations

_HTTP_1 = b"HTTP/"
_SWITCHED = (b"HTTP/1.1 101 ", b"HTTP/1.1 101\r")
_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")
"""A TLS alert and a TLS handshake."""

_FRAME_HEAD_BYTES = 9
_DATA, _SETTINGS = 0, 4
_PADDED = 8
_MAX_BUFFERED_BYTES = 2 * 1024 * 1024


class RawAnswer:
    """The bytes that a connection has received, until they show who sent them.

    Attributes:
        is_greens: Whether a target sent some of them.
    """

    def __init__(self) -> None:
        """Start without bytes."""
        self.is_greens = False
        self._is_gateways = False
        self._buffer = b""
        self._is_http_2 = False

    def feed(self, data: bytes) -> bool:
        """Add bytes and return whether they show, for the first time, that a target sent some of them.

        These are a switch of protocols (a balancer passes it on and never makes it), a gRPC message on HTTP/2, and
        any protocol but HTTP and TLS.
        """
        if self.is_greens or self._is_gateways or not data:
            return False
        self._buffer += data
        if self._is_http_2 or _begins_with_settings(self._buffer):
            self._is_http_2 = True
            self.is_greens = self._read_frames()
        elif not self._is_undecided():
            self.is_greens = self._buffer.startswith(_SWITCHED) or not self._buffer.startswith((_HTTP_1, *_TLS_RECORDS))
            self._is_gateways = not self.is_greens
        self._is_gateways |= len(self._buffer) > _MAX_BUFFERED_BYTES
        return self.is_greens

    def _is_undecided(self) -> bool:
        """Return whether further bytes could still change who sent the first ones."""
        length = len(self._buffer)
        starts = (*_SWITCHED, *_TLS_RECORDS)
        may_be_settings = length < _FRAME_HEAD_BYTES and self._buffer[0] == 0
        return may_be_settings or any(length < len(start) and start.startswith(self._buffer) for start in starts)

    def _read_frames(self) -> bool:
        """Remove whole frames from the buffer, and return whether one of them has a gRPC message."""
        while len(self._buffer) >= _FRAME_HEAD_BYTES:
            end = _FRAME_HEAD_BYTES + int.from_bytes(self._buffer[:3], "big")
            if len(self._buffer) < end:
                return False
            kind, flags, payload = self._buffer[3], self._buffer[4], self._buffer[_FRAME_HEAD_BYTES:end]
            self._buffer = self._buffer[end:]
            content = payload[1:] if flags & _PADDED else payload
            if kind == _DATA and content[:1] in (b"\0", b"\1"):  # the compression flag; a page begins with a letter
                return True
        return False


def _begins_with_settings(data: bytes) -> bool:
    """Return whether the bytes begin with a SETTINGS frame, as every HTTP/2 server does (RFC 9113 section 3.4)."""
    return len(data) >= _FRAME_HEAD_BYTES and data[3] == _SETTINGS and data[5:9] == b"\0\0\0\0" and data[0] == 0
