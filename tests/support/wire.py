"""Servers on loopback that send exactly the bytes of a script, with one thread for each connection."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Script = Callable[["Peer"], None]


class Peer:
    """Server side of an accepted connection."""

    def __init__(self, raw: socket.socket, number: int) -> None:
        self.raw, self.number = raw, number
        self._buffer = b""

    def request(self) -> tuple[str, dict[str, str], bytes]:
        """Read a request; return its request line, its headers in lower case and its body."""
        while b"\r\n\r\n" not in self._buffer:
            self._receive()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        length = int(headers.get("content-length", 0))
        while len(self._buffer) < length:
            self._receive()
        body, self._buffer = self._buffer[:length], self._buffer[length:]
        return first, headers, body

    def _receive(self) -> None:
        data = self.raw.recv(65536)
        if not data:
            raise EOFError
        self._buffer += data

    def send(self, data: bytes) -> None:
        self.raw.sendall(data)

    def drip(self, data: bytes, pause_s: float = 0.02) -> None:
        """Send one byte at a time."""
        for index in range(len(data)):
            self.send(data[index : index + 1])
            time.sleep(pause_s)

    def reset(self) -> None:
        """Reset the connection instead of closing it."""
        self.raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.raw.close()


class Server:
    """Server that runs `script` for every connection.

    Attributes:
        connections: Number of accepted connections.
        requests: Every request that `answering` has read.
        port: TCP port.
        url: Base URL.
    """

    def __init__(self, script: Script, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1") -> None:
        self._script, self._tls = script, tls
        self.connections = 0
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.socket(family)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((address, 0))
        self._listener.listen(64)
        self._open: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if tls else 'http'}://{f'[{address}]' if ':' in address else address}:{self.port}"

    def __enter__(self) -> Server:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                raw, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(raw)
            threading.Thread(target=self._serve, args=(raw, self.connections), daemon=True).start()

    def _serve(self, raw: socket.socket, number: int) -> None:
        with contextlib.suppress(OSError, EOFError):
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                raw = self._tls.wrap_socket(raw, server_side=True)
                self._open.append(raw)
            with raw:
                self._script(Peer(raw, number))


def answering(*answers: bytes, tls: ssl.SSLContext | None = None) -> Server:
    """Return a server that sends the answers in order, then repeats the last one; connections are kept alive."""
    lock, remaining = threading.Lock(), iter(answers)
    last = answers[-1]

    def script(peer: Peer) -> None:
        while True:
            request = peer.request()
            with lock:
                server.requests.append(request)
                answer = next(remaining, last)
            peer.send(answer)
            if b"connection: close" in answer.partition(b"\r\n\r\n")[0].lower():
                return

    server = Server(script, tls)
    return server


def sending(*pieces: bytes, then: Script | None = None) -> Script:
    """Return a script that reads a request, sends the pieces and then closes, or continues with `then`."""

    def script(peer: Peer) -> None:
        peer.request()
        for piece in pieces:
            peer.send(piece)
        if then:
            then(peer)

    return script


def answer(status: int = 200, body: bytes = b"", *headers: str) -> bytes:
    """Build a complete HTTP response."""
    lines: Iterable[str] = (f"HTTP/1.1 {status} Said", *headers, f"content-length: {len(body)}", "", "")
    return "\r\n".join(lines).encode("latin-1") + body


def hang(peer: Peer) -> None:
    """Receive and send nothing until the client disconnects."""
    with contextlib.suppress(OSError):
        while peer.raw.recv(65536):
            pass


def unused_port() -> int:
    """Return a port on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
