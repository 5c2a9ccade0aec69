"""grpc_health: green's gRPC server calls itself, or one of its services, serving.

Calls `grpc.health.v1.Health/Check` over HTTP/2, with TLS (and ALPN) when green's URL is https, else in plain text.
PASS only if the answer is 200, gRPC status OK and the serving status the plan asks for. A server that does not know
the service or has no health service, and one that does not answer in time, is FAIL. Where the rule of green's
listener takes only certain paths and not this one, the call would reach somebody else: that is ERROR.

Example:
    checks:
      - name: the orders service is serving
        grpc_health: {service: shop.orders.v1.Orders, metadata: {x-smoke: "1"}}

Source: https://github.com/grpc/grpc/blob/master/doc/health-checking.md and PROTOCOL-HTTP2.md beside it
"""

from __future__ import annotations

import struct
import urllib.parse
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from greenlight.api import (
    Context,
    Evidence,
    Finding,
    HttpError,
    NoAnswerError,
    Params,
    error,
    failed,
    finding_from,
    validator,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from h2.connection import H2Connection

PATH = "/grpc.health.v1.Health/Check"
MAX_ANSWER_BYTES = 65536
STATUSES = ("UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN")
CODES = (
    "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
    "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
    "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
)  # fmt: skip
_MEANING = {"NOT_FOUND": "the server does not know this service", "UNIMPLEMENTED": "it has no health service"}
_RESERVED = ("te", "content-type", "host", "connection", "transfer-encoding", "upgrade", "keep-alive")


class GrpcHealth(Params, frozen=True, kw_only=True):
    """`service` to ask for (the whole server when left out) and its `status`; `metadata` to send.

    `host`, `port` and `tls` are those of green's URL when left out.
    """

    service: str = ""
    status: Literal["SERVING", "NOT_SERVING"] = "SERVING"
    metadata: dict[str, str] = {}
    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    tls: bool | None = None

    def __post_init__(self) -> None:
        """Refuse metadata that HTTP/2 cannot carry."""
        for name, value in self.metadata.items():
            if name.startswith(":") or name.lower() in _RESERVED or any(c in f"{name}{value}" for c in "\r\n\0"):
                raise ValueError(f"the metadata {name!r} cannot be sent")


@validator(
    GrpcHealth,
    remediation=(
        "Ask by hand: `grpc_health_probe -addr=HOST:PORT -service=NAME`. NOT_SERVING is the service's own word, "
        "so look in its log for what it waits for; an HTTP/1 answer or a broken protocol means that the "
        "listener's target group is not of protocol version GRPC."
    ),
    cost="One connection to green and one call for each attempt.",
)
def grpc_health(params: GrpcHealth, context: Context) -> Finding:
    """Green's gRPC server calls itself, or one of its services, serving."""
    url = urllib.parse.urlsplit(context.green.url)
    tls = url.scheme == "https" if params.tls is None else params.tls
    of_green = params.host in ("", url.hostname)
    try:
        if of_green and url.scheme and not context.resolve_request(PATH).url.endswith(f"{url.netloc}{PATH}"):
            patterns = ", ".join(context.green.path_patterns)
            return error(f"the rule that leads to green takes only the paths {patterns}, and not {PATH}")
        connection = context.connect(params.host, params.port, tls=tls, alpn=("h2",) if tls else ())
    except NoAnswerError as problem:
        return failed(str(problem))
    except HttpError as problem:
        return error(str(problem))
    authority = (context.green.host or url.netloc) if of_green else f"{params.host}:{params.port}"
    headers = {**(context.green.headers if of_green else {}), **params.metadata}
    where = params.service or "the whole server"
    with connection:
        try:
            said, body = _called(connection, "https" if tls else "http", authority, headers, params.service, context)
            status = _status(body) if said.get("grpc-status") == "0" else ""
        except _BrokenError as problem:
            return failed(f"{where}: {problem}")
    found = [
        _evidence("HTTP status", "200", said.get(":status", "none"), where),
        _evidence("gRPC status", "OK", _code(said), where),
        _evidence("serving status", params.status, status or "none", where),
    ]
    return finding_from(found, f"{where} is {status}")


class _BrokenError(Exception):
    """The other side broke the protocol, the connection, or the time; says what."""


def _evidence(query: str, expected: str, actual: str, where: str) -> Evidence:
    return Evidence(query=query, expected=expected, actual=actual, passed=actual.split(":")[0] == expected, where=where)


def _code(said: dict[str, str]) -> str:
    """Write the gRPC status as people do, with the server's message and what it means here."""
    number = said.get("grpc-status", "none")
    name = CODES[int(number)] if number.isdecimal() and len(number) < 3 and int(number) < len(CODES) else number
    message = urllib.parse.unquote(said.get("grpc-message", "")) or _MEANING.get(name, "")
    return f"{name}: {message}" if message and name != "OK" else name


def _called(
    connection: socket.socket, scheme: str, authority: str, headers: dict[str, str], service: str, context: Context
) -> tuple[dict[str, str], bytes]:
    """Make the call; give headers and trailers together, and the body."""
    from h2.config import H2Configuration
    from h2.connection import H2Connection
    from h2.exceptions import ProtocolError

    http2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
    head = [(":method", "POST"), (":scheme", scheme), (":path", PATH), (":authority", authority)]
    head += [("te", "trailers"), ("content-type", "application/grpc"), ("user-agent", "greenlight")]
    head += [(name.lower(), value) for name, value in headers.items() if name.lower() not in _RESERVED]
    try:
        http2.initiate_connection()
        http2.send_headers(1, head)
        http2.send_data(1, _message(service), end_stream=True)
        return _answered(_events(connection, http2, context))
    except ProtocolError as problem:
        raise _BrokenError(f"what answered does not speak HTTP/2 as it should: {problem}") from problem


def _answered(events: Iterator[object]) -> tuple[dict[str, str], bytes]:
    from h2.events import (
        ConnectionTerminated,
        DataReceived,
        ResponseReceived,
        StreamEnded,
        StreamReset,
        TrailersReceived,
    )

    said: dict[str, str] = {}
    body = b""
    for event in events:
        if isinstance(event, (ResponseReceived, TrailersReceived)):
            said.update((_text(name), _text(value)) for name, value in event.headers or ())
        elif isinstance(event, DataReceived):
            body += event.data or b""
            if len(body) > MAX_ANSWER_BYTES:
                raise _BrokenError("the answer is too large for a health check")
        elif isinstance(event, StreamEnded):
            return said, body
        elif isinstance(event, (StreamReset, ConnectionTerminated)):
            raise _BrokenError(f"the server ended the call with HTTP/2 error {event.error_code}")
    raise _BrokenError("the connection was closed before an answer came")


def _events(connection: socket.socket, http2: H2Connection, context: Context) -> Iterator[object]:
    """Give HTTP/2 events until the connection ends; the time of the attempt bounds the wait for each."""
    try:
        connection.sendall(http2.data_to_send())
        while True:
            connection.settimeout(max(0.001, context.remaining_s()))
            data = connection.recv(65536)
            if not data:
                return
            if data.startswith(b"HTTP/1."):  # h2 would take it for the length of a frame, and wait for the rest
                raise _BrokenError(f"HTTP/1 answered, not HTTP/2: {_text(data.splitlines()[0])}")
            yield from http2.receive_data(data)
            if answer := http2.data_to_send():
                connection.sendall(answer)
    except TimeoutError as problem:
        raise _BrokenError("no answer came in time") from problem
    except OSError as problem:
        raise _BrokenError(f"the connection broke: {problem}") from problem


def _message(service: str) -> bytes:
    """Write a HealthCheckRequest (field 1: service) with gRPC's five bytes in front."""
    name = service.encode()
    request = b"\x0a" + _varint(len(name)) + name if name else b""
    return struct.pack(">BI", 0, len(request)) + request


def _status(body: bytes) -> str:
    """Read a HealthCheckResponse (field 1: status); a field left out is 0, as protobuf has it."""
    if len(body) < 5 or body[0] != 0 or int.from_bytes(body[1:5], "big") != len(body) - 5:
        raise _BrokenError("the answer is no single uncompressed gRPC message")
    status, rest = 0, body[5:]
    while rest:
        tag, rest = _read_varint(rest)
        if tag & 7 not in (0, 2):
            raise _BrokenError("the answer is no HealthCheckResponse")
        value, rest = _read_varint(rest)
        if tag & 7 == 2:
            rest = rest[value:]
        elif tag == 0x08:
            status = value
    return STATUSES[status] if status < len(STATUSES) else str(status)


def _varint(value: int) -> bytes:
    written = b""
    while value > 127:
        written += bytes([value & 127 | 128])
        value >>= 7
    return written + bytes([value])


def _read_varint(data: bytes) -> tuple[int, bytes]:
    value = 0
    for index, byte in enumerate(data[:10]):
        value |= (byte & 127) << (7 * index)
        if byte < 128:
            return value, data[index + 1 :]
    raise _BrokenError("the answer is no HealthCheckResponse")


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")
