"""tls: the certificate that users will get is valid for the name, is trusted, and lasts long enough.

A connection is made as a client would make it: the chain is verified against the trusted authorities (or those of
`SSL_CERT_FILE`), the name against the certificate, and the dates against the clock. A failed verification is FAIL with
OpenSSL's reason; a host that cannot be reached is ERROR. Then the certificate is compared with `expect`; without
`days_left` there, it must last 14 more days. A load balancer that ends TLS shows its own certificate, which is not
evidence of green.

`subject` and `issuer` are texts such as `CN=orders.example, O=Example`. `names` is the list of the subject's
alternative names (DNS names and IP addresses). `days_left` is a whole number, rounded down. `version` is `TLSv1.2` or
`TLSv1.3`, and `cipher` is OpenSSL's name of the cipher suite.

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
from typing import Annotated

import msgspec

from greenlight.api import (
    MISSING,
    CertificateExpectation,
    Context,
    Evidence,
    Finding,
    NoAnswerError,
    Params,
    check_certificate,
    failed,
    finding_from,
    read_certificate,
    validator,
)

DEFAULT_DAYS_LEFT = 14
"""How long a certificate must last unless the plan says otherwise: enough time to act; ACM renews 60 days ahead."""


class Tls(Params, frozen=True, kw_only=True):
    """Target of the connection, and the expected certificate.

    Attributes:
        host: Host name; that of green's URL by default.
        port: TCP port; that of green's URL by default.
        expect: Expectations of the certificate; it must last 14 days by default.
    """

    host: str = ""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 0
    expect: CertificateExpectation = CertificateExpectation()


@validator(
    Tls,
    remediation=(
        "Look at what is served: `openssl s_client -connect HOST:PORT -servername NAME -showcerts`. Replace an expired "
        "or wrong certificate on the listener in ACM. An untrusted certificate lacks its intermediate, or comes "
        "from a private authority that SSL_CERT_FILE must name."
    ),
    cost="One TLS handshake for each attempt, closed at once.",
)
def tls(params: Tls, context: Context) -> Finding:
    """The certificate is trusted, is valid for the right name, and lasts."""
    try:
        with context.connect(params.host, params.port, tls=True) as connection:
            assert isinstance(connection, ssl.SSLSocket)  # noqa: S101 - tls=True returns nothing else
            peer = ":".join(map(str, connection.getpeername()[:2]))
            certificate = read_certificate(connection, context.clock.now_utc().timestamp())
    except NoAnswerError as problem:
        return failed(str(problem))
    except OSError as problem:
        return failed(f"the connection ended right after the TLS handshake: {problem}")
    results = [Evidence(query="certificate", expected="verified", actual="verified", passed=True, where=peer)]
    results += check_certificate(params.expect, certificate, peer)
    if params.expect.days_left is None:
        days_left = certificate.days_left
        results.append(
            Evidence(
                query="days_left",
                expected={"gte": DEFAULT_DAYS_LEFT},
                actual=repr(MISSING) if days_left is None else days_left,
                passed=days_left is not None and days_left >= DEFAULT_DAYS_LEFT,
                where=peer,
            )
        )
    summary = f"{certificate.subject} of {certificate.issuer}, {certificate.days_left} days left, {certificate.version}"
    return finding_from(results, summary)
