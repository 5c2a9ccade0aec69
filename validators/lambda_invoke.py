"""lambda_invoke: the new version of the function answers an event as it should.

The *version* under deployment is invoked, never the alias (which still has the old one) and never $LATEST
(which may already be newer), and the answer must say that this version ran. An error of the function comes
with HTTP 200, so `FunctionError` is looked at always.

`event` makes the event that a service would send from a short description. For API Gateway, a load balancer and
function URLs the answer is read the way these read it, so that `status`, `headers`, `body` and `json` are those of the
HTTP response; an answer that they could not pass on (and would turn into a 502) fails. For SQS, Kinesis and DynamoDB
streams an answer that names failed items fails, unless `json` looks at `batchItemFailures` itself. The function does
with an event what it does with a real one: choose one that does no harm.

Example:
    checks:
      - name: the new version serves orders
        lambda_invoke:
          event: {api_gateway_v2: {get: /orders/7, route: "/orders/{id}", headers: {accept: application/json}}}
          expect: {status: 200, json: {id: "7"}, duration: {lte: 2s}}
      - name: the new version takes messages
        lambda_invoke:
          event: {sqs: {queue: orders, messages: [{order: smoke}]}}

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html; the files of the engine's lambda_events/
name those of the events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from greenlight.api import (
    MISSING,
    ContentExpectation,
    Context,
    DurationExpectation,
    Evidence,
    Expectation,
    Finding,
    GreenlightError,
    LambdaPayload,
    NoResultError,
    check_response,
    check_value,
    error,
    failed,
    finding_from,
    invoke,
    read_response,
    run_query,
    validator,
)

if TYPE_CHECKING:
    from greenlight.api import Invocation


class Expect(ContentExpectation, frozen=True, kw_only=True):
    """What the version must answer.

    `status`, `headers`, `body` and the like of the HTTP response (HTTP events only; see `http`), `json` by JMESPath into
    the response's body (HTTP events) or the payload, `payload` the whole payload, `error` the text of an error that is
    wanted, `duration` of the run, `init_duration` of a cold start (0 when it was warm).
    """

    payload: Expectation | None = None
    error: Expectation | None = None
    duration: DurationExpectation | None = None
    init_duration: DurationExpectation | None = None

    def of_http(self) -> list[str]:
        """Give the keys that say something of an HTTP response."""
        return [name for name in ContentExpectation.__struct_fields__ if getattr(self, name) not in (None, {})]


class LambdaInvoke(LambdaPayload, frozen=True, kw_only=True):
    """What to send: `payload` as it is, or an `event` by its description; without `expect`, no error is what is checked.

    With an HTTP event something of the response must be expected: an error page is no error of the function.
    """

    expect: Expect = Expect()

    def __post_init__(self) -> None:
        """Refuse expectations of a response that there is not, and none where there is one."""
        super().__post_init__()
        if not self.is_http and self.expect.of_http() not in ([], ["json"]):
            raise ValueError("only an HTTP event has status, headers and body; expect json or payload")
        wanted = self.expect.error is not None and not self.expect.error.holds(MISSING)
        if self.is_http and not (self.expect.of_http() or wanted or self.expect.payload):
            raise ValueError(
                "nothing of the response is expected, and an error page would pass; add expect: {status: 200}"
            )


@validator(
    LambdaInvoke,
    platforms=("lambda",),
    stages=("BeforeAllowTraffic", "AfterAllowTraffic"),
    iam=("lambda:InvokeFunction",),
    remediation=(
        "Invoke the version by hand: `aws lambda invoke --function-name NAME:VERSION --log-type Tail --payload … "
        "out.json`, with the event from the plan. The error's type and message are in the finding, its stack in "
        "the log stream that has [VERSION] in its name."
    ),
    cost=(
        "One invocation of the new version for each attempt, billed by its duration; a cold start if nothing ran "
        "there yet."
    ),
)
def lambda_invoke(params: LambdaInvoke, context: Context) -> Finding:
    """The new version of the function answers an event as it should."""
    expect = params.expect
    try:
        seen = invoke(context, params.build(context))
    except NoResultError as problem:
        return failed(str(problem))
    except GreenlightError as problem:
        return error(str(problem))
    where = f"{context.deployment.function}:{seen.version}"
    found = [_error_evidence(seen.failure, expect, where)]
    found += _answer(params, seen, where)
    if expect.payload is not None:
        found.append(check_value("payload", expect.payload, seen.payload, where))
    if expect.duration is not None:
        found.append(check_value("duration (ms)", expect.duration, seen.duration_ms, where))
    if expect.init_duration is not None:
        found.append(check_value("init duration (ms)", expect.init_duration, seen.init_ms, where))
    cold = f", cold start {seen.init_ms:.0f} ms" if seen.init_ms else ""
    return finding_from(found, f"{where} answered in {seen.duration_ms:.0f} ms{cold}")


def _answer(params: LambdaInvoke, seen: Invocation, where: str) -> list[Evidence]:
    """Look at the answer the way the service does that would get it."""
    event, expect = params.event, params.expect
    if event is not None and event.is_http:
        if seen.failure or not expect.of_http():
            return []
        try:
            return check_response(expect, read_response(event.kind, seen.payload, seen.duration_ms), where)
        except ValueError as problem:
            said = f"malformed: {problem}"
            return [Evidence(query="response", expected="one that can be passed on", actual=said, where=where)]
    found = [
        check_value(f"json {query}", wanted, run_query(query, seen.payload), where)
        for query, wanted in expect.json.items()
    ]
    if event is not None and event.is_batch and not any("batchItemFailures" in query for query in expect.json):
        bad = run_query("batchItemFailures", seen.payload)
        none = bad is MISSING or not bad
        said = "none" if none else f"{len(bad) if isinstance(bad, list) else bad} of the batch"
        found.append(Evidence(query="failed items", expected="none", actual=said, passed=none, where=where))
    return found


def _error_evidence(failure: str, expect: Expect, where: str) -> Evidence:
    """Say whether the function ended as wanted: without an error, or with the one that is expected."""
    if expect.error is not None:
        return check_value("error", expect.error, failure or MISSING, where)
    return Evidence(query="error", expected="none", actual=failure or "none", passed=not failure, where=where)
