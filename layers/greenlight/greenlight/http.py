"""HTTP for checks: guarded, bounded, pooled, and honest about time.

Every connection goes to an address that was checked, whatever the name resolves to later. One deadline
covers a whole exchange, also from a server that sends a byte a second. Bodies and decompression are capped,
compression is not asked for, environment proxies and cookies do not exist. Latency is measured around the
exchange alone: neither the wait for a free connection nor connecting counts, so a check measures the service
and not the gate. What cannot be sent is an `HttpError` itself, so that green is not blamed for it. `http.client` is used directly; docs/decisions/0002 has the figures.
"""

from __future__ import annotations

import http.client
import io
import ipaddress
import re
import select
import socket
import ssl
import threading
import time
import urllib.parse
import zlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from greenlight.errors import GuardError, HttpError, NoAnswerError, UnreachableError
from greenlight.model import Frozen

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MAX_BODY_BYTES = 1024 * 1024
CONNECT_TIMEOUT_S = 5.0
_CHUNK = 65536

Resolver = Callable[[str, int], list[str]]
_REPEATABLE = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
"""Methods that may be sent twice, hence over a connection that the server may be about to close."""
_KEPT_ACROSS_HOSTS = ("accept", "user-agent")
_NOT_IN_URLS = re.compile(r"[\x00-\x20\x7f-\x9f]")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_IPV4_INSIDE = tuple(
    ipaddress.IPv6Network(network) for network in ("64:ff9b::/96", "64:ff9b:1::/48", "::ffff:0:0:0/96")
)
_METADATA = ipaddress.ip_network("fd00:ec2::/32")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Response(Frozen, frozen=True, kw_only=True):
    """An answer.

    Attributes:
        headers: Name and value as sent, in order; one name may come several times.
        body: At most the size asked for; `truncated` says that there was more.
        latency_ms: From the first byte sent to the last byte of the body, on a connection already made.
        url: The URL that answered, after redirects; `address` the IP address it was read from.
        hops: URLs of redirects that were followed.
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

    def header(self, name: str) -> str | None:
        """Give a header's value, several joined by a comma as RFC 9110 section 5.3 says; None when absent."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(values) if values else None


class Guard:
    """Decides where checks may connect: named hosts only, and never to the machine or its metadata service."""

    def __init__(
        self,
        hosts: Iterable[str],
        *,
        allow_loopback: bool = False,
        resolver: Resolver | None = None,
    ) -> None:
        """Allow `hosts`; `*.example.com` covers every name below example.com. `resolver` gives a name's addresses."""
        self._hosts = frozenset(host.lower().rstrip(".") for host in hosts if host)
        self._allow_loopback = allow_loopback
        self._resolver = resolver or _resolve
        self._known: dict[tuple[str, int], tuple[float, str]] = {}

    def address(self, host: str, port: int) -> str:
        """Give the address to connect to.

        Raises:
            GuardError: The host is not allowed, or one of its addresses never is.
            UnreachableError: The name does not resolve.
        """
        known = self._known.get((host, port))
        if known is not None and time.monotonic() < known[0]:
            return known[1]
        if not self._allows(host.lower().rstrip(".")):
            raise GuardError(
                f"{host} is neither a host of this deployment nor allowed by the operator (parameter AllowedHosts), so checks may not call it"
            )
        addresses = self._resolver(host, port)
        for text in addresses:
            if why := self._forbidden(text):
                raise GuardError(f"{host} resolves to {text}, {why}; checks never connect there")
        if not addresses:
            raise UnreachableError(f"{host} has no address")
        self._known[host, port] = (time.monotonic() + 5, addresses[0])
        return addresses[0]

    def allows(self, host: str) -> bool:
        """Tell whether a host's name is one that checks may deal with; its addresses are another matter."""
        return self._allows(host.lower().rstrip("."))

    def _allows(self, host: str) -> bool:
        return host in self._hosts or any(
            pattern.startswith("*.") and host.endswith(pattern[1:]) and len(host) > len(pattern) - 1
            for pattern in self._hosts
        )

    def _forbidden(self, text: str) -> str:
        """Say what is wrong with an address; "" when nothing is."""
        address = embedded(ipaddress.ip_address(text.partition("%")[0]))
        if address.is_loopback:
            return "" if self._allow_loopback else "which is this machine itself"
        if address.is_link_local or (address.version == 6 and address in _METADATA):
            return "a link-local or metadata address"
        if address.is_unspecified or address.is_multicast or (address.is_reserved and address.version == 4):
            return "which is no host's address"
        return ""


