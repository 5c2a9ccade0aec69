"""What can be asked of an HTTP answer: expectations, and an answer held against them."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.assertions.expectation import DurationExpectation, Expectation, SizeExpectation
from greenlight.assertions.jmespath_query import compile_query, run_query
from greenlight.checks.findings import evidence
from greenlight.checks.validator import Params
from greenlight.core.errors import WrongValueError
from greenlight.core.finding import Evidence
from greenlight.core.json_values import MISSING
from greenlight.core.plan_path import KeyStep
from greenlight.network import cookies
from greenlight.toolkit import xml_html
from greenlight.toolkit.capture_substitution import substitute_captures
from greenlight.toolkit.response_body import Unreadable, as_json, as_text, document_of, find_in, truncation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.network.certificate import Certificate
    from greenlight.network.client import Response
    from greenlight.network.cookies import Cookie

_PREFIX = re.compile(r"[A-Za-z_][\w.-]*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")  # a token of RFC 9110 section 5.6.2
_SHA256 = re.compile(r"[0-9a-f]{64}")


class CookieExpectation(Params, frozen=True, kw_only=True):
    """What a cookie that the answer sets must be; every key is a value or a map of predicates.

    Attributes:
        exists: False for a cookie that must not be set.
        value: A text; shown in the report only where it is compared with a value of the plan.
        domain: In lower case, without the dot it may begin with.
        path: As sent.
        expires: A text such as `2030-01-31T12:00:00Z`.
        max_age: A duration with its unit.
        secure, http_only: Whether the attribute is there.
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
        """Refuse an expectation of nothing, and anything of a cookie that must not be there."""
        asked = _asked(self)
        if not asked:
            raise ValueError("nothing is expected of the cookie; say at least exists: true")
        if self.exists is False and asked != ["exists"]:
            raise ValueError("a cookie that must not exist has nothing else; take the other keys out, or exists: false")


class TimingsExpectation(Params, frozen=True, kw_only=True):
    """How long the parts of an exchange may take, with units; all but `first_byte` are of a connection made for it.

    Attributes:
        dns: Looking the name up.
        connect: Making the connection.
        tls: The handshake.
        first_byte: From sending the request to the first byte of the answer.
        total: All of it, to the last byte of the body.

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
        """Refuse an expectation of nothing."""
        if not _asked(self):
            raise ValueError("nothing is expected; say for example first_byte: {lte: 200ms}")


class CertificateExpectation(Params, frozen=True, kw_only=True):
    """What certificate and connection must be; every key is a value or a map of predicates.

    Attributes:
        subject, issuer: A text such as `CN=orders.example, O=Example`.
        names: The list of the subject's alternative names.
        days_left: Whole days until it ends, rounded down.
        version: `TLSv1.2` or `TLSv1.3`.
        cipher: OpenSSL's name of the suite.

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
    """What status, headers and body must be; every key is a value or a map of predicates.

    Attributes:
        status: A whole number.
        headers: By name; several values are joined by a comma.
        header_values: By name; the list of all values.
        cookies: By name; what the answer sets.
        json: By JMESPath expression.
        xml: By XPath expression; nodes give the list of their texts.
        html: By CSS selector (`a.next@href` for an attribute) or XPath expression; elements give the list of their texts.
        namespaces: Prefixes for `xml`, each with its URI.
        body: The text, in the charset of its Content-Type or else UTF-8.
        bytes: In hex with blanks, `89 50 4e 47`.
        sha256: Of the body, 64 digits in lower case.
        size: Of the body, in bytes with their unit.
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
        """Refuse queries that are none."""
        for query in self.json:
            compile_query(query, "json", KeyStep(query))
        for prefix, uri in self.namespaces.items():
            if not _PREFIX.fullmatch(prefix) or not uri:
                raise WrongValueError(f"{prefix!r} needs a prefix and a URI; write s: http://…", ("namespaces", prefix))
        for query in self.xml:
            xml_html.validate_query(query, "xml", self.namespaces, "xml", KeyStep(query))
        for query in self.html:
            xml_html.validate_query(query, "html", self.namespaces, "html", KeyStep(query))
        for where in ("headers", "header_values"):
            for name in getattr(self, where):
                if not _HEADER.fullmatch(name):
                    raise WrongValueError(
                        f"{name[:60]!r} is no header's name; write such as content-type", (where, KeyStep(name))
                    )
        for name, value in self.sha256.predicates if self.sha256 else ():
            if name == "eq" and not (isinstance(value, str) and ("${" in value or _SHA256.fullmatch(value))):
                raise WrongValueError("a SHA-256 is 64 digits of 0-9 and a-f, in quotes", ("sha256",))


class ResponseExpectation(ContentExpectation, frozen=True, kw_only=True):
    """What an answer must be; every key is a value or a map of predicates.

    Attributes:
        reason: The words after the status.
        version: Of HTTP, "1.1" or "1.0".
        url: That answered in the end.
        hops: The list of URLs that redirected to it.
        latency: From sending to the last byte, with its unit.
        timings: Of the parts of that, and of making the connection.
        tls: The certificate, and the connection it is for.

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
        """Refuse an expectation of nothing, and queries that are none."""
        if not [name for name in _asked(self) if name != "namespaces"]:
            raise ValueError("expect is empty and would pass any answer; say at least status: 200")
        if self.tls is not None and not _asked(self.tls):
            raise WrongValueError("nothing is expected; say for example days_left: {gte: 30}", ("tls",))
        ContentExpectation.__post_init__(self)

    @property
    def new_connection(self) -> bool:
        """Whether a connection must be made for this request, since it is itself what is looked at."""
        return self.tls is not None or (self.timings is not None and _asked(self.timings) != ["first_byte"])


