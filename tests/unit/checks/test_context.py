"""A context ends in time, and waits with its clock."""

from __future__ import annotations

from greenlight.api import Context, failed, passed
from greenlight.core.finding import Finding, Outcome
from greenlight.testing import FakeClock, context_for, ecs_deployment
from tests.support.check_run import Run, check


def test_context_has_the_remaining_time_of_its_attempt() -> None:
    remaining_s: list[float] = []
    Run(
        check("c", lambda context: remaining_s.append(context.remaining_s()) or passed("ok"), timeout_s=60),
        within_s=2,
    )
    assert 1.5 < remaining_s[0] <= 2, "the gate's own deadline is nearer than the check's"


def test_sleep_ends_before_the_attempt() -> None:
    def polling(context: Context) -> Finding:
        rounds = 0
        while context.sleep(0.05):
            rounds += 1
        return failed(f"{rounds > 2} {context.remaining_s() >= 0}")

    (finding,) = Run(check("c", polling, timeout_s=0.5)).findings
    assert (finding.outcome, finding.message) == (Outcome.FAIL, "True True")


def test_reserved_time_is_not_part_of_the_returned_context() -> None:
    with context_for(ecs_deployment(), timeout_s=10.0) as context:
        shorter = context.reserve(4.0)

        assert 5.5 < shorter.remaining_s() <= 6.0
        assert context.remaining_s() > 9.5
        assert context.reserve(60.0).remaining_s() == 0.0


def test_sleep_uses_the_clock_and_ends_before_the_deadline() -> None:
    clock = FakeClock()
    with context_for(ecs_deployment(), timeout_s=5.0, clock=clock) as context:
        assert context.sleep(3.0)
        assert not context.sleep(60.0)
        assert not context.sleep(60.0)

    assert clock.slept[0] == 3.0
    assert 1.5 < clock.slept[1] <= 1.95
    assert clock.slept[2] == 0.0


def test_reserve_keeps_the_clock() -> None:
    clock = FakeClock()
    with context_for(ecs_deployment(), clock=clock) as context:
        assert context.reserve(1.0).clock is clock
