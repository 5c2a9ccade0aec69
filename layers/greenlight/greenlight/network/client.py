"""HTTP for checks: guarded, bounded, pooled, and honest about time.

Every connection goes to an address that was checked, whatever the name resolves to later. One deadline
covers a whole exchange, also from a server that sends a byte a second. Bodies and decompression are capped,
compression is not asked for, environment proxies and cookies do not exist. Latency is measured around the
exchange alone: neither the wait for a free connection nor connecting counts, so a check measures the service
and not the gate. What cannot be sent is an `HttpError` itself, so that green is not blamed for it.
`http.client` is used directly; docs/decisions/0002 says why.
"""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import threading
import time
import urllib.parse
import zlib
from typing import TYPE_CHECKING, Any

from greenlight.core.errors import GuardError, HttpError, NoAnswerError, UnreachableError
from greenlight.core.frozen import FrozenStruct
from greenlight.network.certificate import read_certificate
from greenlight.network.connection import Connection, DeadlineSocket

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from greenlight.network.certificate import Certificate
    from greenlight.network.cookies import CookieJar
    from greenlight.network.guard import Guard

MAX_BODY_BYTES = 1024 * 1024
CONNECT_TIMEOUT_S = 5.0
_CHUNK = 65536

_REPEATABLE = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
"""Methods that may be sent twice, hence over a connection that the server may be about to close."""
_KEPT_ACROSS_HOSTS = ("accept", "user-agent")
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f-\x9f]")
_CREDENTIALS = re.compile(r"[^/?#]*//[^/?#]*@")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class Timings(FrozenStruct, frozen=True, kw_only=True):
    """Where the time of one exchange went, in milliseconds.

    Attributes:
        dns: Looking the name up; next to nothing where that was done a moment ago.
        connect, tls: Making the connection; None where one was used again, and `tls` without TLS.
        first_byte: From the first byte sent to the first byte of the answer.
        total: All of it, to the last byte of the body.
    """

    dns: float
    connect: float | None
    tls: float | None
    first_byte: float
    total: float


class Response(FrozenStruct, frozen=True, kw_only=True):
    """An answer.

    Attributes:
        version: Of HTTP, "1.1" or "1.0"; "" for an answer that no server gave.
        headers: Name and value as sent, in order; one name may come several times.
        body: At most the size asked for; `truncated` says that there was more.
        latency_ms: From the first byte sent to the last byte of the body, on a connection already made.
        url: The URL that answered, after redirects; `address` the IP address it was read from.
        hops: URLs of redirects that were followed.
        timings: Of the exchange with `url`; None for an answer that no server gave.
        certificate: Of the connection; None without TLS, or when the request was not made `new_connection`.
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
        """Give a header's value, several joined by a comma as RFC 9110 section 5.3 says; None when absent."""
        values = self.header_values(name)
        return ", ".join(values) if values else None

    def header_values(self, name: str) -> list[str]:
        """Give all values of a header, in order."""
        name = name.lower()
        return [value for key, value in self.headers if key.lower() == name]


