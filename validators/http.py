"""http: green answers HTTP requests as this release should.

One request, or `steps` that run one after the other and hand values on by `capture`. A path goes to the
listener that leads to green at this stage, with the host name and headers its rule asks for.

Source: RFC 9110 (HTTP semantics); https://jmespath.org/specification.html (queries into JSON).
"""

from __future__ import annotations

import base64
import binascii
import json
import urllib.parse
from typing import Annotated, Any

import msgspec
from greenlight.api import (
    MISSING,
    Context,
    DurationExpectation,
    Evidence,
    Expectation,
    ExpectationError,
    Finding,
    HttpError,
    NoAnswerError,
    Params,
    Response,
    SizeExpectation,
    compiled,
    error,
    evidence,
    failed,
    filled,
    find,
    judged,
    validator,
)

METHODS = ("get", "post", "put", "patch", "delete", "head", "options")


class Body(Params, frozen=True, kw_only=True):
    """A request's body; exactly one of `json` (any value), `text`, `form` (fields) and `base64` (bytes)."""

    json: Any = msgspec.UNSET
    text: str | None = None
    form: dict[str, str | int | float] | None = None
    base64: str | None = None

    def __post_init__(self) -> None:
        """Refuse none or several of them, and what is not base64."""
        given = [self.json is not msgspec.UNSET, self.text is not None, self.form is not None, self.base64 is not None]
        if sum(given) != 1:
            raise ValueError("a body has exactly one of json, text, form and base64")
        if self.base64 is not None:
            try:
                base64.b64decode(self.base64, validate=True)
            except binascii.Error as problem:
                raise ValueError(f"base64 cannot be decoded: {problem}") from problem

    def encoded(self, captured: dict[str, Any] | None) -> tuple[bytes, str]:
        """Give the bytes to send and their media type."""
        if self.text is not None:
            return _text(filled(self.text, captured)).encode(), "text/plain; charset=utf-8"
        if self.form is not None:
            return _urlencoded(filled(self.form, captured)).encode(), "application/x-www-form-urlencoded"
        if self.base64 is not None:
            return base64.b64decode(self.base64), "application/octet-stream"
        return json.dumps(filled(self.json, captured)).encode(), "application/json"


class Expect(Params, frozen=True, kw_only=True):
    """What an answer must be; every key is a value or a map of predicates.

    `headers` by name, `json` by JMESPath, `body` the text, `size` in bytes with units, `latency` with units.
    """

    status: Expectation | None = None
    headers: dict[str, Expectation] = {}
    json: dict[str, Expectation] = {}
    body: Expectation | None = None
    size: SizeExpectation | None = None
    latency: DurationExpectation | None = None

    def __post_init__(self) -> None:
        """Refuse an expectation of nothing, and queries that are none."""
        if not (self.status or self.headers or self.json or self.body or self.size or self.latency):
            raise ValueError("expect is empty and would pass whatever green answers; say at least status: 200")
        for query in self.json:
            compiled(query, "json", query)


class Request(Params, frozen=True, kw_only=True):
    """One request: exactly one of the methods with a path or URL, what to send, what to expect, what to keep."""

    get: str | None = None
    post: str | None = None
    put: str | None = None
    patch: str | None = None
    delete: str | None = None
    head: str | None = None
    options: str | None = None
    headers: dict[str, str] = {}
    query: dict[str, str | int | float | list[str]] = {}
    body: Body | None = None
    redirects: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0
    expect: Expect | None = None
    capture: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse a request without method, with several, or one that looks at nothing of the answer."""
        given = [method for method in METHODS if getattr(self, method) is not None]
        if len(given) != 1:
            raise ValueError(
                f"a request has exactly one of {', '.join(METHODS)}, and this has {', '.join(given) or 'none'}"
            )
        if self.expect is None and not self.capture:
            raise ValueError(
                "the request expects nothing and would pass whatever green answers; add expect: {status: 200}"
            )
        for query in self.capture.values():
            _source(query)

    def call(self) -> tuple[str, str]:
        """Give method and path as written."""
        return next((method.upper(), getattr(self, method)) for method in METHODS if getattr(self, method) is not None)


class Http(Params, frozen=True, kw_only=True):
    """A request, written directly, or `steps` of requests."""

    get: str | None = None
    post: str | None = None
    put: str | None = None
    patch: str | None = None
    delete: str | None = None
    head: str | None = None
    options: str | None = None
    headers: dict[str, str] = {}
    query: dict[str, str | int | float | list[str]] = {}
    body: Body | None = None
    redirects: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0
    expect: Expect | None = None
    capture: dict[str, str] = {}
    steps: list[Request] | None = None

    def __post_init__(self) -> None:
        """Refuse a mixture of both forms, no steps at all, and steps that all expect nothing."""
        if self.steps is None:
            self.requests()
        elif any(getattr(self, field) for field in self.__struct_fields__ if field != "steps"):
            raise ValueError("steps stand alone; put method, headers, body and expect into the steps")
        elif not any(step.expect for step in self.steps):
            raise ValueError("none of the steps expects anything; add expect: {status: 200} to one")

    def requests(self) -> list[Request]:
        """Give the requests to make, in order."""
        if self.steps is not None:
            return self.steps
        return [Request(**{field: getattr(self, field) for field in Request.__struct_fields__})]


@validator(Http)
def http(params: Http, context: Context) -> Finding:
    """Green answers HTTP requests as this release should."""
    requests = params.requests()
    captured: dict[str, Any] | None = {} if any(request.capture for request in requests) else None
    found: list[Evidence] = []
    said = ""
    for number, request in enumerate(requests, 1):
        method, path = request.call()
        step = f"step {number}: " if len(requests) > 1 else ""
        try:
            path = _path(path, request, captured)
            response = _sent(request, method, path, captured, context)
        except NoAnswerError as problem:
            return failed(f"{step}{problem}", *found)
        except (HttpError, KeyError) as problem:
            return error(f"{step}{_reason(problem)}", *found)
        said = f"{method} {path} answered {response.status} in {response.latency_ms:.0f} ms"
        seen = _Answer(response)
        try:
            found += _looked_at(request, seen, f"{step}{method} {path}", captured)
        except (ExpectationError, KeyError) as problem:
            return error(f"{step}{_reason(problem)}", *found)
        if not all(each.passed for each in found):
            finding = judged(found, said)
            return msgspec.structs.replace(finding, message=f"{finding.message}; {said}{_excerpt(seen, context)}")
    return judged(found, said if len(requests) == 1 else f"all {len(requests)} steps answered as expected; last {said}")


def _reason(problem: Exception) -> str:
    if isinstance(problem, KeyError):
        return f"${{{problem.args[0]}}} was captured by no earlier step"
    return str(problem)


def _path(written: str, request: Request, captured: dict[str, Any] | None) -> str:
    """Fill in captures, safely for a path, and add the query."""
    safe = captured and {name: urllib.parse.quote(_text(value), safe="") for name, value in captured.items()}
    path = str(filled(written, safe))
    query = _urlencoded(filled(request.query, captured))
    return f"{path}{'&' if '?' in path else '?'}{query}" if query else path


def _text(value: Any) -> str:
    """Write a captured value the way JSON does: `true`, not Python's `True`."""
    return value if isinstance(value, str) else json.dumps(value)


