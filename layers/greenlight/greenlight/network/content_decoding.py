"""Content codings of a response body: identity, gzip and deflate, decoded up to a limit.

Compression is not requested, but some servers send it anyway. The decoder holds at most one byte more than the limit,
whatever the body expands to, and reads every member of a gzip body (RFC 1952 section 2.2).
"""

from __future__ import annotations

import zlib

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_ALLOWANCE_BYTES = 65536
"""How much larger than the limit a compressed body may be: what cannot be compressed grows by a few bytes."""


class BodyDecoder:
    """Collects a body as it arrives and decodes it.

    Attributes:
        received_bytes: Bytes of the body that arrived, before decoding.
        is_full: There is more of the body than the limit; the rest is not wanted.
    """

    def __init__(self, coding: str, limit: int) -> None:
        """Decode `coding`, the value of Content-Encoding, up to `limit` bytes.

        Raises:
            ValueError: The coding is not supported.
        """
        coding = coding.strip().lower() or "identity"
        if coding != "identity" and coding not in _WINDOW_BITS:
            raise ValueError(f"content-encoding {coding[:60]}, which was not requested")
        self.received_bytes = 0
        self.is_full = False
        self._window_bits = _WINDOW_BITS.get(coding, 0)
        self._limit = limit
        self._body = bytearray()
        self._stream = zlib.decompressobj(wbits=self._window_bits) if self._window_bits else None

    def feed(self, data: bytes) -> None:
        """Decode the next part of the body.

        Raises:
            ValueError: The body is not valid in its coding.
        """
        self.received_bytes += len(data)
        if self._stream is None:
            self._append(data[: self._limit + 1 - len(self._body)])
            return
        while data and not self.is_full:
            data = self._decompress(data)
        if not self.is_full and self.received_bytes > self._limit + _ALLOWANCE_BYTES:
            raise ValueError(f"the compressed body is larger than {self._limit} bytes, and its content is not")

    def finish(self) -> tuple[bytes, bool]:
        """Return the decoded body, and whether there was more of it than the limit.

        Raises:
            ValueError: The compressed body ends early.
        """
        if self.received_bytes and self._stream is not None and not (self.is_full or self._stream.eof):
            raise ValueError("the compressed body ends early")
        return bytes(self._body[: self._limit]), self.is_full

    def _decompress(self, data: bytes) -> bytes:
        """Decompress `data` and return the part that remains."""
        if self._stream is None or self._stream.eof:
            if self._window_bits == _WINDOW_BITS["deflate"]:
                raise ValueError("there are bytes after the end of the compressed body")
            # A decompressor would collect all bytes after the end of a member, without a limit.
            self._stream = zlib.decompressobj(wbits=self._window_bits)
            is_first = False
        else:
            is_first = True
        try:
            self._append(self._stream.decompress(data, self._limit + 1 - len(self._body)))
        except zlib.error as error:
            if is_first:
                raise ValueError(f"the compressed body is not valid: {error}") from error
            raise ValueError("there are bytes after the end of the compressed body") from error
        return self._stream.unused_data if self._stream.eof else self._stream.unconsumed_tail

    def _append(self, data: bytes) -> None:
        self._body += data
        self.is_full = len(self._body) > self._limit
