"""Questions to blue and green, by HTTP or by invocation, and their answers as plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import msgspec

from greenlight.api import (
    MISSING,
    GreenlightError,
    HttpRequest,
    LambdaPayload,
    NoAnswerError,
    NoResultError,
    Platform,
    invoke,
    parse_json,
    read_response,
    send_request,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from greenlight.api import Context, HttpKind, Response

IGNORED_HEADERS = (
    *("age", "connection", "content-length", "date", "keep-alive", "server-timing", "transfer-encoding"),
    *("x-amz-cf-id", "x-amzn-requestid", "x-amzn-trace-id", "x-request-id", "x-correlation-id", "traceparent"),
)
"""Response headers that are not compared, because they describe the connection or the single request."""


class Question(NamedTuple):
    """A request, with the kind of event in which a function receives it, or a payload."""

    name: str
    request: HttpRequest | None
    event: HttpKind
    payload: Any


class Answer(msgspec.Struct):
    """An answer as plain data, and its time."""

    data: dict[str, Any]
    latency_ms: float

    @property
    def status(self) -> int:
        """The HTTP status; 0 for the answer to a payload."""
        return int(self.data.get("status", 0))


def build_questions(requests: Iterable[HttpRequest], payloads: Iterable[Any], event: HttpKind) -> list[Question]:
    """Build the questions of one sample."""
    questions = [Question(f"{request.method} {request.target()}", request, event, None) for request in requests]
    for number, payload in enumerate(payloads, 1):
        questions.append(Question(f"payload {number}", None, event, payload))
    return questions


def reason_without_blue(context: Context, *, has_payloads: bool) -> str:
    """Return the reason why there is no blue to ask; "" if there is one."""
    blue, green = context.blue, context.green
    if context.deployment.platform == Platform.ECS:
        if has_payloads:
            return "payloads are for Lambda; an ECS service takes requests"
        return "" if blue.url else blue.no_url or "blue has no URL"
    if not blue.version:
        return "the alias had no version before this one"
    return f"the alias has version {green.version} already" if blue.version == green.version else ""


def ask(question: Question, side: Literal["blue", "green"], context: Context) -> Answer | str:
    """Send a question to one side; return its answer, or the reason why it has none.

    Raises:
        GreenlightError: The question was not sent, or its answer is too large to be read.
    """
    if context.deployment.platform == Platform.ECS and question.request is not None:
        return _send(question.request, side, context)
    return _invoke(question, getattr(context.deployment, side).version, context)


def _send(request: HttpRequest, side: Literal["blue", "green"], context: Context) -> Answer | str:
    try:
        response = send_request(context, request, side=side)
    except NoAnswerError as problem:
        return str(problem)
    if response.truncated:
        raise GreenlightError(f"{side}'s body is larger than the {len(response.body)} bytes that are read of it")
    return Answer(_to_data(response), response.latency_ms)


def _invoke(question: Question, version: str, context: Context) -> Answer | str:
    payload = question.payload
    if question.request is not None:
        event = {question.event: _to_event(question.request)}
        payload = msgspec.convert({"event": event}, LambdaPayload).build(context)
    try:
        invocation = invoke(context, payload, version)
    except NoResultError as problem:
        return str(problem)
    if invocation.failure:
        return invocation.failure
    result = invocation.payload
    if invocation.payload_problem:
        return invocation.payload_problem
    if question.request is None:
        return Answer({"payload": result}, invocation.duration_ms)
    try:
        return Answer(_to_data(read_response(question.event, result)), invocation.duration_ms)
    except ValueError as problem:
        return f"the response cannot be passed on: {problem}"


def _to_event(request: HttpRequest) -> dict[str, Any]:
    method = request.method.lower()
    return {"headers": request.headers, "query": request.query, method: getattr(request, method)}


def _to_data(response: Response) -> dict[str, Any]:
    """Return the compared parts of a response."""
    body = parse_json(response.body)
    if body is MISSING:
        # With one replacement character for all invalid bytes, different bytes would look the same.
        body = response.body.decode(errors="backslashreplace")
    names = dict.fromkeys(name.lower() for name, _ in response.headers)
    headers = {name: response.header(name) for name in names if name not in IGNORED_HEADERS}
    return {"status": response.status, "header": headers, "body": body}
