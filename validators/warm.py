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

import msgspec

from greenlight.api import (
    Context,
    Finding,
    sample_series,
    validator,
)

from ._warm_invocations import Warm, decide_finding, invoke_in_parallel


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
