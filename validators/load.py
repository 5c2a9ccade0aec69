"""load: green answers a burst of requests quickly enough and without errors.

A bounded burst of GET or HEAD requests: a number of `requests`, or a `duration`, over at most `concurrency` connections,
at a `rate` if one is said. Some `warm_up` requests come first and do not count. Percentiles are by nearest rank over
every request, one that got no answer with the time it took; latency is that of the exchange (see `http`), not the wait
for a turn. An error is no answer, or a status other than `status`.

Hard caps: 10 000 requests, 200 at once, 1000 a second, and the check's own timeout, which must leave room for
`duration`. A burst that was cut short by it, fewer answers than `minimum_samples`, or a rate that was not reached show
nothing when all else is well: INCONCLUSIVE. This is a smoke test of speed from one place, not a test of capacity.

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

import threading
import time
from collections import Counter
from typing import Annotated, Literal

import msgspec

from greenlight.api import (
    Context,
    Duration,
    DurationExpectation,
    Evidence,
    Expectation,
    Finding,
    GreenlightError,
    HttpError,
    NoAnswerError,
    Params,
    check_value,
    error,
    failed,
    finding_from,
    inconclusive,
    percentile,
    sample_series,
    validator,
)

MAX_REQUESTS = 10_000
PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0, "slowest": 100.0}
MARGIN_S = 0.3
"""Kept of the attempt's time for counting."""


class Expect(Params, frozen=True, kw_only=True):
    """What the burst must be: percentiles and the slowest with units, `error_rate` 0 to 1, `statuses` by class.

    `statuses` has the keys 1xx to 5xx and `none`, each with how many requests ended so. `error_rate` is 0 unless said.

    Attributes:
        p50, p95, p99: Percentiles of the latency.
        slowest: The longest latency.
    """

    p50: DurationExpectation | None = None
    p95: DurationExpectation | None = None
    p99: DurationExpectation | None = None
    slowest: DurationExpectation | None = None
    error_rate: Expectation | None = None
    statuses: dict[Literal["1xx", "2xx", "3xx", "4xx", "5xx", "none"], Expectation] = {}


