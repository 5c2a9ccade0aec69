"""HTTP client for checks: allow-list of addresses, deadlines, size limits, connection pool, exact latency.

- Every connection goes to an address that was checked, even if the name later resolves to another address.
- One deadline covers the complete exchange, even if the server sends one byte a second.
- Bodies and decompression are limited. Compression is not requested. Proxy environment variables are ignored.
- Latency covers only the exchange. Waiting for a connection and connecting do not count, so that a check measures the
  service and not the gate.
- A request that cannot be sent raises a plain `HttpError`, which does not count as a failure of green.

Responses are read strictly, by `network/response_reader.py`; docs/decisions/0002 gives the reasons.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight.core.errors import NoAnswerError
from greenlight.core.frozen import FrozenStruct
from greenlight.network.certificate import read_certificate
from greenlight.network.connection import Connection
from greenlight.network.exchange import Exchange, add_cookies, redirect
from greenlight.network.observed_socket import ObservedSocket, ObservedTlsSocket
from greenlight.network.request_encoding import encode_request, reject_unsendable
from greenlight.network.server import CONNECT_TIMEOUT_S, Server, describe_error, describe_tls_failure, open_socket

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from greenlight.network.certificate import Certificate
    from greenlight.network.cookies import CookieJar
    from greenlight.network.guard import Guard
    from greenlight.network.observed_socket import DataObserver

MAX_BODY_BYTES = 1024 * 1024

_REPEATABLE = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
"""Methods that may be sent again, and therefore over an idle connection that the server may be about to close."""

_REDIRECTS = (301, 302, 303, 307, 308)


class Timings(FrozenStruct, frozen=True, kw_only=True):
    """Durations of the phases of one exchange, in milliseconds.

    Attributes:
        dns: Name resolution; close to 0 for a name that was resolved a moment ago.
        connect: Connecting; None on a reused connection.
        tls: TLS handshake; None on a reused connection and without TLS.
        first_byte: From the first byte sent to the first byte of the response.
        total: The whole exchange, to the last byte of the body.
    """

    dns: float
    connect: float | None
    tls: float | None
    first_byte: float
    total: float


class Response(FrozenStruct, frozen=True, kw_only=True):
    """An HTTP response.

    Attributes:
        status: Status code.
        reason: Reason phrase of the status line.
        headers: Names and values as received, in order; a name may occur several times.
        body: At most the requested size.
        truncated: The body was longer than the requested size.
        latency_ms: From the first byte sent to the last byte of the body; connecting does not count.
        url: URL that responded, after redirects.
        address: IP address that responded.
        hops: URLs of the redirects that were followed.
        version: HTTP version, "1.1" or "1.0"; "" for a response of a Lambda function.
        timings: Timings of the exchange with `url`; None for a response of a Lambda function.
        certificate: Certificate of the connection; None without TLS or without `new_connection` in the request.
    """

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    truncated: bool
    latency_ms: float
    url: str
    address: str
    hops: tuple[str, ...] = ()
    version: str = ""
    timings: Timings | None = None
    certificate: Certificate | None = None

    def header(self, name: str) -> str | None:
        """Return a header's value, or None; several values are joined by a comma (RFC 9110 section 5.3)."""
        values = self.header_values(name)
        return ", ".join(values) if values else None

    def header_values(self, name: str) -> list[str]:
        """Return all values of a header, in order."""
        name = name.lower()
        return [value for key, value in self.headers if key.lower() == name]