def _asked(expect: msgspec.Struct) -> list[str]:
    """Give the keys that say something."""
    return [name for name in expect.__struct_fields__ if getattr(expect, name) not in (None, {})]


def check_response(
    expect: ContentExpectation, response: Response, where: str, captured: Mapping[str, Any] | None = None
) -> list[Evidence]:
    """Hold an answer against its expectations.

    Raises:
        ExpectationError: A captured value cannot stand where it is used.
        KeyError: A name that was not captured.
    """
    found: list[Evidence] = []

    def look(query: str, expectation: Expectation | None, actual: Any) -> None:
        if expectation is not None:
            found.append(_held(query, substitute_captures(expectation, captured), actual, where))

    look("status", expect.status, response.status)
    if isinstance(expect, ResponseExpectation):
        look("reason", expect.reason, response.reason or MISSING)
        look("version", expect.version, response.version or MISSING)
        look("url", expect.url, response.url or MISSING)
        look("hops", expect.hops, list(response.hops))
    for name, expectation in expect.headers.items():
        found.append(_header(name, substitute_captures(expectation, captured), response, where))
    for name, expectation in expect.header_values.items():
        found.append(_header(name, substitute_captures(expectation, captured), response, where, joined=False))
    for name, wanted in expect.cookies.items():
        found += _cookie(name, wanted, response, where, captured)
    for query, actual in _read(expect, response):
        look(query[0], query[1], actual)
    if expect.body is not None:
        look("body", expect.body, as_text(response))
    if expect.bytes is not None:
        look("bytes", expect.bytes, truncation(response) or response.body.hex(" "))
    if expect.sha256 is not None:
        look("sha256", expect.sha256, truncation(response) or hashlib.sha256(response.body).hexdigest())
    if expect.size is not None:
        found.append(_held("size", expect.size, truncation(response) or len(response.body), where))
    if isinstance(expect, ResponseExpectation):
        found += _exchange(expect, response, where)
        if expect.tls is not None:
            found += check_certificate(expect.tls, response.certificate, where, "tls ")
    return found


def _held(query: str, expectation: Expectation, actual: Any, where: str) -> Evidence:
    if isinstance(actual, Unreadable):
        said = f"{MISSING!r}: {actual.why}"
        return Evidence(query=query, expected=expectation.raw, actual=said, where=where)
    return evidence(query, expectation, actual, where)


