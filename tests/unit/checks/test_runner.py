"""Checks run at once, within their times, and every check has its finding."""

from __future__ import annotations

import itertools
import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from greenlight.api import Context, failed, inconclusive, passed
from greenlight.api import error as errored
from greenlight.checks.binding import Bound
from greenlight.checks.runner import MAX_ATTEMPT_RECORDS, unfinished_finding
from greenlight.core.deployment import Platform
from greenlight.core.finding import (
    Cause,
    ExcuseReason,
    Finding,
    OnFirstDeployment,
    OnInconclusive,
    Outcome,
    Severity,
)
from greenlight.core.units import Duration
from greenlight.plan.model import Check
from greenlight.plan.repeat import Repeat
from greenlight.plan.schema import When
from tests.support.check_run import ECS, SECRET, Run, check, good, retried, sleeping

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Yield an event that hung checks wait for; it is set when the test is over, so that their threads end."""
    event = threading.Event()
    yield event
    event.set()


# ---- Concurrency


def test_every_check_has_one_finding_in_the_plans_order_and_each_is_emitted_once() -> None:
    run = Run(*(check(f"c{number}", sleeping(0.01 * (5 - number))) for number in range(5)))
    assert [finding.name for finding in run.findings] == ["c0", "c1", "c2", "c3", "c4"]
    assert sorted(finding.name for _, finding in run.emitted) == ["c0", "c1", "c2", "c3", "c4"]
    assert [finding.name for _, finding in run.emitted] != [finding.name for finding in run.findings]


def test_no_checks_are_no_findings() -> None:
    assert Run().findings == ()


@pytest.mark.parametrize("concurrency", [1, 3, 16])
def test_as_many_checks_run_at_once_as_allowed_and_no_more(concurrency: int) -> None:
    lock, running, most = threading.Lock(), 0, 0
    together = threading.Event()

    def counted(_context: Context) -> Finding:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
            if most >= concurrency:
                together.set()
        met = together.wait(5)
        with lock:
            running -= 1
        return passed("counted") if met else failed("timed out")

    run = Run(*(check(f"c{number}", counted) for number in range(16)), concurrency=concurrency)
    assert run.outcomes() == ["PASS"] * 16
    assert most == concurrency


def test_checks_at_once_take_the_time_of_one() -> None:
    assert Run(*(check(f"c{number}", sleeping(0.2)) for number in range(10))).took_s < 1.9


def test_thousands_of_checks_pass_through_few_threads() -> None:
    before = threading.active_count()
    run = Run(*(check(f"c{number}", good) for number in range(2000)), concurrency=8, within_s=30)
    assert set(run.outcomes()) == {"PASS"}
    assert threading.active_count() - before <= 8


# ---- Needs and conditions


def test_a_check_waits_for_what_it_needs() -> None:
    order: list[str] = []

    def noting(name: str, pause_s: float) -> Callable[[Context], Finding]:
        def run(_context: Context) -> Finding:
            time.sleep(pause_s)
            order.append(name)
            return passed(name)

        return run

    run = Run(
        check("first", noting("first", 0.1)),
        check("second", noting("second", 0.05), needs=("first",)),
        check("third", noting("third", 0), needs=("first", "second")),
        check("free", noting("free", 0)),
    )
    assert order == ["free", "first", "second", "third"]
    assert run.outcomes() == ["PASS"] * 4


@pytest.mark.parametrize(
    ("made", "outcome"),
    [
        (lambda _: failed("no"), "FAIL"),
        (lambda _: errored("no"), "ERROR"),
        (lambda _: inconclusive("no"), "INCONCLUSIVE"),
    ],
)
def test_a_check_is_not_run_when_what_it_needs_did_not_pass(made: Any, outcome: str) -> None:
    ran: list[int] = []
    run = Run(
        check("first", made),
        check("second", lambda _: ran.append(1) or passed("ran"), needs=("first",)),
        check("third", good, needs=("second",)),
    )
    assert ran == []
    assert run.outcomes() == [outcome, "INCONCLUSIVE", "INCONCLUSIVE"]
    assert run.by_name["second"].message == f"not run: it needs 'first', which ended with {outcome}"


def test_a_check_is_skipped_where_the_plan_does_not_want_it() -> None:
    run = Run(
        check("only lambda", good, when=When(platform=Platform.LAMBDA)),
        check("only shop", good, when=When(application="shop")),
    )
    assert run.outcomes() == ["SKIPPED", "PASS"]
    assert "only when platform is lambda, and it is ecs" in run.findings[0].message


def test_a_validator_of_another_platform_is_a_mistake_of_the_plan() -> None:
    run = Run(check("wrong", good, platforms=("lambda",)), check("right", good, platforms=("ecs",)))
    assert run.outcomes() == ["ERROR", "PASS"]
    assert run.findings[0].cause is Cause.PLAN_ERROR
    assert "works on lambda, and this is a ecs deployment" in run.findings[0].message


@pytest.mark.parametrize(
    ("does", "remediation"),
    [
        (lambda _: failed("no"), "Look there."),
        (lambda _: errored("no"), "Look there."),
        (lambda _: inconclusive("no"), "Look there."),
        (lambda _: passed("yes"), ""),
        (lambda _: msgspec.structs.replace(passed("yes"), remediation="Look at me."), ""),
    ],
    ids=["fail", "error", "inconclusive", "pass", "of its own"],
)
def test_finding_that_did_not_pass_has_the_remediation(does: Any, remediation: str) -> None:
    run = Run(check("it", does, next="Look there."), check("left out", good, next="x", when=When(group="other")))
    assert [finding.remediation for finding in run.findings] == [remediation, ""]


def test_check_that_did_not_run_has_no_remediation() -> None:
    run = Run(check("first", lambda _: failed("no"), next="x"), check("second", good, next="y", needs=("first",)))

    assert {finding.name: finding.remediation for finding in run.findings} == {"first": "x", "second": ""}


# ---- Retries


def flaky(*outcomes: Callable[[str], Finding]) -> Callable[[Context], Finding]:
    given = iter(outcomes)
    return lambda _context: next(given)("said")


def test_a_pass_after_a_failure_is_a_pass_marked_flaky() -> None:
    run = Run(check("c", flaky(failed, errored, passed), retry=retried(5)))
    (finding,) = run.findings
    assert (finding.outcome, finding.attempts) == (Outcome.PASS, 3)
    assert (finding.message, finding.flaky) == ("said", True)
    assert len(run.emitted) == 1


def test_the_last_attempt_counts() -> None:
    (finding,) = Run(check("c", flaky(errored, errored, failed), retry=retried(3))).findings
    assert (finding.outcome, finding.attempts) == (Outcome.FAIL, 3)
    assert not finding.flaky


def test_a_pass_is_not_tried_again() -> None:
    (finding,) = Run(check("c", flaky(passed), retry=retried(5))).findings
    assert (finding.attempts, finding.message, finding.flaky) == (1, "said", False)


def test_a_pass_after_waiting_for_a_conclusion_is_not_flaky() -> None:
    (finding,) = Run(check("c", flaky(inconclusive, passed), retry=retried(3))).findings
    assert (finding.outcome, finding.attempts, finding.flaky) == (Outcome.PASS, 2, False)


@pytest.mark.parametrize(
    ("before", "cause"),
    [(failed, Cause.RELEASE_FAILED), (errored, Cause.GATE_ERROR), (inconclusive, None)],
    ids=["failed", "erred", "inconclusive"],
)
def test_an_inconclusive_last_attempt_does_not_hide_what_was_before_it(
    before: Callable[[str], Finding], cause: Cause | None
) -> None:
    (finding,) = Run(check("c", flaky(before, inconclusive), retry=retried(2))).findings
    assert (finding.outcome, finding.cause) == (Outcome.INCONCLUSIVE, cause)


def test_a_validator_cannot_excuse_itself() -> None:
    excused = Finding(
        outcome=Outcome.INCONCLUSIVE,
        message="",
        flaky=True,
        excused=ExcuseReason.TOLERATED,
        on_inconclusive=OnInconclusive.TOLERATE,
    )
    (finding,) = Run(check("c", lambda _: excused)).findings
    assert (finding.flaky, finding.excused, finding.on_inconclusive) == (False, ExcuseReason.NONE, OnInconclusive.FAIL)


@pytest.mark.parametrize("first", [False, True])
def test_a_check_can_be_left_out_where_there_is_no_blue(first: bool) -> None:
    deployment = msgspec.structs.replace(ECS, first=first)
    compares = check("compares", good, on_first_deployment=OnFirstDeployment.SKIP)
    run = Run(compares, check("runs", good), deployment=deployment)
    assert run.outcomes() == ["SKIPPED" if first else "PASS", "PASS"]
    assert ("first deployment" in run.findings[0].message) is first


def test_only_outcomes_that_the_plan_names_are_tried_again() -> None:
    run = Run(
        check("fails", flaky(failed), retry=retried(5, on=("error",))),
        check("errs", flaky(errored, passed), retry=retried(5, on=("error",))),
    )
    assert [(finding.outcome.value, finding.attempts) for finding in run.findings] == [("FAIL", 1), ("PASS", 2)]


def test_jitter_is_drawn_anew_for_each_wait() -> None:
    drawn = iter([1.0, 1.0])
    hour = retried(3, 3600, jitter=1.0)  # without the jitter the second attempt would never come
    (finding,) = Run(check("c", flaky(failed, failed, passed), retry=hour), chance=lambda: next(drawn)).findings
    assert (finding.outcome, finding.attempts, list(drawn)) == (Outcome.PASS, 3, [])


def test_waits_between_attempts_grow_with_the_backoff() -> None:
    moments: list[float] = []

    def noting(_context: Context) -> Finding:
        moments.append(time.monotonic())
        return failed("no")

    def on_time() -> bool:
        moments.clear()
        Run(check("c", noting, retry=retried(4, 0.05, backoff=2.0)))
        waits = [later - earlier for earlier, later in itertools.pairwise(moments)]
        late = [wait - least for wait, least in zip(waits, (0.05, 0.1, 0.2), strict=True)]
        assert min(late) >= 0
        return max(late) < 0.15

    assert any(on_time() for _ in range(5))  # a busy machine holds some up, and not each


def test_a_retry_that_would_come_after_the_deadline_is_not_waited_for() -> None:
    run = Run(check("c", flaky(failed), retry=retried(3, 60)), within_s=10)
    assert run.took_s < 5
    assert (run.findings[0].outcome, run.findings[0].message) == (Outcome.FAIL, "said")


def test_others_run_while_one_waits_for_its_next_attempt() -> None:
    run = Run(check("retried", flaky(failed, passed), retry=retried(2, 0.3)), check("other", good), concurrency=1)
    assert [finding.name for _, finding in run.emitted] == ["other", "retried"]


# ---- Time


def test_a_hung_check_is_abandoned_and_the_others_go_on(gate: threading.Event) -> None:
    run = Run(
        check("hangs", lambda _: gate.wait(10) and passed("late"), timeout_s=0.1),
        *(check(f"c{number}", sleeping(0.02)) for number in range(5)),
        concurrency=1,
    )
    assert run.outcomes() == ["ERROR"] + ["PASS"] * 5
    assert run.by_name["hangs"].cause is Cause.DEADLINE
    assert run.by_name["hangs"].message == "no result within 0.1 s; the check was abandoned"
    assert run.took_s < 5


def test_an_abandoned_check_that_answers_late_changes_nothing(gate: threading.Event) -> None:
    run = Run(
        check("late", lambda _: time.sleep(0.5) or passed("too late"), timeout_s=0.05),
        check("slow", sleeping(0.8)),
    )
    assert run.outcomes() == ["ERROR", "PASS"]
    assert len(run.emitted) == 2


def test_a_hung_attempt_is_tried_again(gate: threading.Event) -> None:
    given = iter([lambda: gate.wait(10) and passed("late"), lambda: passed("in time")])
    (finding,) = Run(check("c", lambda _: next(given)(), timeout_s=0.4, retry=retried(2))).findings
    assert (finding.outcome, finding.attempts) == (Outcome.PASS, 2)


def test_many_hung_checks_do_not_use_up_the_threads(gate: threading.Event) -> None:
    hung = [check(f"h{number}", lambda _: gate.wait(10) and passed("late"), timeout_s=0.05) for number in range(6)]
    run = Run(*hung, check("good", good), concurrency=2)
    assert run.outcomes() == ["ERROR"] * 6 + ["PASS"]


def test_the_deadline_names_what_was_running_waiting_and_not_started(gate: threading.Event) -> None:
    run = Run(
        check("done", good),
        check("running", lambda _: gate.wait(10) and passed("late"), timeout_s=60),
        check("again", flaky(failed, failed, failed, failed), retry=retried(3, 0.25)),
        check("needs it", good, needs=("running",)),
        check("queued", good, needs=("running",)),
        within_s=0.4,
    )
    assert 0.39 < run.took_s < 5
    ends = {finding.name: (finding.outcome.value, finding.cause, finding.message) for finding in run.findings}
    over = "not finished: the gate reached its deadline while the check "
    assert ends["done"] == ("PASS", None, "fine")
    assert ends["running"] == ("ERROR", Cause.DEADLINE, over + "was still running")
    assert ends["again"][0] in ("FAIL", "ERROR")
    assert ends["queued"] == ("ERROR", Cause.DEADLINE, over + "had not been started")
    assert len(run.emitted) == 5


def test_a_check_that_waits_for_its_next_attempt_at_the_deadline_says_so(gate: threading.Event) -> None:
    run = Run(
        check("again", flaky(failed), retry=retried(9, 0.05)),
        check("holds the place", lambda _: gate.wait(10) and passed("late"), timeout_s=60),
        concurrency=1,
        within_s=0.3,
    )
    finding = run.by_name["again"]
    assert (finding.cause, finding.attempts) == (Cause.DEADLINE, 1)
    assert finding.message.endswith("was to be tried again")


# ---- Malformed plugins


def test_a_finding_cannot_take_another_name_or_severity() -> None:
    forged = Finding(
        outcome=Outcome.FAIL, message="no", name="other", validator="other", severity=Severity.ADVISORY, attempts=9
    )
    (finding,) = Run(check("mine", lambda _: forged)).findings
    assert (finding.name, finding.validator, finding.severity, finding.attempts) == (
        "mine",
        "stub",
        Severity.BLOCKING,
        1,
    )


def test_a_malformed_plugin_is_an_error_under_its_name_while_others_run() -> None:
    broken = Bound(
        Check(name="broken", validator="odd", params={}), None, None, "validators/odd.py cannot be loaded: SyntaxError"
    )
    run = Run(broken, check("good", good))
    assert run.outcomes() == ["ERROR", "PASS"]
    assert (run.findings[0].validator, run.findings[0].message) == (
        "odd",
        "validators/odd.py cannot be loaded: SyntaxError",
    )


# ---- Kept findings


def test_a_machine_without_memory_for_more_threads_still_runs_every_check() -> None:
    def greedy(_context: Context) -> Finding:
        threading.stack_size(1 << 45)  # no thread after this one can be started
        return passed("took it all")

    try:
        run = Run(check("greedy", greedy), *(check(f"c{n}", sleeping(0.01), needs=("greedy",)) for n in range(8)))
    finally:
        threading.stack_size(0)
    assert run.outcomes() == ["PASS"] * 9


def test_the_finding_of_a_check_whose_worker_is_gone_keeps_its_name_and_severity() -> None:
    lost = unfinished_finding(check("c", good, severity=Severity.ADVISORY).check, "killed", Cause.DEADLINE)
    assert (lost.name, lost.severity, lost.outcome, lost.cause, lost.attempts) == (
        "c",
        Severity.ADVISORY,
        Outcome.ERROR,
        Cause.DEADLINE,
        0,
    )


def measured(count: int, **limits: Any) -> Repeat:
    return Repeat(count=count, interval=Duration(0.01), **limits)


def test_one_failed_measurement_fails_a_repeated_check_at_once() -> None:
    run = Run(check("errors stay low", flaky(passed, failed, passed), repeat=measured(5)))

    assert run.by_name["errors stay low"].outcome is Outcome.FAIL
    assert run.by_name["errors stay low"].attempts == 2
    assert run.by_name["errors stay low"].message.startswith("1 of 2 measurements passed")


def test_a_repeated_check_that_passes_in_spite_of_a_failure_is_flaky() -> None:
    run = Run(check("errors stay low", flaky(passed, failed, passed), repeat=measured(3, failure_limit=1)))

    assert run.by_name["errors stay low"].outcome is Outcome.PASS
    assert run.by_name["errors stay low"].message.startswith("2 of 3 measurements passed")
    assert run.by_name["errors stay low"].flaky


def test_a_repeated_check_whose_measurements_all_pass_is_not_flaky() -> None:
    run = Run(check("errors stay low", good, repeat=measured(3)))

    assert (run.by_name["errors stay low"].attempts, run.by_name["errors stay low"].flaky) == (3, False)


@pytest.mark.parametrize(
    ("borne", "cause"), [(failed, "RELEASE_FAILED"), (errored, "GATE_ERROR")], ids=["failed", "erred"]
)
def test_measurements_that_come_to_nothing_do_not_hide_what_went_wrong(
    borne: Callable[[str], Finding], cause: str
) -> None:
    repeat = measured(3, failure_limit=2, consecutive_success_limit=2)
    run = Run(check("errors stay low", flaky(passed, borne, passed), repeat=repeat))

    assert run.by_name["errors stay low"].outcome is Outcome.INCONCLUSIVE
    assert run.by_name["errors stay low"].cause == cause


def test_a_repeated_check_that_the_deadline_cuts_short_is_not_passed() -> None:
    run = Run(check("errors stay low", good, repeat=Repeat(count=3, interval=Duration(10))), within_s=0.3)

    assert run.by_name["errors stay low"].outcome is Outcome.ERROR
    assert run.by_name["errors stay low"].cause is Cause.DEADLINE


# ---- Records of attempts


def test_every_attempt_is_kept_with_its_outcome_and_its_time_from_the_gates_start() -> None:
    answers = iter([failed(f"not yet {SECRET}"), errored("who knows"), passed("there")])

    finding = Run(check("third time", lambda _: next(answers), retry=retried(3)), began_s=60.0).findings[0]

    assert [(record.outcome.value, record.message) for record in finding.tries] == [
        ("FAIL", "not yet ***"),
        ("ERROR", "who knows"),
        ("PASS", ""),
    ]
    begins = [record.began_ms for record in finding.tries]
    assert finding.began_ms == begins[0] >= 60_000
    assert begins == sorted(begins)


def test_a_check_that_never_ran_has_no_attempts() -> None:
    finding = Run(check("first", lambda _: failed("no")), check("second", good, needs=("first",))).by_name["second"]

    assert (finding.tries, finding.began_ms) == ((), 0.0)


def test_an_attempt_that_the_end_of_the_gate_cuts_off_is_kept() -> None:
    finding = Run(check("slow", sleeping(2.0)), within_s=0.2).findings[0]

    assert [(record.outcome.value, record.message) for record in finding.tries] == [("ERROR", "not finished")]
    assert finding.tries[0].duration_ms >= 150


def test_only_the_first_and_last_of_very_many_measurements_are_kept() -> None:
    count = MAX_ATTEMPT_RECORDS + 20
    repeat = Repeat(count=count, interval=Duration(0.0), failure_limit=1)
    outcomes = itertools.chain([failed("the first")], itertools.repeat(passed("fine")))

    finding = Run(check("often", lambda _: next(outcomes), repeat=repeat)).findings[0]

    assert (finding.attempts, len(finding.tries)) == (count, MAX_ATTEMPT_RECORDS)
    assert finding.tries[0].message == "the first"
