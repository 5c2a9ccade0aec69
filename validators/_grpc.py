"""One unary gRPC call over HTTP/2, and the messages of gRPC's health service.

Source: https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
"""

from __future__ import annotations

import dataclasses
import re
import struct
import urllib.parse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable, Iterator, Mapping

    from h2.connection import H2Connection

    from greenlight.api import Context

MAX_ANSWER_BYTES = 65536
SERVING_STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
_MEANINGS = {"NOT_FOUND": "the server does not know this service", "UNIMPLEMENTED": "it has no health service"}
_UNIQUE = ("content-type", "grpc-status")
_CONTENT_TYPE = re.compile(r"application/grpc(\+[\w.+-]+)?[ \t]*(;.*)?", re.IGNORECASE)
_CODE = re.compile(r"0|[1-9][0-9]?")
_RESERVED = ("te", "content-type", "host", "connection", "transfer-encoding", "upgrade", "keep-alive")


class BrokenCallError(Exception):
    """The other side broke the protocol or the connection, or did not answer in time."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Call:
    """A unary call; `message` already has gRPC's framing."""

    path: str
    scheme: str
    authority: str
    headers: Mapping[str, str]
    message: bytes

    def send(self, connection: socket.socket, context: Context) -> tuple[dict[str, str], bytes]:
        """Send the call; return headers and trailers together, and the body.

        Raises:
            BrokenCallError: There was no complete answer.
        """
        from h2.config import H2Configuration
        from h2.connection import H2Connection
        from h2.exceptions import ProtocolError

        http2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        head = [(":method", "POST"), (":scheme", self.scheme), (":path", self.path), (":authority", self.authority)]
        head += [("te", "trailers"), ("content-type", "application/grpc"), ("user-agent", "greenlight")]
        head += [(name.lower(), value) for name, value in self.headers.items() if name.lower() not in _RESERVED]
        try:
            http2.initiate_connection()
            http2.send_headers(1, head)
            http2.send_data(1, self.message, end_stream=True)
            return _read_answer(_receive_events(connection, http2, context))
        except ProtocolError as problem:
            raise BrokenCallError(f"the answer is not valid HTTP/2: {problem}") from problem


def is_sendable(name: str, value: str) -> bool:
    """Return whether the metadata is valid in HTTP/2 and not reserved by gRPC."""
    is_reserved = name.startswith(":") or name.lower() in _RESERVED
    return not is_reserved and not any(character in f"{name}{value}" for character in "\r\n\0")


def describe_status(headers: Mapping[str, str]) -> str:
    """Return the name of the gRPC status with the server's message or, without one, its meaning for a health check."""
    number = headers.get("grpc-status")
    if number is None:
        name = "none"
    elif _CODE.fullmatch(number) and int(number) < len(CODES):
        name = CODES[int(number)]
    else:
        name = repr(number)  # a text such as OK is not a status
    message = urllib.parse.unquote(headers.get("grpc-message", "")) or _MEANINGS.get(name, "")
    return f"{name}: {message}" if message and name != "OK" else name


def is_grpc(content_type: str) -> bool:
    """Return whether a content type is gRPC's; any other comes from a proxy, or belongs to another protocol."""
    return _CONTENT_TYPE.fullmatch(content_type) is not None


def encode_request(service: str) -> bytes:
    """Encode a HealthCheckRequest (field 1: service), preceded by gRPC's five bytes."""
    name = service.encode()
    request = b"\x0a" + _encode_varint(len(name)) + name if name else b""
    return struct.pack(">BI", 0, len(request)) + request


def read_serving_status(body: bytes) -> str:
    """Parse a HealthCheckResponse (field 1: status); in protobuf a field that is left out is 0.

    Raises:
        BrokenCallError: The body is not a valid HealthCheckResponse.
    """
    if len(body) < 5 or body[0] != 0 or int.from_bytes(body[1:5], "big") != len(body) - 5:
        raise BrokenCallError("the answer is not a single uncompressed gRPC message")
    status, rest = 0, body[5:]
    while rest:
        tag, rest = _read_varint(rest)
        if tag & 7 not in (0, 2):
            raise BrokenCallError("the answer is not a valid HealthCheckResponse")
        value, rest = _read_varint(rest)
        if tag & 7 == 2:
            rest = rest[value:]
        elif tag == 0x08:
            status = value
    return SERVING_STATUSES[status] if status < len(SERVING_STATUSES) else str(status)


def _read_answer(events: Iterator[object]) -> tuple[dict[str, str], bytes]:
    from h2.events import (
        ConnectionTerminated,
        DataReceived,
        ResponseReceived,
        StreamEnded,
        StreamReset,
        TrailersReceived,
    )

    headers: dict[str, str] = {}
    body = b""
    has_early_status = False
    for event in events:
        if isinstance(event, (ResponseReceived, TrailersReceived)):
            _add_headers(headers, ((_to_text(name), _to_text(value)) for name, value in event.headers or ()))
            has_early_status |= isinstance(event, ResponseReceived) and "grpc-status" in headers
        elif isinstance(event, DataReceived):
            body += event.data or b""
            if len(body) > MAX_ANSWER_BYTES:
                raise BrokenCallError("the answer is too large for a health check")
        elif isinstance(event, StreamEnded):
            if has_early_status and body:
                raise BrokenCallError("grpc-status came before the message, and not in trailers")
            return headers, body
        elif isinstance(event, (StreamReset, ConnectionTerminated)):
            raise BrokenCallError(f"the server ended the call with HTTP/2 error {event.error_code}")
    raise BrokenCallError("the connection was closed before an answer came")


def _add_headers(headers: dict[str, str], received: Iterable[tuple[str, str]]) -> None:
    """Add headers or trailers.

    Raises:
        BrokenCallError: There is a second status of the call or a second content type, and either may count.
    """
    for name, value in received:
        if name in headers and name in _UNIQUE:
            raise BrokenCallError(f"the answer has several {name}")
        headers[name] = value


def _receive_events(connection: socket.socket, http2: H2Connection, context: Context) -> Iterator[object]:
    """Yield HTTP/2 events until the connection ends; each wait is limited to the attempt's remaining time."""
    try:
        connection.sendall(http2.data_to_send())
        while True:
            connection.settimeout(max(0.001, context.remaining_s()))
            data = connection.recv(65536)
            if not data:
                return
            if data.startswith(b"HTTP/1."):  # h2 would read it as the length of a frame, and wait for the rest
                raise BrokenCallError(f"HTTP/1 answered, not HTTP/2: {_to_text(data.splitlines()[0])}")
            yield from http2.receive_data(data)
            if answer := http2.data_to_send():
                connection.sendall(answer)
    except TimeoutError as problem:
        raise BrokenCallError("no answer came in time") from problem
    except OSError as problem:
        raise BrokenCallError(f"the connection broke: {problem}") from problem


def _encode_varint(value: int) -> bytes:
    encoded = b""
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])


def _read_varint(data: bytes) -> tuple[int, bytes]:
    value = 0
    for index, byte in enumerate(data[:10]):
        value |= (byte & 127) << (7 * index)
        if byte < 128:
            return value, data[index + 1 :]
    raise BrokenCallError("the answer is not a valid HealthCheckResponse")


def _to_text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")
