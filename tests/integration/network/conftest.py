"""Fixtures of the network's tests."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from greenlight.network.byte_stream import ByteStream

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def pair() -> Iterator[tuple[ByteStream, socket.socket]]:
    """A stream over TCP, and the socket of its server."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        server = listener.accept()[0]
        with server:
            yield ByteStream(client, time.monotonic() + 5), server
