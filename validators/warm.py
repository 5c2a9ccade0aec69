"""warm: the new version starts several times in parallel, each time within its budget.

The check invokes the version `count` times at once, so that Lambda must start as many environments, and evaluates all
answers: it counts errors, and takes cold starts and durations from Lambda's own reports. The side effect is intended:
environments that were started here are warm when users come. Choose a payload or an event that does no harm.

An error of the function counts as an error. An invocation that Lambda did not carry out (throttling, a missing
permission) shows nothing about green and is an ERROR. An expectation of cold starts is INCONCLUSIVE if there were none.

Example:
    checks:
      - name: cold starts stay within budget
        warm:
          count: 10
          event: {api_gateway_v2: {get: /health}}
          expect: {init_duration: {lte: 1500ms}, duration: {lte: 800ms}}

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from greenlight.api import (
    Context,
    DurationExpectation,
    Expectation,
    Finding,
    LambdaPayload,
    Params,
    sample_series,
    validator,
)

from ._warm_invocations import decide_finding, invoke_in_parallel


class Expect(Params, frozen=True, kw_only=True):
    """Expectations of all invocations together.

    Attributes:
        init_duration: The longest cold start.
        duration: The longest duration.
        cold_starts: Number of cold starts.
        errors: Number of invocations that ended with an error or not in time; 0 by default.
        status: Status of every HTTP answer; 200 to 399 by default.
    """

    init_duration: DurationExpectation | None = None
    duration: DurationExpectation | None = None
    cold_starts: Expectation | None = None
    errors: Expectation | None = None
    status: Expectation | None = None


class Warm(LambdaPayload, frozen=True, kw_only=True):
    """The invocations and their expectations.

    Attributes:
        count: Number of parallel invocations.
        payload: Payload that is sent as it is; an empty object by default.
        event: Short description of an event that a service would send, instead of `payload`.
        expect: Expectations of all invocations together.
    """

    count: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    expect: Expect = Expect()

    def __post_init__(self) -> None:
        """Reject a limit that would pass with nothing but errors, and a status without an HTTP event."""
        super().__post_init__()
        if self.expect.errors is not None and self.expect.errors.holds(self.count):
            raise ValueError(f"{self.count} errors of {self.count} would pass; expect fewer errors than count")
        if self.expect.status is not None and not self.is_http:
            raise ValueError("only an HTTP event has a status")


@validator(
    Warm,
    platforms=("lambda",),
    stages=("BeforeAllowTraffic", "AfterAllowTraffic"),
    iam=("lambda:InvokeFunction",),
    remediation=(
        "Compare the init duration with the previous version's REPORT lines: the imports or the work at start have "
        "grown, or the function has less memory. Throttled invocations mean that the account's or the function's "
        "concurrency is used up; lower `count`, or raise the limit."
    ),
    cost=(
        "`count` invocations at once, each billed with its cold start; for a moment they use as much of the account's "
        "concurrency."
    ),
)
def warm(params: Warm, context: Context) -> Finding:
    """The new version starts several times in parallel, each time within its budget."""
    expect = params.expect
    outcomes = invoke_in_parallel(context, params.count, lambda number: params.build(context, f"/{number}"))
    init_ms, duration_ms = outcomes.init_ms, outcomes.duration_ms
    plots = (
        sample_series("init duration", init_ms, "green", {"slowest": expect.init_duration}),
        sample_series("duration", duration_ms, "green", {"slowest": expect.duration}),
    )
    finding = decide_finding(params, context, outcomes)
    return msgspec.structs.replace(finding, series=tuple(plot for plot in plots if plot.count))
