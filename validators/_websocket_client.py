"""A WebSocket client and the messages of a plan, for `websocket`."""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
import time
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from greenlight.api import (
    MISSING,
    Context,
    DurationExpectation,
    Evidence,
    Expectation,
    InvalidJsonError,
    Params,
    check_value,
    compile_query,
    decode_json,
    describe_gap,
    run_query,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

MAX_MESSAGE_BYTES = 1024 * 1024


class Message(Params, frozen=True, kw_only=True):
    """A message to send; it has exactly one of the keys.

    Attributes:
        json: Any value, sent as JSON text.
        text: A text message.
        base64: A binary message.
    """

    json: Any = msgspec.UNSET
    text: str | None = None
    base64: str | None = None

    def __post_init__(self) -> None:
        """Reject a message without content or with several, and malformed base64."""
        if [self.json is msgspec.UNSET, self.text is None, self.base64 is None].count(False) != 1:
            raise ValueError("a message has exactly one of json, text and base64")
        try:
            base64.b64decode(self.base64 or "", validate=True)
        except binascii.Error as problem:
            raise ValueError(f"base64 cannot be decoded: {problem}") from problem


class Expect(Params, frozen=True, kw_only=True):
    """Expectations of one message.

    Attributes:
        json: Expectations by JMESPath into the message.
        text: The whole message as a text.
        latency: Time since the step began.
    """

    json: dict[str, Expectation] = {}
    text: Expectation | None = None
    latency: DurationExpectation | None = None

    def __post_init__(self) -> None:
        """Reject an empty expectation and malformed queries."""
        if not self.json and self.text is None:
            raise ValueError("expect has no expectation of the message; write text: or json:")
        for query in self.json:
            compile_query(query)

    def check(self, message: bytes, latency_ms: float, where: str) -> list[Evidence]:
        """Compare a message with the expectations."""
        results = []
        if self.text is not None:
            results.append(check_value("text", self.text, message.decode(errors="replace"), where))
        if self.json:
            results += self._check_json(message, where)
        if self.latency is not None:
            results.append(check_value("latency (ms)", self.latency, round(latency_ms, 3), where))
        return results

    def _check_json(self, message: bytes, where: str) -> list[Evidence]:
        """Compare the message as JSON; one that cannot be read passes nothing, not even `exists: false`."""
        try:
            data = decode_json(message)
        except InvalidJsonError as problem:
            actual = f"{MISSING!r}: the message {problem}"
            return [
                Evidence(query=f"json {query}", expected=expectation.raw, actual=actual, where=where)
                for query, expectation in self.json.items()
            ]
        return [_check_query(query, expectation, data, where) for query, expectation in self.json.items()]


def _check_query(query: str, expectation: Expectation, data: Any, where: str) -> Evidence:
    """Compare the result of a query; it passes nothing in a message without fields."""
    name = f"json {query}"
    if gap := describe_gap(query, data):
        actual = f"{MISSING!r}: the message is JSON, but {gap}"
        return Evidence(query=name, expected=expectation.raw, actual=actual, where=where)
    return check_value(name, expectation, run_query(query, data), where)


class Step(Params, frozen=True, kw_only=True):
    """A message to send, one to expect, or both.

    Attributes:
        send: The message to send.
        expect: Expectations of the next message.
        skip: Number of other messages that may come before the expected one.
    """

    send: Message | None = None
    expect: Expect | None = None
    skip: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0

    def __post_init__(self) -> None:
        """Reject an empty step."""
        if self.send is None and self.expect is None:
            raise ValueError("a step sends, expects, or both")


_STATUS_LINE = re.compile(rb"HTTP/1\.1 101[ \r]")

_CLOSE_WAIT_S = 1.0
"""How long the close frame of a server that broke the connection is waited for."""

_AT_ONCE_S = 0.1
"""How long a server that closes the connection right after the handshake is waited for."""

_NORMAL_CLOSURES = (1000, 1001, 1005)
"""Codes of RFC 6455 section 7.4.1 for a normal closure, a server that goes away, and a close frame without a code."""


class BrokenError(Exception):
    """The server violated the protocol or the plan; the message has the reason."""


class WebSocketClient:
    """Client of one WebSocket: `websockets` has the protocol as a state machine, and this class does the I/O."""

    def __init__(
        self, connection: socket.socket, uri: str, headers: Mapping[str, str], subprotocols: list[str], context: Context
    ) -> None:
        """Prepare the handshake; `headers` replace those of the protocol."""
        from websockets.client import ClientProtocol
        from websockets.typing import Subprotocol
        from websockets.uri import parse_uri

        offered = [Subprotocol(name) for name in subprotocols] or None
        self._protocol = ClientProtocol(parse_uri(uri), subprotocols=offered, max_size=MAX_MESSAGE_BYTES)
        self._connection, self._headers, self._context = connection, headers, context
        self._events: list[Any] = []
        self._head = b""
        self.opened_ms = 0.0

    def open(self) -> None:
        """Make the handshake.

        Raises:
            BrokenError: The server did not accept it.
        """
        started = time.perf_counter()
        request = self._protocol.connect()
        for name, value in self._headers.items():
            if name in request.headers:
                del request.headers[name]
            request.headers[name] = value
        self._protocol.send_request(request)
        self._flush()
        response = self._receive_event("an answer to the handshake")
        self.opened_ms = (time.perf_counter() - started) * 1000
        if (problem := self._protocol.handshake_exc) is not None:
            status = getattr(response, "status_code", None)
            if status not in (None, 101):
                raise BrokenError(f"the handshake was answered with status {status}, not 101") from problem
            raise BrokenError(problem) from problem
        if not _STATUS_LINE.match(self._head):  # `websockets` reads the status by int(), which accepts 0101
            raise BrokenError("the handshake was answered with a status line that is not valid HTTP")

    def subprotocol(self) -> str | None:
        """Return the subprotocol that the server chose; None without one."""
        return self._protocol.subprotocol

    def run_step(self, step: Step, where: str) -> list[Evidence]:
        """Run one step; the evidence is that of the expected message, or of the last one that could have been it.

        Raises:
            BrokenError: The message could not be sent, or no further message came.
        """
        started = time.perf_counter()
        if step.send is not None:
            try:
                self._send(step.send)
            except BrokenError as problem:
                raise BrokenError(f"{where}: {self._describe_close() or problem}") from problem
        if step.expect is None:
            return []
        results: list[Evidence] = []
        for _ in range(step.skip + 1):
            try:
                message = self._receive_message()
            except BrokenError as problem:
                raise BrokenError(f"{where}: {problem}{_describe_mismatch(results)}") from problem
            results = step.expect.check(message, (time.perf_counter() - started) * 1000, where)
            if all(result.passed for result in results):
                break
        return results

    def close(self) -> None:
        """Send a close frame; a server that has closed already is fine."""
        from websockets.exceptions import InvalidState

        with contextlib.suppress(BrokenError, InvalidState):
            self._protocol.send_close(1000)
            self._flush()

    def close_at_once(self) -> None:
        """Close a connection that was only opened, unless the server closes it at once.

        Raises:
            BrokenError: The server closed the connection with a code that is not a normal closure.
        """
        received = self._read_close(_AT_ONCE_S)  # after a close frame of ours, the server would only repeat its code
        self.close()
        if received is not None and received.code not in _NORMAL_CLOSURES:
            raise BrokenError(self._describe_close())

    def _read_close(self, wait_s: float = _CLOSE_WAIT_S) -> Any:
        """Return the server's close frame, which may be on its way; None without one."""
        end = self._context.clock.monotonic() + min(wait_s, self._context.remaining_s())
        with contextlib.suppress(OSError):
            while self._protocol.close_rcvd is None and (remaining_s := end - self._context.clock.monotonic()) > 0:
                self._connection.settimeout(max(0.001, remaining_s))
                data = self._connection.recv(65536)
                if not data:
                    break
                self._protocol.receive_data(data)
        return self._protocol.close_rcvd

    def _describe_close(self) -> str:
        """Return how the server closed the connection; "" if it sent no close frame."""
        received = self._read_close()
        return f"the server closed with code {received.code} {received.reason}".rstrip() if received else ""

    def _send(self, message: Message) -> None:
        from websockets.exceptions import InvalidState

        try:
            if message.base64 is not None:
                self._protocol.send_binary(base64.b64decode(message.base64))
            else:
                text = message.text if message.text is not None else json.dumps(message.json)
                self._protocol.send_text(text.encode())
        except InvalidState as problem:
            raise BrokenError(f"the message could not be sent: {problem}") from problem
        self._flush()

    def _receive_message(self) -> bytes:
        """Return the next complete message; the protocol answers pings automatically."""
        from websockets.frames import Opcode

        message, is_text = b"", False
        while True:
            frame = self._receive_event("a message")
            if frame.opcode is Opcode.CLOSE:
                raise BrokenError(self._describe_close() or "the server closed with code 1005")
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                message += frame.data
                is_text = is_text or frame.opcode is Opcode.TEXT
                if frame.fin:
                    return _require_utf8(message) if is_text else message

    def _receive_event(self, awaited: str) -> Any:
        while not self._events:
            problem = self._protocol.parser_exc or self._protocol.handshake_exc
            if problem is not None:  # a well-formed HTTP response is an event, and `open` evaluates it
                raise BrokenError(f"the protocol was broken: {problem.__cause__ or problem}") from problem
            data = self._receive_data(awaited)
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            self._flush()
            self._events += self._protocol.events_received()
            if not data and not self._events:
                raise BrokenError(f"the connection was closed before {awaited} came")
        return self._events.pop(0)

    def _receive_data(self, awaited: str) -> bytes:
        try:
            self._connection.settimeout(max(0.001, self._context.remaining_s()))
            data: bytes = self._connection.recv(65536)
        except TimeoutError as problem:
            raise BrokenError(f"{awaited} did not come in time") from problem
        except OSError as problem:
            raise BrokenError(f"the connection broke before {awaited} came: {problem}") from problem
        if not self.opened_ms:
            self._head += data
        return data

    def _flush(self) -> None:
        try:
            for data in filter(None, self._protocol.data_to_send()):
                self._connection.settimeout(max(0.001, self._context.remaining_s()))
                self._connection.sendall(data)
        except OSError as problem:
            raise BrokenError(f"sending failed: {problem}") from problem


def _require_utf8(message: bytes) -> bytes:
    """Return a text message, which RFC 6455 section 8.1 requires to be UTF-8.

    Raises:
        BrokenError: It is not.
    """
    try:
        message.decode()
    except UnicodeDecodeError as problem:
        raise BrokenError(f"the protocol was broken: a text message is not UTF-8 at byte {problem.start}") from problem
    return message


def _describe_mismatch(results: list[Evidence]) -> str:
    """Describe how the last skipped message differed from the expected one; "" without such a message."""
    mismatch = next((result for result in results if not result.passed), None)
    return f"; of the last that came, {mismatch.query} was {mismatch.actual!r}" if mismatch else ""
