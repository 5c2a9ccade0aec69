"""Strict reader of one HTTP/1.1 response from a connection, on llhttp, the parser of Node.js.

llhttp refuses illegal framing: a status of other than three digits, several lengths, signs or underscores in a length
or a chunk size, a line that does not end with CRLF, control characters in a header. The reader adds the rules that
llhttp does not have: limits of size and number, and Transfer-Encoding `chunked` alone (RFC 9112 section 6). Two parsers
that disagree on where a response ends may see different responses, so an illegal one is evidence of nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httptools

from greenlight.core.frozen import FrozenStruct
from greenlight.network.content_decoding import BodyDecoder

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_HEAD_BYTES = 65536
MAX_HEADERS = 100
_MAX_FRAMING_BYTES = 65536
"""Chunk extensions or trailers in a row, which are read and dropped."""

_FRAMING_HEADERS = (b"content-length", b"transfer-encoding", b"content-encoding", b"connection")

_START = b"HTTP/"
"""llhttp also skips a line break before the status line, and takes RTSP and ICE for HTTP."""

_END_OF_HEAD = b"\r\n\r\n"
_CONTROLS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")


class ClosedEarlyError(ConnectionError):
    """The server closed the connection before the first byte of a response."""


class IllegalResponseError(ValueError):
    """The response is not valid HTTP/1.1."""


class RawResponse(FrozenStruct, frozen=True, kw_only=True):
    """A response as read.

    Attributes:
        status: Status code.
        reason: Reason phrase.
        version: "1.1" or "1.0".
        headers: Names and values in order, as Latin-1.
        body: Decoded, at most the limit.
        truncated: The body was longer than the limit; the rest was not read.
        is_reusable: The connection can carry another exchange.
    """

    status: int
    reason: str
    version: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool
    is_reusable: bool


class _Message:
    """Callbacks of llhttp for one response, and its state."""

    def __init__(self) -> None:
        self.decoder: BodyDecoder | None = None
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.framing: dict[bytes, list[bytes]] = {}
        self.has_head = False
        self.is_complete = False
        self.has_more = False

    def on_message_begin(self) -> None:
        if self.is_complete:  # stops the parser, so that nothing of another message is taken for a part of this one
            raise IllegalResponseError("there is more than one response")

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.has_head:  # a trailer
            return
        value = value.strip(b" \t")
        self.headers.append((name, value))
        if (key := name.lower()) in _FRAMING_HEADERS:
            self.framing.setdefault(key, []).append(value)
        if len(self.headers) > MAX_HEADERS:
            raise IllegalResponseError(f"it has more than {MAX_HEADERS} headers")

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_body(self, data: bytes) -> None:
        if self.decoder is not None:
            self.decoder.feed(data)

    def on_message_complete(self) -> None:
        self.is_complete = True

    def values(self, name: bytes) -> list[bytes]:
        """Return the values of one of the headers in `_FRAMING_HEADERS`."""
        return self.framing.get(name, [])


class ResponseReader:
    """Reader of one response; `receive` returns the next bytes of the connection, b"" at its end."""

    def __init__(self, receive: Callable[[], bytes], method: str, limit: int) -> None:
        """Read the response to a request with `method`, with at most `limit` bytes of its body."""
        self._receive, self._method, self._limit = receive, method, limit
        self._pending = b""

    def read(self) -> RawResponse:
        """Read the response; interim ones before it are skipped.

        Raises:
            ClosedEarlyError: The connection was closed before the first byte.
            IllegalResponseError: The response is not valid HTTP/1.1, is too large or ends early.
            TimeoutError, OSError: Raised by `receive`.
        """
        self._read_head()
        while 100 <= (status := self._parser.get_status_code()) < 200 and status != 101:
            self._read_head()
        message = self._message
        version = self._validate_head(status)
        coding = b", ".join(message.values(b"content-encoding")).decode("latin-1")
        body, truncated = b"", False
        if self._method == "HEAD" or status in (101, 204, 304):
            # Some servers send a last chunk after a 204, and after a 101 the connection has another protocol.
            is_delimited = status == 304 or not (status == 101 or message.values(b"transfer-encoding"))
        else:
            is_delimited = bool(message.values(b"transfer-encoding") or message.values(b"content-length"))
            body, truncated = self._read_body(coding, is_delimited=is_delimited)
        return RawResponse(
            status=status,
            reason=message.reason.decode("latin-1"),
            version=version,
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in message.headers),
            body=body,
            truncated=truncated,
            is_reusable=is_delimited and not truncated and not self._has_more() and self._is_kept_alive(version),
        )

    def _read_head(self) -> None:
        """Read one status line and its headers into the parser; bytes after them become pending."""
        self._message = _Message()
        self._parser = httptools.HttpResponseParser(self._message)
        head = self._pending
        fed = 0
        while (end := head.find(_END_OF_HEAD, max(0, fed - 3))) < 0:
            if not head.startswith(_START[: len(head)]):
                raise IllegalResponseError("it does not begin with HTTP/")
            self._feed(head[fed:])
            fed = len(head)
            if fed > MAX_HEAD_BYTES:
                raise IllegalResponseError(f"its headers are larger than {MAX_HEAD_BYTES} bytes")
            data = self._receive()
            if not data:
                if not head:
                    raise ClosedEarlyError("no response")
                raise IllegalResponseError("it ends within its headers")
            head += data
        end += len(_END_OF_HEAD)
        if not head.startswith(_START):
            raise IllegalResponseError("it does not begin with HTTP/")
        if end > MAX_HEAD_BYTES:
            raise IllegalResponseError(f"its headers are larger than {MAX_HEAD_BYTES} bytes")
        self._pending = head[end:]
        self._feed(head[fed:end])

    def _validate_head(self, status: int) -> str:
        """Apply the rules that llhttp does not have, and return the version."""
        message, version = self._message, str(self._parser.get_http_version())
        codings = [value.lower() for value in message.values(b"transfer-encoding")]
        if version not in ("1.0", "1.1"):
            raise IllegalResponseError(f"its version is HTTP/{version}")
        if status < 100:
            raise IllegalResponseError(f"its status is {status:03}")
        if codings and codings != [b"chunked"]:
            coding = b", ".join(codings).decode("latin-1")[:60]
            raise IllegalResponseError(f"transfer-encoding {coding!r}; only chunked is supported")
        if codings and version == "1.0":  # RFC 9112 section 6.1: the framing of such a message is faulty
            raise IllegalResponseError("transfer-encoding in a response of HTTP/1.0")
        if codings and message.values(b"content-length"):
            raise IllegalResponseError("it has both transfer-encoding and content-length")
        if len(message.values(b"content-length")) > 1:
            raise IllegalResponseError("it has several content-length headers")
        if any(map(_CONTROLS.search, (message.reason, *(value for _, value in message.headers)))):
            raise IllegalResponseError("there is a control character in its status line or headers")
        return version

    def _read_body(self, coding: str, *, is_delimited: bool) -> tuple[bytes, bool]:
        message = self._message
        decoder = message.decoder = BodyDecoder(coding, self._limit)
        data, self._pending = self._pending, b""
        framing_bytes = 0
        while True:
            received_bytes = decoder.received_bytes
            self._feed(data)
            if message.is_complete or decoder.is_full:
                break
            framing_bytes = framing_bytes + len(data) if decoder.received_bytes == received_bytes else 0
            if framing_bytes > _MAX_FRAMING_BYTES:
                raise IllegalResponseError(
                    f"it has more than {_MAX_FRAMING_BYTES} bytes of chunk extensions or trailers"
                )
            data = self._receive()
            if not data and is_delimited:
                raise IllegalResponseError("it ends within its body")
            if not data:
                break
        return decoder.finish()

    def _feed(self, data: bytes) -> None:
        if not data:
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # a 101, whose headers are the whole response
            return
        except httptools.HttpParserError as error:
            if self._message.is_complete:
                self._message.has_more = True
                return
            cause = error.__context__
            if isinstance(cause, ValueError):  # raised in a callback
                raise cause from error
            raise IllegalResponseError(str(error)) from error

    def _has_more(self) -> bool:
        return bool(self._pending) or self._message.has_more

    def _is_kept_alive(self, version: str) -> bool:
        options = b",".join(self._message.values(b"connection")).lower().split(b",")
        names = {option.strip() for option in options}
        return b"close" not in names and (version == "1.1" or b"keep-alive" in names)
