"""Causes: a request to green, an invocation of the new version, a message to a queue or a topic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from greenlight.api import (
    Evidence,
    HttpRequest,
    LambdaPayload,
    ResponseExpectation,
    check_response,
    invoke,
    reject_body_expectations,
    send_request,
)

from .._captures import capture_values
from .base import OneOf, fill
from .queue import Send, queue_arn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from greenlight.api import Context, IamRequirement


class Invoke(LambdaPayload, frozen=True, kw_only=True):
    """An invocation of the new version, with a `payload` or an `event`."""


class Cause(OneOf, frozen=True, kw_only=True):
    """The cause; `expect` is about the response to an HTTP request, whose status is below 400 by default.

    Attributes:
        http: A request to green.
        lambda_invoke: An invocation of the new version.
        sqs, sns: A message to a queue or a topic.
    """

    http: HttpRequest | None = None
    lambda_invoke: Invoke | None = None
    sqs: Send | None = None
    sns: Send | None = None
    expect: ResponseExpectation | None = None

    def __post_init__(self) -> None:
        """Reject none or several causes, and the expectation of a body that cannot exist."""
        OneOf.__post_init__(self)
        if self.expect is not None and self.http is not None and self.http.head is not None:
            reject_body_expectations(self.expect, "a response to HEAD", ("expect",))

    def required_iam(self) -> Iterator[IamRequirement]:
        """Yield the action that the cause needs."""
        if self.lambda_invoke:
            yield "lambda:InvokeFunction"
        if self.sqs:
            yield "sqs:SendMessage", queue_arn(self.sqs.to)
        if self.sns:
            yield "sns:Publish", self.sns.to

    def run(self, context: Context, captured: dict[str, Any] | None, sources: Mapping[str, str]) -> list[Evidence]:
        """Run the cause, and capture `sources` from the response to an HTTP request.

        Raises:
            NoAnswerError, NoResultError: Green did not answer.
            GreenlightError: The cause could not be run.
        """
        if self.http is not None:
            return self._request(self.http, context, captured, sources)
        if self.lambda_invoke is not None:
            failure = invoke(context, fill(self.lambda_invoke, captured).build(context)).failure
            actual = failure or "none"
            return [Evidence(query="error", expected="none", actual=actual, passed=not failure, where="cause")]
        if self.sqs is not None:
            self.sqs.send_to_queue(context, captured)
        if self.sns is not None:
            self.sns.publish_to_topic(context, captured)
        return []

    def _request(
        self, request: HttpRequest, context: Context, captured: dict[str, Any] | None, sources: Mapping[str, str]
    ) -> list[Evidence]:
        response = send_request(context, request, captured, expect=self.expect)
        if captured is not None:
            capture_values(sources, response, captured, context)
        if self.expect is not None:
            return check_response(self.expect, response, "cause", captured)
        is_ok = response.status < 400
        return [Evidence(query="status", expected="below 400", actual=response.status, passed=is_ok, where="cause")]
