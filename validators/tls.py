"""tls: the certificate that users will meet is the right one, is trusted, and lasts.

A connection is made as a client would make it: the chain verified against the trusted authorities (or those of
`SSL_CERT_FILE`), the name against the certificate, the dates against the clock. Whatever of this fails is FAIL with
OpenSSL's reason; a host that cannot be reached is ERROR. Then the certificate is held against `expect`; without one
it must last 14 more days.

`subject` and `issuer` are texts such as `CN=orders.example, O=Example`, `names` is the list of the subject's
alternative names (DNS names and IP addresses), `days_left` a whole number rounded down, `version` is `TLSv1.2` or
`TLSv1.3`, `cipher` OpenSSL's name of the suite.

Example:
    checks:
      - name: the certificate lasts over the holidays
        tls:
          expect:
            days_left: {gte: 30}
            names: {contains: orders.example}
            issuer: {contains: "O=Amazon"}
            version: {in: [TLSv1.2, TLSv1.3]}

Source: RFC 5280, section 6 (path validation); RFC 9525 (names)
"""

from __future__ import annotations

import ssl
import time
from typing import Annotated, Any

import msgspec
from greenlight.api import (
    MISSING,
    Context,
    Evidence,
    Expectation,
    Finding,
    HttpError,
    NoAnswerError,
    Params,
    error,
    evidence,
    failed,
    judged,
    validator,
)

DAYS = 14
"""How long a certificate must last where the plan says nothing: long enough to act, and ACM renews 60 days ahead."""

_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "stateOrProvinceName": "ST",
    "localityName": "L",
}


class Expect(Params, frozen=True, kw_only=True):
    """What certificate and connection must be; every key is a value or a map of predicates.

    Attributes:
        subject, issuer: A text such as `CN=orders.example, O=Example`.
        names: The list of the subject's alternative names.
        days_left: Whole days until it ends, rounded down.
        version: `TLSv1.2` or `TLSv1.3`.
        cipher: OpenSSL's name of the suite.
    """

    subject: Expectation | None = None
    issuer: Expectation | None = None
    names: Expectation | None = None
    days_left: Expectation | None = None
    version: Expectation | None = None
    cipher: Expectation | None = None


class Tls(Params, frozen=True, kw_only=True):
    """Where to connect: `host` and `port`, those of green's URL when left out; what to `expect` of the certificate."""

    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    expect: Expect = Expect()


@validator(
    Tls,
    remediation=(
        "Look at what is served: `openssl s_client -connect HOST:PORT -servername NAME -showcerts`. An expired or "
        "wrong certificate is replaced on the listener in ACM; an untrusted one lacks its intermediate, or comes "
        "from a private authority that SSL_CERT_FILE must name."
    ),
    cost="One TLS handshake for each attempt, closed at once.",
)
def tls(params: Tls, context: Context) -> Finding:
    """The certificate is trusted, for the right name, and lasts."""
    try:
        with context.connect(params.host, params.port, tls=True) as connection:
            assert isinstance(connection, ssl.SSLSocket)  # noqa: S101 - what tls=True gives
            where = ":".join(map(str, connection.getpeername()[:2]))
            seen = _seen(connection)
    except NoAnswerError as problem:
        return failed(str(problem))
    except HttpError as problem:
        return failed(str(problem)) if _was_tls(problem) else error(str(problem))
    except OSError as problem:
        return failed(f"the connection ended right after TLS was made: {problem}")
    found = [Evidence(query="certificate", expected="verified", actual="verified", passed=True, where=where)]
    wanted = [(name, getattr(params.expect, name)) for name in params.expect.__struct_fields__]
    found += [evidence(name, expectation, seen[name], where) for name, expectation in wanted if expectation is not None]
    if params.expect.days_left is None:
        left = seen["days_left"]
        found.append(
            Evidence(
                query="days_left",
                expected={"gte": DAYS},
                actual=repr(left) if left is MISSING else left,
                passed=left is not MISSING and left >= DAYS,
                where=where,
            )
        )
    return judged(found, f"{seen['subject']} of {seen['issuer']}, {seen['days_left']} days left, {seen['version']}")


def _was_tls(problem: HttpError) -> bool:
    """Tell whether the host was reached and TLS with it failed: green's fault, not that of the way there."""
    return isinstance(problem.__cause__, (ssl.SSLError, ConnectionError))


def _seen(connection: ssl.SSLSocket) -> dict[str, Any]:
    certificate: dict[str, Any] = connection.getpeercert() or {}
    cipher = connection.cipher()
    until = certificate.get("notAfter")
    seconds = ssl.cert_time_to_seconds(until) - time.time() if until else None
    return {
        "subject": _name(certificate.get("subject")),
        "issuer": _name(certificate.get("issuer")),
        "names": [value for _, value in certificate.get("subjectAltName", ())],
        "days_left": MISSING if seconds is None else int(seconds // 86400),
        "version": connection.version() or MISSING,
        "cipher": cipher[0] if cipher else MISSING,
    }


def _name(parts: Any) -> Any:
    """Write a distinguished name as people do, most specific part first."""
    flat = [f"{_SHORT.get(key, key)}={value}" for part in parts or () for key, value in part]
    return ", ".join(reversed(flat)) if flat else MISSING