def _read(expect: ContentExpectation, response: Response) -> Iterator[tuple[tuple[str, Expectation], Any]]:
    """Give each query into the body with what it found."""
    if expect.json:
        data = as_json(response)
        for query, expectation in expect.json.items():
            yield (f"json {query}", expectation), data if isinstance(data, Unreadable) else run_query(query, data)
    for kind, queries in (("xml", expect.xml), ("html", expect.html)):
        if queries:
            document = document_of(response, kind)
            for query, expectation in queries.items():
                yield (f"{kind} {query}", expectation), find_in(query, document, kind, expect.namespaces)


def _header(name: str, expectation: Expectation, response: Response, where: str, joined: bool = True) -> Evidence:
    """Look at a header; what a Set-Cookie sets is judged and not shown."""
    values = response.header_values(name)
    actual: Any = MISSING if not values else ", ".join(values) if joined else values
    held = evidence(f"header {name}" if joined else f"header values {name}", expectation, actual, where)
    if name.lower() != "set-cookie" or not values:
        return held
    masked = [cookies.mask_value(value) for value in values]
    return msgspec.structs.replace(held, actual=", ".join(masked) if joined else masked, why="")


def _cookie(
    name: str, wanted: CookieExpectation, response: Response, where: str, captured: Mapping[str, Any] | None
) -> list[Evidence]:
    """Look at every cookie of a name: a second one, for another path, may be the one that is wrong."""
    seen = cookies.cookies_named(name, response.headers)
    if wanted.exists is not None:
        expected = "set" if wanted.exists else "not set"
        actual = "set" if seen else "not set"
        found = [
            Evidence(query=f"cookie {name}", expected=expected, actual=actual, passed=actual == expected, where=where)
        ]
    else:
        found = []
    for part in _asked(wanted):
        if part == "exists":
            continue
        written: Expectation = getattr(wanted, part)
        expectation = written if part == "max_age" else substitute_captures(written, captured)
        query = f"cookie {name} {part}{' (ms)' if part == 'max_age' else ''}"
        found += [_masked(evidence(query, expectation, actual, where)) for actual in _cookie_part(seen, part)]
    return found


def _cookie_part(seen: list[Cookie], part: str) -> list[Any]:
    values = [getattr(cookie, part) for cookie in seen] or [None]
    if part == "expires":
        values = [None if value is None else cookies.format_iso(value) for value in values]
    if part == "max_age":
        values = [None if value is None else value * 1000 for value in values]
    return [MISSING if value is None else value for value in values]


def _masked(held: Evidence) -> Evidence:
    """Show a cookie's value only where the plan itself says what it is; otherwise it may open a session."""
    said = held.expected if isinstance(held.expected, dict) else {"eq": held.expected}
    known = said.keys() & {"eq", "in"} and "filters" not in said
    if not held.query.endswith(" value") or known or held.actual == repr(MISSING):
        return held
    return msgspec.structs.replace(held, actual=f"*** ({len(str(held.actual))} characters)", why="")


def _exchange(expect: ResponseExpectation, response: Response, where: str) -> Iterator[Evidence]:
    if expect.latency is not None:
        yield evidence("latency (ms)", expect.latency, round(response.latency_ms, 3), where)
    if expect.timings is not None:
        for part in _asked(expect.timings):
            took = getattr(response.timings, part, None)
            actual = MISSING if took is None else round(took, 3)
            yield evidence(f"{part.replace('_', ' ')} (ms)", getattr(expect.timings, part), actual, where)


def check_certificate(
    expect: CertificateExpectation, seen: Certificate | None, where: str, prefix: str = ""
) -> list[Evidence]:
    """Hold a certificate against what is expected of it; None is nothing found."""
    found = []
    for part in _asked(expect):
        actual = getattr(seen, part, None)
        actual = MISSING if actual is None else list(actual) if part == "names" else actual
        found.append(evidence(f"{prefix}{part}", getattr(expect, part), actual, where))
    return found
