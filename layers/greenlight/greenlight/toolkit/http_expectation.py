"""Expectations of an HTTP response, and their comparison with a response."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.assertions.expectation import DurationExpectation, Expectation, SizeExpectation
from greenlight.assertions.jmespath_query import compile_query, run_query
from greenlight.checks.findings import check_value
from greenlight.checks.validator import Params
from greenlight.core.errors import WrongValueError
from greenlight.core.finding import Evidence
from greenlight.core.json_values import MISSING
from greenlight.core.plan_path import KeyStep
from greenlight.network import cookies
from greenlight.toolkit import xml_html
from greenlight.toolkit.capture_substitution import substitute_captures
from greenlight.toolkit.json_text import describe_gap
from greenlight.toolkit.response_body import Unreadable, as_json, as_text, document_of, find_in, truncation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.network.certificate import Certificate
    from greenlight.network.client import Response
    from greenlight.network.cookies import Cookie

_PREFIX = re.compile(r"[A-Za-z_][\w.-]*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")  # a token of RFC 9110 section 5.6.2
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BODY_KEYS = ("json", "xml", "html", "body", "bytes", "sha256", "size")
_STATUSES_WITHOUT_BODY = (204, 205, 304)


class CookieExpectation(Params, frozen=True, kw_only=True):
    """Expectations of a cookie that the response sets; every key is a value or a map of predicates.

    Attributes:
        exists: False for a cookie that must not be set.
        value: A text; the report shows it only if the plan contains it.
        domain: In lower case, without a leading dot.
        path: As sent.
        expires: A text such as `2030-01-31T12:00:00Z`.
        max_age: A duration with its unit.
        secure, http_only: Whether the attribute is set.
        same_site: Strict, Lax or None.

    Example:
        checks:
          - name: the page sets a session that scripts cannot read
            http:
              get: /page
              expect:
                cookies:
                  session:
                    value: {length: {gte: 6}}
                    domain: shop.example.com
                    path: /
                    expires: {exists: false}
                    max_age: {lte: 1h}
                    secure: true
                    http_only: true
                    same_site: {in: [Lax, Strict]}
                  tracker: {exists: false}
    """

    exists: bool | None = None
    value: Expectation | None = None
    domain: Expectation | None = None
    path: Expectation | None = None
    expires: Expectation | None = None
    max_age: DurationExpectation | None = None
    secure: Expectation | None = None
    http_only: Expectation | None = None
    same_site: Expectation | None = None

    def __post_init__(self) -> None:
        """Reject an empty expectation, and further keys for a cookie that must not exist."""
        keys = _expected_keys(self)
        if not keys:
            raise ValueError("nothing is expected of the cookie; write at least exists: true")
        if self.exists is False and keys != ["exists"]:
            raise ValueError("a cookie that must not exist has no other keys; remove them, or remove exists: false")


class TimingsExpectation(Params, frozen=True, kw_only=True):
    """Limits for the parts of an exchange, with units. All but `first_byte` need a new connection.

    Attributes:
        dns: Name resolution.
        connect: TCP connect.
        tls: TLS handshake.
        first_byte: From sending the request to the first byte of the response.
        total: The whole exchange, to the last byte of the body.

    Example:
        checks:
          - name: green is near and quick
            http:
              get: /health
              expect: {status: 200, timings: {first_byte: {lte: 2s}, total: {lte: 3s}}}
          - name: nothing on the way to green is slow
            severity: advisory
            http:
              get: /health
              expect: {status: 200, timings: {dns: {lte: 50ms}, connect: {lte: 50ms}, tls: {lte: 100ms}}}
    """

    dns: DurationExpectation | None = None
    connect: DurationExpectation | None = None
    tls: DurationExpectation | None = None
    first_byte: DurationExpectation | None = None
    total: DurationExpectation | None = None

    def __post_init__(self) -> None:
        """Reject an empty expectation."""
        if not _expected_keys(self):
            raise ValueError("nothing is expected; write for example first_byte: {lte: 200ms}")


class CertificateExpectation(Params, frozen=True, kw_only=True):
    """Expectations of a certificate and its connection; every key is a value or a map of predicates.

    Attributes:
        subject, issuer: A text such as `CN=orders.example, O=Example`.
        names: The list of the subject alternative names.
        days_left: Whole days until it expires, rounded down.
        version: `TLSv1.2` or `TLSv1.3`.
        cipher: OpenSSL's name of the cipher suite.

    Example:
        checks:
          - name: green shows a certificate that lasts
            http:
              get: /health
              expect:
                status: 200
                tls:
                  subject: {contains: CN=shop.example.com}
                  issuer: {contains: O=Amazon}
                  names: {contains: shop.example.com}
                  days_left: {gte: 14}
                  version: TLSv1.3
                  cipher: {starts_with: TLS_}
    """

    subject: Expectation | None = None
    issuer: Expectation | None = None
    names: Expectation | None = None
    days_left: Expectation | None = None
    version: Expectation | None = None
    cipher: Expectation | None = None


class ContentExpectation(Params, frozen=True, kw_only=True):
    """Expectations of status, headers and body; every key is a value or a map of predicates.

    Attributes:
        status: A whole number.
        headers: By name; several values are joined by a comma.
        header_values: By name; the list of all values.
        cookies: By name; the cookies that the response sets.
        json: By JMESPath expression.
        xml: By XPath expression; the value of nodes is the list of their texts.
        html: By CSS selector (`a.next@href` for an attribute) or XPath expression; the value of elements is the list of
            their texts.
        namespaces: Prefixes for `xml`, each with its URI.
        body: The text, in the charset of the Content-Type or else UTF-8.
        bytes: In hex with spaces, `89 50 4e 47`.
        sha256: Of the body, 64 hex digits in lower case.
        size: Of the body, in bytes with a unit.
    """

    status: Expectation | None = None
    headers: dict[str, Expectation] = {}
    header_values: dict[str, Expectation] = {}
    cookies: dict[str, CookieExpectation] = {}
    json: dict[str, Expectation] = {}
    xml: dict[str, Expectation] = {}
    html: dict[str, Expectation] = {}
    namespaces: dict[str, str] = {}
    body: Expectation | None = None
    bytes: Expectation | None = None
    sha256: Expectation | None = None
    size: SizeExpectation | None = None

    def __post_init__(self) -> None:
        """Reject invalid queries, names and digests."""
        self._check_queries()
        self._check_headers()
        for predicate, value in self.sha256.predicates if self.sha256 else ():
            is_digest = isinstance(value, str) and ("${" in value or _SHA256.fullmatch(value))
            if predicate == "eq" and not is_digest:
                raise WrongValueError("a SHA-256 is 64 digits of 0-9 and a-f, in quotes", ("sha256",))

    def _check_queries(self) -> None:
        for query in self.json:
            compile_query(query, "json", KeyStep(query))
        for prefix, uri in self.namespaces.items():
            if not _PREFIX.fullmatch(prefix) or not uri:
                raise WrongValueError(f"{prefix!r} needs a prefix and a URI; write s: http://…", ("namespaces", prefix))
        for query in self.xml:
            xml_html.validate_query(query, "xml", self.namespaces, "xml", KeyStep(query))
        for query in self.html:
            xml_html.validate_query(query, "html", self.namespaces, "html", KeyStep(query))

    def _check_headers(self) -> None:
        for key in ("headers", "header_values"):
            for name in getattr(self, key):
                if not _HEADER.fullmatch(name):
                    message = f"{name[:60]!r} is not a valid header name; write for example content-type"
                    raise WrongValueError(message, (key, KeyStep(name)))


class ResponseExpectation(ContentExpectation, frozen=True, kw_only=True):
    """Expectations of a response; every key is a value or a map of predicates.

    Attributes:
        reason: The reason phrase after the status.
        version: Of HTTP, "1.1" or "1.0".
        url: The URL that answered after all redirects.
        hops: The list of URLs that redirected to it.
        latency: From sending the request to the last byte, with a unit.
        timings: Of the parts of the latency, and of opening the connection.
        tls: The certificate and its connection.

    Example:
        checks:
          - name: the catalogue is served as it should be
            http:
              get: /catalogue
              expect:
                status: 200
                reason: OK
                version: "1.1"
                url: {ends_with: /catalogue}
                hops: {empty: true}
                headers: {content-type: {starts_with: application/json}}
                header_values: {content-type: {length: 1}}
                json: {"length(articles)": {gte: 2}}
                body: {contains: A1}
                bytes: {starts_with: 7b 22}
                sha256: {length: 64}
                size: {lte: 64KiB}
                latency: {lte: 2s}
                timings: {first_byte: {lte: 2s}}
          - name: the page and its feed are there
            http:
              steps:
                - get: /page
                  expect: {html: {h1: [Shop]}, cookies: {session: {http_only: true}}}
                - get: /feed
                  expect: {xml: {"//a:title": [Two articles]}, namespaces: {a: "urn:example:feed"}}
    """

    reason: Expectation | None = None
    version: Expectation | None = None
    url: Expectation | None = None
    hops: Expectation | None = None
    latency: DurationExpectation | None = None
    timings: TimingsExpectation | None = None
    tls: CertificateExpectation | None = None

    def __post_init__(self) -> None:
        """Reject an empty expectation and invalid queries."""
        if not [name for name in _expected_keys(self) if name != "namespaces"]:
            raise ValueError("expect is empty and would pass any response; write at least status: 200")
        if self.tls is not None and not _expected_keys(self.tls):
            raise WrongValueError("nothing is expected; write for example days_left: {gte: 30}", ("tls",))
        ContentExpectation.__post_init__(self)
        status = dict(self.status.predicates).get("eq") if self.status else None
        if status in _STATUSES_WITHOUT_BODY:
            reject_body_expectations(self, f"a response with status {status}")

    @property
    def new_connection(self) -> bool:
        """Whether the request needs a new connection, because the connection itself is checked."""
        return self.tls is not None or (self.timings is not None and _expected_keys(self.timings) != ["first_byte"])


def reject_body_expectations(expect: ContentExpectation, subject: str, path: tuple[str, ...] = ()) -> None:
    """Reject expectations of the body of a response that cannot have one; those that it is empty are valid.

    Args:
        expect: The expectations.
        subject: The response, such as `a response to HEAD`.
        path: Path of the expectations in the parameters.

    Raises:
        WrongValueError: An expectation could never fail, such as `body: {not: {contains: ERROR}}`, or never pass.
    """
    for key in _BODY_KEYS:
        expectation = getattr(expect, key)
        if expectation and not (isinstance(expectation, Expectation) and _is_claim_of_emptiness(expectation)):
            raise WrongValueError(f"{subject} has no body; remove {key}, or expect a status and headers", (*path, key))


def _is_claim_of_emptiness(expectation: Expectation) -> bool:
    """Return whether the expectation fixes the value, so that it says something of an empty body, too."""
    return all(
        name == "eq" or (name == "empty" and argument is True) or (name == "length" and argument.raw == 0)
        for name, argument in expectation.predicates
    )


def _expected_keys(expect: msgspec.Struct) -> list[str]:
    """Return the keys that have an expectation."""
    return [name for name in expect.__struct_fields__ if getattr(expect, name) not in (None, {})]


def check_response(
    expect: ContentExpectation, response: Response, location: str, captured: Mapping[str, Any] | None = None
) -> list[Evidence]:
    """Compare a response with its expectations.

    Args:
        expect: The expectations.
        response: The response.
        location: The request, such as `GET /health`, for the report.
        captured: Values captured so far; None if nothing can be captured.

    Raises:
        ExpectationError: A captured value does not fit where it is used.
        KeyError: A name that was not captured.
    """
    return _ResponseCheck(expect, response, location, captured).run()


class _ResponseCheck:
    """Comparison of one response with its expectations."""

    def __init__(
        self, expect: ContentExpectation, response: Response, location: str, captured: Mapping[str, Any] | None
    ) -> None:
        self._expect, self._response, self._location, self._captured = expect, response, location, captured

    def run(self) -> list[Evidence]:
        return [
            *self._check_status(),
            *self._check_headers(),
            *self._check_cookies(),
            *self._check_queries(),
            *self._check_body(),
            *self._check_exchange(),
        ]

    def _compare(self, query: str, expectation: Expectation | None, actual: Any) -> Iterator[Evidence]:
        if expectation is not None:
            yield _evidence(query, substitute_captures(expectation, self._captured), actual, self._location)

    def _check_status(self) -> Iterator[Evidence]:
        expect, response = self._expect, self._response
        yield from self._compare("status", expect.status, response.status)
        if isinstance(expect, ResponseExpectation):
            yield from self._compare("reason", expect.reason, response.reason or MISSING)
            yield from self._compare("version", expect.version, response.version or MISSING)
            yield from self._compare("url", expect.url, response.url or MISSING)
            yield from self._compare("hops", expect.hops, list(response.hops))

    def _check_headers(self) -> Iterator[Evidence]:
        for name, expectation in self._expect.headers.items():
            yield self._check_header(name, expectation, joined=True)
        for name, expectation in self._expect.header_values.items():
            yield self._check_header(name, expectation, joined=False)

    def _check_header(self, name: str, expectation: Expectation, *, joined: bool) -> Evidence:
        """Compare a header. The cookies of a Set-Cookie are compared, but not shown."""
        values = self._response.header_values(name)
        actual: Any = MISSING
        if values:
            actual = ", ".join(values) if joined else values
        query = f"header {name}" if joined else f"header values {name}"
        evidence = check_value(query, substitute_captures(expectation, self._captured), actual, self._location)
        if name.lower() != "set-cookie" or not values:
            return evidence
        masked = [cookies.mask_value(value) for value in values]
        return msgspec.structs.replace(evidence, actual=", ".join(masked) if joined else masked, why="")

    def _check_cookies(self) -> Iterator[Evidence]:
        for name, expect in self._expect.cookies.items():
            yield from self._check_cookie(name, expect)

    def _check_cookie(self, name: str, expect: CookieExpectation) -> Iterator[Evidence]:
        """Compare every cookie of a name, because only one of several cookies with different paths may be wrong."""
        matches = cookies.find_cookies(name, self._response.headers)
        if expect.exists is not None:
            expected = "set" if expect.exists else "not set"
            actual = "set" if matches else "not set"
            yield Evidence(
                query=f"cookie {name}",
                expected=expected,
                actual=actual,
                passed=actual == expected,
                where=self._location,
            )
        for part in _expected_keys(expect):
            if part == "exists":
                continue
            expectation: Expectation = getattr(expect, part)
            query = f"cookie {name} {part}"
            if part == "max_age":
                query += " (ms)"
            else:
                expectation = substitute_captures(expectation, self._captured)
            for value in _cookie_values(matches, part):
                yield _mask_cookie_value(check_value(query, expectation, value, self._location))

    def _check_queries(self) -> Iterator[Evidence]:
        """Compare the results of all queries into the body."""
        expect, response = self._expect, self._response
        absent = _absent_body(response)
        if expect.json:
            data = absent or as_json(response)
            for query, expectation in expect.json.items():
                yield from self._compare(f"json {query}", expectation, _query_json(query, data))
        for kind, queries in (("xml", expect.xml), ("html", expect.html)):
            if queries:
                document = absent or document_of(response, kind)
                for query, expectation in queries.items():
                    result = find_in(query, document, kind, expect.namespaces)
                    yield from self._compare(f"{kind} {query}", expectation, result)

    def _check_body(self) -> Iterator[Evidence]:
        expect, response = self._expect, self._response
        if expect.body is not None:
            yield from self._compare("body", expect.body, _absence_for(response, expect.body) or as_text(response))
        if expect.bytes is not None:
            data = _absence_for(response, expect.bytes) or truncation(response) or response.body.hex(" ")
            yield from self._compare("bytes", expect.bytes, data)
        if expect.sha256 is not None:
            absent = _absence_for(response, expect.sha256)
            digest = absent or truncation(response) or hashlib.sha256(response.body).hexdigest()
            yield from self._compare("sha256", expect.sha256, digest)
        if expect.size is not None:
            size = _absence_for(response, expect.size) or truncation(response) or len(response.body)
            yield _evidence("size", expect.size, size, self._location)

    def _check_exchange(self) -> Iterator[Evidence]:
        expect, response = self._expect, self._response
        if not isinstance(expect, ResponseExpectation):
            return
        if expect.latency is not None:
            yield check_value("latency (ms)", expect.latency, round(response.latency_ms, 3), self._location)
        if expect.timings is not None:
            for part in _expected_keys(expect.timings):
                duration_ms = getattr(response.timings, part, None)
                actual = MISSING if duration_ms is None else round(duration_ms, 3)
                query = f"{part.replace('_', ' ')} (ms)"
                yield check_value(query, getattr(expect.timings, part), actual, self._location)
        if expect.tls is not None:
            yield from check_certificate(expect.tls, response.certificate, self._location, "tls ")


def _query_json(query: str, data: Any) -> Any:
    """Return the result of a query, or `Unreadable` if it shows nothing."""
    if isinstance(data, Unreadable):
        return data
    gap = describe_gap(query, data)
    return Unreadable(f"the body is JSON, but {gap}") if gap else run_query(query, data)


def _absent_body(response: Response) -> Unreadable | None:
    """Return `Unreadable` for a response whose status excludes a body: an expectation of it compares nothing."""
    if response.body or response.status not in _STATUSES_WITHOUT_BODY:
        return None
    return Unreadable(f"a response with status {response.status} has no body")


def _absence_for(response: Response, expectation: Expectation) -> Unreadable | None:
    """Return `Unreadable` if there can be no body, unless the expectation is that it is empty."""
    return None if _is_claim_of_emptiness(expectation) else _absent_body(response)


def _evidence(query: str, expectation: Expectation, actual: Any, location: str) -> Evidence:
    """Compare a value; `Unreadable` never passes."""
    if isinstance(actual, Unreadable):
        reason = f"{MISSING!r}: {actual.reason}"
        return Evidence(query=query, expected=expectation.raw, actual=reason, where=location)
    return check_value(query, expectation, actual, location)


def _cookie_values(matches: list[Cookie], part: str) -> list[Any]:
    values = [getattr(cookie, part) for cookie in matches] or [None]
    if part == "expires":
        values = [None if value is None else cookies.format_iso(value) for value in values]
    if part == "max_age":
        values = [None if value is None else value * 1000 for value in values]
    return [MISSING if value is None else value for value in values]


def _mask_cookie_value(evidence: Evidence) -> Evidence:
    """Mask a cookie's value, which may be a session id, unless the plan contains the value."""
    expected = evidence.expected if isinstance(evidence.expected, dict) else {"eq": evidence.expected}
    is_in_plan = expected.keys() & {"eq", "in"} and "filters" not in expected
    if not evidence.query.endswith(" value") or is_in_plan or evidence.actual == repr(MISSING):
        return evidence
    return msgspec.structs.replace(evidence, actual=f"*** ({len(str(evidence.actual))} characters)", why="")


def check_certificate(
    expect: CertificateExpectation, certificate: Certificate | None, location: str, prefix: str = ""
) -> list[Evidence]:
    """Compare a certificate with its expectations.

    Args:
        expect: The expectations.
        certificate: The certificate; None if the connection has none.
        location: The connection, for the report.
        prefix: Put before the name of each value.
    """
    evidence = []
    for part in _expected_keys(expect):
        actual = getattr(certificate, part, None)
        if actual is None:
            actual = MISSING
        elif part == "names":
            actual = list(actual)
        evidence.append(check_value(f"{prefix}{part}", getattr(expect, part), actual, location))
    return evidence
