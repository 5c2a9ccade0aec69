"""The result of one gate run, before and after it becomes a report."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight import __version__
from greenlight.core.deployment import Deployment
from greenlight.core.finding import Cause, Finding
from greenlight.core.frozen import FrozenStruct
from greenlight.core.hold import HoldResult
from greenlight.core.report import AcceptedEvidence, Answer, Clock, GreenAsked, PlanSource, Report, TrafficShare
from greenlight.core.verdict import AppliedOverride, Reason, Status, Verdict
from greenlight.core.watch import ShiftWatch
from greenlight.verdict.judge import failed_verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.core.errors import PlanError, Problem
    from greenlight.core.verdict import StatusDelivery


class GateResult(FrozenStruct, frozen=True, kw_only=True):
    """The verdict of one gate, and everything that led to it.

    Attributes:
        verdict: The answer for CodeDeploy and its reasons.
        deployment: The deployment as far as it was discovered, with notes for the report.
        findings: One finding for each check of the stage, in the plan's order; empty if no check ran.
        plan: Exact source of the plan.
        output: Last lines that validators printed, redacted.
        clock: Times within the gate.
        overrides: Overrides that were applied.
        accepted: Weaker evidence that the plan accepts at this stage.
        hold: Wait for an approval; None if the gate did not wait for one.
        watch: The rounds of checks during the shift of the traffic.
    """

    verdict: Verdict
    deployment: Deployment
    findings: tuple[Finding, ...] = ()
    plan: PlanSource = PlanSource()
    output: str = ""
    clock: Clock = Clock()
    overrides: tuple[AppliedOverride, ...] = ()
    accepted: AcceptedEvidence | None = None
    hold: HoldResult | None = None
    watch: ShiftWatch | None = None

    def with_notes(self, *notes: str) -> GateResult:
        """Return the result with further notes on the deployment."""
        return replace(self, deployment=with_notes(self.deployment, *notes))

    def report(self, started_at: float, duration_ms: float, *, bucket: str = "", command: str = "") -> Report:
        """Return the report of the run.

        Args:
            started_at: Unix time of the start, in seconds.
            duration_ms: From the start to the verdict.
            bucket: Bucket to store the report in; "" for none.
            command: Command that runs the stage again; "" for a hook.
        """
        started = datetime.datetime.fromtimestamp(started_at, datetime.UTC)
        return Report(
            verdict=self.verdict.status,
            reasons=self.verdict.reasons,
            checks=self.findings,
            deployment=self.deployment,
            plan=self.plan,
            started_at=started.isoformat(timespec="milliseconds"),
            duration_ms=round(duration_ms, 3),
            greenlight=__version__,
            output=self.output,
            shadow=self.verdict.shadow,
            overrides=self.overrides,
            green_asked=_count_asked(self.findings),
            accepted=self.accepted,
            hold=self.hold,
            watch=self.watch,
            traffic=_shares(self.watch),
            clock=self.clock,
            bucket=bucket,
            command=command,
        )


def with_answer(report: Report, delivery: StatusDelivery, at: datetime.datetime) -> Report:
    """Return the report with CodeDeploy's answer; a Succeeded that it did not confirm is Failed.

    The last resort answers Failed for it, so every channel that said Succeeded would speak of a release that was
    rolled back.

    Args:
        report: Report of the verdict.
        delivery: Delivery of the verdict's status.
        at: When the delivery ended.
    """
    answer = Answer(
        status=report.verdict,
        told=delivery.told,
        superseded=delivery.superseded,
        attempts=delivery.attempts,
        at=at.astimezone(datetime.UTC).isoformat(timespec="milliseconds"),
    )
    report = replace(report, answer=answer)
    if delivery.told or report.verdict is Status.FAILED:
        return report
    message = f"CodeDeploy did not confirm {report.verdict.value} ({delivery.error}); the last resort answers Failed"
    reasons = (Reason(cause=Cause.GATE_ERROR, message=message), *report.reasons)
    return replace(report, verdict=Status.FAILED, judged=report.verdict, reasons=reasons)


def _shares(watch: ShiftWatch | None) -> tuple[TrafficShare, ...]:
    """Return green's share of the traffic as the rounds saw it, without repetitions."""
    shares: list[TrafficShare] = []
    for item in watch.rounds if watch else ():
        if item.green_percent is not None and (not shares or shares[-1].green_percent != item.green_percent):
            shares.append(TrafficShare(at_ms=item.at_ms, green_percent=item.green_percent))
    return tuple(shares)


def _count_asked(findings: Sequence[Finding]) -> GreenAsked | None:
    counts = [finding.asked.green for finding in findings]
    return GreenAsked(times=sum(counts), checks=sum(count > 0 for count in counts)) if findings else None


def with_notes(deployment: Deployment, *notes: str) -> Deployment:
    """Return the deployment with further notes."""
    return replace(deployment, notes=(*deployment.notes, *notes))


def failed_result(cause: Cause, message: str, deployment: Deployment) -> GateResult:
    """Return the result of a gate that could not be completed."""
    return GateResult(verdict=failed_verdict(cause, message), deployment=deployment)


def rejected_plan_result(error: PlanError, deployment: Deployment) -> GateResult:
    """Return the result of a gate whose plan is not valid: Failed, with one reason for each problem."""
    reasons = tuple(
        Reason(cause=Cause.PLAN_ERROR, message=_with_place(problem, problem.source or error.source))
        for problem in error.problems
    )
    verdict = Verdict(status=Status.FAILED, reasons=reasons)
    return GateResult(verdict=verdict, deployment=deployment, plan=error.plan or PlanSource(uri=error.source))


def _with_place(problem: Problem, source: str) -> str:
    place = f" (line {problem.line}, column {problem.column})" if problem.line else ""
    return f"{source}: {problem}{place}" if source else f"{problem}{place}"
