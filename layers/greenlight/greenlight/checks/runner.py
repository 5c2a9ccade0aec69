"""Runner of a stage's checks: runs them in parallel, enforces their timeouts, and reports unfinished checks.

It runs in the worker. Python cannot stop a thread, so the runner abandons a check that exceeds its timeout and starts a
new thread in its place. The abandoned thread ends with the worker process.
"""

from __future__ import annotations

import heapq
import queue
import random
import threading
import time
from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight.checks.asked import sum_asked
from greenlight.checks.attempt import Attempt, run_attempt
from greenlight.checks.hand_over import WAIT_S, WHOLE_STAGE, RunPart, WaitingCheck, waiting_check
from greenlight.core.display import truncate
from greenlight.core.finding import AttemptRecord, Cause, ExcuseReason, Finding, Outcome, Severity
from greenlight.plan.repeat import decide_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from greenlight.checks.attempt import CheckResources
    from greenlight.checks.binding import Bound
    from greenlight.plan.model import Check
    from greenlight.plan.repeat import Repeat

GRACE_S = 0.25
"""Time after its timeout until an attempt is abandoned, so that its clients time out first, with a better message."""

MAX_ATTEMPT_RECORDS = 100
"""Maximum number of attempts in a finding: the first and the last half of them."""


class Runner:
    """Run of one stage's checks, or of a part of them.

    Attributes:
        handed_over: Checks that wait for their next attempt, which a later run has to make.
        has_ended: Whether all checks have finished; otherwise a later run has to go on.
    """

    def __init__(
        self,
        resources: CheckResources,
        concurrency: int,
        deadline: float,
        emit: Callable[..., None],
        chance: Callable[[], float] = random.random,
        started: float | None = None,
        part: RunPart = WHOLE_STAGE,
    ) -> None:
        """Prepare a run.

        Args:
            resources: Shared by all attempts.
            concurrency: Checks that run at once, at most.
            deadline: End of the run, monotonic.
            emit: Called with findings as soon as they are final, one or several at a time.
            chance: Returns a random number from 0 to 1, for jitter.
            started: The gate's start, monotonic, from which the times of attempts are counted; now by default.
            part: The checks to run, and what earlier runs know of them.
        """
        self._resources = resources
        self._concurrency = concurrency
        self._deadline = deadline
        self._emit = emit
        self._chance = chance
        self._started = time.monotonic() if started is None else started
        self._tasks: queue.SimpleQueue[Attempt | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[Attempt, Finding]] = queue.SimpleQueue()
        self._running: set[Attempt] = set()
        self._threads = 0
        self._waiting: list[Bound] = []
        self._scheduled: list[tuple[float, int, Attempt]] = []
        self._attempt_records: dict[str, list[AttemptRecord]] = {}
        self._attempt_findings: dict[str, list[Finding]] = {}
        self._findings = {finding.name: finding for finding in part.findings}
        self._not_emitted: list[Finding] = []
        self._part = part
        self._run_started = time.monotonic()
        self.handed_over: tuple[WaitingCheck, ...] = ()
        self.has_ended = True

    def run(self, checks: Sequence[Bound]) -> tuple[Finding, ...]:
        """Run the checks and return their findings, in the order of the checks: one for each, if the run has ended."""
        self._waiting = [bound for bound in checks if bound.check.name not in self._findings]
        self._resume()
        while self._waiting or self._running or self._scheduled:
            now = time.monotonic()
            if now >= self._deadline:
                self._leave_rest(now)
                break
            self._start_ready(now)
            self._emit_final()
            if self._can_hand_over(now):
                self._hand_over(now)
                break
            if self._running or self._scheduled:
                self._collect(now)
        if self.has_ended:
            self._finish_unfinished(checks)
        self._emit_final()
        return tuple(self._findings[bound.check.name] for bound in checks if bound.check.name in self._findings)

    def _resume(self) -> None:
        """Schedule the next attempts of the checks that an earlier run handed over."""
        handed_over = {check.name: check for check in self._part.waiting}
        now, wall = time.monotonic(), time.time()
        for bound in [bound for bound in self._waiting if bound.check.name in handed_over]:
            check = handed_over[bound.check.name]
            self._attempt_findings[check.name] = check.attempt_findings()
            self._attempt_records[check.name] = list(check.records)
            self._schedule(Attempt(bound, check.number), now + max(0.0, check.at - wall))
        self._waiting = [bound for bound in self._waiting if bound.check.name not in handed_over]

    def _leave_rest(self, now: float) -> None:
        """Pass unfinished checks on to a later run, if there is one; only an attempt that still runs is abandoned."""
        if not self._has_later_run:
            return
        self._handle_done(self._take_done())
        self._abandon(list(self._running), now)
        if self._scheduled or self._waiting:
            self._hand_over(now)

    def _can_hand_over(self, now: float) -> bool:
        """Return whether checks wait and there is nothing else to do in this run for a while."""
        if not self._part.may_hand_over or self._running or not (self._scheduled or self._waiting):
            return False
        if not self._scheduled or self._scheduled[0][0] >= now + WAIT_S:
            return True
        return not self._has_time_for(self._scheduled[0][2], now)

    def _hand_over(self, now: float) -> None:
        """Release the checks that wait to a later run."""
        wall = time.time()
        self.handed_over = tuple(
            waiting_check(
                attempt.bound.check.name,
                attempt.number,
                wall + max(0.0, at - now),
                self._attempt_findings.get(attempt.bound.check.name, ()),
                self._attempt_records.get(attempt.bound.check.name, ()),
            )
            for at, _, attempt in self._scheduled
        )
        self.has_ended = False

    def _has_time_for(self, attempt: Attempt, now: float) -> bool:
        """Return whether an attempt fits into this run; one that no run can fit is cut off by the deadline."""
        timeout_s = attempt.bound.check.timeout_s
        fits_no_run = timeout_s > self._deadline - self._run_started
        return not self._has_later_run or fits_no_run or now + timeout_s <= self._deadline

    @property
    def _has_later_run(self) -> bool:
        return self._part.may_hand_over and not self._part.is_last

    def _start_ready(self, now: float) -> None:
        while self._scheduled and self._scheduled[0][0] <= now and len(self._running) < self._concurrency:
            if not self._has_time_for(self._scheduled[0][2], now):
                break
            self._start(heapq.heappop(self._scheduled)[2], now)
        still_waiting: list[Bound] = []
        for position, bound in enumerate(self._waiting):
            if len(self._running) >= self._concurrency:
                still_waiting += self._waiting[position:]
                break
            if (finding := self._finding_without_run(bound)) is not None:
                self._finish(bound, finding, 0)
            elif self._can_start(bound, now):
                self._start(Attempt(bound, 1), now)
            else:
                still_waiting.append(bound)
        self._waiting = still_waiting

    def _can_start(self, bound: Bound, now: float) -> bool:
        needs_are_met = all(name in self._findings for name in bound.check.needs)
        return needs_are_met and self._has_time_for(Attempt(bound, 1), now)

    def _finding_without_run(self, bound: Bound) -> Finding | None:
        """Return the finding of a check that is decided without running it."""
        deployment = self._resources.deployment
        if bound.malformed:
            return Finding(outcome=Outcome.ERROR, message=bound.malformed)
        if reason := bound.check.skip_reason(deployment):
            return Finding(outcome=Outcome.SKIPPED, message=reason)
        if bound.validator is not None and deployment.platform not in bound.validator.platforms:
            platforms = " or ".join(platform.value for platform in bound.validator.platforms)
            message = (
                f"{bound.check.validator} works on {platforms}, and this is a {deployment.platform.value} deployment; "
                f"write when: {{platform: {platforms.split(' ')[0]}}} or take it out"
            )
            return Finding(outcome=Outcome.ERROR, cause=Cause.PLAN_ERROR, message=message)
        for name in bound.check.needs:
            needed = self._findings.get(name)
            if needed is not None and needed.outcome is not Outcome.PASS:
                message = f"not run: it needs {name!r}, which ended with {needed.outcome.value}"
                return Finding(outcome=Outcome.INCONCLUSIVE, message=message)
        return None

    def _start(self, attempt: Attempt, now: float) -> None:
        attempt.began = now
        attempt.timeout_s = min(attempt.bound.check.timeout_s, self._deadline - now)
        if self._threads <= len(self._running) and not self._start_thread():
            # There is no memory for another thread. Continue with the existing threads; the attempt waits for one.
            self._concurrency = len(self._running)
            self._schedule(attempt, now)
            return
        self._running.add(attempt)
        self._tasks.put(attempt)

    def _schedule(self, attempt: Attempt, at: float) -> None:
        heapq.heappush(self._scheduled, (at, id(attempt), attempt))

    def _start_thread(self) -> bool:
        try:
            threading.Thread(target=self._serve, daemon=True).start()
        except RuntimeError:
            if not self._running:
                raise
            return False
        self._threads += 1
        return True

    def _serve(self) -> None:
        while (attempt := self._tasks.get()) is not None:
            finding = run_attempt(attempt, self._resources)
            if attempt.overdue:
                return  # the scheduler has already subtracted this thread
            self._done.put((attempt, finding))

    def _collect(self, now: float) -> None:
        """Wait for finished attempts until the next moment at which something is due."""
        moments = [attempt.began + attempt.timeout_s + GRACE_S for attempt in self._running]
        if self._scheduled and len(self._running) < self._concurrency:
            moments.append(self._scheduled[0][0])
        try:
            done = [self._done.get(timeout=max(0.0, min(*moments, self._deadline) - now) if moments else 0.0)]
        except queue.Empty:
            now = time.monotonic()
            overdue = [item for item in self._running if item.began + item.timeout_s + GRACE_S <= now]
            self._abandon(overdue, now)
            return
        self._handle_done(done + self._take_done())

    def _take_done(self) -> list[tuple[Attempt, Finding]]:
        return [self._done.get_nowait() for _ in range(self._done.qsize())]  # this thread is the only consumer

    def _handle_done(self, done: Iterable[tuple[Attempt, Finding]]) -> None:
        for attempt, finding in done:
            if attempt in self._running:
                self._running.remove(attempt)
                self._handle_finding(attempt, finding)

    def _abandon(self, attempts: Iterable[Attempt], now: float) -> None:
        for attempt in attempts:
            attempt.overdue = True
            self._running.remove(attempt)
            self._threads -= 1
            finding = Finding(
                outcome=Outcome.ERROR,
                cause=Cause.DEADLINE,
                message=f"no result within {attempt.timeout_s:g} s; the check was abandoned",
                duration_ms=(now - attempt.began) * 1000,
            )
            self._handle_finding(attempt, finding)

    def _record(self, attempt: Attempt, finding: Finding) -> None:
        """Record the outcome of one attempt."""
        records = self._attempt_records.setdefault(attempt.bound.check.name, [])
        records.append(
            AttemptRecord(
                began_ms=round((attempt.began - self._started) * 1000, 3),
                duration_ms=finding.duration_ms,
                outcome=finding.outcome,
                message="" if finding.outcome is Outcome.PASS else truncate(finding.message, 200),
            )
        )
        if len(records) > MAX_ATTEMPT_RECORDS:
            del records[MAX_ATTEMPT_RECORDS // 2]

    def _handle_finding(self, attempt: Attempt, finding: Finding) -> None:
        """Record the finding of an attempt, then repeat, retry or finish the check."""
        check = attempt.bound.check
        self._attempt_findings.setdefault(check.name, []).append(finding)
        self._record(attempt, finding)
        if check.repeat is not None:
            self._handle_measurement(attempt, check.repeat)
            return
        if attempt.number < check.retry.attempts and finding.outcome.value.lower() in check.retry.on:
            at = time.monotonic() + check.retry.wait_s(attempt.number, self._chance())
            if at < self._deadline or self._has_later_run:
                self._schedule(Attempt(attempt.bound, attempt.number + 1), at)
                return
        self._finish(attempt.bound, finding, attempt.number)

    def _handle_measurement(self, attempt: Attempt, repeat: Repeat) -> None:
        """Schedule the next measurement, or finish the check if the outcome is decided."""
        findings = self._attempt_findings[attempt.bound.check.name]
        outcome = decide_outcome(repeat, [finding.outcome for finding in findings])
        if outcome is None:
            self._schedule(Attempt(attempt.bound, attempt.number + 1), time.monotonic() + repeat.interval)
            return
        self._finish(attempt.bound, _summarize_measurements(findings, outcome), attempt.number)

    def _finish(self, bound: Bound, finding: Finding, attempts: int) -> None:
        check = bound.check
        outcomes = {earlier.outcome for earlier in self._attempt_findings.get(check.name, ())}
        records = tuple(self._attempt_records.get(check.name, ()))
        final = replace(
            finding,
            name=check.name,
            validator=check.validator,
            severity=check.severity,
            on_inconclusive=check.on_inconclusive,
            attempts=attempts,
            cause=_underlying_cause(outcomes, finding),
            flaky=finding.outcome is Outcome.PASS and not outcomes.isdisjoint((Outcome.FAIL, Outcome.ERROR)),
            excused=ExcuseReason.NONE,
            began_ms=records[0].began_ms if records else 0.0,
            tries=records,
            remediation=_remediation(bound, finding, attempts),
        )
        self._findings[check.name] = final
        self._not_emitted.append(final)

    def _emit_final(self) -> None:
        """Emit final findings in one batch: each write releases the GIL, and getting it back takes time."""
        if self._not_emitted:
            self._emit(*self._not_emitted)
            self._not_emitted = []

    def _finish_unfinished(self, checks: Sequence[Bound]) -> None:
        now = time.monotonic()
        for attempt in self._running:
            duration_ms = round((now - attempt.began) * 1000, 3)
            self._record(attempt, Finding(outcome=Outcome.ERROR, message="not finished", duration_ms=duration_ms))
        running = {attempt.bound.check.name: attempt.number for attempt in self._running}
        retrying = {attempt.bound.check.name: attempt.number - 1 for _, _, attempt in self._scheduled}
        for bound in checks:
            name = bound.check.name
            if name in self._findings:
                continue
            if name in running:
                state = "was still running"
            elif name in retrying:
                state = "was to be tried again"
            else:
                state = "had not been started"
            root = "not finished: the gate reached its deadline"
            message = f"{root} while the check {state}"
            finding = Finding(outcome=Outcome.ERROR, cause=Cause.DEADLINE, message=message, root=root)
            self._finish(bound, finding, running.get(name, retrying.get(name, 0)))


def _remediation(bound: Bound, finding: Finding, attempts: int) -> str:
    """Return the validator's advice for a check that ran and did not pass; "" for other checks."""
    if bound.validator is None or not attempts or finding.outcome in (Outcome.PASS, Outcome.SKIPPED):
        return ""
    return bound.validator.remediation


def _summarize_measurements(findings: Sequence[Finding], outcome: Outcome) -> Finding:
    """Return the finding of all measurements: how many passed, and the last measurement with the decided outcome."""
    decisive = next((finding for finding in reversed(findings) if finding.outcome is outcome), findings[-1])
    passed = sum(finding.outcome is Outcome.PASS for finding in findings)
    message = f"{passed} of {len(findings)} measurements passed; {decisive.message}"
    # A measurement with another outcome is not evidence for this one, whomever it asked.
    asked = sum_asked(finding.asked for finding in findings if finding.outcome is decisive.outcome)
    return replace(decisive, outcome=outcome, message=message, asked=asked)


def _underlying_cause(outcomes: Container[Outcome], finding: Finding) -> Cause | None:
    """Return the cause of a finding; an INCONCLUSIVE after a FAIL or ERROR gets their cause and is not tolerated."""
    if finding.outcome is not Outcome.INCONCLUSIVE:
        return finding.cause
    if Outcome.FAIL in outcomes:
        return Cause.RELEASE_FAILED
    return Cause.GATE_ERROR if Outcome.ERROR in outcomes else finding.cause


def unfinished_finding(check: Check, message: str, cause: Cause) -> Finding:
    """Return the finding of a check whose worker ended before it returned a finding."""
    return Finding(
        outcome=Outcome.ERROR,
        cause=cause,
        message=message,
        name=check.name,
        validator=check.validator,
        severity=check.severity if isinstance(check.severity, Severity) else Severity.BLOCKING,
        on_inconclusive=check.on_inconclusive,
        attempts=0,
    )
