"""Checks run at once, within their times, and every one has its finding."""

from __future__ import annotations

import itertools
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from msgspec.structs import replace

from greenlight.api import Context, Params, failed, inconclusive, passed, validator
from greenlight.api import error as errored
from greenlight.checks.attempt import CheckResources
from greenlight.checks.binding import Bound
from greenlight.checks.redact_finding import MAX_EVIDENCE, MAX_POINTS, MAX_SERIES
from greenlight.checks.runner import MAX_ATTEMPT_RECORDS, Runner, unfinished_finding
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import UnreachableError
from greenlight.core.finding import (
    Cause,
    Evidence,
    ExcuseReason,
    Finding,
    OnFirstDeployment,
    OnInconclusive,
    Outcome,
    Series,
    Severity,
)
from greenlight.core.redaction import Redactor
from greenlight.core.units import Duration
from greenlight.plan.model import Check
from greenlight.plan.repeat import Repeat
from greenlight.plan.retry import Retry
from greenlight.plan.schema import When

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

NOBODY: Any = None
ECS = Deployment(id="d-ABCDEF123", platform=Platform.ECS, stage="AfterAllowTestTraffic", application="shop")
SECRET = "canary-7f3a9c21"


class Empty(Params, frozen=True, kw_only=True):
    """No parameters."""


def check(name: str, does: Callable[[Context], Any], **control: Any) -> Bound:
    """Make a check whose validator does what `does` does."""

    @validator(Empty, platforms=control.pop("platforms", ("ecs", "lambda")), remediation=control.pop("next", ""))
    def said(_params: Empty, context: Context) -> Finding:
        """Do it."""
        finding: Finding = does(context)
        return finding

    return Bound(Check(name=name, validator="said", params={}, **control), said, Empty())


def retried(attempts: int, interval_s: float = 0.01, **more: Any) -> Retry:
    return Retry(attempts=attempts, interval=Duration(interval_s), **more)


class Run:
    """One run of checks: what was found, what was emitted when, how long it took."""

    def __init__(
        self,
        *checks: Bound,
        concurrency: int = 16,
        within_s: float = 5.0,
        deployment: Deployment = ECS,
        chance: Callable[[], float] = lambda: 0.0,
        began_s: float = 0.0,
        secrets: Sequence[str] = (SECRET,),
    ) -> None:
        self.emitted: list[tuple[float, Finding]] = []
        tools = CheckResources(deployment, NOBODY, NOBODY, Redactor(secrets))
        began = time.monotonic()
        runner = Runner(
            tools,
            concurrency,
            began + within_s,
            lambda *found: self.emitted.extend((time.monotonic() - began, each) for each in found),
            chance,
            began - began_s,
        )
        self.findings = runner.run(checks)
        self.took_s = time.monotonic() - began
        self.by_name = {finding.name: finding for finding in self.findings}

    def outcomes(self) -> list[str]:
        return [finding.outcome.value for finding in self.findings]


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """What hung checks wait for; it opens when the test is over, so that no thread outlives it for long."""
    event = threading.Event()
    yield event
    event.set()


def good(_context: Context) -> Finding:
    return passed("fine")


def sleeping(seconds: float) -> Callable[[Context], Finding]:
    def run(_context: Context) -> Finding:
        time.sleep(seconds)
        return passed("slept")

    return run


# ---- Concurrency


def test_every_check_has_one_finding_in_the_plans_order_and_each_is_emitted_once() -> None:
    run = Run(*(check(f"c{number}", sleeping(0.01 * (5 - number))) for number in range(5)))
    assert [finding.name for finding in run.findings] == ["c0", "c1", "c2", "c3", "c4"]
    assert sorted(found.name for _, found in run.emitted) == ["c0", "c1", "c2", "c3", "c4"]
    assert [found.name for _, found in run.emitted] != [finding.name for finding in run.findings]


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
        return passed("counted") if met else failed("nobody came")

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
    ("does", "said"),
    [
        (lambda _: failed("no"), "Look there."),
        (lambda _: errored("no"), "Look there."),
        (lambda _: inconclusive("no"), "Look there."),
        (lambda _: passed("yes"), ""),
        (lambda _: msgspec.structs.replace(passed("yes"), remediation="Look at me."), ""),
    ],
    ids=["fail", "error", "inconclusive", "pass", "of its own"],
)
def test_a_finding_that_is_no_pass_says_what_to_look_at_next(does: Any, said: str) -> None:
    run = Run(check("it", does, next="Look there."), check("left out", good, next="x", when=When(group="other")))
    assert [each.remediation for each in run.findings] == [said, ""]


