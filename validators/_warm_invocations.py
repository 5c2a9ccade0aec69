"""Parallel invocations of one version and their finding, for `warm`."""

from __future__ import annotations

import dataclasses
import threading
from typing import TYPE_CHECKING, Annotated, Any

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
)

from ._lambda_response import response_error

if TYPE_CHECKING:
    from collections.abc import Callable


MARGIN_S = 0.1
"""Part of the attempt's time that is reserved for the evaluation."""


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


@dataclasses.dataclass(frozen=True)
class Outcomes:
    """Outcomes of parallel invocations.

    Attributes:
        answers: Invocations that the version answered, with an error or without.
        late: Number of invocations without an answer in time.
        refused: Reasons why Lambda did not carry out the other invocations.
    """

    answers: list[Invocation]
    late: int
    refused: list[str]

    @property
    def init_ms(self) -> list[float]:
        """The cold starts."""
        return [answer.init_ms for answer in self.answers if answer.init_ms]

    @property
    def duration_ms(self) -> list[float]:
        """The durations of all answers."""
        return [answer.duration_ms for answer in self.answers]


def invoke_in_parallel(context: Context, count: int, make_payload: Callable[[int], Any]) -> Outcomes:
    """Invoke the version `count` times in parallel.

    Each call is limited to the attempt's time, so its thread does not run much longer.
    """
    answers: list[Invocation] = []
    refused: list[str] = []

    def invoke_once(number: int) -> None:
        try:
            answers.append(invoke(context, make_payload(number)))
        except NoResultError:
            pass  # counted as late, because it is in neither list
        except GreenlightError as problem:
            refused.append(str(problem))
        except Exception as problem:  # noqa: BLE001 - an exception would end with its thread, unseen
            refused.append(f"{type(problem).__name__}: {problem}")

    threads = [threading.Thread(target=invoke_once, args=(number,), daemon=True) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, context.remaining_s() - MARGIN_S))
    answers, refused = list(answers), list(refused)  # a thread may still append to the originals
    return Outcomes(answers, count - len(answers) - len(refused), refused)


def decide_finding(params: Warm, context: Context, outcomes: Outcomes) -> Finding:
    """Compare all invocations with the plan's expectations."""
    expect, cold_starts = params.expect, outcomes.init_ms
    target = f"{context.deployment.function}:{context.green.version}"
    errors = [response_error(expect.status, params.event, answer) for answer in outcomes.answers]
    errors = [reason for reason in errors if reason]
    results = _check_outcomes(params, outcomes, len(errors) + outcomes.late, target)
    message = (
        f"{target} answered {len(outcomes.answers)} of {params.count} invocations at once, "
        f"{len(cold_starts)} of them cold"
    )
    if not all(result.passed for result in results):
        example = ""
        if errors:
            example = f"; the first error: {context.excerpt(errors[0], 200)}"
        elif outcomes.late:
            example = f"; {outcomes.late} did not answer in time"
        return failed(finding_from(results, message).message + example, *results)
    if outcomes.refused:
        refused = f"{len(outcomes.refused)} of {params.count} invocations were not carried out"
        return error(f"{refused}: {outcomes.refused[0]}", *results)
    if expect.init_duration is not None and not cold_starts:
        hint = "no cold start was measured; write cold_starts: 0 if none is expected"
        return inconclusive(f"{message}, so {hint}", *results)
    return finding_from(results, message)


def _check_outcomes(params: Warm, outcomes: Outcomes, error_count: int, where: str) -> list[Evidence]:
    expect, cold_starts = params.expect, outcomes.init_ms
    if expect.errors is not None:
        results = [check_value("errors", expect.errors, error_count, where)]
    else:
        results = [Evidence(query="errors", expected=0, actual=error_count, passed=error_count == 0, where=where)]
    if expect.cold_starts is not None:
        results.append(check_value("cold starts", expect.cold_starts, len(cold_starts), where))
    if expect.init_duration is not None and cold_starts:
        results.append(check_value("slowest init duration (ms)", expect.init_duration, max(cold_starts), where))
    if expect.duration is not None:
        slowest = max(outcomes.duration_ms, default=MISSING)
        results.append(check_value("slowest duration (ms)", expect.duration, slowest, where))
    return results
