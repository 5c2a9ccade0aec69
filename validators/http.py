"""http: green answers HTTP requests as the plan expects.

One request, or `steps` that run in order and pass values on by `capture`. A path goes to the listener that leads to
green at this stage, with the host name and headers that its rule requires; a URL goes to that host.

`expect` checks `status`, `reason`, `version` of HTTP (`"1.1"` or `"1.0"`; no other is supported), the final `url` and
the `hops` that redirected to it, `headers` (several values joined by a comma), `header_values` (the list of them),
`cookies` with attributes, `json` by JMESPath, `xml` by XPath, `html` by CSS selector or XPath, `body`, `bytes` as hex
(`"89 50 4e 47"`), `sha256`, `size`, `latency` of the exchange, `timings` (`dns`, `connect`, `tls`, `first_byte`,
`total`) and `tls` (`subject`, `issuer`, `names`, `days_left`, `version`, `cipher`). For `tls` and all timings but
`first_byte` the request opens a connection of its own; other requests reuse connections. HTML and nodes of XML result
in the list of their texts, `a.next@href` in that of an attribute, `count(//li)` or `string(//h1)` in a single value.
A body that cannot be read (beyond 1 MiB, in an unknown charset, not valid JSON or XML) passes no expectation, not
even `exists: false`.

`capture` takes `json.PATH`, `headers.NAME`, `cookies.NAME`, `xml.XPATH`, `html.SELECTOR`, `regex.PATTERN` (its
group), `status`, `url`, `body` or `unique`. `cookies: keep` sends cookies back, only to the host that set them; by
default they are discarded. `basic` builds the Authorization header from a user and a password. Reports do not show
the values of cookies unless the plan itself contains them, nor values captured from a cookie or under a name such as
`token`, `session` or `password`.

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

from typing import Any, Literal

import msgspec

from greenlight.api import (
    Context,
    CookieJar,
    Evidence,
    ExpectationError,
    Finding,
    HttpError,
    NoAnswerError,
    Response,
    error,
    failed,
    finding_from,
    send_request,
    validator,
)

from ._http_request import Request, check_request


class Http(Request, frozen=True, kw_only=True):
    """A single request, or several as `steps`.

    Attributes:
        steps: Requests in order; the check ends with the first that fails.
        cookies: `keep` sends cookies that a response set with later requests to the same host.
    """

    steps: list[Request] | None = None
    cookies: Literal["keep"] | None = None

    def __post_init__(self) -> None:
        """Reject a mixture of both forms, steps without expectations, and cookies without a later request."""
        if self.cookies and not self.steps and not self.redirects:
            raise ValueError("cookies are kept for the next request, and this is the only one; remove cookies")
        if self.steps is None:
            Request.__post_init__(self)
        elif any(getattr(self, field) for field in Request.__struct_fields__):
            raise ValueError(
                "steps cannot be combined with a request; put method, headers, body and expect into the steps"
            )
        elif not any(step.expect for step in self.steps):
            raise ValueError("none of the steps expects anything; add expect: {status: 200} to one")

    def requests(self) -> list[Request]:
        """Return the requests to send, in order."""
        return [self] if self.steps is None else self.steps


@validator(
    Http,
    remediation=(
        "Send the request of the first failed step by hand, with the host name and headers that the report shows "
        "for green, and read the body. Then read green's log at the report's time; `greenlight check PLAN "
        "--stage STAGE --url URL` runs the same check from a laptop."
    ),
    cost="One request to green for each step and attempt, and one for each redirect that is followed.",
)
def http(params: Http, context: Context) -> Finding:
    """Green answers HTTP requests as the plan expects."""
    requests = params.requests()
    captured: dict[str, Any] | None = {} if any(request.capture for request in requests) else None
    jar = CookieJar() if params.cookies else None
    evidence: list[Evidence] = []
    summary = ""
    for number, request in enumerate(requests, 1):
        step = f"step {number}: " if len(requests) > 1 else ""
        try:
            target = request.target(captured)
            response = send_request(
                context, request, captured, redirects=request.redirects, expect=request.expect, jar=jar
            )
            summary = f"{request.method} {target} answered {response.status} in {response.latency_ms:.0f} ms"
            evidence += check_request(request, response, f"{step}{request.method} {target}", captured, context)
        except NoAnswerError as problem:
            return failed(f"{step}{problem}", *evidence)
        except (HttpError, ExpectationError) as problem:
            return error(f"{step}{problem}", *evidence)
        except KeyError as problem:
            return error(f"{step}${{{problem.args[0]}}} was not captured by an earlier step", *evidence)
        if not all(item.passed for item in evidence):
            finding = finding_from(evidence, summary)
            message = f"{finding.message}; {summary}, {_describe_body(response, context)}"
            return msgspec.structs.replace(finding, message=message)
    if len(requests) > 1:
        summary = f"all {len(requests)} steps answered as expected; last {summary}"
    return finding_from(evidence, summary)


def _describe_body(response: Response, context: Context) -> str:
    text = context.excerpt(response.body.decode("utf-8", errors="replace"))
    return f"the body begins: {text}" if text else "the body is empty"
