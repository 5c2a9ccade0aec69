"""lambda_invoke: the new version of the function answers an event as expected.

The check invokes the *version* under deployment, never the alias (which still points to the old one) and never $LATEST
(which may be newer), and the answer must come from this version. Lambda returns HTTP 200 for an error of the function,
so `FunctionError` is always checked.

`event` builds the event that a service would send from a short description. For API Gateway, a load balancer and
function URLs the answer is read as these services read it, so `status`, `headers`, `body` and `json` are those of the
HTTP response; an answer that they could not pass on (and would turn into a 502) fails. For SQS, Kinesis and DynamoDB
streams an answer with failed items fails, unless `json` checks `batchItemFailures` itself. The function handles the
event like a real one: choose one that does no harm.

Example:
    checks:
      - name: the new version serves orders
        lambda_invoke:
          event: {api_gateway_v2: {get: /orders/7, route: "/orders/{id}", headers: {accept: application/json}}}
          expect: {status: 200, json: {id: "7"}, duration: {lte: 2s}}
      - name: the new version takes messages
        lambda_invoke:
          event: {sqs: {queue: orders, messages: [{order: smoke}]}}

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html; the sources of the events are named in the
engine's lambda_events/.
"""

from __future__ import annotations

from greenlight.api import (
    MISSING,
    Context,
    Finding,
    LambdaPayload,
    NoResultError,
    failed,
    finding_from,
    invoke,
    validator,
)

from ._lambda_response import InvocationExpectation, check_invocation


class LambdaInvoke(LambdaPayload, frozen=True, kw_only=True):
    """Event to send, and the expected answer; an HTTP event needs an expectation of its response.

    An error page is not an error of the function, so without such an expectation it would pass.

    Attributes:
        payload: Payload that is sent as it is; an empty object by default.
        event: Short description of an event that a service would send, instead of `payload`.
        expect: The expected answer; without it, any error of the function fails.
    """

    expect: InvocationExpectation = InvocationExpectation()

    def __post_init__(self) -> None:
        """Reject expectations of a response for other events, and HTTP events without any."""
        super().__post_init__()
        if not self.is_http and self.expect.response_keys() not in ([], ["json"]):
            raise ValueError("only an HTTP event has status, headers and body; expect json or payload")
        expects_error = self.expect.error is not None and not self.expect.error.holds(MISSING)
        if self.is_http and not (self.expect.response_keys() or expects_error or self.expect.payload):
            raise ValueError(
                "nothing of the response is expected, and an error page would pass; add expect: {status: 200}"
            )


@validator(
    LambdaInvoke,
    platforms=("lambda",),
    stages=("BeforeAllowTraffic", "AllowTraffic", "AfterAllowTraffic"),
    iam=("lambda:InvokeFunction",),
    remediation=(
        "Invoke the version by hand: `aws lambda invoke --function-name NAME:VERSION --log-type Tail --payload … "
        "out.json`, with the event from the plan. The finding has the error's type and message; its stack trace is in "
        "the log stream that has [VERSION] in its name."
    ),
    cost=(
        "One invocation of the new version for each attempt, billed by its duration; a cold start if no environment of "
        "it is warm yet."
    ),
)
def lambda_invoke(params: LambdaInvoke, context: Context) -> Finding:
    """The new version of the function answers an event as expected."""
    try:
        invocation = invoke(context, params.build(context))
    except NoResultError as problem:
        return failed(str(problem))
    target = f"{context.deployment.function}:{invocation.version}"
    results = check_invocation(params.expect, params.event, invocation, target)
    cold_start = f", cold start {invocation.init_ms:.0f} ms" if invocation.init_ms else ""
    return finding_from(results, f"{target} answered in {invocation.duration_ms:.0f} ms{cold_start}")
