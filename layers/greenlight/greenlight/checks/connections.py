"""Observers of connections, which decide from their bytes whether green was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.checks.raw_answer import RawAnswer
from greenlight.checks.tls_tunnel import TlsTunnel

if TYPE_CHECKING:
    from collections.abc import Callable


class ConnectionObserver:
    """One connection, which counts when it is open, and as green's when green sends data on it."""

    def __init__(self, add: Callable[[str, int], None], key: str) -> None:
        """Count with `add`, at first for `key`."""
        self._add, self._key = add, key
        self._answer = RawAnswer()

    def open(self) -> None:
        """Count the connection."""
        self._add(self._key, 1)

    def receive(self, data: bytes) -> None:
        """Count the connection for green if the data shows that it got further than the load balancer."""
        if self._key == "balancer" and self._answer.feed(data):
            self._add("balancer", -1)
            self._add("green", 1)


class TunnelObserver(ConnectionObserver):
    """One connection of another process, whose application data may be encrypted."""

    def __init__(self, add: Callable[[str, int], None], key: str, add_unconfirmed: Callable[[], None]) -> None:
        """Count as for a connection; call `add_unconfirmed` after an answer on a listener that ends TLS itself."""
        super().__init__(add, key)
        self._add_unconfirmed = add_unconfirmed
        self._tls = TlsTunnel()

    def send(self, data: bytes) -> None:
        """Add bytes to the server."""
        self._tls.send(data)

    def receive(self, data: bytes) -> None:
        """Add bytes of the server."""
        super().receive(data)
        self._tls.receive(data)
        if self._key == "balancer" and self._tls.is_answered:
            self._add_unconfirmed()
