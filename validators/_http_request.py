"""One request of an HTTP check: its parameters, and the evidence of its response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from greenlight.api import (
    MISSING,
    Evidence,
    HttpRequest,
    ResponseExpectation,
    check_response,
    reject_body_expectations,
    validate_capture,
)

from ._captures import capture_values

if TYPE_CHECKING:
    from greenlight.api import Context, Response


class Request(HttpRequest, frozen=True, kw_only=True):
    """One request: exactly one of the methods with a path or URL, and what to send, expect and capture.

    Attributes:
        redirects: Maximum number of redirects to follow.
        expect: Expectations of the response.
        capture: Names for values of the response, which later steps use: `json.PATH`, `cookies.NAME`, … (see above).
    """

    redirects: Annotated[int, msgspec.Meta(ge=0, le=20)] = 0
    expect: ResponseExpectation | None = None
    capture: dict[str, str] = {}

    def __post_init__(self) -> None:
        """Reject a request without a method, with several, without a use for its response, or with a body of HEAD."""
        HttpRequest.__post_init__(self)
        if self.expect is None and not self.capture:
            raise ValueError(
                "the request expects nothing and would pass with every response; add expect: {status: 200}"
            )
        if self.expect is not None and self.head is not None:
            reject_body_expectations(self.expect, "a response to HEAD", ("expect",))
        for name, source in self.capture.items():
            validate_capture(source, self.namespaces, ("capture", name))

    @property
    def namespaces(self) -> dict[str, str]:
        """The prefixes that XPath may use in `expect` and `capture`."""
        return self.expect.namespaces if self.expect else {}


def check_request(
    request: Request, response: Response, place: str, captured: dict[str, Any] | None, context: Context
) -> list[Evidence]:
    """Check a response against the request's expectations, and store what later steps use.

    Raises:
        ExpectationError: A captured value cannot be used in the expectation that refers to it.
        KeyError: An expectation refers to a name that was not captured.
    """
    evidence = [] if request.expect is None else check_response(request.expect, response, place, captured)
    if captured is not None:
        for name in capture_values(request.capture, response, captured, context, request.namespaces):
            query = f"capture {name}: {request.capture[name]}"
            evidence.append(Evidence(query=query, expected="a value", actual=repr(MISSING), where=place))
    return evidence
