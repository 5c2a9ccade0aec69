"""Runs the checks of one stage at once, within their times, and names what was left unfinished.

Runs in the worker. Python cannot stop a thread, so a check that outlives its time is abandoned, its
place is given to a new thread, and the worker's end takes it along.
"""

from __future__ import annotations

import copy
import heapq
import queue
import random
import threading
import time
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from greenlight.checks.context import Context
from greenlight.core.deployment import Deployment
from greenlight.core.display import truncate
from greenlight.core.errors import GreenlightError
from greenlight.core.finding import AttemptRecord, Cause, ExcuseReason, Finding, Outcome, Severity
from greenlight.core.redaction import Redactor
from greenlight.plan.repeat import decide_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence
    from typing import Any

    from greenlight.aws.client import Aws
    from greenlight.checks.binding import Bound
    from greenlight.network.client import Client
    from greenlight.plan.model import Check
    from greenlight.plan.repeat import Repeat

GRACE_S = 0.25
"""What an attempt may run over its time-out before it is abandoned: its own clients time out first and say more."""

MAX_EVIDENCE = 50
"""Pieces of evidence that one finding keeps."""

MAX_TRIES = 100
"""Attempts that one finding keeps, half of them the first, half the last."""

MAX_SERIES = 12
MAX_POINTS = 200
"""Numbers that one series keeps; a screen shows no more."""

_FINDINGS = msgspec.json.Decoder(Finding)  # made here: msgspec crashes when several threads first need it at once


class CheckResources:
    """What every attempt of every check is given."""

    def __init__(self, deployment: Deployment, client: Client, aws: Aws, redactor: Redactor) -> None:
        """Share one HTTP pool, one AWS session and one redactor among all checks."""
        self.deployment, self.client, self.aws, self.redactor = deployment, client, aws, redactor

    def context(self, timeout_s: float, redactor: Redactor) -> Context:
        """Make the context of one attempt; what it hides besides, it hides by `redactor`."""
        return Context(self.deployment, timeout_s, self.client, self.aws, redactor)


class _Attempt:
    """One try of one check; `overdue` tells the scheduler's clock that nobody waits for it any more."""

    __slots__ = ("began", "bound", "number", "overdue", "timeout_s")

    def __init__(self, bound: Bound, number: int) -> None:
        self.bound, self.number = bound, number
        self.timeout_s = bound.check.timeout_s
        self.began = 0.0
        self.overdue = False


