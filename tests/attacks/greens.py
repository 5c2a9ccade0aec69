"""Hostile greens: illegal framing, endless answers, hostile bodies, redirects, broken frames."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import struct
from typing import TYPE_CHECKING, Any

from tests.attacks.attack import ANY_CAUSE, ASKING, GATE_OF_GREEN, OK, Attack, asking, plan_of
from tests.support.addresses import FORBIDDEN
from tests.support.hostile_server import BODY, ENDLESS, ILLEGAL
from tests.support.wire import answer, sending

if TYPE_CHECKING:
    import random

    from greenlight.core.finding import Cause
    from tests.support.wire import Peer, Script

GOOD = answer(200, BODY, "content-type: application/json")
_GRAPHQL_BODY = b'{"data":{"":1}}'
"""As long as `BODY`, so that it fits into the same framing."""

_WITHOUT_BODY = ("http", "openapi", "serves_green", "graphql", "compare", "migration", "websocket", "grpc_health")


def _causes_of(name: str) -> frozenset[Cause]:
    """Return the causes of a hostile body; one that is too large to be compared is an ERROR of `compare`."""
    return ANY_CAUSE if name == "compare" else GATE_OF_GREEN


def answering_always(data: bytes) -> Script:
    """Return a script that answers every request with the same bytes."""

    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(data)

    return script


def illegal_framing(rng: random.Random) -> Attack:
    """Return a green whose response is not valid HTTP, although its body is as expected."""
    form = rng.choice(tuple(ILLEGAL))
    name, check = asking(rng)
    data = ILLEGAL[form].replace(BODY, _GRAPHQL_BODY) if name == "graphql" else ILLEGAL[form]
    return Attack(f"{form}, {name}", plan_of(check), sending(data), answering_always(GOOD))


def endless_answer(rng: random.Random) -> Attack:
    """Return a green whose response never ends, or comes one byte at a time."""
    form = rng.choice((*ENDLESS, "drip", "silence", "reset", "close"))
    name, check = asking(rng, *_WITHOUT_BODY, timeout=f"{rng.randrange(150, 400)}ms")
    scripts = {"drip": _drip, "silence": _be_silent, "reset": _reset, "close": lambda peer: peer.send(b"")}
    script = scripts.get(form) or ENDLESS[form]
    return Attack(f"{form}, {name}", plan_of(check), script, answering_always(GOOD), _causes_of(name))


def _drip(peer: Peer) -> None:
    peer.request()
    peer.drip(GOOD)


def _be_silent(peer: Peer) -> None:
    while True:
        peer.request()


def _reset(peer: Peer) -> None:
    peer.request()
    peer.reset()


def hostile_body(rng: random.Random) -> Attack:
    """Return a green whose body only a lenient parser, or a lenient comparison, takes for the expected one."""
    form = rng.choice(tuple(BODIES))
    body = BODIES[form](rng)
    name, check = asking(rng, "http", "openapi", "serves_green", "compare", "migration", "graphql")
    headers = ["content-type: application/json"]
    if rng.random() < 0.3:
        body, headers = gzip.compress(body), [*headers, "content-encoding: gzip"]
    script = answering_always(answer(200, body, *headers))
    return Attack(f"{form}, {name}", plan_of(check), script, answering_always(GOOD), _causes_of(name))


def _nest(rng: random.Random) -> bytes:
    depth = rng.choice((200, 5_000, 100_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    return b'{"status":"broken","x":' + opening * depth + b"1" + closing * depth + b"}"


def _look_alike(rng: random.Random) -> bytes:
    values: tuple[Any, ...] = (
        "OK",
        "ok ",
        " ok",
        "ok\u200b",
        "\u043ek",
        "ok\0",
        "ok\n",
        "o\u212a",
        ["ok"],
        {"ok": 1},
        True,
        None,
        1,
        "",
        "\ufeffok",
        "ok\u202e",
        "not ok",
        {"status": "ok"},
    )
    return json.dumps({"status": rng.choice(values)}).encode()


def _append(rng: random.Random) -> bytes:
    return BODY + rng.choice((b"x", b"}", b"\0", BODY, b"//", b",", b"\x0c", b"\xff", b"\n{}", "\u00a0".encode()))


def _not_json(rng: random.Random) -> bytes:
    return rng.choice(
        (
            b'{"status":"ok","x":NaN}',
            b'{"status":"ok","x":Infinity}',
            b'{"status":"ok","x":+1}',
            b'{"status":"ok","x":01}',
            b'{"status":"ok","x":.5}',
            b'{"status":"ok","x":0x1}',
            b'{"status":"ok",}',
            b"{'status':'ok'}",
            b'{status:"ok"}',
            b'{"status":"ok"/**/}',
            b'{"status":"o\nk"}',
            b'{"status":"ok","x":"\xff"}',
            b'{"status":"ok","x":"\\x41"}',
            b'{"status":"ok","x":"\xed\xa0\x80"}',
            b'{"status":"ok","x":1.}',
            b"",
            b'{"status":"ok","x":tru}',
            b'{"status":"ok" "x":1}',
            b"<html>ok</html>",
            b"status: ok",
            b'"ok"',
            b"[]",
            json.dumps(OK).encode("utf-16"),
            json.dumps(OK).encode("utf-32"),
            b'{"status":"ok","x":1_0}',
        )
    )


def _duplicate(rng: random.Random) -> bytes:
    return rng.choice(
        (
            b'{"status":"broken","status":"ok"}',
            b'{"status":"ok","status":"broken"}',
            b'{"status":"ok","status":"ok"}',
            b'{"status":"broken","st\\u0061tus":"ok"}',
            b'{"status":"ok","x":{"y":1,"y":2}}',
        )
    )


def _large(rng: random.Random) -> bytes:
    size = rng.choice((1 << 20, 3 << 20))
    return b'{"status":"ok","x":"' + rng.choice((b"y", b" ", b"\\")) * size + b'"}'


BODIES = {
    "nested": _nest,
    "look-alike": _look_alike,
    "trailing bytes": _append,
    "not JSON": _not_json,
    "duplicate keys": _duplicate,
    "beyond the limit": _large,
}


def redirect(rng: random.Random) -> Attack:
    """Return a green that redirects: to a metadata address in any form, to blue, elsewhere, or in a circle."""
    address = rng.choice(
        (*FORBIDDEN, "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.254.169.254.", "[::1%25lo]")
    )
    host = f"[{address.partition('%')[0]}]" if ":" in address and "[" not in address else address
    targets = (
        f"http://{host}/latest/meta-data/",
        f"//{host}/",
        f"http://x@{host}/",
        f"http://127.0.0.1@{host}/",
        f"http:\\\\{host}\\",
        f"http://{host}:80/\r\nX: y",
        f"https://{host}/",
        f"http://{host}#@127.0.0.1/",
        "/",
        "//",
        "",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/",
        "http://[",
        "http://127.0.0.1:99999/",
        "?" * 70_000,
        "\0",
        "data:,ok",
    )
    location = rng.choice(targets)
    status = rng.choice((301, 302, 303, 307, 308))
    name, check = "http", {"name": "c", "timeout": "900ms", "http": {**ASKING["http"], "redirects": rng.randrange(6)}}
    allowed = (address.partition("%")[0], host) if rng.random() < 0.5 else ()
    data = f"HTTP/1.1 {status} R\r\nContent-Length: 0\r\nLocation: {location}\r\n\r\n".encode("latin-1", "replace")
    title = f"{status} to {location[:60]!r}, {name}"
    return Attack(title, plan_of(check), answering_always(data), None, ANY_CAUSE, allowed_hosts=allowed)


def redirect_to_blue(rng: random.Random) -> Attack:
    """Return a green that redirects to blue, whose answer is as expected."""
    blue: dict[str, str] = {}

    def script(peer: Peer) -> None:
        while True:
            _, headers, _ = peer.request()
            location = blue.get("url", headers.get("x-blue", ""))
            peer.send(answer(rng.choice((301, 302, 303, 307, 308)), b"", f"location: {location}/"))

    request = {**ASKING["http"], "redirects": rng.randrange(1, 6), "headers": {"x-blue": "${blue.url}"}}
    return Attack(
        "redirect to blue, http",
        plan_of({"name": "c", "timeout": "900ms", "http": request}),
        script,
        answering_always(GOOD),
    )


def broken_frames(rng: random.Random) -> Attack:
    """Return a green that accepts a WebSocket and sends illegal frames, or speaks broken HTTP/2."""
    if rng.random() < 0.4:
        check = {"name": "c", "timeout": "600ms", "grpc_health": {}}
        return Attack("HTTP/2 frames, grpc_health", plan_of(check), _send_http2(rng))
    step = {"send": {"text": "hi"}, "expect": {"text": "ok"}}
    check = {"name": "c", "timeout": "600ms", "websocket": {"steps": [step]}}
    frame = rng.choice(_websocket_frames(rng))
    return Attack(f"frame {frame[:12]!r}, websocket", plan_of(check), _send_websocket(frame, rng))


def _websocket_frames(rng: random.Random) -> tuple[bytes, ...]:
    return (
        b"\x81\x7f" + struct.pack(">Q", 1 << 62),
        b"\x81\x7f" + struct.pack(">Q", (1 << 64) - 1),
        b"\xc1\x02ok",
        b"\xf1\x02ok",
        b"\x81\x82\0\0\0\0ok",
        b"\x81\x02\xff\xfe",
        b"\x09\x02ok",
        b"\x89\x7e\x00\x80" + bytes(128),
        b"\x83\x02ok",
        b"\x8b\x02ok",
        b"\x80\x02ok",
        b"\x01\x01o\x81\x02ok",
        b"\x88\x01\x03",
        b"\x88\x02\x03\xed",
        b"\x88\x02\xff\xff",
        b"\x88\x03\x03\xe8\xff",
        b"\x01\x02ok",
        b"HTTP/1.1 200 OK\r\n\r\n",
        rng.randbytes(rng.randrange(1, 300)),
        b"",
        b"\x89\x00" * 20_000,
        b"\x81\x03OK!",
    )


def _send_websocket(frame: bytes, rng: random.Random) -> Script:
    has_key = rng.random() < 0.9

    def script(peer: Peer) -> None:
        _, headers, _ = peer.request()
        key = headers.get("sec-websocket-key", "") if has_key else "another"
        digest = hashlib.sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode(), usedforsecurity=False).digest()
        accept = base64.b64encode(digest).decode()
        head = "HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        peer.send(f"{head}Sec-WebSocket-Accept: {accept}\r\n\r\n".encode())
        peer.send(frame)
        while True:
            peer.raw.recv(65536) or peer.request()

    return script


def _send_http2(rng: random.Random) -> Script:
    frames = []
    for _ in range(rng.randrange(1, 12)):
        size = rng.choice((0, 4, 8, 9, 100, 16_384, 0xFFFFFF))
        payload = rng.randbytes(min(size, rng.choice((size, 0, 50_000))))
        kind, flags, stream = rng.randrange(12), rng.randrange(256), rng.choice((0, 1, 1, 2, 3, 1 << 31))
        frames.append(struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload)
    settings = b"\0\0\0\x04\0\0\0\0\0" if rng.random() < 0.8 else b""
    data = settings + b"".join(frames)

    def script(peer: Peer) -> None:
        peer.send(data)
        while peer.raw.recv(65536):
            pass

    return script