class Client:
    """A pool of kept-alive connections behind one guard; safe to use from several threads."""

    def __init__(self, guard: Guard, tls: ssl.SSLContext | None = None) -> None:
        """Connect only where `guard` allows; `tls` is made when first needed (loading the CA bundle costs 20 ms)."""
        self._guard = guard
        self._tls: dict[tuple[str, ...], ssl.SSLContext] = {(): tls} if tls else {}
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, ...], list[Connection]] = {}

    def request(
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
        """Make one exchange, and follow at most `redirects` redirects, each checked like the first.

        Args:
            method: Any HTTP method.
            url: Absolute; http or https.
            headers: Sent as given; those of a plan do not follow to another host.
            body: Sent with its length.
            host: Name for the Host header, SNI and certificate, in place of the URL's.
            timeout_s: For everything together.
            max_bytes: Body bytes read; what is beyond is left and said to be truncated.
            redirects: Hops allowed.
            new_connection: Look the name up and connect anew for each exchange, so that all of `timings` is known, and keep
                the certificate.
            jar: Gives cookies, unless `headers` has some, and takes those of every answer, redirects included.

        Raises:
            GuardError: The address is out of bounds.
            UnreachableError: No connection, or TLS refused.
            NoAnswerError: No whole answer in time, or none that is HTTP.
            HttpError: Method or headers are such as cannot be sent.
        """
        deadline = time.monotonic() + timeout_s
        sent = _sendable(method, headers or {})
        hops: list[str] = []
        while True:
            own = sent if jar is None else _with_cookies(sent, jar, url, host)
            response = self._exchange(method, url, own, body, host, deadline, max_bytes, new_connection)
            if jar is not None:
                jar.store(response.headers, url, _name(split_url(url), host), time.time())
            location = response.header("location")
            if response.status not in (301, 302, 303, 307, 308) or location is None or len(hops) >= redirects:
                return Response(**{**_fields(response), "hops": tuple(hops)}) if hops else response
            target = urllib.parse.urljoin(url, location)
            old, new = _origin(split_url(url)), _origin(split_url(target))
            if old != new:
                if old[0] == "https" and new[0] == "http":
                    raise GuardError(f"{url} redirects from https to {target}; greenlight does not follow a downgrade")
                sent = {key: value for key, value in sent.items() if key.lower() in _KEPT_ACROSS_HOSTS}
                host = ""
            if (response.status == 303 and method != "HEAD") or (response.status in (301, 302) and method == "POST"):
                method, body = "GET", None
                sent = {key: value for key, value in sent.items() if not key.lower().startswith("content-")}
            hops.append(url)
            url = target

    def connect(
        self,
        host: str,
        port: int,
        *,
        tls: bool = False,
        name: str = "",
        alpn: Sequence[str] = (),
        timeout_s: float = 10.0,
    ) -> socket.socket:
        """Open a connection for another protocol, by the rules that hold for requests; the caller closes it.

        Args:
            host: Where to connect; checked like a URL's host, and connected to the address that was checked.
            port: TCP port.
            tls: Make a TLS connection of it, its certificate verified.
            name: For SNI and the certificate, in place of `host`.
            alpn: Protocols to offer in TLS, such as h2.
            timeout_s: For connecting; each later use of the socket may take what is left of it.

        Raises:
            GuardError: The address is out of bounds.
            UnreachableError: No connection, or TLS refused (its cause is an `ssl.SSLError` then).
            NoAnswerError: The port refuses connections, or no time is left.
        """
        deadline = time.monotonic() + timeout_s
        name = name or host
        address = self._guard.address(host, port)
        made = self._opened(address, port, name, deadline)
        if tls:
            made = self._secured(made, address, port, name, deadline, tuple(alpn))
        made.settimeout(max(0.001, deadline - time.monotonic()))
        return made

    def allows(self, host: str) -> bool:
        """Tell whether checks may deal with `host` at all: a host of this deployment, or allowed by the operator."""
        return self._guard.allows(host)

    def close(self) -> None:
        """Close the connections that are idle."""
        with self._lock:
            idle = [connection for each in self._idle.values() for connection in each]
            self._idle.clear()
        for connection in idle:
            connection.drop()

    def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes | None,
        host: str,
        deadline: float,
        max_bytes: int,
        new_connection: bool,
    ) -> Response:
        parts = split_url(url)
        scheme, own_name, port = _origin(parts)
        began = time.perf_counter()
        address = self._guard.address(own_name, port, new_connection=new_connection)
        dns_ms = (time.perf_counter() - began) * 1000
        name = _name(parts, host)
        key = (scheme, address, str(port), name)
        authority = host or parts.netloc
        for attempt in ("pooled", "new"):
            pooled = attempt == "pooled" and method in _REPEATABLE and not new_connection
            connection = self._pooled(key) if pooled else None
            reused = connection is not None
            if connection is None:
                connection = self._connect(scheme, address, port, name, deadline)
            connection.wire.deadline = deadline
            try:
                raw = connection.wire.raw
                shown = (
                    read_certificate(raw, time.time()) if new_connection and isinstance(raw, ssl.SSLSocket) else None
                )
                return self._talk(
                    connection, key, method, url, parts, authority, headers, body, address, max_bytes, dns_ms, shown
                )
            except (http.client.RemoteDisconnected, ConnectionError) as error:
                connection.drop()
                if not reused:
                    raise NoAnswerError(
                        f"{method} {url}: the connection was closed before an answer came ({_said(error)})"
                    ) from error
            except TimeoutError as error:
                connection.drop()
                raise NoAnswerError(f"{method} {url}: no whole answer in time") from error
            except (http.client.HTTPException, OSError, ValueError, zlib.error) as error:
                connection.drop()
                raise NoAnswerError(
                    f"{method} {url}: the answer is not HTTP that can be read ({_said(error)})"
                ) from error
        raise NoAnswerError(f"{method} {url}: no answer")

    def _talk(
        self,
        connection: Connection,
        key: tuple[str, ...],
        method: str,
        url: str,
        parts: urllib.parse.SplitResult,
        authority: str,
        headers: Mapping[str, str],
        body: bytes | None,
        address: str,
        max_bytes: int,
        dns_ms: float,
        shown: Certificate | None,
    ) -> Response:
        connection.wire.first_at = 0.0
        connection.putrequest(method, _target(parts), skip_host=True, skip_accept_encoding=True)
        given = {name.lower() for name in headers}
        for name, value in (("Host", authority), ("User-Agent", "greenlight"), ("Accept-Encoding", "identity")):
            if name.lower() not in given:
                connection.putheader(name, value)
        for name, value in headers.items():
            connection.putheader(name, value)
        if "content-length" not in given and (body is not None or method in ("POST", "PUT", "PATCH")):
            connection.putheader("Content-Length", str(len(body or b"")))
        began = time.perf_counter()
        connection.endheaders(body)  # all before this has only been put together
        answer = connection.getresponse()
        if connection.wire.ended:  # http.client takes the end of a connection for the end of the headers
            raise http.client.IncompleteRead(b"")
        content, truncated = _read(answer, max_bytes)
        # When the last byte came, and not when this thread had its turn to understand it: that is the gate's own time.
        latency_ms = (connection.wire.received_at - began) * 1000
        connect_ms, tls_ms = connection.connect_ms, connection.tls_ms
        connection.connect_ms = connection.tls_ms = None
        if truncated or answer.will_close or connection.wire.leftover:
            connection.drop()
        else:
            self._keep(key, connection)
        return Response(
            status=answer.status,
            reason=answer.reason,
            headers=tuple(answer.getheaders()),
            body=content,
            truncated=truncated,
            latency_ms=latency_ms,
            url=url,
            address=address,
            version=f"{answer.version // 10}.{answer.version % 10}",
            timings=Timings(
                dns=dns_ms,
                connect=connect_ms,
                tls=tls_ms,
                first_byte=(connection.wire.first_at - began) * 1000,
                total=dns_ms + (connect_ms or 0.0) + (tls_ms or 0.0) + latency_ms,
            ),
            certificate=shown,
        )

    def _connect(self, scheme: str, address: str, port: int, name: str, deadline: float) -> Connection:
        began = time.perf_counter()
        raw = self._opened(address, port, name, deadline)
        opened = secured = time.perf_counter()
        if scheme == "https":
            raw = self._secured(raw, address, port, name, deadline)
            secured = time.perf_counter()
        connection = Connection(name, port, DeadlineSocket(raw))
        connection.connect_ms = (opened - began) * 1000
        connection.tls_ms = (secured - opened) * 1000 if scheme == "https" else None
        return connection

    def _opened(self, address: str, port: int, name: str, deadline: float) -> socket.socket:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise NoAnswerError(f"no time left to connect to {name}")
        try:
            raw = socket.create_connection((address, port), timeout=min(CONNECT_TIMEOUT_S, remaining))
        except TimeoutError as error:
            raise UnreachableError(
                f"{name} ({address} port {port}) does not accept connections: no reply; is there a route from the gate, and do the security groups admit it?"
            ) from error
        except ConnectionError as error:
            does = "refuses" if isinstance(error, ConnectionRefusedError) else "resets"
            raise NoAnswerError(f"{name} ({address} port {port}) {does} connections") from error
        except OSError as error:
            raise UnreachableError(f"{name} ({address} port {port}) cannot be reached: {_said(error)}") from error
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return raw

    def _secured(
        self, raw: socket.socket, address: str, port: int, name: str, deadline: float, alpn: tuple[str, ...] = ()
    ) -> ssl.SSLSocket:
        try:
            raw.settimeout(min(CONNECT_TIMEOUT_S, max(0.001, deadline - time.monotonic())))
            return self._context(alpn).wrap_socket(raw, server_hostname=name)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            raw.close()
            raise UnreachableError(
                f"TLS with {name} ({address} port {port}) failed: {_tls_said(error, name)}"
            ) from error

    def _context(self, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
        """Give the context that offers these protocols; OpenSSL keeps them with the context, not with the connection."""
        with self._lock:
            context = self._tls.get(alpn)
            if context is None:
                context = self._tls[alpn] = ssl.create_default_context()
                if alpn:
                    context.set_alpn_protocols(list(alpn))
            return context

    def _pooled(self, key: tuple[str, ...]) -> Connection | None:
        while True:
            with self._lock:
                idle = self._idle.get(key)
                if not idle:
                    return None
                connection = idle.pop()
            if not connection.wire.stale():
                return connection
            connection.drop()

    def _keep(self, key: tuple[str, ...], connection: Connection) -> None:
        with self._lock:
            self._idle.setdefault(key, []).append(connection)


def split_url(url: str) -> urllib.parse.SplitResult:
    """Split an absolute http or https URL.

    Raises:
        GuardError: Another scheme, no host, credentials in it, an impossible port, or characters that have no place in one.
    """
    if _CREDENTIALS.match(url):  # first of all, for the other sentences repeat the URL
        raise GuardError("a URL with credentials in it is refused; send them as a header")
    if _NOT_IN_URLS.search(url):
        raise GuardError(f"{url!r} has blanks or control characters in it")
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise GuardError(f"{url} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise GuardError(f"{url} is no http or https URL")
    if not parts.netloc.isascii():
        raise GuardError(f"the host name in {url} is not ASCII; write it in its encoded form, xn--…")
    return parts


def _sendable(method: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Give the headers if all of it can be sent; the sentence of a refusal names the header and never its value.

    Raises:
        HttpError: The method or a name is no token, or a value is not what HTTP can carry.
    """
    if not _TOKEN.fullmatch(method):
        raise HttpError(f"{method!r} is no HTTP method")
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            raise HttpError(f"{name!r} is no name of a header")
        if any(character in value for character in "\r\n\0"):
            raise HttpError(f"the header {name} cannot be sent: its value has a line break or a null character in it")
        try:
            value.encode("latin-1")
        except UnicodeEncodeError as error:
            raise HttpError(
                f"the header {name} cannot be sent: character {error.start + 1} of its value is outside of Latin-1"
            ) from error
    return dict(headers)


def _target(parts: urllib.parse.SplitResult) -> str:
    target = urllib.parse.quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    return f"{target}?{urllib.parse.quote(parts.query, safe='/?%:@!$&()*+,;=~-._')}" if parts.query else target


def _origin(parts: urllib.parse.SplitResult) -> tuple[str, str, int]:
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)


def _name(parts: urllib.parse.SplitResult, host: str) -> str:
    """Give the name that a server is asked by: that of `host` where there is one, else the URL's."""
    return (split_url(f"{parts.scheme}://{host}").hostname if host else parts.hostname) or ""


def _with_cookies(sent: dict[str, str], jar: CookieJar, url: str, host: str) -> dict[str, str]:
    if any(name.lower() == "cookie" for name in sent):
        return sent
    cookies = jar.header(url, _name(split_url(url), host), time.time())
    return {**sent, "Cookie": cookies} if cookies else sent


def _read(answer: http.client.HTTPResponse, limit: int) -> tuple[bytes, bool]:
    """Read and decode at most `limit` bytes of a body."""
    encoding = (answer.getheader("content-encoding") or "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip", "deflate"):
        raise ValueError(f"content-encoding {encoding}, which was not asked for")
    if encoding == "identity":
        body = answer.read(limit + 1)
    else:
        body = _inflated(answer, limit, zlib.decompressobj(wbits=47 if encoding != "deflate" else 15))
    if len(body) <= limit and answer.length:  # http.client says nothing of a body that ends before its length
        raise http.client.IncompleteRead(body, answer.length)
    return body[:limit], len(body) > limit


def _inflated(answer: http.client.HTTPResponse, limit: int, inflate: Any) -> bytes:
    body, began = b"", False
    while len(body) <= limit and (chunk := answer.read(_CHUNK)):
        began = True
        body += inflate.decompress(chunk, limit + 1 - len(body))
    if began and len(body) <= limit and not inflate.eof:
        raise ValueError("the compressed body ends early")
    return body


def _fields(response: Response) -> dict[str, Any]:
    return {name: getattr(response, name) for name in response.__struct_fields__}


def _said(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _tls_said(error: Exception, name: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{error.verify_message}; if the certificate is for another name, say it in the plan: target: {{host: …}} (now {name})"
    return _said(error)