class Runner:
    """One stage's run: `run` gives a finding for every check, and each to `emit` as soon as it is final."""

    def __init__(
        self,
        tools: CheckResources,
        concurrency: int,
        deadline: float,
        emit: Callable[..., None],
        chance: Callable[[], float] = random.random,
        began: float | None = None,
    ) -> None:
        """Run at most `concurrency` checks at once until `deadline` (monotonic); `chance` draws from 0 to 1 for jitter.

        `began` (monotonic) is the gate's start, from which attempts are counted; now, unless said.
        """
        self._tools = tools
        self._concurrency = concurrency
        self._deadline = deadline
        self._emit = emit
        self._chance = chance
        self._began = time.monotonic() if began is None else began
        self._tries: dict[str, list[AttemptRecord]] = {}
        self._tasks: queue.SimpleQueue[_Attempt | None] = queue.SimpleQueue()
        self._done: queue.SimpleQueue[tuple[_Attempt, Finding]] = queue.SimpleQueue()
        self._running: set[_Attempt] = set()
        self._threads = 0
        self._findings: dict[str, Finding] = {}
        self._final: list[Finding] = []
        self._tried: dict[str, list[Finding]] = {}
        self._waiting: list[Bound] = []
        self._retries: list[tuple[float, int, _Attempt]] = []

    def run(self, checks: Sequence[Bound]) -> tuple[Finding, ...]:
        """Run all checks; the findings keep their order."""
        self._waiting = list(checks)
        while self._waiting or self._running or self._retries:
            now = time.monotonic()
            if now >= self._deadline:
                break
            self._start(now)
            self._tell()
            if self._running or self._retries:
                self._collect(now)
        self._name_unfinished(checks)
        self._tell()
        return tuple(self._findings[bound.check.name] for bound in checks)

    def _start(self, now: float) -> None:
        while self._retries and self._retries[0][0] <= now and len(self._running) < self._concurrency:
            self._launch(heapq.heappop(self._retries)[2], now)
        still: list[Bound] = []
        for position, bound in enumerate(self._waiting):
            if len(self._running) >= self._concurrency:
                still += self._waiting[position:]
                break
            if (early := self._early(bound)) is not None:
                self._finish(bound, early, 0)
            elif self._ready(bound.check):
                self._launch(_Attempt(bound, 1), now)
            else:
                still.append(bound)
        self._waiting = still

    def _ready(self, check: Check) -> bool:
        return all(need in self._findings for need in check.needs)

    def _early(self, bound: Bound) -> Finding | None:
        """Give the finding of a check that need not run at all."""
        if bound.malformed:
            return Finding(outcome=Outcome.ERROR, message=bound.malformed)
        if why := bound.check.left_out(self._tools.deployment):
            return Finding(outcome=Outcome.SKIPPED, message=why)
        if bound.validator is not None and self._tools.deployment.platform not in bound.validator.platforms:
            platforms = " or ".join(platform.value for platform in bound.validator.platforms)
            return Finding(
                outcome=Outcome.ERROR,
                cause=Cause.PLAN_ERROR,
                message=f"{bound.check.validator} works on {platforms}, and this is a {self._tools.deployment.platform.value} deployment; "
                f"write when: {{platform: {platforms.split(' ')[0]}}} or take it out",
            )
        for need in bound.check.needs:
            done = self._findings.get(need)
            if done is not None and done.outcome is not Outcome.PASS:
                return Finding(
                    outcome=Outcome.INCONCLUSIVE,
                    message=f"not run: it needs {need!r}, which ended with {done.outcome.value}",
                )
        return None

    def _launch(self, attempt: _Attempt, now: float) -> None:
        attempt.began = now
        attempt.timeout_s = min(attempt.bound.check.timeout_s, self._deadline - now)
        if self._threads <= len(self._running) and not self._another_thread():
            # No memory for more threads: go on with those there are, and take this attempt when one is free.
            self._concurrency = len(self._running)
            heapq.heappush(self._retries, (now, id(attempt), attempt))
            return
        self._running.add(attempt)
        self._tasks.put(attempt)

    def _another_thread(self) -> bool:
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
            finding = _attempted(attempt, self._tools)
            if attempt.overdue:
                return  # the scheduler has counted this thread out already
            self._done.put((attempt, finding))

    def _collect(self, now: float) -> None:
        """Take the attempts that have finished, or what is overdue at the next moment that matters."""
        moments = [attempt.began + attempt.timeout_s + GRACE_S for attempt in self._running]
        if self._retries and len(self._running) < self._concurrency:
            moments.append(self._retries[0][0])
        try:
            done = [self._done.get(timeout=max(0.0, min(*moments, self._deadline) - now) if moments else 0.0)]
        except queue.Empty:
            self._abandon(time.monotonic())
            return
        done += [self._done.get_nowait() for _ in range(self._done.qsize())]  # nobody else takes any
        for attempt, finding in done:
            if attempt in self._running:
                self._running.remove(attempt)
                self._settle(attempt, finding)

    def _abandon(self, now: float) -> None:
        for attempt in [each for each in self._running if each.began + each.timeout_s + GRACE_S <= now]:
            attempt.overdue = True
            self._running.remove(attempt)
            self._threads -= 1
            message = f"no result within {attempt.timeout_s:g} s; the check was abandoned"
            self._settle(
                attempt,
                Finding(
                    outcome=Outcome.ERROR,
                    cause=Cause.DEADLINE,
                    message=message,
                    duration_ms=(now - attempt.began) * 1000,
                ),
            )

    def _noted(self, attempt: _Attempt, finding: Finding) -> None:
        """Keep what became of one attempt."""
        tries = self._tries.setdefault(attempt.bound.check.name, [])
        tries.append(
            AttemptRecord(
                began_ms=round((attempt.began - self._began) * 1000, 3),
                duration_ms=finding.duration_ms,
                outcome=finding.outcome,
                message="" if finding.outcome is Outcome.PASS else truncate(finding.message, 200),
            )
        )
        if len(tries) > MAX_TRIES:
            del tries[MAX_TRIES // 2]

    def _settle(self, attempt: _Attempt, finding: Finding) -> None:
        self._tried.setdefault(attempt.bound.check.name, []).append(finding)
        self._noted(attempt, finding)
        if attempt.bound.check.repeat is not None:
            self._measure(attempt, attempt.bound.check.repeat)
            return
        retry = attempt.bound.check.retry
        if attempt.number < retry.attempts and finding.outcome.value.lower() in retry.on:
            when = time.monotonic() + retry.wait_s(attempt.number, self._chance())
            if when < self._deadline:
                heapq.heappush(self._retries, (when, id(attempt), _Attempt(attempt.bound, attempt.number + 1)))
                return
        self._finish(attempt.bound, finding, attempt.number)

    def _measure(self, attempt: _Attempt, repeat: Repeat) -> None:
        """Make the next measurement, or say what all of them come to."""
        check = attempt.bound.check
        measured = self._tried[check.name]
        outcome = decide_outcome(repeat, [each.outcome for each in measured])
        if outcome is None:
            when = time.monotonic() + repeat.interval
            heapq.heappush(self._retries, (when, id(attempt), _Attempt(attempt.bound, attempt.number + 1)))
            return
        self._finish(attempt.bound, _summed_up(measured, outcome), attempt.number)

    def _finish(self, bound: Bound, finding: Finding, attempts: int) -> None:
        check = bound.check
        tried = {each.outcome for each in self._tried.get(check.name, ())}
        fine = finding.outcome in (Outcome.PASS, Outcome.SKIPPED)
        tries = tuple(self._tries.get(check.name, ()))
        final = replace(
            finding,
            name=check.name,
            validator=check.validator,
            severity=check.severity,
            on_inconclusive=check.on_inconclusive,
            attempts=attempts,
            cause=_cause_behind(tried, finding),
            flaky=finding.outcome is Outcome.PASS and not tried.isdisjoint((Outcome.FAIL, Outcome.ERROR)),
            excused=ExcuseReason.NONE,
            began_ms=tries[0].began_ms if tries else 0.0,
            tries=tries,
            remediation="" if fine or not attempts or bound.validator is None else bound.validator.remediation,
        )
        self._findings[check.name] = final
        self._final.append(final)

    def _tell(self) -> None:
        """Give what has become final at once: every write lets go of the interpreter, which all threads then want."""
        if self._final:
            self._emit(*self._final)
            self._final = []

    def _name_unfinished(self, checks: Sequence[Bound]) -> None:
        now = time.monotonic()
        for attempt in self._running:
            took_ms = round((now - attempt.began) * 1000, 3)
            self._noted(attempt, Finding(outcome=Outcome.ERROR, message="not finished", duration_ms=took_ms))
        running = {attempt.bound.check.name: attempt.number for attempt in self._running}
        retrying = {attempt.bound.check.name: attempt.number - 1 for _, _, attempt in self._retries}
        for bound in checks:
            name = bound.check.name
            if name not in self._findings:
                what = (
                    "was still running"
                    if name in running
                    else "was to be tried again"
                    if name in retrying
                    else "had not been started"
                )
                message = f"not finished: the gate's time was over while it {what}"
                self._finish(
                    bound,
                    Finding(outcome=Outcome.ERROR, cause=Cause.DEADLINE, message=message),
                    running.get(name, retrying.get(name, 0)),
                )


def _summed_up(measured: Sequence[Finding], outcome: Outcome) -> Finding:
    """Give the finding of all measurements: how many passed, and the last one that decided it."""
    decisive = next((each for each in reversed(measured) if each.outcome is outcome), measured[-1])
    passed = sum(each.outcome is Outcome.PASS for each in measured)
    said = f"{passed} of {len(measured)} measurements passed; {decisive.message}"
    return replace(decisive, outcome=outcome, message=said)


def _cause_behind(tried: Container[Outcome], finding: Finding) -> Cause | None:
    """Keep what lies behind an INCONCLUSIVE: a plan that tolerates one does not tolerate failures and errors before it."""
    if finding.outcome is not Outcome.INCONCLUSIVE:
        return finding.cause
    if Outcome.FAIL in tried:
        return Cause.RELEASE_FAILED
    return Cause.GATE_ERROR if Outcome.ERROR in tried else finding.cause


def _attempted(attempt: _Attempt, tools: CheckResources) -> Finding:
    """Make one attempt; whatever the validator does, there is a finding, and it is one that can be sent."""
    began, redactor = time.monotonic(), tools.redactor.copy()
    try:
        finding = _redacted(_found(attempt, tools.context(attempt.timeout_s, redactor)), redactor)
    except BaseException as error:  # noqa: BLE001 - SystemExit of a plugin must not end the thread without a finding
        # Its frames hold all that the validator had: of a MemoryError nothing could be said while they live.
        BaseException.with_traceback(error, None)
        finding = _redacted(Finding(outcome=Outcome.ERROR, message=_raised(error)), redactor)
    return replace(finding, duration_ms=round((time.monotonic() - began) * 1000, 3))


def _found(attempt: _Attempt, context: Context) -> Finding:
    assert attempt.bound.validator is not None  # noqa: S101 - a check without one never gets here
    finding = attempt.bound.validator(_unshared(attempt.bound.params), context)
    if not isinstance(finding, Finding):
        return Finding(outcome=Outcome.ERROR, message=f"the validator gave {type(finding).__name__}, not a Finding")
    try:
        # Nothing checks the fields of a struct made by hand, and one that cannot be written would end the worker.
        finding = _FINDINGS.decode(msgspec.json.encode(finding, enc_hook=repr))
    except Exception as error:  # noqa: BLE001 - a plugin's own objects may raise anything
        return Finding(
            outcome=Outcome.ERROR, message=f"the validator gave a Finding that cannot be read: {_said(error)}"
        )
    if finding.outcome is Outcome.SKIPPED:
        why = "the validator skipped the check, and only a plan may do that"
        return replace(finding, outcome=Outcome.INCONCLUSIVE, message=f"{why}: {finding.message}")
    return finding


def _unshared(value: Any) -> Any:
    """Copy parameters down to their lists and maps: what an attempt takes out of them is there again for the next."""
    if isinstance(value, dict):
        return {key: _unshared(each) for key, each in value.items()}
    if isinstance(value, (list, set)):
        return type(value)(map(_unshared, value))
    if isinstance(value, tuple):
        made = map(_unshared, value)
        return value._make(made) if hasattr(value, "_make") else tuple(made)
    if not isinstance(value, msgspec.Struct):
        return value
    copied = copy.copy(value)
    for name in value.__struct_fields__:
        msgspec.structs.force_setattr(copied, name, _unshared(getattr(value, name)))
    return copied


def _raised(error: BaseException) -> str:
    said = _said(error)
    return said if isinstance(error, GreenlightError) else f"the validator raised {type(error).__name__}: {said}"


def _said(error: BaseException) -> str:
    try:
        return " ".join(str(error).split())
    except BaseException:  # noqa: BLE001 - a plugin's error may raise while it says what it is
        return "(it cannot be shown)"


def _redacted(finding: Finding, redactor: Redactor) -> Finding:
    """Take secrets out, and only then cut to a length people read."""

    def text(value: Any, length: int = 400) -> str:
        clean = redactor.text(str(value))
        return clean if len(clean) <= length else f"{clean[:length]}… ({len(clean)} characters)"

    def data(value: Any) -> Any:
        clean = redactor.data(value)
        written = clean if isinstance(clean, str) else repr(clean)
        return clean if len(written) <= 400 else text(written)

    def numbers(values: Sequence[float]) -> tuple[float, ...]:
        kept = tuple(values[:MAX_POINTS])
        return kept if redactor.data(kept) == list(kept) else ()

    return replace(
        finding,
        message=text(finding.message, 1000),
        evidence=tuple(
            replace(
                each,
                query=text(each.query),
                where=text(each.where),
                expected=data(each.expected),
                actual=data(each.actual),
                why=text(each.why),
            )
            for each in finding.evidence[:MAX_EVIDENCE]
        ),
        series=tuple(
            replace(
                each,
                name=text(each.name, 100),
                unit=text(each.unit, 20),
                side=text(each.side, 20),
                values=numbers(each.values),
                at_s=numbers(each.at_s),
                limits={
                    text(label, 40): limit
                    for label, limit in list(each.limits.items())[:MAX_SERIES]
                    if numbers([limit])
                },
            )
            for each in finding.series[:MAX_SERIES]
        ),
    )


def unfinished(check: Check, message: str, cause: Cause) -> Finding:
    """Give the finding of a check whose worker is gone."""
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
