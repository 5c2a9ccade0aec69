"""HTTP proxy on loopback for a process that makes connections of its own, such as a test suite.

The proxy connects under the rules of the gate's client, and shows what passes through it. It does not end TLS, so host
names, certificates and HTTP/2 are as without it; of a tunnel it sees the encrypted bytes only.

Source: RFC 9110, section 9.3.6 (CONNECT); RFC 9112, section 3.2.2 (requests to a proxy)
"""

from __future__ import annotations

import contextlib
import http.server
import selectors
import socket
import threading
import time
from typing import TYPE_CHECKING, Protocol

from greenlight.core.errors import GuardError, HttpError
from greenlight.network.client import Response
from greenlight.network.request_encoding import Url, parse_url
from greenlight.network.response_reader import ResponseReader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_RECEIVE_BYTES = 65536
_MAX_COPY_BYTES = 256 * 1024
"""Bytes of a response that are copied: its head and the start of its body."""

_MAX_BODY_BYTES = 4096
_END_OF_LINE = b"\r\n"
_HOP_BY_HOP = ("connection", "keep-alive", "proxy-authorization", "proxy-connection")


class TunnelObserver(Protocol):
    """Sees the bytes of one tunnel."""

    def open(self) -> None:
        """Add the connection, which is open."""

    def send(self, data: bytes) -> None:
        """Add bytes to the server."""

    def receive(self, data: bytes) -> None:
        """Add bytes of the server."""


class ProxyObserver(Protocol):
    """Sees what passes through a proxy; called from several threads."""

    def observe_tunnel(self, host: str, port: int) -> TunnelObserver:
        """Return the observer of a tunnel."""

    def count_proxied(self, method: str, sent: Mapping[str, str], response: Response) -> None:
        """Add the response to a request that was not tunnelled."""


class ForwardProxy:
    """A proxy; use it in a `with` statement.

    Attributes:
        url: Its URL.
    """

    def __init__(
        self, connect: Callable[[str, int, float], socket.socket], observer: ProxyObserver, timeout_s: float
    ) -> None:
        """Listen on a free port.

        Args:
            connect: Opens a connection to a host and port within a time, or raises `HttpError`.
            observer: Sees what passes through.
            timeout_s: Time until all connections are closed.
        """
        deadline = time.monotonic() + timeout_s

        class _Handler(_ProxyHandler):
            """Handler of this proxy's connections."""

        _Handler.connect, _Handler.observer, _Handler.deadline = staticmethod(connect), observer, deadline
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> ForwardProxy:
        """Start to accept connections."""
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *raised: object) -> None:
        """Stop to accept connections."""
        self._server.shutdown()
        self._server.server_close()