class Client:
    """Pool of kept-alive connections behind one guard; safe to use from several threads."""

    def __init__(self, guard: Guard, tls: ssl.SSLContext | None = None) -> None:
        """Connect only to addresses that `guard` allows.

        Without `tls`, a context is created on first use, because loading the CA bundle takes 20 ms.
        """
        self._guard = guard
        self._tls: dict[tuple[str, ...], ssl.SSLContext] = {(): tls} if tls else {}
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, ...], list[Connection]] = {}

    def request(  # noqa: PLR0913 - keyword arguments of an HTTP request
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        host: str = "",
        timeout_s: float = 10.0,
        max_bytes: int = MAX_BODY_BYTES,
        redirects: int = 0,
        new_connection: bool = False,
        jar: CookieJar | None = None,
    ) -> Response:
        """Send a request and follow at most `redirects` redirects, each checked like the first request.

        Args:
            method: Any HTTP method.
            url: Absolute; http or https.
            headers: Headers, sent unchanged; after a redirect to another host the plan's headers are not sent.
            body: Request body; Content-Length is set.
            host: Name for the Host header, SNI and certificate, instead of the URL's host.
            timeout_s: Time limit for the complete exchange, including redirects.
            max_bytes: Maximum number of body bytes to read; a longer body marks the response as truncated.
            redirects: Maximum number of redirects to follow.
            new_connection: Resolve the name again and open a new connection for each exchange, so that all `timings`
                are known, and return the certificate.
            jar: Cookies to send, unless `headers` has a Cookie header. It stores the cookies of every response,
                including redirects.

        Raises:
            GuardError: The address is not allowed.
            UnreachableError: Connecting failed.
            NoAnswerError: TLS failed (a `TlsError`), no complete, valid HTTP response arrived in time, or a redirect
                leads to an invalid URL.
            HttpError: The method or a header cannot be sent.
        """
        deadline = time.monotonic() + timeout_s
        exchange = Exchange(
            method=method,
            url=url,
            headers=dict(headers or {}),
            body=body,
            host=host,
            deadline=deadline,
            timeout_s=timeout_s,
            max_bytes=max_bytes,
            new_connection=new_connection,
        )
        hops: list[str] = []
        while True:
            response = self._send(exchange if jar is None else add_cookies(exchange, jar))
            if jar is not None:
                jar.store(response.headers, exchange.url, exchange.server_name, time.time())
            location = response.header("location")
            if response.status not in _REDIRECTS or location is None or len(hops) >= redirects:
                return replace(response, hops=tuple(hops)) if hops else response
            hops.append(exchange.url)
            exchange = redirect(exchange, response.status, location)

    def connect(
        self,
        host: str,
        port: int,
        *,
        tls: bool = False,
        name: str = "",
        alpn: Sequence[str] = (),
        timeout_s: float = 10.0,
        on_data: DataObserver | None = None,
    ) -> socket.socket:
        """Open a connection for another protocol, with the rules that apply to requests; the caller closes it.

        Args:
            host: Host to connect to; checked like a URL's host, and connected to the address that was checked.
            port: TCP port.
            tls: Use TLS and verify the certificate.
            name: Name for SNI and the certificate, instead of `host`.
            alpn: Protocols to offer in TLS, such as h2.
            timeout_s: Time limit for connecting; the remaining time is the timeout of later operations on the socket.
            on_data: Gets the application data that the socket receives.

        Raises:
            GuardError: The address is not allowed.
            UnreachableError: Connecting failed.
            NoAnswerError: The port refuses connections, TLS failed (a `TlsError`), or no time remains.
        """
        deadline = time.monotonic() + timeout_s
        address = self._guard.resolve(host, port)
        server = Server(scheme="", address=address, port=port, name=name or host)
        connected = open_socket(server, deadline)
        if tls:
            connected = secured = self._wrap_tls(connected, server, deadline, tuple(alpn))
            secured.on_data = on_data
        elif on_data is not None:
            connected = ObservedSocket(connected, on_data)
        connected.settimeout(max(0.001, deadline - time.monotonic()))
        return connected

    def allows(self, host: str) -> bool:
        """Return whether checks may use `host`: a host of this deployment, or one that the operator allows."""
        return self._guard.allows(host)

    def allowing(self, hosts: Sequence[str]) -> Client:
        """Return a client that may connect to further hosts; its pool is its own."""
        return Client(self._guard.allowing(hosts), self._tls.get(()))

    def close(self) -> None:
        """Close all idle connections."""
        with self._lock:
            connections = [connection for pool in self._idle.values() for connection in pool]
            self._idle.clear()
        for connection in connections:
            connection.drop()

    def _send(self, exchange: Exchange) -> Response:
        reject_unsendable(exchange.method, exchange.headers)
        server = self._resolve(exchange)
        about = f"{exchange.method} {exchange.url}"
        is_repeatable = exchange.method in _REPEATABLE and not exchange.new_connection
        for may_reuse in (is_repeatable, False):  # the server may be closing an idle connection, so try a new one next
            pooled = self._take_idle(server) if may_reuse else None
            connection = pooled or self._connect(server, exchange.deadline)
            connection.deadline = exchange.deadline
            try:
                return self._exchange(connection, exchange, server)
            except ConnectionError as error:
                connection.drop()
                if pooled is None:
                    failure = "the connection was closed before a response arrived"
                    raise NoAnswerError(
                        f"{about}: {failure} ({describe_error(error)})", root=f"{server}: {failure}"
                    ) from error
            except TimeoutError as error:
                connection.drop()
                failure = "before a complete response arrived"
                raise NoAnswerError(
                    f"{about}: timed out after {round(exchange.timeout_s, 2):g} s {failure}",
                    root=f"{server}: timed out {failure}",
                ) from error
            except (OSError, ValueError) as error:
                connection.drop()
                raise NoAnswerError(f"{about}: the response is not valid HTTP ({describe_error(error)})") from error
        raise NoAnswerError(f"{about}: no response")

    def _resolve(self, exchange: Exchange) -> Server:
        url = exchange.parsed_url
        started = time.perf_counter()
        address = self._guard.resolve(url.host, url.port, new_connection=exchange.new_connection)
        dns_ms = (time.perf_counter() - started) * 1000
        return Server(scheme=url.scheme, address=address, port=url.port, name=exchange.server_name, dns_ms=dns_ms)

    def _exchange(self, connection: Connection, exchange: Exchange, server: Server) -> Response:
        certificate = None
        if exchange.new_connection and connection.tls_session is not None:
            certificate = read_certificate(connection.tls_session, time.time())
        url = exchange.parsed_url
        connection.send(encode_request(exchange.method, url, exchange.headers, exchange.body, exchange.host))
        received = connection.read_response(exchange.method, exchange.max_bytes)
        # Until the last byte arrived, and not until this thread could read it: that time is the gate's own.
        latency_ms = (connection.last_byte_at - connection.sent_at) * 1000
        connect_ms, tls_ms = connection.connect_ms, connection.tls_ms
        connection.connect_ms = connection.tls_ms = None
        if received.is_reusable:
            self._put_idle(server, connection)
        else:
            connection.drop()
        return Response(
            status=received.status,
            reason=received.reason,
            headers=received.headers,
            body=received.body,
            truncated=received.truncated,
            latency_ms=latency_ms,
            url=exchange.url,
            address=server.address,
            version=received.version,
            timings=Timings(
                dns=server.dns_ms,
                connect=connect_ms,
                tls=tls_ms,
                first_byte=(connection.first_byte_at - connection.sent_at) * 1000,
                total=server.dns_ms + (connect_ms or 0.0) + (tls_ms or 0.0) + latency_ms,
            ),
            certificate=certificate,
        )

    def _connect(self, server: Server, deadline: float) -> Connection:
        started = time.perf_counter()
        raw = open_socket(server, deadline)
        connection = Connection(raw, min(deadline, time.monotonic() + CONNECT_TIMEOUT_S))
        connection.connect_ms = (time.perf_counter() - started) * 1000
        if server.scheme == "https":
            with describe_tls_failure(raw, server):
                connection.start_tls(self._tls_context(), server.name)
        return connection

    def _wrap_tls(
        self, raw: socket.socket, server: Server, deadline: float, alpn: tuple[str, ...]
    ) -> ObservedTlsSocket:
        with describe_tls_failure(raw, server):
            raw.settimeout(min(CONNECT_TIMEOUT_S, max(0.001, deadline - time.monotonic())))
            secured = self._tls_context(alpn).wrap_socket(raw, server_hostname=server.name)
            assert isinstance(secured, ObservedTlsSocket)  # noqa: S101 - the context creates nothing else
            return secured

    def _tls_context(self, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """Return the context that offers these protocols; OpenSSL stores them in the context, not the connection."""
        with self._lock:
            context = self._tls.get(alpn)
            if context is None:
                context = self._tls[alpn] = ssl.create_default_context()
                if alpn:
                    context.set_alpn_protocols(list(alpn))
            context.sslsocket_class = ObservedTlsSocket
            return context

    def _take_idle(self, server: Server) -> Connection | None:
        while True:
            with self._lock:
                idle = self._idle.get(server.pool_key)
                if not idle:
                    return None
                connection = idle.pop()
            if not connection.is_stale():
                return connection
            connection.drop()

    def _put_idle(self, server: Server, connection: Connection) -> None:
        with self._lock:
            self._idle.setdefault(server.pool_key, []).append(connection)
