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
from typing import Annotated

import msgspec

from greenlight.api import (
    MISSING,
    CertificateExpectation,
    Context,
    Evidence,
    Finding,
    HttpError,
    NoAnswerError,
    Params,
    check_certificate,
    error,
    failed,
    finding_from,
    read_certificate,
    validator,
)

DAYS = 14
"""How long a certificate must last where the plan says nothing: long enough to act, and ACM renews 60 days ahead."""


class Tls(Params, frozen=True, kw_only=True):
    """Where to connect: `host` and `port`, those of green's URL when left out; what to `expect` of the certificate."""

    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    expect: CertificateExpectation = CertificateExpectation()


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
            seen = read_certificate(connection, time.time())
    except NoAnswerError as problem:
        return failed(str(problem))
    except HttpError as problem:
        return failed(str(problem)) if _was_tls(problem) else error(str(problem))
    except OSError as problem:
        return failed(f"the connection ended right after TLS was made: {problem}")
    found = [Evidence(query="certificate", expected="verified", actual="verified", passed=True, where=where)]
    found += check_certificate(params.expect, seen, where)
    if params.expect.days_left is None:
        left = seen.days_left
        found.append(
            Evidence(
                query="days_left",
                expected={"gte": DAYS},
                actual=repr(MISSING) if left is None else left,
                passed=left is not None and left >= DAYS,
                where=where,
            )
        )
    return finding_from(found, f"{seen.subject} of {seen.issuer}, {seen.days_left} days left, {seen.version}")


def _was_tls(problem: HttpError) -> bool:
    """Tell whether the host was reached and TLS with it failed: green's fault, not that of the way there."""
    return isinstance(problem.__cause__, (ssl.SSLError, ConnectionError))