def test_what_was_not_run_sends_nobody_to_look_at_it() -> None:
    run = Run(check("first", lambda _: failed("no"), next="x"), check("second", good, next="y", needs=("first",)))

    assert {each.name: each.remediation for each in run.findings} == {"first": "x", "second": ""}


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


class Names(Params, frozen=True, kw_only=True):
    """Names to look at."""

    names: list[str]
    below: dict[str, list[str]] = {}


def test_what_an_attempt_takes_out_of_its_parameters_is_there_for_the_next() -> None:
    @validator(Names)
    def said(params: Names, _context: Context) -> Finding:
        """Look at every name, and at none twice."""
        wrong = [params.names.pop() for _ in range(len(params.names))] + params.below.pop("more", [])
        return failed(f"{wrong} are wrong") if wrong else passed("nothing is wrong")

    named = Check(name="c", validator="said", params={}, retry=retried(3))
    (finding,) = Run(Bound(named, said, Names(names=["a"], below={"more": ["b"]}))).findings
    assert (finding.outcome, finding.attempts, finding.message) == (Outcome.FAIL, 3, "['a', 'b'] are wrong")


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
    assert [(each.outcome.value, each.attempts) for each in run.findings] == [("FAIL", 1), ("PASS", 2)]


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
    assert [found.name for _, found in run.emitted] == ["other", "retried"]


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
    said = {finding.name: (finding.outcome.value, finding.cause, finding.message) for finding in run.findings}
    over = "not finished: the gate's time was over while it "
    assert said["done"] == ("PASS", None, "fine")
    assert said["running"] == ("ERROR", Cause.DEADLINE, over + "was still running")
    assert said["again"][0] in ("FAIL", "ERROR")
    assert said["queued"] == ("ERROR", Cause.DEADLINE, over + "had not been started")
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


def test_a_context_knows_the_time_that_an_attempt_has() -> None:
    seen: list[float] = []
    Run(check("c", lambda context: seen.append(context.remaining_s()) or passed("ok"), timeout_s=60), within_s=2)
    assert 1.5 < seen[0] <= 2, "the gate's own deadline is nearer than the check's"


def test_waiting_in_a_check_ends_before_the_attempt_does() -> None:
    def polling(context: Context) -> Finding:
        rounds = 0
        while context.sleep(0.05):
            rounds += 1
        return failed(f"{rounds > 2} {context.remaining_s() >= 0}")

    (finding,) = Run(check("c", polling, timeout_s=0.5)).findings
    assert (finding.outcome, finding.message) == (Outcome.FAIL, "True True")


# ---- Plugins that misbehave


class EvilError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("not even this")


class EvilExit(BaseException):
    """Neither an Exception nor one of Python's own."""


class Evil:
    def __repr__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (ValueError("bad\n  value"), "the validator raised ValueError: bad value"),
        (SystemExit(0), "the validator raised SystemExit: 0"),
        (KeyboardInterrupt(), "the validator raised KeyboardInterrupt: "),
        (GeneratorExit(), "the validator raised GeneratorExit: "),
        (MemoryError(), "the validator raised MemoryError: "),
        (RecursionError("deep"), "the validator raised RecursionError: deep"),
        (EvilExit("x"), "the validator raised EvilExit: x"),
        (EvilError(), "the validator raised EvilError: (it cannot be shown)"),
        (StopIteration(), "the validator raised StopIteration: "),
        (UnreachableError("no route"), "no route"),
    ],
)
def test_whatever_a_validator_raises_is_an_error_under_its_name(raised: BaseException, said: str) -> None:
    def raising(_context: Context) -> Finding:
        raise raised

    run = Run(check("bad", raising, timeout_s=20), check("good", good))
    assert run.outcomes() == ["ERROR", "PASS"]
    assert (run.by_name["bad"].message, run.by_name["bad"].validator) == (said, "said")
    assert run.took_s < 10


