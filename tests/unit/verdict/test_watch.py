"""Decisions of the watcher of a shift: it stops a release that turns bad in time, and stops nothing else."""

from __future__ import annotations

import random
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from greenlight.core.finding import Cause, ExcuseReason, Finding, Outcome, Severity
from greenlight.core.verdict import Reason, Status, Verdict
from greenlight.core.watch import Round, RoundOutcome, ShiftWatch, WatchEnd
from greenlight.verdict.watch import (
    Action,
    Situation,
    count_bad_in_a_row,
    decide,
    judge_round,
    make_round,
    watch_verdict,
)

GOOD, BAD, UNKNOWN = RoundOutcome.GOOD, RoundOutcome.BAD, RoundOutcome.UNKNOWN
SHIFTING = Situation(is_during=True, is_prepared=True, is_due=True)
PASSED = Verdict(status=Status.SUCCEEDED)
FAILED = Verdict(status=Status.FAILED, reasons=(Reason(cause=Cause.GATE_ERROR, check="a", message="no answer"),))
SLOW = Finding(outcome=Outcome.FAIL, name="latency", message="p95 812 ms, at most 400 ms")
WATCH = ShiftWatch(every_s=30.0, tolerate=1, stop_on=(Outcome.FAIL,))


# ---- Nothing but a bad release is stopped


@pytest.mark.parametrize(
    "situation",
    [
        replace(SHIFTING, is_rollback=True),
        replace(SHIFTING, has_ended=True),
        replace(SHIFTING, is_during=False),
        replace(SHIFTING, is_during=False, is_before=True),
        replace(SHIFTING, is_shadowed=True),
        replace(SHIFTING, has_asked_to_stop=True),
    ],
)
def test_bad_rounds_stop_nothing_but_a_release_whose_traffic_shifts(situation: Situation) -> None:
    assert decide(replace(situation, bad_in_a_row=99, tolerate=0)) is not Action.STOP


@pytest.mark.parametrize("outcome", [Outcome.ERROR, Outcome.INCONCLUSIVE])
def test_check_that_could_not_measure_makes_no_round_bad_unless_the_plan_says_so(outcome: Outcome) -> None:
    finding = Finding(outcome=outcome, name="a", message="no answer")

    assert judge_round([finding], FAILED, (Outcome.FAIL,)) == (UNKNOWN, "no answer")
    assert judge_round([finding], FAILED, (Outcome.FAIL, outcome)) == (BAD, "no answer")


@pytest.mark.parametrize(
    "finding", [replace(SLOW, severity=Severity.ADVISORY), replace(SLOW, excused=ExcuseReason.OVERRIDDEN)]
)
def test_advisory_and_overridden_checks_make_no_round_bad(finding: Finding) -> None:
    assert judge_round([finding], PASSED, (Outcome.FAIL,)) == (GOOD, "")


def test_round_without_evidence_is_not_good() -> None:
    verdict = Verdict(status=Status.FAILED, reasons=(Reason(cause=Cause.NO_EVIDENCE, message="none asked green"),))

    item = make_round(1, 10.0, [Finding(outcome=Outcome.PASS, name="a", message="")], verdict, (Outcome.FAIL,))

    assert (item.outcome, item.checks, item.message) == (UNKNOWN, (), "none asked green")


def test_bad_round_keeps_the_names_of_its_first_checks_and_a_short_message() -> None:
    findings = [replace(SLOW, name=f"check {number}", message="x" * 5000) for number in range(9)]

    item = make_round(7, 10.0, findings, FAILED, (Outcome.FAIL,))

    assert item.checks == ("check 0", "check 1", "check 2")
    assert len(item.message) <= 300


# ---- The next action


def test_release_over_the_tolerance_is_stopped() -> None:
    assert decide(replace(SHIFTING, bad_in_a_row=1)) is Action.PROBE
    assert decide(replace(SHIFTING, bad_in_a_row=2)) is Action.STOP
    assert decide(replace(SHIFTING, bad_in_a_row=1, tolerate=0)) is Action.STOP


def test_long_execution_stops_a_bad_release_before_it_is_renewed() -> None:
    assert decide(replace(SHIFTING, is_long=True, bad_in_a_row=2)) is Action.STOP
    assert decide(replace(SHIFTING, is_long=True)) is Action.RENEW


def test_checks_are_prepared_when_the_shift_begins_and_run_when_they_are_due() -> None:
    assert decide(Situation(is_before=True)) is Action.WAIT
    assert decide(Situation(is_during=True)) is Action.PREPARE
    assert decide(SHIFTING) is Action.PROBE
    assert decide(replace(SHIFTING, is_due=False)) is Action.WAIT


def test_watcher_waits_for_the_end_of_a_deployment_that_it_stopped_but_not_for_ever() -> None:
    stopping = replace(SHIFTING, has_asked_to_stop=True)

    assert decide(stopping) is Action.WAIT
    assert decide(replace(stopping, has_ended=True)) is Action.REPORT
    assert decide(replace(stopping, is_unanswered=True)) is Action.REPORT


def test_round_without_an_answer_neither_adds_to_the_bad_ones_nor_forgives_them() -> None:
    assert [count_bad_in_a_row(1, outcome) for outcome in (GOOD, BAD, UNKNOWN)] == [0, 2, 1]


# ---- Whole shifts


class Play(NamedTuple):
    """A linear shift that was played: the moment at which it was stopped, and its rounds."""

    stopped_s: float | None
    rounds: list[RoundOutcome]


