"""Greens that are broken, each in one way that a validator must not take for well."""

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
    """Nothing listens."""
    with socket.socket() as taken:  # bound and not listening, so that nobody else gets the port meanwhile
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def _answering(status: int, content: Any, **headers: str) -> Callable[[], contextlib.AbstractContextManager[str]]:
    @contextlib.contextmanager
    def serve() -> Iterator[str]:
        with HttpServer(
            lambda *_: (status, {name.replace("_", "-"): value for name, value in headers.items()}, content)
        ) as made:
            yield made.url

    return serve


def _wire(speak: ConnectionHandler) -> Callable[[], contextlib.AbstractContextManager[str]]:
    """Serve connections that `speak` handles, once a first byte has come."""

    def later(connection: socket.socket) -> None:
        connection.recv(65536)
        speak(connection)

    return lambda: tcp_server(later)


def _wait(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


BROKEN: dict[str, tuple[str, Callable[[], contextlib.AbstractContextManager[str]]]] = {
    "refused": ("green refuses connections", refused),
    "closed": ("green closes the connection without an answer", _wire(lambda _: None)),
    "silent": ("green never answers", _wire(_wait)),
    "no_http": ("green answers something that is no HTTP", _wire(lambda connection: connection.sendall(GARBAGE))),
    "status_500": ("green answers 500", _answering(500, "<h1>Internal Server Error</h1>", content_type="text/html")),
    "garbage": ("green answers 200 with garbage", _answering(200, GARBAGE, content_type="application/json")),
    "empty": ("green answers 200 with nothing", _answering(200, b"")),
}
"""By name: what is broken, and a context manager that gives the URL of such a green."""
