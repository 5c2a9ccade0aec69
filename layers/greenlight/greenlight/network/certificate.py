"""Certificate of a TLS connection: subject, issuer, names and remaining days.

Source: RFC 5280 (certificates); https://docs.python.org/3/library/ssl.html#ssl.SSLSocket.getpeercert (their form).
"""

from __future__ import annotations

import ssl
from typing import Any

from greenlight.core.frozen import FrozenStruct

_ABBREVIATIONS = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "stateOrProvinceName": "ST",
    "localityName": "L",
}


class Certificate(FrozenStruct, frozen=True, kw_only=True):
    """Certificate and parameters of a verified TLS connection.

    Attributes:
        subject: A name such as `CN=orders.example, O=Example`, most specific part first; None if empty.
        issuer: The same for the issuer.
        names: Subject alternative names: DNS names and IP addresses.
        days_left: Whole days until it expires, rounded down; None if it has no end date.
        version: `TLSv1.2` or `TLSv1.3`.
        cipher: OpenSSL's name of the cipher suite.
    """

    subject: str | None
    issuer: str | None
    names: tuple[str, ...]
    days_left: int | None
    version: str | None
    cipher: str | None


def read_certificate(connection: ssl.SSLSocket | ssl.SSLObject, now: float) -> Certificate:
    """Read the certificate of a connection that TLS has verified; `now` is in seconds since 1970."""
    peer: dict[str, Any] = connection.getpeercert() or {}
    expires, cipher = peer.get("notAfter"), connection.cipher()
    return Certificate(
        subject=_format_name(peer.get("subject")),
        issuer=_format_name(peer.get("issuer")),
        names=tuple(value for _, value in peer.get("subjectAltName", ())),
        days_left=int((ssl.cert_time_to_seconds(expires) - now) // 86400) if expires else None,
        version=connection.version(),
        cipher=cipher[0] if cipher else None,
    )


def _format_name(parts: Any) -> str | None:
    attributes = [f"{_ABBREVIATIONS.get(key, key)}={value}" for part in parts or () for key, value in part]
    return ", ".join(reversed(attributes)) or None
