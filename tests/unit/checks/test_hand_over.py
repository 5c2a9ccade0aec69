"""A run ends between two attempts of its checks, and a later run goes on as if there had been one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from greenlight.api import Context, failed, passed
from greenlight.checks.attempt import CheckResources
from greenlight.checks.hand_over import RunPart, WaitingCheck, waiting_check
from greenlight.checks.runner import Runner
from greenlight.core.finding import Asked, Cause, Finding, Outcome
from greenlight.core.redaction import Redactor
from greenlight.core.units import Duration
from greenlight.plan.repeat import Repeat
from tests.support.check_run import ECS, UNUSED, check, good, retried, sleeping

if TYPE_CHECKING:
    from greenlight.checks.binding import Bound


def repeat(count: int, interval_s: float = 300, **limits: int) -> Repeat:
    return Repeat(count=count, interval=Duration(interval_s), **limits)


def run_part(*checks: Bound, within_s: float = 5.0, **part: Any) -> Runner:
    resources = CheckResources(ECS, UNUSED, UNUSED, Redactor(()))
    return Runner(
        resources,
        4,
        time.monotonic() + within_s,
        lambda *_: None,
        part=RunPart(**{"may_hand_over": True, **part}),
    )


def resumed(handed_over: tuple[WaitingCheck, ...]) -> tuple[WaitingCheck, ...]:
    """Return the checks after their way through a document, with their next attempts due now."""
    data = msgspec.json.encode([replace(item, at=time.time()) for item in handed_over])
    return tuple(msgspec.json.decode(data, type=list[WaitingCheck]))


def test_a_long_wait_is_handed_over_and_finished_checks_are_returned() -> None:
    slow, quick = check("slow", good, repeat=repeat(3)), check("quick", good)
    runner = run_part()
    findings = runner.run([slow, quick])
    assert ([finding.name for finding in findings], runner.has_ended) == (["quick"], False)
    (waiting,) = runner.handed_over
    assert (waiting.name, waiting.number, 290 < waiting.at - time.time() <= 300) == ("slow", 2, True)


def test_a_short_wait_is_not_handed_over() -> None:
    runner = run_part()
    (finding,) = runner.run([check("a", good, repeat=repeat(3, 0.01))])
    assert (finding.outcome, runner.has_ended, runner.handed_over) == (Outcome.PASS, True, ())


def test_nothing_is_handed_over_while_a_check_runs() -> None:
    runner = run_part()
    findings = runner.run([check("slow", good, repeat=repeat(2)), check("other", sleeping(0.3))])
    assert [finding.name for finding in findings] == ["other"]


def test_measurements_of_all_runs_make_one_finding() -> None:
    outcomes = iter([passed("one"), failed("two"), passed("three")])
    measured = check("slow", lambda _: next(outcomes), repeat=repeat(3, failure_limit=1))
    waiting: tuple[WaitingCheck, ...] = ()
    for _ in range(2):
        runner = run_part(waiting=waiting)
        assert runner.run([measured]) == ()
        waiting = resumed(runner.handed_over)
    runner = run_part(waiting=waiting)
    (finding,) = runner.run([measured])
    assert (finding.outcome, finding.attempts, finding.flaky) == (Outcome.PASS, 3, True)
    assert finding.message == "2 of 3 measurements passed; three"
    assert [record.outcome for record in finding.tries] == [Outcome.PASS, Outcome.FAIL, Outcome.PASS]


def test_the_finding_is_that_of_the_last_measurement_with_its_outcome_though_an_earlier_run_made_it() -> None:
    outcomes = iter([failed("the reason"), passed("fine")])
    measured = check("slow", lambda _: next(outcomes), repeat=repeat(3, failure_limit=1, consecutive_success_limit=2))
    first = run_part()
    first.run([measured])
    outcomes = iter([failed("the second reason")])
    (finding,) = run_part(waiting=resumed(first.handed_over)).run([measured])
    assert (finding.outcome, finding.message) == (Outcome.FAIL, "0 of 2 measurements passed; the second reason")


def test_a_retry_goes_on_with_its_number_and_the_pass_is_flaky() -> None:
    outcomes = iter([failed("not yet"), passed("now")])
    retrying = check("a", lambda _: next(outcomes), retry=retried(3, 120))
    first = run_part()
    first.run([retrying])
    (finding,) = run_part(waiting=resumed(first.handed_over)).run([retrying])
    assert (finding.outcome, finding.attempts, finding.flaky) == (Outcome.PASS, 2, True)


def test_a_check_that_needs_a_waiting_one_is_neither_run_nor_lost() -> None:
    first, second = check("first", good, repeat=repeat(2)), check("second", good, needs=("first",))
    before = run_part()
    assert before.run([first, second]) == ()
    after = run_part(waiting=resumed(before.handed_over))
    assert [finding.outcome for finding in after.run([first, second])] == [Outcome.PASS, Outcome.PASS]


def test_a_check_needs_what_another_run_found() -> None:
    runs: list[str] = []

    def recorded(_context: Context) -> Finding:
        runs.append("run")
        return passed("fine")

    dependent = check("dependent", recorded, needs=("head",))
    bad_head = Finding(outcome=Outcome.FAIL, message="no", name="head")
    (finding,) = run_part(findings=(bad_head,)).run([dependent])
    assert (finding.outcome, runs) == (Outcome.INCONCLUSIVE, [])
    (finding,) = run_part(findings=(replace(bad_head, outcome=Outcome.PASS),)).run([dependent])
    assert (finding.outcome, runs) == (Outcome.PASS, ["run"])


def test_a_finished_check_is_not_run_again() -> None:
    done = Finding(outcome=Outcome.PASS, message="before", name="a")
    (finding,) = run_part(findings=(done,)).run([check("a", sleeping(60))])
    assert finding.message == "before"


def test_an_attempt_that_does_not_fit_into_this_run_is_left_to_the_next() -> None:
    first = check("first", sleeping(0.4), timeout_s=0.5)
    second = check("second", good, needs=("first",), timeout_s=0.5)
    runner = run_part(within_s=0.7)
    assert ([finding.name for finding in runner.run([first, second])], runner.has_ended) == (["first"], False)
    last = run_part(within_s=0.7, is_last=True)
    assert [finding.name for finding in last.run([first, second])] == ["first", "second"]


def test_an_attempt_that_fits_into_no_run_is_cut_off_by_the_deadline() -> None:
    (finding,) = run_part(within_s=0.3).run([check("a", sleeping(5), timeout_s=60)])
    assert finding.outcome is Outcome.ERROR


def test_a_check_that_is_cut_off_ends_no_other_check_of_a_run_that_is_not_the_last() -> None:
    stuck, other = check("stuck", sleeping(5), timeout_s=60), check("other", good, repeat=repeat(2))
    runner = run_part(within_s=0.3)
    (finding,) = runner.run([stuck, other, check("dependent", good, needs=("other",))])
    assert (finding.name, finding.outcome, finding.cause) == ("stuck", Outcome.ERROR, Cause.DEADLINE)
    assert (runner.has_ended, [item.name for item in runner.handed_over]) == (False, ["other"])
    last = run_part(findings=(finding,), waiting=resumed(runner.handed_over))
    findings = last.run([stuck, other, check("dependent", good, needs=("other",))])
    assert [item.outcome for item in findings] == [Outcome.ERROR, Outcome.PASS, Outcome.PASS]


def test_the_last_run_leaves_nothing_to_a_later_one() -> None:
    runner = run_part(within_s=0.3, is_last=True)
    findings = runner.run([check("stuck", sleeping(5), timeout_s=60), check("other", good, repeat=repeat(2))])
    assert [finding.outcome for finding in findings] == [Outcome.ERROR, Outcome.ERROR]
    assert (runner.has_ended, runner.handed_over) == (True, ())


def test_a_waiting_check_keeps_whom_each_attempt_asked_and_one_whole_finding_of_each_outcome() -> None:
    findings = [
        Finding(outcome=Outcome.PASS, message=f"measurement {number}", asked=Asked(green=number)) for number in range(3)
    ]
    waiting = waiting_check("a", 4, 0.0, findings, ())
    assert [(item.message, item.asked.green) for item in waiting.attempt_findings()] == [
        ("", 0),
        ("", 1),
        ("measurement 2", 2),
    ]


def test_a_thousand_measurements_fit_into_one_message_of_the_worker() -> None:
    long = "x" * 5000
    findings = [
        Finding(outcome=(Outcome.PASS, Outcome.FAIL)[number % 2], message=long, asked=Asked(green=1))
        for number in range(1000)
    ]
    waiting = waiting_check("a", 1001, 0.0, findings, ())
    assert len(msgspec.json.encode(waiting)) < 128 * 1024