class Load(Params, frozen=True, kw_only=True):
    """The burst: `paths` in turn with `headers`, `requests` or `duration`, and what to expect.

    Attributes:
        method: GET or HEAD.
        rate: Requests a second; as many as can be made when left out.
        concurrency: Connections at once.
        warm_up: Requests made before, which do not count.
        minimum_samples: Fewer requests than this show nothing.
        status: The status that is no error; 200 to 399 when left out.
        expect: What to expect of the burst.
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
        """Refuse a burst without end, one without percentiles, and one that cannot give the samples it needs."""
        if (self.requests is None) == (self.duration is None):
            raise ValueError("a burst has exactly one of requests and duration")
        if self.duration is not None and not 0 < self.duration <= 600:
            raise ValueError("duration is longer than 0s and at most 10m")
        most = self.requests or MAX_REQUESTS
        if self.rate and self.duration:
            most = min(most, int(self.rate * self.duration))
        rate = self.expect.error_rate
        if rate is not None and rate.holds(1.0) and not self.expect.statuses:
            raise ValueError("a burst of nothing but errors would pass; expect less of error_rate than 1")
        if most < self.minimum_samples:
            raise ValueError(f"at most {most} requests are made, and minimum_samples is {self.minimum_samples}")


class _Burst:
    """What one burst has seen; its threads only append, and end with the deadline."""

    def __init__(self, params: Load, context: Context, end: float) -> None:
        self.params, self.context, self.end = params, context, end
        self.latencies: list[float] = []
        self.statuses: Counter[str] = Counter()
        self.errors: list[str] = []
        self.impossible: list[str] = []
        self._lock = threading.Lock()
        self._next = 0

    def run(self, count: int, rate: float | None) -> float:
        """Make at most `count` requests until the end; give the seconds it took."""
        began = time.monotonic()
        workers = min(self.params.concurrency, count)
        threads = [threading.Thread(target=self._work, args=(count, rate, began), daemon=True) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, self.context.remaining_s() - MARGIN_S / 2))
        return time.monotonic() - began

    def _work(self, count: int, rate: float | None, began: float) -> None:
        while (number := self._turn(count)) is not None and not self.impossible:
            due = began + number / rate if rate else 0.0
            if max(due, time.monotonic()) >= self.end:
                return
            if due > time.monotonic() and not self.context.sleep(due - time.monotonic()):
                return
            self._once(self.params.paths[number % len(self.params.paths)])

    def _turn(self, count: int) -> int | None:
        with self._lock:
            self._next += 1
            return self._next - 1 if self._next <= count else None

    def _once(self, path: str) -> None:
        began = time.perf_counter()
        try:
            answer = self.context.request(self.params.method, path, headers=self.params.headers)
        except HttpError as problem:
            refused = isinstance(problem, NoAnswerError) or type(problem).__name__ == "UnreachableError"
            with self._lock:
                if not refused:
                    self.impossible.append(str(problem))
                    return
                self.latencies.append((time.perf_counter() - began) * 1000)
                self.statuses["none"] += 1
                self.errors.append(str(problem))
            return
        except GreenlightError as problem:
            self.impossible.append(str(problem))
            return
        wanted = self.params.status
        fine = wanted.holds(answer.status) if wanted is not None else 200 <= answer.status < 400
        with self._lock:
            self.latencies.append(answer.latency_ms)
            self.statuses[f"{answer.status // 100}xx"] += 1
            if not fine:
                self.errors.append(f"{self.params.method} {path} answered {answer.status}")


@validator(
    Load,
    remediation=(
        "Look at the statuses before the percentiles: errors explain slowness more often than the other way "
        "round. Then compare green's CPU, memory and connections in the minute of the report with blue's; a burst "
        "from a cold start wants a larger `warm_up`."
    ),
    cost=("As many requests to green as the plan says (10 000 at most, 1000 a second), and what these cost behind it."),
)
def load(params: Load, context: Context) -> Finding:
    """Green answers a burst of requests quickly enough and without errors."""
    stop = time.monotonic() + context.remaining_s() - MARGIN_S
    warm_up = _Burst(params, context, stop)
    if params.warm_up:
        warm_up.run(params.warm_up, None)
    planned = time.monotonic() + params.duration if params.duration else stop
    burst = _Burst(params, context, min(stop, planned))
    took_s = 0.0 if warm_up.impossible else burst.run(params.requests or MAX_REQUESTS, params.rate)
    if impossible := warm_up.impossible + burst.impossible:
        return error(f"the burst could not be made: {impossible[0]}")
    latencies, errors = list(burst.latencies), list(burst.errors)
    if not latencies:
        return inconclusive("no request of the burst ended within the check's time; give it a longer timeout")
    found = _looked_at(params.expect, latencies, len(errors), burst.statuses)
    reached = len(latencies) / took_s if took_s else 0.0
    said = (
        f"{len(latencies)} requests in {took_s:.1f} s ({reached:.0f} a second), p50 {percentile(latencies, 50):.0f} ms, "
        f"p95 {percentile(latencies, 95):.0f} ms, p99 {percentile(latencies, 99):.0f} ms, {len(errors)} errors"
    )
    why = _too_little(params, len(latencies), reached, cut=planned > stop)
    first = f"; the first error: {context.excerpt(errors[0])}" if errors else ""
    wanted = {name: getattr(params.expect, name) for name in PERCENTILES}
    plot = sample_series("latency of the burst", latencies, "green", wanted)
    return msgspec.structs.replace(_settled(found, said, first, why), series=(plot,))


def _settled(found: list[Evidence], said: str, first_error: str, too_little: str) -> Finding:
    if any(not each.passed for each in found):
        return failed(f"{finding_from(found, said).message}; {said}{first_error}", *found)
    return inconclusive(f"{too_little}; {said}", *found) if too_little else finding_from(found, said)


def _looked_at(expect: Expect, latencies: list[float], errors: int, statuses: Counter[str]) -> list[Evidence]:
    rate = errors / len(latencies)
    found = [
        check_value("error rate", expect.error_rate, rate)
        if expect.error_rate is not None
        else Evidence(query="error rate", expected=0, actual=round(rate, 4), passed=errors == 0)
    ]
    for name, share in PERCENTILES.items():
        if (wanted := getattr(expect, name)) is not None:
            found.append(check_value(f"{name} (ms)", wanted, round(percentile(latencies, share), 3)))
    found += [check_value(f"{name} answers", wanted, statuses[name]) for name, wanted in expect.statuses.items()]
    return found


def _too_little(params: Load, samples: int, reached: float, *, cut: bool) -> str:
    """Say why the burst was not what it should be; "" when it was."""
    if samples < params.minimum_samples:
        return f"{samples} requests are fewer than the {params.minimum_samples} that minimum_samples asks for"
    if params.requests is not None and samples < params.requests:
        return f"the check's time ended after {samples} of {params.requests} requests"
    if params.duration is not None and cut:
        return f"the check's time ended before the {params.duration} of the burst; give it a longer timeout"
    if params.rate is not None and reached < 0.8 * params.rate:
        return f"{reached:.0f} requests a second were reached of {params.rate:g}; raise concurrency or lower the rate"
    return ""
