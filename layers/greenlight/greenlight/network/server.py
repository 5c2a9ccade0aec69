"""A server that the guard has allowed, the connection to it, and the messages of connections that fail."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import TYPE_CHECKING

from greenlight.core.errors import NoAnswerError, TlsError, UnreachableError
from greenlight.core.frozen import FrozenStruct

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECT_TIMEOUT_S = 5.0

# Codes of X509_verify_cert: https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/
_OTHER_NAME = (62, 64)
_UNTRUSTED = (2, 18, 19, 20, 21)


class Server(FrozenStruct, frozen=True, kw_only=True):
    """Server of an exchange, after the guard has resolved and checked its name.

    Attributes:
        name: Host name for SNI, the certificate and messages.
        dns_ms: Duration of the name resolution.
    """

    scheme: str
    address: str
    port: int
    name: str
    dns_ms: float = 0.0

    @property
    def pool_key(self) -> tuple[str, ...]:
        """Key of the idle connections that an exchange with this server may use."""
        return (self.scheme, self.address, str(self.port), self.name)

    def __str__(self) -> str:
        """Return the server for messages."""
        return f"{self.name} ({self.address} port {self.port})"


@contextlib.contextmanager
def describe_tls_failure(raw: socket.socket, server: Server) -> Iterator[None]:
    """Close `raw` if the TLS handshake fails inside, and raise TlsError or UnreachableError."""
    try:
        yield
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError, and for a certificate a ValueError, too
        raw.close()
        message = f"TLS with {server} failed: {_describe_tls_error(error, server.name)}"
        kind = TlsError if isinstance(error, OSError) else UnreachableError
        raise kind(message, root=message) from error


def open_socket(server: Server, deadline: float) -> socket.socket:
    """Connect to a server.

    Raises:
        NoAnswerError: The server refuses connections, or there is no time left.
        UnreachableError: The server cannot be reached.
    """
    remaining_s = deadline - time.monotonic()
    if remaining_s <= 0:
        raise NoAnswerError(f"no time left to connect to {server.name}")
    try:
        raw = socket.create_connection((server.address, server.port), timeout=min(CONNECT_TIMEOUT_S, remaining_s))
    except TimeoutError as error:
        failure = f"{server} does not accept connections: no reply"
        advice = "is there a route from the gate, and do the security groups admit it?"
        raise UnreachableError(f"{failure}; {advice}", root=failure) from error
    except ConnectionError as error:
        failure = f"{server} {'refuses' if isinstance(error, ConnectionRefusedError) else 'resets'} connections"
        raise NoAnswerError(failure, root=failure) from error
    except OSError as error:
        failure = f"{server} cannot be reached: {describe_error(error)}"
        raise UnreachableError(failure, root=failure) from error
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return raw


def describe_error(error: BaseException) -> str:
    """Return the message of an error on one line."""
    return " ".join(str(error).split()) or type(error).__name__


def _describe_tls_error(error: Exception, name: str) -> str:
    if not isinstance(error, ssl.SSLCertVerificationError):
        return describe_error(error)
    if error.verify_code in _OTHER_NAME:
        return f"{error.verify_message}; set the name of the certificate in the plan: target: {{host: …}} (now {name})"
    if error.verify_code in _UNTRUSTED:
        return f"{error.verify_message}; name the certificates of a private authority in SSL_CERT_FILE"
    return error.verify_message
