"""warm against functions that are called over HTTP, many at once."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.api import Finding, Outcome
from tests.support.function_server import DEPLOYMENT, Failing, Functions

if TYPE_CHECKING:
    from collections.abc import Callable

    Check = Callable[..., Finding]


def run_check(
    check: Check, raw_params: Any, function: Callable[[Any], Any], timeout_s: float = 3.0, **settings: Any
) -> Finding:
    with Functions({"7": function}) as functions:
        for name, value in settings.items():
            setattr(functions, name, value)
        return check("warm", raw_params, aws=functions.aws(), deployment=DEPLOYMENT, version="7", timeout_s=timeout_s)


def test_one_error_among_many_fails(check: Check) -> None:
    calls = iter(range(100))

    def third(_event: Any) -> Any:
        if next(calls) == 2:
            raise Failing("no database")
        return "ok"

    finding = run_check(check, {"count": 6}, third)
    assert finding.outcome is Outcome.FAIL
    assert "errors is 1, expected 0" in finding.message
    assert "Failing: no database" in finding.message


def test_a_cold_start_over_its_budget_fails(check: Check) -> None:
    finding = run_check(check, {"count": 3, "expect": {"init_duration": {"lte": "100ms"}}}, lambda event: event)
    assert finding.outcome is Outcome.FAIL
    assert "slowest init duration (ms) is 120" in finding.message
    init = finding.series[0]
    assert (init.name, init.values, init.limits) == ("init duration", (120.0,), {"slowest lte": 100.0})


def test_no_cold_start_shows_nothing_about_cold_starts(check: Check) -> None:
    expect = {"init_duration": {"lte": "100ms"}}
    finding = run_check(check, {"expect": expect}, lambda event: event, init_ms=None)
    assert finding.outcome is Outcome.INCONCLUSIVE


def test_a_throttled_invocation_is_an_error(check: Check) -> None:
    finding = run_check(check, {"count": 2}, lambda event: event, refuse="TooManyRequestsException")
    assert finding.outcome is Outcome.ERROR
    assert "2 of 2 invocations were not carried out" in finding.message


def test_a_late_answer_counts_as_an_error_of_the_version(check: Check) -> None:
    finding = run_check(check, {"count": 2}, lambda _event: time.sleep(2), timeout_s=0.4)
    assert finding.outcome is Outcome.FAIL
    assert "2 did not answer in time" in finding.message


def test_an_error_page_counts(check: Check) -> None:
    raw_params = {"count": 2, "event": {"alb": {"get": "/"}}}
    finding = run_check(check, raw_params, lambda _event: {"statusCode": 503, "body": ""})
    assert (finding.outcome, "status 503" in finding.message) == (Outcome.FAIL, True)
    assert run_check(check, raw_params, lambda _event: {"statusCode": 200, "body": ""}).outcome is Outcome.PASS


def test_all_run_at_once(check: Check) -> None:
    together = threading.Barrier(8, timeout=20)
    expect = {"init_duration": {"lte": "1s"}, "duration": {"lte": "1s"}, "cold_starts": {"gte": 1}}
    finding = run_check(
        check, {"count": 8, "payload": {"ping": 1}, "expect": expect}, lambda _event: together.wait() * 0, 30
    )
    assert finding.outcome is Outcome.PASS, finding.message
    assert "8 of 8 invocations at once" in finding.message


def test_errors_may_be_allowed(check: Check) -> None:
    once = iter([True])

    def broken(_event: Any) -> Any:
        if next(once, False):
            raise Failing("x")

    assert run_check(check, {"count": 2, "expect": {"errors": {"eq": 1}}}, broken).outcome is Outcome.PASS


@pytest.mark.parametrize(
    "raw_params",
    [{"count": 0}, {"count": 101}, {"expect": {"status": 200}}, {"count": 2, "expect": {"errors": {"lte": 2}}}],
)
def test_invalid_parameters_are_rejected_with_a_reason(check: Check, raw_params: Any) -> None:
    with pytest.raises(ValueError, match=r"1|100|status|would pass"):
        check("warm", raw_params)