def test_what_a_validator_had_in_memory_is_let_go_before_its_error_is_told() -> None:
    class Heap: ...

    class FullError(Exception):
        def __str__(self) -> str:
            return f"{len(kept)} heaps are left"

    kept: weakref.WeakSet[Heap] = weakref.WeakSet()

    def raising(_context: Context) -> Finding:
        heap = Heap()
        kept.add(heap)
        raise FullError

    assert Run(check("full", raising)).by_name["full"].message.endswith("0 heaps are left")


@pytest.mark.parametrize(
    "given",
    [
        None,
        True,
        "PASS",
        Outcome.PASS,
        {"outcome": "PASS", "message": "fine"},
        [passed("fine")],
        float("nan"),
        Finding,
        Finding(outcome="PASSED", message="a word of its own"),  # type: ignore[arg-type]
        Finding(outcome=True, message="truthy"),  # type: ignore[arg-type]
        Finding(outcome=None, message=""),  # type: ignore[arg-type]
        Finding(outcome=Outcome.PASS, message=None),  # type: ignore[arg-type]
        Finding(outcome=Outcome.PASS, message="fine", evidence=None),  # type: ignore[arg-type]
        Finding(outcome=Outcome.PASS, message="fine", evidence=("text",)),  # type: ignore[arg-type]
        Finding(outcome=Outcome.PASS, message="fine", evidence=(Evidence(query="q", passed="yes"),)),  # type: ignore[arg-type]
        Finding(outcome=Outcome.PASS, message="lone \ud800"),
        Finding(outcome=Outcome.PASS, message="fine", cause="NO SUCH"),  # type: ignore[arg-type]
        Finding(outcome=Outcome.PASS, message="fine", evidence=(Evidence(query="q", actual=Evil()),)),
    ],
)
def test_only_a_well_formed_finding_can_pass(given: Any) -> None:
    run = Run(check("bad", lambda _: given, timeout_s=20), check("good", good))
    assert run.outcomes() == ["ERROR", "PASS"]
    assert run.by_name["bad"].message.startswith("the validator gave ")
    assert run.took_s < 10


def test_evidence_may_hold_any_object_and_is_written_as_text() -> None:
    given = Finding(
        outcome=Outcome.PASS,
        message="fine",
        evidence=(Evidence(query="q", actual={1, 2}, expected=object, passed=True),),
    )
    (finding,) = Run(check("c", lambda _: given)).findings
    assert (finding.outcome, finding.evidence[0].actual) == (Outcome.PASS, [1, 2])
    msgspec.json.encode(finding)


def test_only_a_plan_can_skip_a_check() -> None:
    (finding,) = Run(check("c", lambda _: Finding(outcome=Outcome.SKIPPED, message="not today"))).findings
    assert finding.outcome is Outcome.INCONCLUSIVE
    assert finding.message.endswith("only a plan may do that: not today")


