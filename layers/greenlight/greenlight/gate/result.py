"""The result of one gate run, before and after it becomes a report."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from greenlight import __version__
from greenlight.core.deployment import Deployment
from greenlight.core.finding import Cause, Finding
from greenlight.core.frozen import FrozenStruct
from greenlight.core.report import AcceptedEvidence, Clock, GreenAsked, PlanSource, Report
from greenlight.core.verdict import AppliedOverride, Reason, Status, Verdict
from greenlight.verdict.judge import failed_verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from greenlight.core.errors import PlanError, Problem


class GateResult(FrozenStruct, frozen=True, kw_only=True):
    """The verdict on one gate with everything it rests on.

    Attributes:
        verdict: The answer for CodeDeploy and its reasons.
        deployment: The deployment as far as it was discovered, with notes for the report.
        findings: One for each check of the stage, in the plan's order; empty when no check ran.
        plan: Exact source of the plan.
        output: Last lines that validators printed, redacted.
        clock: Times within the gate.
        overrides: Overrides that were applied.
        accepted: Weaker evidence that the plan accepts at this stage.
    """

    verdict: Verdict
    deployment: Deployment
    findings: tuple[Finding, ...] = ()
    plan: PlanSource = PlanSource()
    output: str = ""
    clock: Clock = Clock()
    overrides: tuple[AppliedOverride, ...] = ()
    accepted: AcceptedEvidence | None = None

    def with_notes(self, *notes: str) -> GateResult:
        """Return the result with further notes on the deployment."""
        return replace(self, deployment=with_notes(self.deployment, *notes))

    def report(self, started_at: float, duration_ms: float, *, bucket: str = "", command: str = "") -> Report:
        """Return the report of the run.

        Args:
            started_at: Unix time of the start, in seconds.
            duration_ms: From the start to the verdict.
            bucket: Bucket that is to keep the report; "" for none.
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
            clock=self.clock,
            bucket=bucket,
            command=command,
        )


def _count_asked(findings: Sequence[Finding]) -> GreenAsked | None:
    counts = [finding.asked.green for finding in findings]
    return GreenAsked(times=sum(counts), checks=sum(count > 0 for count in counts)) if findings else None


def with_notes(deployment: Deployment, *notes: str) -> Deployment:
    """Return the deployment with further notes."""
    return replace(deployment, notes=(*deployment.notes, *notes))


def failed_result(cause: Cause, message: str, deployment: Deployment) -> GateResult:
    """Return the result of a gate that could not be run to its end."""
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
