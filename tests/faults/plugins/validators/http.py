"""http: green answers HTTP requests as this release should.

One request, or `steps` that run one after the other and hand values on by `capture`. A path goes to the
listener that leads to green at this stage, with the host name and headers its rule asks for.

`expect` can ask for `status`, `reason`, `version` of HTTP (`"1.1"` or `"1.0"`: no other is spoken), `url` that answered
in the end and `hops` that redirected to it, `headers` (several values joined by a comma), `header_values` (the list of
them), `cookies` with attributes, `json` by JMESPath, `xml` by XPath, `html` by CSS selector or XPath, `body`, `bytes` as
hex (`"89 50 4e 47"`), `sha256`, `size`, `latency` of the exchange, `timings` (`dns`, `connect`, `tls`, `first_byte`,
`total`) and `tls` (`subject`, `issuer`, `names`, `days_left`, `version`, `cipher`). `tls` and all timings but `first_byte`
are of a connection made for that request; other requests use connections again. HTML and nodes of XML give the list of
texts found, `a.next@href` that of an attribute, `count(//li)` or `string(//h1)` a single value. What cannot be read (a
body beyond 1 MiB, or in no known charset; JSON or XML that is none) passes nothing, not even `exists: false`.

`capture` takes `json.PATH`, `headers.NAME`, `cookies.NAME`, `xml.XPATH`, `html.SELECTOR`, `regex.PATTERN` (its group),
`status`, `url`, `body` or `unique`. `cookies: keep` sends back what answers set, to the host that set it alone; without
it cookies are forgotten. `basic` makes the Authorization header of a user and a password. The values of cookies are not
shown, unless the plan itself says what they are, nor is what is captured from a cookie or under a name such as `token`,
`session` or `password`.

Example:
    checks:
      - name: an order can be placed and read back
        http:
          steps:
            - post: /orders
              body: {json: {sku: A1}}
              expect: {status: 201}
              capture: {id: json.id}
            - get: /orders/${id}
              expect: {status: 200, json: {sku: A1}, latency: {lte: 500ms}}
      - name: a customer can log in
        http:
          cookies: keep
          steps:
            - get: /login
              expect: {status: 200, html: {h1: [Welcome]}, tls: {days_left: {gte: 14}}}
              capture: {csrf: "html.input[name=csrf]@value"}
            - post: /login
              body: {form: {user: smoke, csrf: "${csrf}"}}
              expect:
                status: 303
                cookies: {session: {secure: true, http_only: true, same_site: Lax}}
            - get: /account
              expect: {status: 200}

Source: RFC 9110 (HTTP semantics); https://jmespath.org/specification.html (queries into JSON); RFC 6265 (cookies);
https://www.w3.org/TR/1999/REC-xpath-19991116/ (XPath 1.0); https://www.w3.org/TR/selectors-3/ (CSS selectors).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from greenlight.api import (
    MISSING,
    Context,
    CookieJar,
    Evidence,
    ExpectationError,
    Finding,
    HttpError,
    HttpRequest,
    NoAnswerError,
    Response,
    ResponseExpectation,
    capture_value,
    check_response,
    error,
    failed,
    finding_from,
    is_sensitive,
    send_request,
    validate_capture,
    validator,
)


class Request(HttpRequest, frozen=True, kw_only=True):
    """One request: exactly one of the methods with a path or URL, what to send, what to expect, what to keep.

    Attributes:
        redirects: How many redirects are followed.
        expect: What the answer must be.
        capture: Names for values of the answer, which later steps use, see above: `json.PATH`, `cookies.NAME`, …
    """

    redirects: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0
    expect: ResponseExpectation | None = None
    capture: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse a request without method, with several, or one that looks at nothing of the answer."""
        HttpRequest.__post_init__(self)
        if self.expect is None and not self.capture:
            raise ValueError(
                "the request expects nothing and would pass whatever green answers; add expect: {status: 200}"
            )
        for name, source in self.capture.items():
            validate_capture(source, self.namespaces, ("capture", name))

    @property
    def namespaces(self) -> dict[str, str]:
        """The prefixes that XPath may use in `expect` and `capture`."""
        return self.expect.namespaces if self.expect else {}