def embedded(address: Address) -> Address:
    """Give the IPv4 address inside a mapped, NAT64 (RFC 6052, 8215), 6to4 or Teredo IPv6 address; others as they are."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if any(address in network for network in _IPV4_INSIDE) or (int(address) >> 32 == 0 and int(address) > 1):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None) or address


def _resolve(host: str, port: int) -> list[str]:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(f"the name {host} does not resolve: {error}") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _DeadlineReader(io.RawIOBase):
    """Reads a socket so that all reads together end at the deadline; a plain time-out begins anew at every byte."""

    def __init__(self, connection: _Socket) -> None:
        self._connection = connection
        self.answered = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        if self.answered:
            return None
        self._connection.arm()
        size = self._connection.raw.recv_into(buffer)
        self._connection.received_at = time.perf_counter()
        time.sleep(0)  # other threads whose answer has come note their time before this one is made sense of
        self._connection.ended = size == 0
        return size

    def tell_leftover(self, data: bytes) -> None:
        """Note that the server said more than one answer, so that nothing of it is taken for the next."""
        self._connection.leftover = bool(data)


class _Buffered(io.BufferedReader):
    """Reads one answer, and knows at its end whether the server has said more than that."""

    raw: _DeadlineReader

    def close(self) -> None:
        if not self.closed:
            self.raw.answered = True
            self.raw.tell_leftover(self.peek(1))
        super().close()


class _Socket:
    """What `http.client` needs of a socket, under one deadline for each exchange."""

    def __init__(self, raw: socket.socket) -> None:
        self.raw = raw
        self.deadline = 0.0
        self.received_at = 0.0
        self.ended = False
        self.leftover = False

    def arm(self) -> None:
        remaining = self.deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError
        self.raw.settimeout(remaining)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return _Buffered(_DeadlineReader(self), 16384)

    def sendall(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            self.arm()
            rest = rest[self.raw.send(rest) :]

    def close(self) -> None:
        """Stay open: `http.client` closes before the body is read where no request can follow. See `_Connection.drop`."""

    def stale(self) -> bool:
        """Tell whether the server has closed, or spoken unasked, while the connection was idle."""
        poll = select.poll()  # select() cannot watch descriptors from 1024 on
        poll.register(self.raw, select.POLLIN)
        return bool(poll.poll(0))


class _Answer(http.client.HTTPResponse):
    """A final response; `http.client` itself waits only for the end of 100, and takes 103 for the answer."""

    def _read_status(self) -> tuple[str, int, str]:
        while True:
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200 or status == 101:
                return version, status, reason
            http.client.parse_headers(self.fp)


class _Connection(http.client.HTTPConnection):
    """A connection that is handed its socket, made and checked elsewhere."""

    sock: Any
    auto_open = 0
    response_class = _Answer

    def __init__(self, name: str, port: int, wire: _Socket) -> None:
        super().__init__(name, port)
        self.sock = self.wire = wire

    def drop(self) -> None:
        """Close for good, whatever has not been read yet."""
        self.close()
        self.wire.raw.close()


class Client:
    """A pool of kept-alive connections behind one guard; safe to use from several threads."""

    def __init__(self, guard: Guard, tls: ssl.SSLContext | None = None) -> None:
        """Connect only where `guard` allows; `tls` is made when first needed (loading the CA bundle costs 20 ms)."""
        self._guard = guard
        self._tls: dict[tuple[str, ...], ssl.SSLContext] = {(): tls} if tls else {}
        self._lock = threading.Lock()
        self._idle: dict[tuple[str, ...], list[_Connection]] = {}

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
            response = self._exchange(method, url, sent, body, host, deadline, max_bytes)
            location = response.header("location")
            if response.status not in (301, 302, 303, 307, 308) or location is None or len(hops) >= redirects:
                return Response(**{**_fields(response), "hops": tuple(hops)}) if hops else response
            target = urllib.parse.urljoin(url, location)
            old, new = _origin(split(url)), _origin(split(target))
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
    ) -> Response:
        parts = split(url)
        scheme, own_name, port = _origin(parts)
        address = self._guard.address(own_name, port)
        name = (split(f"{scheme}://{host}").hostname or "") if host else own_name
        key = (scheme, address, str(port), name)
        authority = host or parts.netloc
        for attempt in ("pooled", "new"):
            connection = self._pooled(key) if attempt == "pooled" and method in _REPEATABLE else None
            reused = connection is not None
            if connection is None:
                connection = self._connect(scheme, address, port, name, deadline)
            connection.wire.deadline = deadline
            try:
                return self._talk(connection, key, method, url, parts, authority, headers, body, address, max_bytes)
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
        connection: _Connection,
        key: tuple[str, ...],
        method: str,
        url: str,
        parts: urllib.parse.SplitResult,
        authority: str,
        headers: Mapping[str, str],
        body: bytes | None,
        address: str,
        max_bytes: int,
    ) -> Response:
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
        )

    def _connect(self, scheme: str, address: str, port: int, name: str, deadline: float) -> _Connection:
        raw = self._opened(address, port, name, deadline)
        if scheme == "https":
            raw = self._secured(raw, address, port, name, deadline)
        return _Connection(name, port, _Socket(raw))

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

    def _pooled(self, key: tuple[str, ...]) -> _Connection | None:
        while True:
            with self._lock:
                idle = self._idle.get(key)
                if not idle:
                    return None
                connection = idle.pop()
            if not connection.wire.stale():
                return connection
            connection.drop()

    def _keep(self, key: tuple[str, ...], connection: _Connection) -> None:
        with self._lock:
            self._idle.setdefault(key, []).append(connection)


def split(url: str) -> urllib.parse.SplitResult:
    """Split an absolute http or https URL.

    Raises:
        GuardError: Another scheme, no host, credentials in it, an impossible port, or characters that have no place in one.
    """
    if _NOT_IN_URLS.search(url):
        raise GuardError(f"{url!r} has blanks or control characters in it")
    try:
        parts = urllib.parse.urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise GuardError(f"{url} is no URL: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise GuardError(f"{url} is no http or https URL")
    if "@" in parts.netloc:
        raise GuardError("a URL with credentials in it is refused; send them as a header")
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
