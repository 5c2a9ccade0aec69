"""http: green answers HTTP requests as this release should.

One request, or `steps` that run one after the other and hand values on by `capture`. A path goes to the
listener that leads to green at this stage, with the host name and headers its rule asks for.

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

Source: RFC 9110 (HTTP semantics); https://jmespath.org/specification.html (queries into JSON).
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from greenlight.api import (
    MISSING,
    AnswerExpectation,
    Call,
    Context,
    Evidence,
    ExpectationError,
    Finding,
    HttpError,
    NoAnswerError,
    Response,
    captured_value,
    checked_source,
    error,
    failed,
    judged,
    looked_at,
    validator,
)


class Request(Call, frozen=True, kw_only=True):
    """One request: exactly one of the methods with a path or URL, what to send, what to expect, what to keep.

    Attributes:
        redirects: How many redirects are followed.
        expect: What the answer must be.
        capture: Names for values of the answer, which later steps use: `json.PATH`, `headers.NAME`, `status` or `body`.
    """

    redirects: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0
    expect: AnswerExpectation | None = None
    capture: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Refuse a request without method, with several, or one that looks at nothing of the answer."""
        Call.__post_init__(self)
        if self.expect is None and not self.capture:
            raise ValueError(
                "the request expects nothing and would pass whatever green answers; add expect: {status: 200}"
            )
        for source in self.capture.values():
            checked_source(source)


class Http(Request, frozen=True, kw_only=True):
    """A request, written directly, or `steps` of requests."""

    steps: list[Request] | None = None

    def __post_init__(self) -> None:
        """Refuse a mixture of both forms, no steps at all, and steps that all expect nothing."""
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
    found: list[Evidence] = []
    said = ""
    for number, request in enumerate(requests, 1):
        step = f"step {number}: " if len(requests) > 1 else ""
        try:
            target = request.target(captured)
            headers, body = request.sent(captured)
            response = context.request(request.method, target, headers=headers, body=body, redirects=request.redirects)
            said = f"{request.method} {target} answered {response.status} in {response.latency_ms:.0f} ms"
            found += _looked_at(request, response, f"{step}{request.method} {target}", captured)
        except NoAnswerError as problem:
            return failed(f"{step}{problem}", *found)
        except (HttpError, ExpectationError) as problem:
            return error(f"{step}{problem}", *found)
        except KeyError as problem:
            return error(f"{step}${{{problem.args[0]}}} was captured by no earlier step", *found)
        if not all(each.passed for each in found):
            finding = judged(found, said)
            return msgspec.structs.replace(finding, message=f"{finding.message}; {said}{_excerpt(response, context)}")
    return judged(found, said if len(requests) == 1 else f"all {len(requests)} steps answered as expected; last {said}")


def _excerpt(response: Response, context: Context) -> str:
    """Give the start of the body, for the person who has to find out why."""
    text = context.excerpt(response.body.decode("utf-8", errors="replace"))
    return f", the body begins {text!r}" if text else ", the body is empty"


def _looked_at(request: Request, response: Response, where: str, captured: dict[str, Any] | None) -> list[Evidence]:
    """Hold one answer against its expectations, and keep what later steps need."""
    found = looked_at(request.expect, response, where, captured) if request.expect is not None else []
    for name, source in request.capture.items():
        value = captured_value(source, response)
        if captured is not None:
            captured[name] = value
        if value is MISSING:
            query = f"capture {name}: {source}"
            found.append(Evidence(query=query, expected="a value", actual=repr(MISSING), where=where))
    return found
