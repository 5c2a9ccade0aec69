"""A connection's certificate in words: who it is for, who issued it, how long it lasts.

Source: RFC 5280 (certificates), https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.getpeercert (their form here).
"""

from __future__ import annotations

import ssl
from typing import Any

from greenlight.core.frozen import FrozenStruct

_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "stateOrProvinceName": "ST",
    "localityName": "L",
}


class Certificate(FrozenStruct, frozen=True, kw_only=True):
    """What a verified TLS connection showed.

    Attributes:
        subject, issuer: Names such as `CN=orders.example, O=Example`, most specific part first; None when empty.
        names: The subject's alternative names: DNS names and IP addresses.
        days_left: Whole days it still lasts, rounded down; None when it does not say.
        version: `TLSv1.2` or `TLSv1.3`.
        cipher: OpenSSL's name of the suite.
    """

    subject: str | None
    issuer: str | None
    names: tuple[str, ...]
    days_left: int | None
    version: str | None
    cipher: str | None


def read_certificate(connection: ssl.SSLSocket, now: float) -> Certificate:
    """Read the certificate of a connection whose other side TLS has verified; `now` in seconds since 1970."""
    peer: dict[str, Any] = connection.getpeercert() or {}
    until, cipher = peer.get("notAfter"), connection.cipher()
    return Certificate(
        subject=_name(peer.get("subject")),
        issuer=_name(peer.get("issuer")),
        names=tuple(value for _, value in peer.get("subjectAltName", ())),
        days_left=int((ssl.cert_time_to_seconds(until) - now) // 86400) if until else None,
        version=connection.version(),
        cipher=cipher[0] if cipher else None,
    )


def _name(parts: Any) -> str | None:
    flat = [f"{_SHORT.get(key, key)}={value}" for part in parts or () for key, value in part]
    return ", ".join(reversed(flat)) or None
