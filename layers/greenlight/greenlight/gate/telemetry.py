"""The log and the metrics of one gate run. A failure here never affects the gate or its verdict."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from greenlight.core.clock import SYSTEM_CLOCK
from greenlight.core.finding import Cause
from greenlight.core.verdict import Status

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.core.finding import Finding
    from greenlight.core.report import Report
    from greenlight.core.verdict import StatusDelivery
    from greenlight.gate.run_state import RunState

_MAX_REASON_BYTES = 160 * 1024
"""CloudWatch Logs keeps 256 KB of a line; the rest is for summary and commands."""

_FINDING_KEYS = ("name", "outcome", "message", "severity", "validator", "attempts", "flaky", "duration_ms")


class GateIdentity(Protocol):
    """Identity of a gate: the deployment, and a fingerprint of the execution id."""

    @property
    def deployment_id(self) -> str:
        """CodeDeploy's deployment id."""

    def digest(self) -> str:
        """Return a short fingerprint of the execution id."""


class GateLog:
    """Structured log and metrics of one gate; every method is best effort."""

    def __init__(self, execution: GateIdentity, stage: str) -> None:
        """Log the gate of `execution` at `stage`."""
        self._execution, self._stage = execution, stage
        self._logger: Any = None

    @property
    def logger(self) -> Any:
        """Powertools logger with the keys of this gate, created on first use."""
        if self._logger is None:
            from aws_lambda_powertools import Logger

            self._logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", "greenlight"))
            self._logger.structure_logs(
                append=False,
                deployment_id=self._execution.deployment_id,
                stage=self._stage,
                execution=self._execution.digest(),
            )
        return self._logger

    def info(self, message: str, **keys: Any) -> None:
        """Write a log line with further keys."""
        self.best_effort(lambda: self.logger.info(message, extra=keys))

    def best_effort(self, step: Callable[[], Any]) -> None:
        """Run a step and log its failure, if possible, instead of raising it."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - see above
            self.failed("a step that does not affect the verdict", error)

    def failed(self, step: str, error: Exception) -> None:
        """Log that a step failed; a failure to log is ignored."""
        try:
            self.logger.warning(f"failed: {step}", exc_info=error)
        except Exception:  # noqa: BLE001 - the log is broken, the answer must still be sent
            return

    def metrics(self, values: dict[str, float]) -> None:
        """Emit metrics of this stage."""
        from greenlight.publish import metrics

        self.best_effort(lambda: metrics.emit(self._stage, values))

    def started(self) -> None:
        """Log and count the start of the gate."""
        self.info("gate started")
        self.metrics({"GateStarted": 1})

    def finding(self, finding: Finding) -> None:
        """Log the result of a check."""
        import msgspec

        self.info("check finished", check={key: msgspec.to_builtins(getattr(finding, key)) for key in _FINDING_KEYS})

    def verdict(self, report: Report) -> None:
        """Log the verdict with its reasons, and each override that was applied."""
        import msgspec

        from greenlight.publish.notice_content import fit_reasons, verdict_sentence
        from greenlight.report.content import next_commands

        reasons = fit_reasons(report.reasons, _MAX_REASON_BYTES)
        left_out = len(report.reasons) - len(reasons)
        self.info(
            "verdict",
            summary=verdict_sentence(report),
            verdict=report.verdict.value,
            reasons=reasons,
            **({"reasons_left_out": left_out} if left_out else {}),
            application=report.deployment.application,
            group=report.deployment.group,
            commands=list(next_commands(report).values()),
            **({"shadow": msgspec.to_builtins(report.shadow)} if report.shadow else {}),
        )
        for override in report.overrides:
            self.info("override honoured", override=msgspec.to_builtins(override))

    def answered(self, status: Status, delivery: StatusDelivery, report: Report | None = None) -> None:
        """Log how CodeDeploy took the answer, and the verdict of the report if it is not the one that was sent."""
        import msgspec

        judged = {"verdict": report.verdict.value, "judged": report.judged.value} if report and report.judged else {}
        self.info("answered", status=status.value, **msgspec.to_builtins(delivery), **judged)


def report_run(
    log: GateLog,
    state: RunState,
    report: Report,
    delivery: StatusDelivery | None,
    deadline: float,
    *,
    is_only_run: bool = False,
) -> None:
    """Log how the answer was taken, emit metrics and publish the report; stop at `deadline` (monotonic).

    Args:
        log: Log of the gate.
        state: Settings and AWS clients of the run.
        report: Report of the verdict, before the answer.
        delivery: Delivery of the verdict's status; None if CodeDeploy does not wait for it.
        deadline: `time.monotonic()` by which all channels have ended.
        is_only_run: No other run can have published a report of this gate.
    """
    from greenlight.gate.result import with_answer

    if delivery is not None:
        status, sent = report.verdict, delivery
        report = with_answer(report, sent, SYSTEM_CLOCK.now_utc())
        log.best_effort(lambda: log.answered(status, sent, report))
    is_superseded = delivery is not None and delivery.superseded
    if is_superseded and state.turn.holder:
        return  # the invocation that answered counts the gate
    log.metrics(_metrics_of(report, delivery))
    if state.spooler is not None:
        state.spooler.store_answer(report)
    # If another run has answered, this report must not overwrite the report of that run.
    if (is_superseded and not is_only_run) or not (state.aws and state.settings):
        return
    from greenlight.publish.channels import publish_report

    if failures := publish_report(state.aws, state.settings, report, deadline, log):
        log.metrics({"ChannelFailures": float(failures)})


def report_watch(log: GateLog, state: RunState, report: Report, deadline: float) -> None:
    """Log, count and publish the report of a watched shift, about which CodeDeploy gets no answer.

    Args:
        log: Log of the watch.
        state: Settings and AWS clients.
        report: The report.
        deadline: `time.monotonic()` by which all channels have ended.
    """
    from greenlight.core.watch import WatchEnd
    from greenlight.publish.channels import publish_report

    log.best_effort(lambda: log.verdict(report))
    end = report.watch.end if report.watch else WatchEnd.ABANDONED
    has_failed = end in (WatchEnd.ABANDONED, WatchEnd.NOT_STOPPED)
    rare = {"ShiftStopped": float(end is WatchEnd.STOPPED), "WatchErrors": float(has_failed)}
    log.metrics({"ShiftWatched": 1.0} | {name: value for name, value in rare.items() if value})
    if state.aws is None or state.settings is None:
        return
    if failures := publish_report(state.aws, state.settings, report, deadline, log):
        log.metrics({"ChannelFailures": float(failures)})


def _metrics_of(report: Report, delivery: StatusDelivery | None) -> dict[str, float]:
    answers = {"GateAnswered": float(delivery.told), "GateUnanswered": float(not delivery.told)} if delivery else {}
    values = {
        **answers,
        "GateSucceeded": float(report.verdict is Status.SUCCEEDED),
        "GateFailed": float(report.verdict is Status.FAILED),
        "GateErrors": float(any(reason.cause is Cause.GATE_ERROR for reason in report.reasons)),
        "GateDuration": report.duration_ms,
    }
    rare = {
        "ChecksFlaky": float(sum(finding.flaky for finding in report.checks)),
        "GateShadowed": float(report.shadow is not None and bool(report.reasons)),
        "OverridesHonoured": float(len(report.overrides)),
    }
    # Rare metrics are not emitted at zero: each metric name costs money, and alarms treat a missing value as zero.
    return values | {name: value for name, value in rare.items() if value}
