"""Partial report of a running gate, stored while the gate runs, for the last resort.

One thread stores it: first when the worker has been forked, then at most every few seconds while findings arrive, and
once more with the verdict, before the answer. No thread may run at the fork, because a child that is forked while
a thread has a lock of OpenSSL waits for this lock for ever. Nothing here delays a check, and an error ends the thread
without affecting the gate.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from greenlight.aws.deadline import start_call_thread
from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.finding import Cause
from greenlight.core.report import Report
from greenlight.core.verdict import Status, Verdict
from greenlight.gate.result import GateResult
from greenlight.gate.supervise import Listener

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.aws.client import Aws
    from greenlight.core.finding import Finding
    from greenlight.gate.codedeploy import Execution
    from greenlight.gate.prepare import Prepared
    from greenlight.publish.run_spool import PartialRun

INTERVAL_S = 3.0
"""Least time between two partial reports before the verdict."""
NOT_FINISHED = "not finished: the hook ended before this check"


class Spooler:
    """Store of the partial report of one gate. Every method is best effort."""

    def __init__(self, execution: Execution, started: float, on_error: Callable[[str, Exception], None]) -> None:
        """Store nothing before `open`.

        Args:
            execution: Execution of the gate.
            started: `time.monotonic()` at the start of the gate.
            on_error: Called with the step and the error if the report cannot be stored.
        """
        self._execution, self._started, self._on_error = execution, started, on_error
        self._aws: Aws | None = None
        self._bucket = ""
        self._condition = threading.Condition()
        self._thread: threading.Thread | None = None
        self._prepared: Prepared | None = None
        self._findings: list[Finding] = []
        self._final: Report | None = None
        self._version = self._stored = 0
        self._is_closed = False

    def open(self, aws: Aws, bucket: str) -> None:
        """Store reports in this bucket from now on; "" for no bucket."""
        self._aws, self._bucket = aws, bucket

    def listen(self, prepared: Prepared, on_finding: Callable[[Finding], None]) -> Listener:
        """Return a listener that spools the events of a gate's worker and passes each finding to `on_finding`."""
        self._prepared = prepared

        def add(finding: Finding) -> None:
            self._findings.append(finding)
            self._change()
            on_finding(finding)

        return Listener(add, self._change)

    def store_verdict(self, report: Report, timeout_s: float) -> None:
        """Store the report of the verdict; return when it is stored, at the latest after `timeout_s`."""
        self._final = report
        version = self._change()
        with self._condition:
            self._condition.wait_for(lambda: self._is_closed or self._stored >= version, timeout_s)

    def store_answer(self, report: Report) -> None:
        """Store the report with CodeDeploy's answer; do not wait for it."""
        self._final = report
        self._change()

    def close(self, timeout_s: float) -> None:
        """End the thread when it has stored everything, and wait for its end, at most `timeout_s`."""
        with self._condition:
            thread, self._is_closed = self._thread, True
            self._condition.notify_all()
        if thread is not None:
            thread.join(timeout_s)

    def _change(self) -> int:
        """Count a change that is to be stored, and return its number."""
        with self._condition:
            self._version += 1
            if self._thread is None and not self._is_closed:
                self._start()
            self._condition.notify_all()
            return self._version

    def _start(self) -> None:
        if not self._bucket:
            self._is_closed = True
            return
        try:
            self._thread = start_call_thread(self._run)
        except RuntimeError:
            self._is_closed = True

    def _run(self) -> None:
        try:
            while (version := self._await_change()) is not None:
                self._store()
                with self._condition:
                    self._stored = version
                    self._condition.notify_all()
                    self._condition.wait_for(lambda: self._is_closed or self._final is not None, INTERVAL_S)
        except Exception as error:  # noqa: BLE001 - a partial report never matters to the gate
            self._on_error("partial report stored", error)
        finally:
            with self._condition:
                self._is_closed = True
                self._condition.notify_all()

    def _await_change(self) -> int | None:
        """Wait until there is something to store and return its number; None if everything is stored and closed."""
        with self._condition:
            self._condition.wait_for(lambda: self._is_closed or self._version > self._stored)
            return self._version if self._version > self._stored else None

    def _store(self) -> None:
        from greenlight.publish import run_spool

        if self._aws is None:
            raise AssertionError("the thread starts after the clients are known")
        data = run_spool.encode(self._snapshot(), self._execution.execution_id)
        run_spool.store(self._aws, self._bucket, self._execution.full_digest(), data)

    def _snapshot(self) -> PartialRun:
        from greenlight.publish.run_spool import PartialRun

        if self._final is not None:
            return PartialRun(report=self._final, judged=True)
        if self._prepared is None:
            raise AssertionError("a change is a start of the worker, a finding or a verdict")
        return PartialRun(report=self._unjudged_report(self._prepared))

    def _unjudged_report(self, prepared: Prepared) -> Report:
        """Return the report of the findings so far: only a failure of a finished check is a reason."""
        from greenlight.checks.runner import unfinished_finding
        from greenlight.verdict.conclude import apply_plan
        from greenlight.verdict.judge import judge

        findings = {finding.name: finding for finding in apply_plan(prepared.checks, tuple(self._findings))}
        reasons = tuple(reason for reason in judge(tuple(findings.values())).reasons if reason.check)
        result = GateResult(
            verdict=Verdict(status=Status.FAILED, reasons=reasons),
            deployment=prepared.deployment,
            findings=tuple(
                findings.get(check.name) or unfinished_finding(check, NOT_FINISHED, Cause.GATE_ERROR)
                for check in prepared.checks
            ),
            plan=prepared.plan.source,
        )
        elapsed_s = time.monotonic() - self._started
        started_at = SYSTEM_CLOCK.now_utc().timestamp() - elapsed_s
        return result.report(started_at, elapsed_s * 1000, bucket=self._bucket)
