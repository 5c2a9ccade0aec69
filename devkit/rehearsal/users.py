"""Users' traffic: a steady, bounded stream of requests while a scenario runs."""

from __future__ import annotations

import collections
import contextlib
import http.client
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from greenlight.core.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

AGENT = "rehearsal-user"
_THREADS = 8
_MAX_BODY_BYTES = 1024 * 1024
_MAX_RESULTS = 4000
_MAX_WAIT_S = 5.0
_SETTLE_S = 0.02  # until the load balancer has read the requests that were just sent


class TrafficGate:
    """Lock that delays new connections while the load balancer loads a configuration.

    caddy opens new sockets and closes the old ones, and drops connections in between; an ALB does not.
    """

    def __init__(self) -> None:
        """Create an open gate."""
        self._condition = threading.Condition()
        self._passing = 0
        self._is_closed = False

    @contextlib.contextmanager
    def pass_through(self) -> Iterator[None]:
        """Wait until the gate is open; connect and send inside the context."""
        with self._condition:
            self._condition.wait_for(lambda: not self._is_closed, _MAX_WAIT_S)
            self._passing += 1
        try:
            yield
        finally:
            with self._condition:
                self._passing -= 1
                self._condition.notify_all()

    @contextlib.contextmanager
    def closed(self) -> Iterator[None]:
        """Close the gate; change the configuration inside the context."""
        with self._condition:
            self._is_closed = True
            self._condition.wait_for(lambda: not self._passing, _MAX_WAIT_S)
        SYSTEM_CLOCK.sleep(_SETTLE_S)
        try:
            yield
        finally:
            with self._condition:
                self._is_closed = False
                self._condition.notify_all()


class UserTraffic:
    """Steady stream of requests from a few threads; `ask` sends one and returns whether it succeeded."""

    def __init__(self, ask: Callable[[], bool], rate: float) -> None:
        """Create the threads; `start` begins the requests."""
        self._ask = ask
        self._interval_s = 1 / rate if rate else 0.0
        self._lock = threading.Lock()
        self._next = 0.0
        self._in_progress = 0
        self._running = threading.Event()
        self._stopped = threading.Event()
        self._results: collections.deque[tuple[float, bool]] = collections.deque(maxlen=_MAX_RESULTS)
        self._threads = [
            threading.Thread(target=self._send_requests, name=f"user {number}", daemon=True)
            for number in range(_THREADS)
        ]
        self.requests = 0
        self.errors = 0

    def start(self) -> None:
        """Start the requests."""
        if self._interval_s:
            for thread in self._threads:
                thread.start()
            self.resume()

    def resume(self) -> None:
        """Resume the requests after a pause."""
        self._next = time.monotonic()
        self._running.set()

    def pause(self, timeout_s: float) -> None:
        """Stop new requests, and wait up to `timeout_s` for those in progress."""
        self._running.clear()
        end = time.monotonic() + timeout_s
        while self._in_progress and time.monotonic() < end:
            SYSTEM_CLOCK.sleep(0.005)

    def stop(self) -> None:
        """Stop the requests for good."""
        self._stopped.set()
        self._running.set()

    def errors_percent(self, window_s: float) -> float:
        """Return the percentage of failed requests in the last `window_s` seconds; 0 if there are too few."""
        since = time.monotonic() - window_s
        with self._lock:
            recent = [succeeded for at, succeeded in self._results if at >= since]
        return 100.0 * recent.count(False) / len(recent) if len(recent) >= 5 else 0.0

    def _send_requests(self) -> None:
        while self._running.wait() and not self._stopped.is_set():
            with self._lock:
                now = time.monotonic()
                # Skip requests that are more than a second late instead of sending all of them later.
                at = self._next = max(self._next, now - 1.0)
                self._next += self._interval_s
            if self._stopped.wait(max(0.0, at - now)):
                return
            with self._lock:
                if not self._running.is_set():
                    continue
                self._in_progress += 1
            succeeded = False
            with contextlib.suppress(Exception):
                succeeded = self._ask()
            with self._lock:
                self._in_progress -= 1
                self.requests += 1
                self.errors += not succeeded
                self._results.append((time.monotonic(), succeeded))


@dataclass(frozen=True)
class Browser:
    """Client of a listener that opens a new connection for each request, as separate browsers do."""

    address: str
    port: int
    path: str
    host: str
    timeout_s: float
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    gate: TrafficGate = field(default_factory=TrafficGate)

    def ask(self) -> bool:
        """Send one request; return False for a 5xx, an error, or a response that is not complete in time."""
        end = time.monotonic() + self.timeout_s
        connection = http.client.HTTPConnection(self.address, self.port, timeout=self.timeout_s)
        try:
            headers = {"Host": self.host, "User-Agent": AGENT, "Connection": "close"} | dict(self.headers)
            with self.gate.pass_through():
                raw = socket.create_connection((self.address, self.port), self.timeout_s)
                # With Nagle's algorithm the request waits 40 ms for the acknowledgement of the TLS handshake.
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.sock = self.tls.wrap_socket(raw, server_hostname=self.host) if self.tls else raw
                connection.request("GET", self.path, headers=headers)
            response = connection.getresponse()
            size_bytes = 0
            while size_bytes < _MAX_BODY_BYTES and (chunk := response.read1(65536)):
                size_bytes += len(chunk)
                if time.monotonic() > end:
                    return False
            return response.status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@dataclass
class RequestCounts:
    """Numbers of the users' requests and of their failures, by revision (a port or a version)."""

    requests: collections.Counter[str] = field(default_factory=collections.Counter)
    errors: collections.Counter[str] = field(default_factory=collections.Counter)

    def add(self, revision: str, *, succeeded: bool) -> None:
        """Count one request."""
        self.requests[revision] += 1
        if not succeeded:
            self.errors[revision] += 1