class _ProxyHandler(http.server.BaseHTTPRequestHandler):
    """One connection to the proxy, which carries one tunnel or one request."""

    protocol_version = "HTTP/1.1"
    rbufsize = 0  # what follows the head of a request stays in the socket, for the relay
    connect: Callable[[str, int, float], socket.socket]
    observer: ProxyObserver
    deadline: float

    def handle(self) -> None:
        """Handle the connection; one that breaks is the business of its two ends."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.handle_one_request()

    def do_CONNECT(self) -> None:
        """Open a tunnel."""
        self.close_connection = True
        try:
            url = parse_url(f"https://{self.path}")
            tunnel, server = self.observer.observe_tunnel(url.host, url.port), self._open(url.host, url.port)
        except HttpError as problem:
            self._refuse(problem)
            return
        tunnel.open()
        with server:
            self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            self._relay(server, _pass_on_to(tunnel.send), _pass_on_to(tunnel.receive))

    def _forward(self) -> None:
        """Forward one request to an absolute URL, and its response."""
        self.close_connection = True
        try:
            url = parse_url(self.path)
            server = self._open(url.host, url.port)
        except HttpError as problem:
            self._refuse(problem)
            return
        sent = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
        copy = _ResponseCopy(self.command, self.path)

        def receive(data: bytes) -> bytes:
            passed_on, response = copy.add(data)
            if response is not None:
                self.observer.count_proxied(self.command, sent, response)
            return passed_on

        with server:
            server.sendall(self._encode_head(url))
            self._relay(server, lambda data: data, receive)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = _forward  # noqa: N815 - as do_CONNECT

    def _open(self, host: str, port: int) -> socket.socket:
        return self.connect(host, port, max(0.001, self.deadline - time.monotonic()))

    def _refuse(self, problem: HttpError) -> None:
        """Answer that a host is not allowed; a host that does not accept connections breaks the connection here, too.

        A response in its place could be taken for the host's own.
        """
        if isinstance(problem, GuardError) or self.command == "CONNECT":
            reason = " ".join(str(problem).encode("ascii", "replace").decode().split())
            self.send_error(403 if isinstance(problem, GuardError) else 502, reason)

    def _encode_head(self, url: Url) -> bytes:
        """Return the request's head for the server; one request for each connection, so that each is checked."""
        headers = [(name, value) for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP]
        lines = [f"{self.command} {url.target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
        return "\r\n".join([*lines, "Connection: close", "", ""]).encode("latin-1")

    def _relay(
        self, server: socket.socket, on_sent: Callable[[bytes], bytes], on_received: Callable[[bytes], bytes]
    ) -> None:
        """Pass bytes on in both directions, as the functions return them, until the server closes or the time ends."""
        with selectors.DefaultSelector() as selector:
            selector.register(self.connection, selectors.EVENT_READ, (server, on_sent))
            selector.register(server, selectors.EVENT_READ, (self.connection, on_received))
            while selector.get_map() and (remaining_s := self.deadline - time.monotonic()) > 0:
                for key, _ in selector.select(remaining_s):
                    target, on_data = key.data
                    source = key.fileobj
                    assert isinstance(source, socket.socket)  # noqa: S101 - only sockets are registered
                    data = source.recv(_RECEIVE_BYTES)
                    if data:
                        target.sendall(on_data(data))  # sent last: the process may end as soon as it has them
                        continue
                    selector.unregister(source)
                    if source is server:
                        return
                    target.shutdown(socket.SHUT_WR)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
        """Write no log."""


def _pass_on_to(observe: Callable[[bytes], None]) -> Callable[[bytes], bytes]:
    def pass_on(data: bytes) -> bytes:
        observe(data)
        return data

    return pass_on


class _ResponseCopy:
    """The start of a response that passes through."""

    def __init__(self, method: str, url: str) -> None:
        self._method, self._url = method, url
        self._start = b""
        self._is_read = False

    def add(self, data: bytes) -> tuple[bytes, Response | None]:
        """Add bytes; return those to pass on, and the response as soon as enough of it is there."""
        had_line = _END_OF_LINE in self._start
        self._start += data[: _MAX_COPY_BYTES - len(self._start)]
        if not had_line:
            if _END_OF_LINE not in self._start and len(self._start) < _MAX_COPY_BYTES:
                return b"", None
            # The client must not send its next request here: it may be for another host.
            data = self._start.replace(_END_OF_LINE, b"\r\nConnection: close\r\n", 1)
        response = None if self._is_read else self._read()
        self._is_read |= response is not None
        return data, response

    def _read(self) -> Response | None:
        """Return the response that begins so; None if it is not valid HTTP, or did not arrive whole."""
        parts = iter((self._start, b""))
        try:
            received = ResponseReader(lambda: next(parts, b""), self._method, _MAX_BODY_BYTES).read()
        except (OSError, ValueError):
            return None
        return Response(
            status=received.status,
            reason=received.reason,
            headers=received.headers,
            body=received.body,
            truncated=received.truncated,
            latency_ms=0.0,
            url=self._url,
            address="",
            version=received.version,
        )
