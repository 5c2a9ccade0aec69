"""warm: the new version starts within its budget, several times over.

Invokes the version `count` times at once, so that Lambda must start as many environments, and looks at all answers:
errors are counted, and cold starts and durations come from Lambda's own reports. The side effect is wanted: environments
that were started here are warm when users come. Choose a payload or an event that does no harm.

An error of the function counts as one; what Lambda refused to start (throttling, a missing permission) says nothing
about green and is an ERROR. A cold start that is expected something of and was not seen is INCONCLUSIVE.

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

import threading
from typing import Annotated

import msgspec

from greenlight.api import (
    MISSING,
    Context,
    DurationExpectation,
    Evidence,
    Expectation,
    Finding,
    GreenlightError,
    Invocation,
    LambdaPayload,
    NoResultError,
    Params,
    check_value,
    error,
    failed,
    finding_from,
    inconclusive,
    invoke,
    read_response,
    sample_series,
    validator,
)

POLL_S = 0.05


class Expect(Params, frozen=True, kw_only=True):
    """What all invocations together must be.

    `init_duration` and `duration` of the slowest, `cold_starts` how many there were, `errors` how many ended with an
    error or not in time (none, unless said), `status` of every HTTP answer (200 to 399, unless said).
    """

    init_duration: DurationExpectation | None = None
    duration: DurationExpectation | None = None
    cold_starts: Expectation | None = None
    errors: Expectation | None = None
    status: Expectation | None = None


class Warm(LambdaPayload, frozen=True, kw_only=True):
    """How often (`count`), with which `payload` or `event`, and what to expect.

    Attributes:
        expect: What all invocations together must be.
    """

    count: Annotated[int, msgspec.Meta(ge=1, le=100)] = 5
    expect: Expect = Expect()

    def __post_init__(self) -> None:
        """Refuse a status where there is none."""
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
        "Compare init duration with the previous version's REPORT lines: what is imported or fetched at start has "
        "grown, or memory was taken away. Throttled invocations mean that the account's or the function's "
        "concurrency is used up; lower `count`, or raise the limit."
    ),
    cost=(
        "`count` invocations at once, each billed with its cold start, and that much of the account's concurrency "
        "for a moment."
    ),
)
def warm(params: Warm, context: Context) -> Finding:
    """The new version starts within its budget, several times over."""
    answers, late, refused = _all_at_once(params, context)
    expect = params.expect
    init = sample_series(
        "init duration", [each.init_ms for each in answers if each.init_ms], "green", {"slowest": expect.init_duration}
    )
    whole = sample_series("duration", [each.duration_ms for each in answers], "green", {"slowest": expect.duration})
    plots = tuple(each for each in (init, whole) if each.count)
    return msgspec.structs.replace(_judged(params, context, answers, late, refused), series=plots)


def _judged(params: Warm, context: Context, answers: list[Invocation], late: int, refused: list[str]) -> Finding:
    broken = [said for said in (_broken(params, each) for each in answers) if said]
    errors = len(broken) + late
    cold = [each.init_ms for each in answers if each.init_ms]
    where = f"{context.deployment.function}:{context.green.version}"
    wanted, expect = params.expect.errors, params.expect
    found = [
        check_value("errors", wanted, errors, where)
        if wanted is not None
        else Evidence(query="errors", expected=0, actual=errors, passed=errors == 0, where=where)
    ]
    if expect.cold_starts is not None:
        found.append(check_value("cold starts", expect.cold_starts, len(cold), where))
    if expect.init_duration is not None and cold:
        found.append(check_value("slowest init duration (ms)", expect.init_duration, max(cold), where))
    if expect.duration is not None:
        slowest = max((each.duration_ms for each in answers), default=MISSING)
        found.append(check_value("slowest duration (ms)", expect.duration, slowest, where))
    said = f"{where} answered {len(answers)} of {params.count} invocations at once, {len(cold)} of them cold"
    if any(not each.passed for each in found):
        finding = finding_from(found, said)
        first = (
            f"; the first error: {context.excerpt(broken[0], 200)}" if broken else f"; {late} did not answer in time"
        )
        return failed(finding.message + (first if errors else ""), *found)
    if refused:
        return error(f"{len(refused)} of {params.count} invocations were not carried out: {refused[0]}", *found)
    if expect.init_duration is not None and not cold:
        return inconclusive(f"{said}, so no cold start was measured; say cold_starts: 0 if none is meant to be", *found)
    return finding_from(found, said)


def _all_at_once(params: Warm, context: Context) -> tuple[list[Invocation], int, list[str]]:
    """Invoke in parallel; give the answers, how many did not come in time, and what was refused.

    Each call ends with the attempt's time by itself, so no thread outlives it by more than that.
    """
    answers: list[Invocation] = []
    slow: list[str] = []
    refused: list[str] = []

    def once(number: int) -> None:
        try:
            answers.append(invoke(context, params.build(context, f"/{number}")))
        except NoResultError as problem:
            slow.append(str(problem))
        except GreenlightError as problem:
            refused.append(str(problem))
        except Exception as problem:  # noqa: BLE001 - a thread has nobody to raise it to
            refused.append(f"{type(problem).__name__}: {problem}")

    threads = [threading.Thread(target=once, args=(number,), daemon=True) for number in range(params.count)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads) and context.sleep(POLL_S):
        pass
    done, not_done = list(answers), list(refused)
    return done, params.count - len(done) - len(not_done), not_done


def _broken(params: Warm, answer: Invocation) -> str:
    """Say what is wrong with one answer; "" when nothing is."""
    if answer.failure or params.event is None or not params.event.is_http:
        return answer.failure
    try:
        status = read_response(params.event.kind, answer.payload).status
    except ValueError as problem:
        return f"the response cannot be passed on: {problem}"
    wanted = params.expect.status
    fine = wanted.holds(status) if wanted is not None else 200 <= status < 400
    return "" if fine else f"status {status}"
