"""Broken servers, each broken in one way in which no validator may pass."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Any

from greenlight.testing.fakes import HttpServer, tcp_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from greenlight.testing.fakes import ConnectionHandler

GARBAGE = bytes(range(255, 127, -1)) * 8


@contextlib.contextmanager
def refused() -> Iterator[str]:
    """Yield a URL whose port refuses connections."""
    with socket.socket() as listener:  # bound but not listening, so that no other process gets the port
        listener.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _http(status: int, content: Any, **headers: str) -> Callable[[], contextlib.AbstractContextManager[str]]:
    @contextlib.contextmanager
    def serve() -> Iterator[str]:
        with HttpServer(
            lambda *_: (status, {name.replace("_", "-"): value for name, value in headers.items()}, content)
        ) as server:
            yield server.url

    return serve


def _tcp(handler: ConnectionHandler) -> Callable[[], contextlib.AbstractContextManager[str]]:
    """Return a server that calls `handler` with a connection after its first bytes have arrived."""

    def read_then_handle(connection: socket.socket) -> None:
        connection.recv(65536)
        handler(connection)

    return lambda: tcp_server(read_then_handle)


def _wait(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


BROKEN: dict[str, tuple[str, Callable[[], contextlib.AbstractContextManager[str]]]] = {
    "refused": ("green refuses connections", refused),
    "closed": ("green closes the connection without a response", _tcp(lambda _: None)),
    "silent": ("green never answers", _tcp(_wait)),
    "no_http": ("green answers with something other than HTTP", _tcp(lambda connection: connection.sendall(GARBAGE))),
    "status_500": ("green answers 500", _http(500, "<h1>Internal Server Error</h1>", content_type="text/html")),
    "garbage": ("green answers 200 with garbage", _http(200, GARBAGE, content_type="application/json")),
    "empty": ("green answers 200 with nothing", _http(200, b"")),
}
"""Broken servers by name: a description, and a context manager that yields the URL of such a green."""
