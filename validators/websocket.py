"""websocket: a WebSocket opens, and answers what is sent to it.

The handshake must end with 101 and all that RFC 6455 asks for. Then the steps run one after the other: `send` one
message, `expect` one. A step may let up to `skip` other messages come before the one it expects, for servers that
also send unasked. A server that closes, says nothing in time or breaks the protocol is FAIL. Without steps the
handshake alone is checked. Messages may change data: send what the service can bear.

Example:
    checks:
      - name: prices are sent to who subscribes
        websocket:
          path: /live
          subprotocols: [prices.v1]
          steps:
            - send: {json: {subscribe: A1}}
              expect: {json: {type: subscribed, symbol: A1}}
            - expect: {json: {type: price, amount: {gt: 0}}, latency: {lte: 2s}}
              skip: 5

Source: RFC 6455 (the WebSocket protocol)
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import time
import urllib.parse
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from greenlight.api import (
    MISSING,
    Context,
    DurationExpectation,
    Evidence,
    Expectation,
    Finding,
    HttpError,
    NoAnswerError,
    Params,
    check_value,
    compile_query,
    error,
    failed,
    finding_from,
    run_query,
    validator,
)

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

MAX_MESSAGE_BYTES = 1024 * 1024


class Message(Params, frozen=True, kw_only=True):
    """A message to send; exactly one of `json` (any value), `text` and `base64` (a binary message)."""

    json: Any = msgspec.UNSET
    text: str | None = None
    base64: str | None = None

    def __post_init__(self) -> None:
        """Refuse none or several of them, and what is not base64."""
        if [self.json is msgspec.UNSET, self.text is None, self.base64 is None].count(False) != 1:
            raise ValueError("a message has exactly one of json, text and base64")
        try:
            base64.b64decode(self.base64 or "", validate=True)
        except binascii.Error as problem:
            raise ValueError(f"base64 cannot be decoded: {problem}") from problem


class Expect(Params, frozen=True, kw_only=True):
    """What one message must be: `json` by JMESPath, `text` the whole of it, `latency` since the step began."""

    json: dict[str, Expectation] = {}
    text: Expectation | None = None
    latency: DurationExpectation | None = None

    def __post_init__(self) -> None:
        """Refuse an expectation of nothing, and queries that are none."""
        if not self.json and self.text is None:
            raise ValueError("a message is expected to hold something; write text: or json:")
        for query in self.json:
            compile_query(query)


class Step(Params, frozen=True, kw_only=True):
    """A message to `send`, one to `expect`, or both; up to `skip` others may come before the one expected."""

    send: Message | None = None
    expect: Expect | None = None
    skip: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0

    def __post_init__(self) -> None:
        """Refuse a step that does nothing."""
        if self.send is None and self.expect is None:
            raise ValueError("a step sends, expects, or both")


class Websocket(Params, frozen=True, kw_only=True):
    """Where: `path` (or a ws:// or wss:// URL); `headers` and `subprotocols` to offer; the `steps` of the talk."""

    path: str = "/"
    headers: dict[str, str] = {}
    subprotocols: list[str] = []
    steps: list[Step] = []

    def __post_init__(self) -> None:
        """Refuse a talk in which nothing is expected of the other side, and headers that cannot be sent."""
        if self.steps and self.steps[-1].expect is None:
            raise ValueError("the last step expects nothing, so nobody would see what became of it; add expect:")
        for name, value in [*self.headers.items(), *(("Sec-WebSocket-Protocol", each) for each in self.subprotocols)]:
            if any(character in f"{name}{value}" for character in "\r\n\0"):
                raise ValueError(f"the header {name!r} cannot be sent: it has a line break or a null character in it")


@validator(
    Websocket,
    unsafe=True,
    remediation=(
        "Connect by hand, for example with `python -m websockets wss://HOST/PATH`, and send the messages of the "
        "plan. A handshake answered with 200 or 400 went past the WebSocket route; one that closes at once is "
        "told why by its close code, which the finding shows."
    ),
    cost="One connection to green for each attempt, and the messages of its steps.",
)
def websocket(params: Websocket, context: Context) -> Finding:
    """A WebSocket opens and answers what is sent to it."""
    url = params.path.replace("ws", "http", 1) if params.path.startswith(("ws://", "wss://")) else params.path
    try:
        where = context.resolve_request(url, params.headers)
        parts = urllib.parse.urlsplit(where.url)
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        connection = context.connect(parts.hostname or "", port, tls=secure)
    except NoAnswerError as problem:
        return failed(str(problem))
    except HttpError as problem:
        return error(str(problem))
    with connection:
        talk = _Talk(connection, _uri(where.url, where.host), where.headers, params.subprotocols, context)
        found: list[Evidence] = []
        try:
            talk.open()
            found.append(Evidence(query="handshake", expected=101, actual=101, passed=True, where=params.path))
            if params.subprotocols and talk.subprotocol() is None:  # browsers close then
                return failed(
                    f"{params.path}: none of the subprotocols {', '.join(params.subprotocols)} was taken", *found
                )
            for number, step in enumerate(params.steps, 1):
                found += talk.step(step, f"step {number}")
                if not all(each.passed for each in found):
                    return finding_from(found, "")
            talk.close()
        except _BrokenError as problem:
            return failed(f"{params.path}: {problem}", *found)
    answered = f" and answered {len(params.steps)} steps as expected" if params.steps else ""
    return finding_from(found, f"{params.path} opened in {talk.opened_ms:.0f} ms{answered}")


def _uri(url: str, host: str) -> str:
    """Write a URL for WebSockets, `host` in place of its own where there is one."""
    parts = urllib.parse.urlsplit(url)
    path, query = (urllib.parse.quote(each, safe="/?%:@!$&'()*+,;=~-._") for each in (parts.path or "/", parts.query))
    return f"{parts.scheme.replace('http', 'ws')}://{host or parts.netloc}{path}{'?' if query else ''}{query}"


class _BrokenError(Exception):
    """The other side did not do what the protocol or the plan asks; says what."""


class _Talk:
    """One WebSocket over one socket, without threads: the protocol is a state machine, and the waiting is done here."""

    def __init__(
        self, connection: socket.socket, uri: str, headers: Mapping[str, str], offered: list[str], context: Context
    ) -> None:
        from websockets.client import ClientProtocol
        from websockets.typing import Subprotocol
        from websockets.uri import parse_uri

        subprotocols = [Subprotocol(each) for each in offered] or None
        self._protocol = ClientProtocol(parse_uri(uri), subprotocols=subprotocols, max_size=MAX_MESSAGE_BYTES)
        self._connection, self._headers, self._context = connection, headers, context
        self._events: list[Any] = []
        self.opened_ms = 0.0

    def open(self) -> None:
        began = time.perf_counter()
        request = self._protocol.connect()
        for name, value in self._headers.items():
            if name in request.headers:
                del request.headers[name]
            request.headers[name] = value
        self._protocol.send_request(request)
        self._flush()
        answer = self._event("an answer to the handshake")
        self.opened_ms = (time.perf_counter() - began) * 1000
        if (problem := self._protocol.handshake_exc) is not None:
            status = getattr(answer, "status_code", None)
            said = f"the handshake was answered with status {status}, not 101" if status not in (None, 101) else problem
            raise _BrokenError(said) from problem

    def subprotocol(self) -> str | None:
        return self._protocol.subprotocol

    def step(self, step: Step, where: str) -> list[Evidence]:
        """Take one step; the evidence is that of the message expected, or of the last that could have been it."""
        began = time.perf_counter()
        if step.send is not None:
            self._send(step.send)
        found: list[Evidence] = []
        for _ in range(step.skip + 1 if step.expect else 0):
            try:
                message = self._message()
            except _BrokenError as problem:
                raise _BrokenError(f"{where}: {problem}{_unlike(found)}") from problem
            found = _looked_at(step.expect, message, (time.perf_counter() - began) * 1000, where)
            if all(each.passed for each in found):
                break
        return found

    def close(self) -> None:
        from websockets.exceptions import InvalidState

        with contextlib.suppress(_BrokenError, InvalidState):
            self._protocol.send_close(1000)
            self._flush()

    def _send(self, message: Message) -> None:
        from websockets.exceptions import InvalidState

        try:
            if message.base64 is not None:
                self._protocol.send_binary(base64.b64decode(message.base64))
            else:
                text = message.text if message.text is not None else json.dumps(message.json)
                self._protocol.send_text(text.encode())
        except InvalidState as problem:
            raise _BrokenError(f"the message could not be sent: {problem}") from problem
        self._flush()

    def _message(self) -> bytes:
        """Give the next whole message; pings are answered by the protocol itself."""
        from websockets.frames import Opcode

        whole: bytes = b""
        while True:
            frame = self._event("a message")
            if frame.opcode is Opcode.CLOSE:
                received = self._protocol.close_rcvd
                code, reason = (received.code, received.reason) if received else (1005, "")
                raise _BrokenError(f"the other side closed with code {code} {reason}".rstrip())
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                whole += frame.data
                if frame.fin:
                    return whole

    def _event(self, awaited: str) -> Any:
        while not self._events:
            problem = self._protocol.parser_exc or self._protocol.handshake_exc
            if problem is not None:  # an answer that is HTTP comes as an event, and is judged there
                raise _BrokenError(f"the protocol was broken: {problem.__cause__ or problem}") from problem
            try:
                self._connection.settimeout(max(0.001, self._context.remaining_s()))
                data = self._connection.recv(65536)
            except TimeoutError as late:
                raise _BrokenError(f"{awaited} did not come in time") from late
            except OSError as broken:
                raise _BrokenError(f"the connection broke while {awaited} was awaited: {broken}") from broken
            if data:
                self._protocol.receive_data(data)
            else:
                self._protocol.receive_eof()
            self._flush()
            self._events += self._protocol.events_received()
            if not data and not self._events:
                raise _BrokenError(f"the connection was closed while {awaited} was awaited")
        return self._events.pop(0)

    def _flush(self) -> None:
        try:
            for data in self._protocol.data_to_send():
                if data:
                    self._connection.settimeout(max(0.001, self._context.remaining_s()))
                    self._connection.sendall(data)
        except OSError as problem:
            raise _BrokenError(f"sending failed: {problem}") from problem


def _looked_at(expect: Expect | None, message: bytes, took_ms: float, where: str) -> list[Evidence]:
    if expect is None:
        return []
    found = []
    if expect.text is not None:
        found.append(check_value("text", expect.text, message.decode(errors="replace"), where))
    data: Any = MISSING
    if expect.json:
        with contextlib.suppress(msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            data = msgspec.json.decode(message)
    for query, expectation in expect.json.items():
        found.append(
            check_value(f"json {query}", expectation, MISSING if data is MISSING else run_query(query, data), where)
        )
    if expect.latency is not None:
        found.append(check_value("latency (ms)", expect.latency, round(took_ms, 3), where))
    return found


def _unlike(found: list[Evidence]) -> str:
    """Say what the last message that was passed over lacked."""
    wrong = next((each for each in found if not each.passed), None)
    return f"; of the last that came, {wrong.query} was {wrong.actual!r}" if wrong else ""
