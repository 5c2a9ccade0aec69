"""Sockets that pass a copy of the application data that they receive to a function."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any

DataObserver = Callable[[bytes], object]


class ObservedSocket(socket.socket):
    """A connection without TLS."""

    def __init__(self, connected: socket.socket, on_data: DataObserver) -> None:
        """Take over a connected socket; `on_data` gets everything that is received."""
        timeout_s = connected.gettimeout()
        super().__init__(connected.family, connected.type, connected.proto, connected.detach())
        self.settimeout(timeout_s)
        self._on_data = on_data

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """Receive data as `socket.recv` does."""
        data = super().recv(bufsize, flags)
        if not flags & socket.MSG_PEEK:
            self._on_data(data)
        return data

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        """Receive data as `socket.recv_into` does."""
        count = super().recv_into(buffer, nbytes, flags)
        if not flags & socket.MSG_PEEK:
            self._on_data(bytes(memoryview(buffer).cast("B")[:count]))
        return count


class ObservedTlsSocket(ssl.SSLSocket):
    """A connection with TLS, whose handshake is not application data.

    Attributes:
        on_data: Gets everything that is received; None for a connection that is not observed.
    """

    on_data: DataObserver | None = None

    def read(self, len: int = 1024, buffer: Any = None) -> Any:  # noqa: A002 - the base class names it so
        """Receive data as `SSLSocket.read` does, which all its other methods call."""
        result = super().read(len, buffer)
        if self.on_data is not None:
            self.on_data(result if isinstance(result, bytes) else bytes(memoryview(buffer).cast("B")[:result]))
        return result
