"""A green that speaks no valid HTTP, whatever validator asks it: its answers are never evidence."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome, Side
from tests.support.hostile_server import BODY, ENDLESS, ILLEGAL, endless, illegal
from tests.support.wire import Peer, Server, answer, answering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Check = Callable[..., Finding]

GOOD = answer(200, BODY, "content-type: application/json")
CONTENT = {"200": {"description": "", "content": {"application/json": {"schema": {"required": ["data"]}}}}}
DOCUMENT = {"openapi": "3.1.0", "paths": {"/a": {"get": {"responses": CONTENT}}}}
PLANS: dict[str, dict[str, Any]] = {
    "graphql": {"query": "{a}"},
    "load": {"paths": ["/a"], "requests": 2, "minimum_samples": 1, "warm_up": 0, "concurrency": 1},
    "openapi": {"text": json.dumps(DOCUMENT)},
    "openapi served by green": {"document": "/openapi.json"},
    "compare": {"requests": ["/a"]},
    "serves_green": {"get": "/a", "json": {"length(data)": 1}, "samples": 2, "interval": "1ms"},
    "migration": {
        "write": {"post": "/a"},
        "read": {"get": "/a"},
        "clean_up": {"delete": "/a"},
        "capture": {"probe": "unique"},
        "expect": {"json": {"length(data)": 1}},
    },
    "grpc_health": {},
    "websocket": {},
}


@pytest.fixture(scope="module")
def blue() -> Iterator[Side]:
    """A blue that answers well."""
    with answering(GOOD) as server:
        yield Side(url=server.url)


@pytest.mark.parametrize("plan", [name for name in PLANS if name not in ("grpc_health", "websocket")])
def test_valid_answer_passes(check: Check, blue: Side, plan: str) -> None:
    document = answer(200, json.dumps(DOCUMENT).encode())
    answers = (document, GOOD) if plan == "openapi served by green" else (GOOD,)
    with answering(*answers) as server:
        own_blue = Side() if plan == "serves_green" else blue  # which must answer otherwise
        finding = check(plan.partition(" ")[0], PLANS[plan], server.url, blue=own_blue)
    assert finding.outcome is Outcome.PASS, finding.message


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("name", ILLEGAL)
def test_illegal_response_does_not_pass(check: Check, blue: Side, name: str, plan: str) -> None:
    with illegal(name) as server:
        finding = check(plan.partition(" ")[0], PLANS[plan], server.url, blue=blue)
    assert finding.outcome is Outcome.FAIL
    assert "Traceback" not in finding.message


@pytest.mark.parametrize("plan", ["graphql", "load", "openapi", "compare", "serves_green"])
@pytest.mark.parametrize("name", ENDLESS)
def test_endless_response_does_not_pass(check: Check, blue: Side, name: str, plan: str) -> None:
    with endless(name) as server:
        finding = check(plan, PLANS[plan], server.url, blue=blue, timeout_s=1.5)
    if plan != "load":  # load reads no body, so the beginning of a legal response is an answer
        assert finding.outcome is not Outcome.PASS


HANDSHAKE = b"HTTP/1.1 101 Switching Protocols"
HANDSHAKES: dict[str, tuple[bytes, bytes]] = {
    "status with a sign": (b"HTTP/1.1 +101 X", b""),
    "status with an underscore": (b"HTTP/1.1 1_01 X", b""),
    "status of four digits": (b"HTTP/1.1 0101 X", b""),
    "HTTP/1.0": (b"HTTP/1.0 101 X", b""),
    "HTTP/2.0": (b"HTTP/2.0 101 X", b""),
    "letter after the version": (b"HTTP/1.1x 101 X", b""),
    "version in small letters": (b"http/1.1 101 X", b""),
    "two blanks before the status": (b"HTTP/1.1  101 X", b""),
    "null in the reason": (b"HTTP/1.1 101 X\0", b""),
    "empty line before the status line": (b"\r\n" + HANDSHAKE, b""),
    "null in a header": (HANDSHAKE, b"X: a\0b\r\n"),
    "bare CR in a header": (HANDSHAKE, b"X: a\rY: b\r\n"),
    "bare LF after a header": (HANDSHAKE, b"X: a\nY: b\r\n"),
    "header without a colon": (HANDSHAKE, b"foo bar\r\n"),
    "blank before a colon": (HANDSHAKE, b"X : a\r\n"),
    "folded header": (HANDSHAKE, b"X: a\r\n b\r\n"),
    "header of 70 KB": (HANDSHAKE, b"X: %s\r\n" % (b"y" * 70_000)),
    "two keys": (HANDSHAKE, b"Sec-WebSocket-Accept: x\r\n"),
    "two upgrades": (HANDSHAKE, b"Upgrade: h2c\r\n"),
    "extension that was not offered": (HANDSHAKE, b"Sec-WebSocket-Extensions: x\r\n"),
    "subprotocol that was not offered": (HANDSHAKE, b"Sec-WebSocket-Protocol: x\r\n"),
}


def open_socket(line: bytes, extra: bytes) -> Server:
    """Return a server whose handshake is right but for the status line or a further header."""

    def script(peer: Peer) -> None:
        _, headers, _ = peer.request()
        key = headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest())  # noqa: S324 - RFC 6455 requires SHA-1
        head = b"%s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n" % (line, accept)
        peer.send(head + extra + b"\r\n")
        peer.raw.recv(100)

    return Server(script)


@pytest.mark.parametrize("name", HANDSHAKES)
def test_illegal_handshake_fails(check: Check, name: str) -> None:
    with open_socket(*HANDSHAKES[name]) as server:
        assert check("websocket", {}, server.url).outcome is Outcome.FAIL


def test_valid_handshake_passes(check: Check) -> None:
    with open_socket(HANDSHAKE, b"X: a\r\n") as server:
        finding = check("websocket", {}, server.url)
    assert finding.outcome is Outcome.PASS, finding.message
