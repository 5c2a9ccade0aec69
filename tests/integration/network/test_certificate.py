"""Certificates of verified TLS connections."""

from __future__ import annotations

import datetime
import socket
import ssl
import time
from typing import TYPE_CHECKING

import pytest
import trustme

from greenlight.network.certificate import Certificate, read_certificate
from tests.support.wire import Server, hang

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def connection() -> Iterator[ssl.SSLSocket]:
    """A TLS connection to a server whose certificate expires in two and a half days."""
    authority = trustme.CA(organization_name="Example Authority", organization_unit_name="Testing")
    expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=2.5)
    issued = authority.issue_cert(
        "shop.example", "*.shop.example", "127.0.0.1", common_name="shop.example", not_after=expires,
        organization_name="Example", organization_unit_name="Shop",
    )  # fmt: skip
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued.configure_cert(serving)
    trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(trusting)
    with (
        Server(hang, tls=serving) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=5) as raw,
        trusting.wrap_socket(raw, server_hostname="shop.example") as secure,
    ):
        yield secure


def test_certificate_has_names_of_subject_and_issuer(connection: ssl.SSLSocket) -> None:
    certificate = read_certificate(connection, time.time())

    assert certificate.subject == "CN=shop.example, OU=Shop, O=Example"
    assert certificate.issuer == "OU=Testing, O=Example Authority"
    assert certificate.names == ("shop.example", "*.shop.example", "127.0.0.1")


@pytest.mark.parametrize(("later_days", "days_left"), [(0, 2), (2, 0), (3, -1)])
def test_remaining_days_are_rounded_down(connection: ssl.SSLSocket, later_days: int, days_left: int) -> None:
    certificate = read_certificate(connection, time.time() + later_days * 86400)

    assert certificate.days_left == days_left


def test_certificate_has_protocol_and_cipher(connection: ssl.SSLSocket) -> None:
    certificate = read_certificate(connection, time.time())

    assert certificate.version in ("TLSv1.2", "TLSv1.3")
    assert certificate.cipher


def test_connection_without_a_certificate_has_no_names() -> None:
    assert read_certificate(_Unconnected(), 0.0) == Certificate(  # type: ignore[arg-type]
        subject=None, issuer=None, names=(), days_left=None, version=None, cipher=None
    )


class _Unconnected:
    """Connection before its handshake."""

    def getpeercert(self) -> None:
        return None

    def cipher(self) -> None:
        return None

    def version(self) -> None:
        return None
