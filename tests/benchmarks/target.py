"""Service that all contestants check: it answers after a fixed time, on several ports of one process.

It uses the standard library only, one `asyncio.Protocol`: a request takes about ten microseconds, so the service is not
the bottleneck of any contestant. `/items/7` answers with the header `x-release: 7` and the field `id: 7`. On the port
`wrong` one item has the wrong id, and every contestant must fail over it. `/-/latency` answers with the real latencies
of the answers since the last such request.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import sys
import time
from dataclasses import dataclass, field

WRONG_ITEM = 123
_END = b"\r\n\r\n"


@dataclass
class Listener:
    """Behaviour of one port, and the real latencies of its answers in milliseconds."""

    latency_s: float
    wrong: bool = False
    tls: bool = False
    taken_ms: list[float] = field(default_factory=list)


LISTENERS = {
    "instant": Listener(0.0),
    "slow": Listener(0.02),
    "wrong": Listener(0.0, wrong=True),
    "slow_tls": Listener(0.02, tls=True),
    "wrong_tls": Listener(0.0, wrong=True, tls=True),
}


class Items(asyncio.Protocol):
    """One connection to a port."""

    def __init__(self, listener: Listener) -> None:
        """Serve as `listener` is configured."""
        self._listener = listener
        self._received = b""
        self._loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Store the transport for the answers."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer every request that has arrived completely; requests have no body."""
        began = time.perf_counter()
        self._received += data
        while (end := self._received.find(_END)) >= 0:
            path = self._received[:end].split(b" ", 2)[1].partition(b"?")[0].decode()
            self._received = self._received[end + len(_END) :]
            if path == "/-/latency":
                self._transport.write(_answer(_summary(self._listener)))
            elif self._listener.latency_s:
                self._loop.call_later(self._listener.latency_s, self._send, path, began)
            else:
                self._send(path, began)

    def _send(self, path: str, began: float) -> None:
        item = path.rpartition("/")[2]
        number = int(item) if item.isdecimal() else -1
        wrong = self._listener.wrong and number == WRONG_ITEM
        self._transport.write(_answer({"status": "ok", "id": -1 if wrong else number, "tags": ["a", "b"]}))
        self._listener.taken_ms.append((time.perf_counter() - began) * 1000)


def _answer(document: object) -> bytes:
    body = json.dumps(document).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Release: 7\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _summary(listener: Listener) -> dict[str, float]:
    taken = sorted(listener.taken_ms)
    listener.taken_ms = []
    return {"count": len(taken), "p50": quantile(taken, 0.50), "p95": quantile(taken, 0.95)}


def quantile(ordered: list[float], share: float) -> float:
    """Return the value below which `share` of an ordered sample lies; 0 for an empty sample."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


async def _serve(certificate: str) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    ports = {}
    for name, listener in LISTENERS.items():
        server = await loop.create_server(
            lambda listener=listener: Items(listener),
            "127.0.0.1",
            0,
            backlog=1024,
            ssl=tls if listener.tls else None,
        )
        ports[name] = server.sockets[0].getsockname()[1]
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    await loop.run_in_executor(None, sys.stdin.read)  # until the parent process closes its end or exits


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(sys.argv[1]))
