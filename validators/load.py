"""load: green answers a burst of requests fast enough and without errors.

A bounded burst of GET or HEAD requests: a number of `requests`, or a `duration`, over at most `concurrency`
connections, at a `rate` if there is one. The `warm_up` requests come first and do not count. Percentiles are by nearest
rank over all requests; one without an answer counts with the time it took. Latency is that of the exchange (see
`http`), without the wait for a connection. An error is a request without an answer, or with a status other than
`status`.

Hard limits: 10 000 requests, 200 at once, 1000 a second, and the check's own timeout, which must leave room for
`duration`. When all else is well, the check is INCONCLUSIVE if the timeout or the limit of requests cut the burst
short, if there are fewer answers than `minimum_samples`, or if the rate was not reached. This is a smoke test of speed
from one place, not a test of capacity.

Example:
    checks:
      - name: a burst stays quick
        timeout: 60s
        load:
          paths: [/catalogue, /catalogue/7]
          duration: 20s
          rate: 50
          concurrency: 10
          expect: {p95: {lte: 300ms}, p99: {lte: 1s}, error_rate: {lte: 0.001}}

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html (percentiles)
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from greenlight.api import (
    Context,
    Duration,
    DurationExpectation,
    Evidence,
    Expectation,
    Finding,
    Params,
    check_value,
    error,
    failed,
    finding_from,
    inconclusive,
    out_of_time,
    percentile,
    sample_series,
    validator,
)

from ._burst import MARGIN_S, Burst, Target

MAX_REQUESTS = 10_000
PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "slowest": 100.0}


class Expect(Params, frozen=True, kw_only=True):
    """Limits for the burst.

    Attributes:
        p50, p95, p99: Percentiles of the latency, with a unit.
        slowest: The longest latency, with a unit.
        error_rate: Share of errors from 0 to 1; 0 by default.
        statuses: Number of requests by class of status, 1xx to 5xx, or `none` without an answer.
    """

    p50: DurationExpectation | None = None
    p95: DurationExpectation | None = None
    p99: DurationExpectation | None = None
    slowest: DurationExpectation | None = None
    error_rate: Expectation | None = None
    statuses: dict[Literal["1xx", "2xx", "3xx", "4xx", "5xx", "none"], Expectation] = {}


class Load(Params, frozen=True, kw_only=True):
    """A burst of requests, and limits for its results.

    Attributes:
        paths: Paths that are requested in turn.
        method: GET or HEAD.
        headers: Headers of every request.
        requests: Number of requests; the alternative is `duration`.
        duration: How long requests are sent, at most 10m.
        rate: Requests a second; as many as possible by default.
        concurrency: Number of parallel connections.
        warm_up: Requests sent before the burst, which do not count.
        minimum_samples: Fewer requests than this are INCONCLUSIVE.
        status: The status that is not an error; 200 to 399 by default.
        expect: Limits for the burst.
    """

    paths: Annotated[list[str], msgspec.Meta(min_length=1, max_length=100)]
    method: Literal["GET", "HEAD"] = "GET"
    headers: dict[str, str] = {}
    requests: Annotated[int, msgspec.Meta(ge=1, le=MAX_REQUESTS)] | None = None
    duration: Duration | None = None
    rate: Annotated[float, msgspec.Meta(gt=0, le=1000)] | None = None
    concurrency: Annotated[int, msgspec.Meta(ge=1, le=200)] = 10
    warm_up: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 5
    minimum_samples: Annotated[int, msgspec.Meta(ge=1, le=MAX_REQUESTS)] = 20
    status: Expectation | None = None
    expect: Expect = Expect()

    def __post_init__(self) -> None:
        """Reject a burst without an end, with too few requests, or that would pass with nothing but errors."""
        if (self.requests is None) == (self.duration is None):
            raise ValueError("a burst has exactly one of requests and duration")
        if self.duration is not None and not 0 < self.duration <= 600:
            raise ValueError("duration is longer than 0s and at most 10m")
        max_requests = self.requests or MAX_REQUESTS
        if self.rate and self.duration:
            max_requests = min(max_requests, int(self.rate * self.duration))
        error_rate = self.expect.error_rate
        if error_rate is not None and error_rate.holds(1.0) and not self.expect.statuses:
            raise ValueError("a burst of nothing but errors would pass; expect an error_rate below 1")
        if max_requests < self.minimum_samples:
            raise ValueError(f"at most {max_requests} requests are sent, and minimum_samples is {self.minimum_samples}")


@validator(
    Load,
    stages=("BeforeInstall", "AfterInstall", "AfterAllowTestTraffic", "BeforeAllowTraffic", "AfterAllowTraffic"),
    remediation=(
        "Look at the statuses before the percentiles: errors explain slowness more often than the other way "
        "round. Then compare green's CPU, memory and connections in the minute of the report with blue's. If the burst "
        "included cold starts, use a larger `warm_up`."
    ),
    cost="As many requests to green as the plan asks for (10 000 at most, 1000 a second), and the load behind them.",
)
def load(params: Load, context: Context) -> Finding:
    """Green answers a burst of requests fast enough and without errors."""
    target = Target(params.method, params.paths, params.headers, params.concurrency, params.status)
    end = context.clock.monotonic() + context.remaining_s() - MARGIN_S
    warm_up = Burst(target, context, end)
    if params.warm_up:
        warm_up.run(params.warm_up, None)
    planned_end = context.clock.monotonic() + params.duration if params.duration else end
    burst = Burst(target, context, min(end, planned_end))
    elapsed_s = 0.0 if warm_up.unsent else burst.run(params.requests or MAX_REQUESTS, params.rate)
    if unsent := warm_up.unsent + burst.unsent:
        return error(f"the burst could not be sent: {unsent[0]}")
    latencies, errors = list(burst.latencies), list(burst.errors)  # a thread may still append to the originals
    is_cut_by_gate = context.ends_with_gate and context.remaining_s() <= MARGIN_S
    if silent := _describe_silence(warm_up, burst):
        if is_cut_by_gate:
            return out_of_time(silent, ends_with_gate=True)
        return error(silent) if _reached_nothing(warm_up, burst) else failed(silent)
    if not latencies and is_cut_by_gate:
        return out_of_time("no request of the burst ended within the check's time", ends_with_gate=True)
    if not latencies:
        return inconclusive("no request of the burst ended within the check's time; give it a longer timeout")
    rate = len(latencies) / elapsed_s if elapsed_s else 0.0
    results = _check_limits(params.expect, latencies, len(errors), burst)
    p50, p95, p99 = (f"{name} {percentile(latencies, PERCENTILES[name]):.0f} ms" for name in ("p50", "p95", "p99"))
    message = (
        f"{len(latencies)} requests in {elapsed_s:.1f} s ({rate:.0f} a second), {p50}, {p95}, {p99}, "
        f"{len(errors)} errors"
    )
    if not all(result.passed for result in results):
        example = f"; the first error: {context.excerpt(errors[0])}" if errors else ""
        finding = failed(f"{finding_from(results, message).message}; {message}{example}", *results)
    elif shortfall := _shortfall(params, burst, elapsed_s, is_cut=planned_end > end):
        finding = inconclusive(f"{shortfall}; {message}", *results)
    else:
        finding = finding_from(results, message)
    limits = {name: getattr(params.expect, name) for name in PERCENTILES}
    plot = sample_series("latency of the burst", latencies, "green", limits)
    return msgspec.structs.replace(finding, series=(plot,))


def _describe_silence(*bursts: Burst) -> str:
    """Return that green answered no request at all; "" if it answered one, or was sent none."""
    sent = sum(burst.sent for burst in bursts)
    if not sent or any(burst.answered for burst in bursts):
        return ""
    reason = next((burst.errors[0] for burst in bursts if burst.errors), "the check's time was over first")
    return f"green answered none of {sent} requests, its error rate is 1: {reason}"


def _reached_nothing(*bursts: Burst) -> bool:
    """Return whether there was never a connection, which shows nothing about green."""
    errors = sum(len(burst.errors) for burst in bursts)
    return 0 < errors == sum(burst.unreachable for burst in bursts)


def _check_limits(expect: Expect, latencies: list[float], error_count: int, burst: Burst) -> list[Evidence]:
    error_rate = error_count / len(latencies)
    if expect.error_rate is not None:
        results = [check_value("error rate", expect.error_rate, error_rate)]
    else:
        results = [Evidence(query="error rate", expected=0, actual=round(error_rate, 4), passed=error_count == 0)]
    for name, share in PERCENTILES.items():
        if (limit := getattr(expect, name)) is not None:
            results.append(check_value(f"{name} (ms)", limit, round(percentile(latencies, share), 3)))
    return results + [
        check_value(f"{name} answers", limit, burst.statuses[name]) for name, limit in expect.statuses.items()
    ]


def _shortfall(params: Load, burst: Burst, elapsed_s: float, *, is_cut: bool) -> str:
    """Return how the burst fell short of the plan; "" when it did not."""
    samples, unanswered = len(burst.latencies), burst.unanswered
    rate = samples / elapsed_s if elapsed_s else 0.0
    if samples < params.minimum_samples:
        return f"{samples} requests are fewer than the {params.minimum_samples} that minimum_samples asks for"
    if params.requests is not None and samples < params.requests:
        return f"the check's time ended after {samples} of {params.requests} requests"
    if params.duration is not None and is_cut:
        return f"the check's time ended before the {params.duration} of the burst; give it a longer timeout"
    if params.duration is not None and burst.sent >= MAX_REQUESTS and elapsed_s < params.duration:
        return f"the limit of {MAX_REQUESTS} requests was reached after {elapsed_s:.0f} s; lower the rate or duration"
    if params.rate is not None and rate < 0.8 * params.rate:
        return f"{rate:.0f} requests a second were reached of {params.rate:g}; raise concurrency or lower the rate"
    if unanswered:
        return f"{unanswered} requests of the burst had no answer when the check's time ended"
    return ""