def play(rng: random.Random, step_s: float, steps: int, turns_bad_s: float, tolerate: int, *, noise: float) -> Play:
    """Play a linear shift: its rounds take time, and `every` leaves two of them and their time within one step."""
    end_s, round_s = step_s * steps, rng.uniform(0.1, step_s / 10)
    every_s = rng.uniform(max(round_s, step_s / 20), (step_s - round_s) / 2)
    now_s, bad, outcomes = rng.uniform(0.0, every_s), 0, []
    while now_s < end_s + 3 * step_s:
        began_s, is_bad = now_s, now_s >= turns_bad_s
        outcome = BAD if is_bad else UNKNOWN if rng.random() < noise else GOOD
        if not is_bad and tolerate and outcomes[-1:] == [GOOD] and rng.random() < noise:
            outcome = BAD  # one bad measurement of a good release
        outcomes.append(outcome)
        now_s += round_s
        bad = 0 if outcome is GOOD else count_bad_in_a_row(bad, outcome)
        if not is_bad and outcome is BAD:
            outcomes.append(GOOD)
            bad = count_bad_in_a_row(bad, GOOD)
        is_during = now_s < end_s
        action = decide(replace(SHIFTING, is_during=is_during, bad_in_a_row=bad, tolerate=tolerate))
        if action is Action.STOP:
            return Play(now_s, outcomes)
        if action is Action.REPORT:
            break
        now_s = max(now_s, began_s + every_s)
    return Play(None, outcomes)


@pytest.mark.parametrize("seed", range(40))
def test_release_that_turns_bad_is_stopped_at_or_before_the_second_step_after_it(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        step_s, steps = rng.uniform(60.0, 600.0), rng.randint(4, 20)
        turns_bad_s = rng.uniform(0.0, step_s * (steps - 2))
        second_step_s = (turns_bad_s // step_s + 2) * step_s

        played = play(rng, step_s, steps, turns_bad_s, rng.randint(0, 1), noise=0.2)

        assert played.stopped_s is not None
        assert turns_bad_s <= played.stopped_s <= second_step_s


@pytest.mark.parametrize("seed", range(40))
def test_good_release_is_never_stopped_whatever_its_checks_cannot_measure(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        played = play(rng, rng.uniform(60.0, 600.0), rng.randint(1, 20), 1e9, rng.randint(0, 1), noise=0.5)

        assert played.stopped_s is None


@pytest.mark.parametrize("seed", range(20))
def test_release_that_turns_bad_at_the_end_is_not_stopped_past_its_shift(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(50):
        step_s, steps = rng.uniform(60.0, 600.0), rng.randint(1, 20)
        turns_bad_s = step_s * steps - rng.uniform(0.0, step_s)

        played = play(rng, step_s, steps, turns_bad_s, rng.randint(0, 3), noise=0.3)

        assert played.stopped_s is None or played.stopped_s < step_s * steps


# ---- The verdict of the report


def rounds(*outcomes: RoundOutcome) -> ShiftWatch:
    items = tuple(Round(number=number, at_ms=number * 1000.0, outcome=item) for number, item in enumerate(outcomes, 1))
    return replace(
        WATCH,
        rounds=items,
        total=len(items),
        bad=outcomes.count(BAD),
        unknown=outcomes.count(UNKNOWN),
    )


def test_watch_in_which_no_round_was_good_has_no_evidence() -> None:
    for watch in (rounds(), rounds(UNKNOWN, UNKNOWN)):
        verdict = watch_verdict(watch, [])
        assert (verdict.status, verdict.reasons[0].cause) == (Status.FAILED, Cause.NO_EVIDENCE)


def test_watch_that_could_not_go_on_is_an_error_of_the_gate() -> None:
    verdict = watch_verdict(replace(rounds(GOOD), end=WatchEnd.ABANDONED), [], "Lambda is throttled")

    assert (verdict.status, verdict.reasons[0].cause) == (Status.FAILED, Cause.GATE_ERROR)
    assert verdict.reasons[0].message == "the shift was not watched to its end: Lambda is throttled"


def test_deployment_that_another_one_stopped_is_not_blamed_on_the_release() -> None:
    watch = replace(rounds(GOOD), end=WatchEnd.ENDED)

    assert watch_verdict(watch, [], "ALARM_ACTIVE: errors").reasons[0].cause is Cause.SUPERSEDED


def test_stopped_release_says_where_and_why() -> None:
    watch = replace(rounds(GOOD, BAD, BAD), end=WatchEnd.STOPPED, is_over=True, stopped_percent=30.0, rollback="d-2")

    verdict = watch_verdict(watch, [SLOW])

    assert verdict.reasons == (
        Reason(
            cause=Cause.RELEASE_FAILED,
            check="latency",
            message="stopped at 30 %, 2 of 3 rounds bad: p95 812 ms, at most 400 ms",
        ),
    )


def test_stop_that_codedeploy_refused_has_both_reasons() -> None:
    watch = replace(rounds(BAD, BAD), end=WatchEnd.NOT_STOPPED, is_over=True, stopped_percent=20.0)

    causes = [reason.cause for reason in watch_verdict(watch, [SLOW], "AccessDenied").reasons]

    assert causes == [Cause.RELEASE_FAILED, Cause.GATE_ERROR]


def test_release_in_a_shadow_shows_where_it_would_have_been_stopped() -> None:
    watch = replace(rounds(BAD, BAD, GOOD), is_over=True, stopped_percent=20.0)

    assert watch_verdict(watch, [SLOW]).reasons[0].message.startswith("would have been stopped at 20 %, 2 of 3 rounds")


def test_release_that_moved_over_succeeded_with_a_tolerated_round() -> None:
    assert watch_verdict(rounds(GOOD, BAD, GOOD), []) == PASSED