class Http(Request, frozen=True, kw_only=True):
    """A request, written directly, or `steps` of requests.

    Attributes:
        steps: Requests, one after the other; the first that fails is the last that is sent.
        cookies: `keep` sends what an answer set with the requests that follow, to the same host; else it is forgotten.
    """

    steps: list[Request] | None = None
    cookies: Literal["keep"] | None = None

    def __post_init__(self) -> None:
        """Refuse a mixture of both forms, no steps at all, steps that all expect nothing, and cookies kept for nobody."""
        if self.cookies and not self.steps and not self.redirects:
            raise ValueError("cookies are kept for the next request, and this is the only one; take cookies out")
        if self.steps is None:
            Request.__post_init__(self)
        elif any(getattr(self, field) for field in Request.__struct_fields__):
            raise ValueError("steps stand alone; put method, headers, body and expect into the steps")
        elif not any(step.expect for step in self.steps):
            raise ValueError("none of the steps expects anything; add expect: {status: 200} to one")

    def requests(self) -> list[Request]:
        """Give the requests to make, in order."""
        return [self] if self.steps is None else self.steps


@validator(
    Http,
    remediation=(
        "Send the request of the first failed step by hand, with the host name and headers that the report shows "
        "for green, and read the body. Then look into green's log at the report's time; `greenlight check PLAN "
        "--stage STAGE --url URL` runs the same check from a laptop."
    ),
    cost="One request to green for each step and attempt, and one for each redirect that is followed.",
)
def http(params: Http, context: Context) -> Finding:
    """Green answers HTTP requests as this release should."""
    requests = params.requests()
    captured: dict[str, Any] | None = {} if any(request.capture for request in requests) else None
    jar = CookieJar() if params.cookies else None
    found: list[Evidence] = []
    said = ""
    for number, request in enumerate(requests, 1):
        step = f"step {number}: " if len(requests) > 1 else ""
        try:
            target = request.target(captured)
            response = send_request(
                context, request, captured, redirects=request.redirects, expect=request.expect, jar=jar
            )
            said = f"{request.method} {target} answered {response.status} in {response.latency_ms:.0f} ms"
            found += _looked_at(request, response, f"{step}{request.method} {target}", captured, context)
        except NoAnswerError as problem:
            return failed(f"{step}{problem}", *found)
        except (HttpError, ExpectationError) as problem:
            return error(f"{step}{problem}", *found)
        except KeyError as problem:
            return error(f"{step}${{{problem.args[0]}}} was captured by no earlier step", *found)
        if not all(each.passed for each in found):
            finding = finding_from(found, said)
            return msgspec.structs.replace(finding, message=f"{finding.message}; {said}{_excerpt(response, context)}")
    return finding_from(
        found, said if len(requests) == 1 else f"all {len(requests)} steps answered as expected; last {said}"
    )


def _excerpt(response: Response, context: Context) -> str:
    """Give the start of the body, for the person who has to find out why."""
    text = context.excerpt(response.body.decode("utf-8", errors="replace"))
    return f", the body begins: {text}" if text else ", the body is empty"


def _looked_at(
    request: Request, response: Response, where: str, captured: dict[str, Any] | None, context: Context
) -> list[Evidence]:
    """Hold one answer against its expectations, and keep what later steps need."""
    found = check_response(request.expect, response, where, captured) if request.expect is not None else []
    for name, source in request.capture.items():
        value = capture_value(source, response, request.namespaces)
        if captured is not None:
            captured[name] = value
        if value is not MISSING and is_sensitive(name, source):
            context.hide(value)
        if value is MISSING:
            query = f"capture {name}: {source}"
            found.append(Evidence(query=query, expected="a value", actual=repr(MISSING), where=where))
    return found