def _urlencoded(fields: dict[str, Any]) -> str:
    pairs = [(name, each) for name, value in fields.items() for each in (value if isinstance(value, list) else [value])]
    return urllib.parse.urlencode([(name, _text(value)) for name, value in pairs])


def _sent(request: Request, method: str, path: str, captured: dict[str, Any] | None, context: Context) -> Response:
    headers = {name: _text(filled(value, captured)) for name, value in request.headers.items()}
    body = None
    if request.body is not None:
        body, media_type = request.body.encoded(captured)
        if "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = media_type
    return context.request(method, path, headers=headers, body=body, redirects=request.redirects)


class _Answer:
    """A response with its JSON read once, when first asked for."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self._json: Any = None
        self._read = False

    def text(self) -> str:
        return self.response.body.decode("utf-8", errors="replace")

    def json(self) -> Any:
        if not self._read:
            self._read = True
            try:
                self._json = MISSING if self.response.truncated else msgspec.json.decode(self.response.body)
            except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
                self._json = MISSING
        return self._json

    def find(self, query: str) -> Any:
        data = self.json()
        return MISSING if data is MISSING else find(query, data)


def _excerpt(seen: _Answer, context: Context) -> str:
    """Give the start of the body, for the person who has to find out why."""
    text = context.excerpt(seen.text())
    return f", the body begins {text!r}" if text else ", the body is empty"


def _looked_at(request: Request, seen: _Answer, where: str, captured: dict[str, Any] | None) -> list[Evidence]:
    """Hold one answer against its expectations, and keep what later steps need."""
    found: list[Evidence] = []
    response, expect = seen.response, request.expect
    if expect is not None:
        if expect.status is not None:
            found.append(evidence("status", filled(expect.status, captured), response.status, where))
        for name, expectation in expect.headers.items():
            value = response.header(name)
            found.append(
                evidence(f"header {name}", filled(expectation, captured), MISSING if value is None else value, where)
            )
        for query, expectation in expect.json.items():
            found.append(evidence(f"json {query}", filled(expectation, captured), seen.find(query), where))
        if expect.body is not None:
            found.append(
                evidence("body", filled(expect.body, captured), MISSING if response.truncated else seen.text(), where)
            )
        if expect.size is not None:
            found.append(evidence("size", expect.size, MISSING if response.truncated else len(response.body), where))
        if expect.latency is not None:
            found.append(evidence("latency (ms)", expect.latency, round(response.latency_ms, 3), where))
    for name, query in request.capture.items():
        value = _captured(query, seen)
        if captured is not None:
            captured[name] = value
        if value is MISSING:
            found.append(
                Evidence(query=f"capture {name}: {query}", expected="a value", actual=repr(MISSING), where=where)
            )
    return found


def _source(query: str) -> tuple[str, str]:
    """Split what to capture into its source and the rest: `json.id`, `json[0].id`, `headers.Location`, `status`, `body`."""
    if query in ("status", "body", "json"):
        return query, "@"
    if query.startswith("headers."):
        return "headers", query[len("headers.") :]
    if query.startswith(("json.", "json[")):
        rest = query[len("json") :].removeprefix(".")
        compiled(rest, "capture")
        return "json", rest
    raise ValueError(f"{query!r} captures nothing; write json.PATH, headers.NAME, status or body")


def _captured(query: str, seen: _Answer) -> Any:
    source, rest = _source(query)
    if source == "status":
        return seen.response.status
    if source == "body":
        return MISSING if seen.response.truncated else seen.text()
    if source == "headers":
        value = seen.response.header(rest)
        return MISSING if value is None else value
    return seen.find(rest)