def test_a_finding_cannot_take_another_name_or_severity() -> None:
    forged = Finding(
        outcome=Outcome.FAIL, message="no", name="other", validator="other", severity=Severity.ADVISORY, attempts=9
    )
    (finding,) = Run(check("mine", lambda _: forged)).findings
    assert (finding.name, finding.validator, finding.severity, finding.attempts) == (
        "mine",
        "said",
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


def test_a_validator_that_fills_its_parameters_with_rubbish_does_not_reach_the_next_attempt() -> None:
    seen: list[int] = []

    def greedy(context: Context) -> Finding:
        seen.append(id(context))
        context.deployment = None  # type: ignore[assignment]
        return failed("again")

    run = Run(check("c", greedy, retry=retried(2)), check("good", lambda context: passed(context.deployment.id)))
    assert len(seen) == 2
    assert run.by_name["good"].message == ECS.id


# ---- What is kept


def test_secrets_are_taken_out_before_anything_is_cut() -> None:
    def leaking(context: Context) -> Finding:
        long = "x" * 150 + SECRET
        return failed(
            f"{context.excerpt(long)} {'y' * 990}{SECRET}",
            Evidence(query=f"header {SECRET}", expected=SECRET, actual={"deep": ["z" * 395 + SECRET]}, where=SECRET),
        )

    def raising(_context: Context) -> Finding:
        raise ValueError("v" * 295 + SECRET)

    run = Run(check("leaks", leaking), check("raises", raising))
    written = msgspec.json.encode(run.findings).decode()
    assert not [size for size in range(4, len(SECRET) + 1) if SECRET[:size] in written]


def test_evidence_and_messages_are_cut_to_what_people_read() -> None:
    many = Finding(
        outcome=Outcome.FAIL,
        message="m" * 9000,
        evidence=tuple(Evidence(query="q" * 900, actual="a" * 9000) for _ in range(200)),
    )
    (finding,) = Run(check("c", lambda _: many)).findings
    assert len(finding.evidence) == MAX_EVIDENCE
    assert len(finding.message) < 1100
    assert len(msgspec.json.encode(finding)) < 60_000


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


# ---- What a timeline and plots are drawn from


def test_every_attempt_is_kept_with_its_outcome_and_its_time_from_the_gates_start() -> None:
    answers = iter([failed(f"not yet {SECRET}"), errored("who knows"), passed("there")])

    found = Run(check("third time", lambda _: next(answers), retry=retried(3)), began_s=60.0).findings[0]

    assert [(each.outcome.value, each.message) for each in found.tries] == [
        ("FAIL", "not yet ***"),
        ("ERROR", "who knows"),
        ("PASS", ""),
    ]
    begins = [each.began_ms for each in found.tries]
    assert found.began_ms == begins[0] >= 60_000
    assert begins == sorted(begins)


def test_a_check_that_never_ran_has_no_attempts() -> None:
    found = Run(check("first", lambda _: failed("no")), check("second", good, needs=("first",))).by_name["second"]

    assert (found.tries, found.began_ms) == ((), 0.0)


def test_an_attempt_that_the_end_of_the_gate_cuts_off_is_kept() -> None:
    found = Run(check("slow", sleeping(2.0)), within_s=0.2).findings[0]

    assert [(each.outcome.value, each.message) for each in found.tries] == [("ERROR", "not finished")]
    assert found.tries[0].duration_ms >= 150


def test_of_very_many_measurements_the_first_and_the_last_are_kept() -> None:
    count = MAX_ATTEMPT_RECORDS + 20
    repeat = Repeat(count=count, interval=Duration(0.0), failure_limit=1)
    outcomes = itertools.chain([failed("the first")], itertools.repeat(passed("fine")))

    found = Run(check("often", lambda _: next(outcomes), repeat=repeat)).findings[0]

    assert (found.attempts, len(found.tries)) == (count, MAX_ATTEMPT_RECORDS)
    assert found.tries[0].message == "the first"


def test_plots_are_cut_and_hold_no_secret() -> None:
    plot = Series(name=SECRET, unit=SECRET, side=SECRET, values=(1.5,) * 5000, limits={SECRET: 2.0})

    kept = Run(check("plotted", lambda _: replace(passed("seen"), series=(plot,) * 50))).findings[0].series

    assert len(kept) == MAX_SERIES
    assert (len(kept[0].values), SECRET in repr(kept)) == (MAX_POINTS, False)


def test_a_number_that_is_a_secret_is_in_no_plot() -> None:
    plot = Series(name="pin", values=(1.0, 90210.0), limits={"lte": 90210.0})

    kept = Run(check("plotted", lambda _: replace(passed("seen"), series=(plot,))), secrets=["90210"]).findings[0]

    assert (kept.series[0].values, kept.series[0].limits) == ((), {})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1", None])
def test_a_plot_of_no_numbers_is_an_error_of_its_validator(value: Any) -> None:
    found = Run(check("plotted", lambda _: replace(passed("seen"), series=(Series(name="n", values=(value,)),))))

    assert found.outcomes() == ["ERROR"]
