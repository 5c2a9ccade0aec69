"""What a gate tells everybody but CodeDeploy: the log as it goes, and after the answer report, channels and metrics.

Nothing here can change a verdict, and no failure of it reaches the gate.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from greenlight.core.finding import Cause
from greenlight.core.verdict import Status
from greenlight.gate.deadline import run_with_deadline
from greenlight.verdict.conclude import build_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from greenlight.aws.client import Aws
    from greenlight.core.deployment import Deployment
    from greenlight.core.finding import Finding
    from greenlight.core.report import Report
    from greenlight.core.settings import Settings
    from greenlight.gate.codedeploy import Execution
    from greenlight.gate.handler import Gate
    from greenlight.plan.shadow import Shadow


class Log:
    """What a gate run tells the log, and what has been found out so far; no failure of it reaches the gate."""

    def __init__(self, execution: Execution, stage: str, began: float) -> None:
        self._execution, self._stage, self.began = execution, stage, began
        self._logger: Any = None
        self.deployment: Deployment | None = None
        self.shadow: Shadow | None = None
        self.settings: Settings | None = None
        self.aws: Aws | None = None

    @property
    def logger(self) -> Any:
        """Powertools' logger, made when first used, with this gate's keys."""
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

    def say(self, message: str, **keys: Any) -> None:
        """Write a line with keys of its own."""
        self.best_effort(lambda: self.logger.info(message, extra=keys))

    def best_effort(self, step: Callable[[], Any]) -> None:
        """Run a step whose failure may not matter; it is logged if that works."""
        try:
            step()
        except Exception as error:  # noqa: BLE001 - that is the point
            self.failed("a step that decides nothing", error)

    def failed(self, what: str, error: Exception) -> None:
        """Say that a step failed whose failure may not matter, if the log still works."""
        try:
            self.logger.warning(f"failed: {what}", exc_info=error)
        except Exception:  # noqa: BLE001 - the log itself is gone; the answer is not
            return

    def started(self) -> None:
        """Say that a hook was called, in the log and as a metric."""
        from greenlight.publish import metrics

        self.say("gate started")
        self.best_effort(lambda: metrics.emit(self._stage, {"GateStarted": 1}))

    def finding(self, finding: Finding) -> None:
        """Say how a check ended, as soon as it has."""
        import msgspec

        keys = ("name", "outcome", "message", "severity", "validator", "attempts", "flaky", "duration_ms")
        self.say("check finished", check={key: msgspec.to_builtins(getattr(finding, key)) for key in keys})


def publish(log: Log, gate: Gate, answer: Any, stage: str, started_at: float, duration_ms: float, end: float) -> None:
    """Tell everybody else, one thing after the other, each for itself, until `end` (monotonic)."""
    import msgspec

    from greenlight.publish import metrics, notice_content
    from greenlight.report.content import next_commands

    report = build_report(
        gate.verdict,
        gate.findings,
        gate.deployment,
        gate.plan,
        started_at,
        duration_ms,
        gate.output,
        gate.overrides,
        gate.clock,
        log.settings.report_bucket if log.settings else "",
    )
    reasons = msgspec.to_builtins(gate.verdict.reasons)
    log.say(
        "verdict",
        summary=notice_content.verdict_sentence(report),
        verdict=gate.verdict.status.value,
        reasons=reasons,
        application=gate.deployment.application,
        group=gate.deployment.group,
        commands=list(next_commands(report).values()),
        **({"shadow": msgspec.to_builtins(gate.verdict.shadow)} if gate.verdict.shadow else {}),
    )
    for each in gate.overrides:
        log.say("override honoured", override=msgspec.to_builtins(each))
    log.say("answered", status=gate.verdict.status.value, **msgspec.to_builtins(answer))
    errors = sum(reason.cause is Cause.GATE_ERROR for reason in gate.verdict.reasons)
    values = {
        "GateAnswered": float(answer.told),
        "GateUnanswered": float(not answer.told),
        "GateSucceeded": float(gate.verdict.status is Status.SUCCEEDED),
        "GateFailed": float(gate.verdict.status is Status.FAILED),
        "GateErrors": float(errors > 0),
        "GateDuration": duration_ms,
    }
    seldom = {
        "ChecksFlaky": float(sum(finding.flaky for finding in gate.findings)),
        "GateShadowed": float(gate.verdict.shadow is not None and bool(gate.verdict.reasons)),
        "OverridesHonoured": float(len(gate.overrides)),
    }
    # What is not there most of the time is left out then: every name costs, and an alarm takes nothing for zero.
    values |= {name: value for name, value in seldom.items() if value}
    log.best_effort(lambda: metrics.emit(stage, values))
    # A report of a run that somebody else had answered before would hide the report of the run that counted.
    if not answer.superseded and (failures := _announced(log, report, end)):
        log.best_effort(lambda: metrics.emit(stage, {"ChannelFailures": float(failures)}))


def _announced(log: Log, report: Report, end: float) -> int:
    """Store the report and tell the channels that the operator chose; give how many of them failed."""
    if not (log.aws and log.settings):
        return 0
    from greenlight.publish import eventbridge, index, s3, sns

    aws, settings, uri, failures = log.aws, log.settings, "", 0
    bucket = settings.report_bucket

    def tell(what: str, key: str, step: Callable[[], str], share: float = 1.0) -> str:
        """Do a step in its share of the time that is left; a channel that hangs leaves the others theirs."""
        nonlocal failures
        now = time.monotonic()
        try:
            given = run_with_deadline(now + (end - now) * share, step, f"not done: {what}")
        except Exception as error:  # noqa: BLE001 - no channel matters to the verdict, or to the other channels
            failures += 1
            log.failed(what, error)
            return ""
        log.say(what, **{key: given})
        return given

    steps: list[tuple[str, str, Callable[[], str]]] = []
    if bucket:
        steps.append(("report stored", "uri", lambda: s3.store(aws, bucket, report)))
    if settings.event_bus:
        steps.append(("event put", "id", lambda: eventbridge.put(aws, settings.event_bus, report, uri)))
    if settings.notice_topic and (settings.notice_on == "all" or not report.clean):
        steps.append(("notice sent", "id", lambda: sns.notify(aws, settings.notice_topic, report, uri)))
    for left, (what, key, step) in zip(range(len(steps), 0, -1), steps, strict=True):
        given = tell(what, key, step, 1 / left)
        uri = given if key == "uri" else uri
    if uri:  # after everything else: a bucket that took the report has time left for these, or nobody has
        tell("index written", "uri", lambda: index.store(aws, bucket, report, uri), 1 / 2)
        page = lambda: s3.store_page(aws, bucket, report)  # noqa: E731
        log.best_effort(
            lambda: log.say("page stored", uri=run_with_deadline(end, page, "the report's page was not stored"))
        )
    return failures
