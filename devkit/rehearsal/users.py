"""The users: a bounded, steady stream of requests that flows as long as a scenario is played."""

from __future__ import annotations

import collections
import contextlib
import http.client
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator, Mapping

AGENT = "rehearsal-user"
_AT_ONCE = 8
_MAX_BODY = 1024 * 1024
_REMEMBERED = 4000
_SHUT_S = 5.0
_SETTLE_S = 0.02  # until the balancer has read what was just sent to it


class Gate:
    """Keeps users from connecting for the blink in which the balancer takes a new configuration.

    caddy opens new sockets and closes the old ones, and drops who stands in between; an ALB does not.
    """

    def __init__(self) -> None:
        """Begin open."""
        self._condition = threading.Condition()
        self._inside = 0
        self._shut = False

    @contextlib.contextmanager
    def passing(self) -> Iterator[None]:
        """Connect and send in here."""
        with self._condition:
            self._condition.wait_for(lambda: not self._shut, _SHUT_S)
            self._inside += 1
        try:
            yield
        finally:
            with self._condition:
                self._inside -= 1
                self._condition.notify_all()

    @contextlib.contextmanager
    def shut(self) -> Iterator[None]:
        """Change the configuration in here."""
        with self._condition:
            self._shut = True
            self._condition.wait_for(lambda: not self._inside, _SHUT_S)
        time.sleep(_SETTLE_S)
        try:
            yield
        finally:
            with self._condition:
                self._shut = False
                self._condition.notify_all()


class Users:
    """Calls `ask` at a steady rate from a few threads; `ask` says whether a request went well."""

    def __init__(self, ask: Callable[[], bool], rate: float) -> None:
        """Wait for `start`."""
        self._ask = ask
        self._interval_s = 1 / rate if rate else 0.0
        self._lock = threading.Lock()
        self._next = 0.0
        self._under_way = 0
        self._flowing = threading.Event()
        self._over = threading.Event()
        self._answers: collections.deque[tuple[float, bool]] = collections.deque(maxlen=_REMEMBERED)
        self._threads = [
            threading.Thread(target=self._work, name=f"user {number}", daemon=True) for number in range(_AT_ONCE)
        ]
        self.requests = 0
        self.errors = 0

    def start(self) -> None:
        """Let the requests flow."""
        if self._interval_s:
            for thread in self._threads:
                thread.start()
            self.resume()

    def resume(self) -> None:
        """Let them flow again after a pause."""
        self._next = time.monotonic()
        self._flowing.set()

    def pause(self, timeout_s: float) -> None:
        """Begin no further request, and wait for those under way, at most this long."""
        self._flowing.clear()
        end = time.monotonic() + timeout_s
        while self._under_way and time.monotonic() < end:
            time.sleep(0.005)

    def stop(self) -> None:
        """End the stream."""
        self._over.set()
        self._flowing.set()

    def errors_percent(self, window_s: float) -> float:
        """The share of failed requests among those of the last `window_s` seconds; 0 while there are too few."""
        since = time.monotonic() - window_s
        with self._lock:
            recent = [good for at, good in self._answers if at >= since]
        return 100.0 * recent.count(False) / len(recent) if len(recent) >= 5 else 0.0

    def _work(self) -> None:
        while self._flowing.wait() and not self._over.is_set():
            with self._lock:
                now = time.monotonic()
                # Users who could not be served in time are not saved up for later.
                at = self._next = max(self._next, now - 1.0)
                self._next += self._interval_s
            if self._over.wait(max(0.0, at - now)):
                return
            with self._lock:
                if not self._flowing.is_set():
                    continue
                self._under_way += 1
            good = False
            with contextlib.suppress(Exception):
                good = self._ask()
            with self._lock:
                self._under_way -= 1
                self.requests += 1
                self.errors += not good
                self._answers.append((time.monotonic(), good))


@dataclass(frozen=True)
class Browser:
    """One user's way to a listener: a new connection for every request, as many browsers make them."""

    address: str
    port: int
    path: str
    host: str
    timeout_s: float
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | None = None
    gate: Gate = field(default_factory=Gate)

    def ask(self) -> bool:
        """Make one request; a 5xx, no whole answer within the time, or no answer at all is an error."""
        end = time.monotonic() + self.timeout_s
        connection = http.client.HTTPConnection(self.address, self.port, timeout=self.timeout_s)
        try:
            headers = {"Host": self.host, "User-Agent": AGENT, "Connection": "close"} | dict(self.headers)
            with self.gate.passing():
                raw = socket.create_connection((self.address, self.port), self.timeout_s)
                # Else the request waits 40 ms behind the unacknowledged end of the TLS handshake.
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                connection.sock = self.tls.wrap_socket(raw, server_hostname=self.host) if self.tls else raw
                connection.request("GET", self.path, headers=headers)
            response = connection.getresponse()
            size = 0
            while size < _MAX_BODY and (chunk := response.read1(65536)):
                size += len(chunk)
                if time.monotonic() > end:
                    return False
            return response.status < 500
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@dataclass
class Tally:
    """How many of the users' requests each revision (a port or a version) got, and how many of them failed."""

    requests: collections.Counter[str] = field(default_factory=collections.Counter)
    errors: collections.Counter[str] = field(default_factory=collections.Counter)

    def add(self, revision: str, *, good: bool) -> None:
        """Count one request."""
        self.requests[revision] += 1
        if not good:
            self.errors[revision] += 1
