"""The result of a gate and the report that is made from it."""

from __future__ import annotations

import datetime

import pytest

from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import PlanError, Problem
from greenlight.core.finding import Cause, Finding, Outcome
from greenlight.core.report import Clock, PlanSource
from greenlight.core.verdict import Reason, ShadowedVerdict, Status, StatusDelivery, Verdict
from greenlight.gate.result import GateResult, failed_result, rejected_plan_result, with_answer
from greenlight.verdict.judge import failed_verdict

DEPLOYMENT = Deployment(id="d-1", platform=Platform.ECS, stage="AfterAllowTraffic")


def test_a_report_contains_the_verdict_and_its_evidence() -> None:
    findings = (Finding(name="a", outcome=Outcome.FAIL, message="status is 500"),)
    verdict = failed_verdict(Cause.RELEASE_FAILED, "status is 500")
    result = GateResult(
        verdict=verdict,
        deployment=DEPLOYMENT,
        findings=findings,
        plan=PlanSource(uri="u"),
        output="printed",
        clock=Clock(prepared_ms=3.0),
    )

    report = result.report(0.5, 12.34567, bucket="reports", command="greenlight check")

    assert (report.verdict, report.reasons, report.checks) == (Status.FAILED, verdict.reasons, findings)
    assert (report.started_at, report.duration_ms) == ("1970-01-01T00:00:00.500+00:00", 12.346)
    assert (report.deployment, report.plan.uri, report.output) == (DEPLOYMENT, "u", "printed")
    assert (report.clock.prepared_ms, report.bucket, report.command) == (3.0, "reports", "greenlight check")


def test_a_rejected_plan_is_failed_with_one_reason_for_each_problem_and_its_place() -> None:
    problems = [Problem("unknown key 'chek'", "stages", 3, 5), Problem("file not found", source="s3://b/f.yaml")]

    result = rejected_plan_result(PlanError(problems, "s3://b/plan.yaml"), DEPLOYMENT)

    assert result.verdict.status is Status.FAILED
    assert {reason.cause for reason in result.verdict.reasons} == {Cause.PLAN_ERROR}
    assert [reason.message for reason in result.verdict.reasons] == [
        "s3://b/plan.yaml: stages: unknown key 'chek' (line 3, column 5)",
        "s3://b/f.yaml: file not found",
    ]
    assert result.plan.uri == "s3://b/plan.yaml"


def test_a_gate_that_could_not_run_keeps_the_deployment_as_far_as_it_is_known() -> None:
    result = failed_result(Cause.DEADLINE, "timed out", DEPLOYMENT).with_notes("first", "second")

    assert (result.verdict.status, result.verdict.reasons[0].cause) == (Status.FAILED, Cause.DEADLINE)
    assert (result.deployment.id, result.deployment.notes) == ("d-1", ("first", "second"))


# ---- The answer of CodeDeploy

AT = datetime.datetime(2026, 11, 28, 12, 0, 0, 500_000, datetime.UTC)
REASON = Reason(cause=Cause.RELEASE_FAILED, message="status is 500", check="a")
SHADOW = ShadowedVerdict(would_have_been=Status.FAILED, until="2026-12-31", why="new gate")


@pytest.mark.parametrize(
    "verdict",
    [Verdict(status=Status.SUCCEEDED), Verdict(status=Status.SUCCEEDED, reasons=(REASON,), shadow=SHADOW)],
    ids=["succeeded", "succeeded in a shadow"],
)
def test_a_succeeded_that_codedeploy_did_not_confirm_is_failed(verdict: Verdict) -> None:
    report = GateResult(verdict=verdict, deployment=DEPLOYMENT).report(0, 1)

    answered = with_answer(report, StatusDelivery(told=False, attempts=3, error="AccessDenied: no"), AT)

    assert (answered.verdict, answered.judged, answered.clean) == (Status.FAILED, Status.SUCCEEDED, False)
    assert answered.reasons[0].cause is Cause.GATE_ERROR
    assert "did not confirm Succeeded (AccessDenied: no); the last resort answers Failed" in answered.reasons[0].message
    assert answered.reasons[1:] == verdict.reasons
    assert answered.answer is not None
    assert (answered.answer.status, answered.answer.told, answered.answer.attempts) == (Status.SUCCEEDED, False, 3)
    assert answered.answer.at == "2026-11-28T12:00:00.500+00:00"


@pytest.mark.parametrize(
    ("verdict", "is_told"),
    [
        (Verdict(status=Status.SUCCEEDED), True),
        (Verdict(status=Status.FAILED, reasons=(REASON,)), True),
        (Verdict(status=Status.FAILED, reasons=(REASON,)), False),
    ],
)
def test_any_other_verdict_stays_and_has_its_answer(verdict: Verdict, is_told: bool) -> None:
    report = GateResult(verdict=verdict, deployment=DEPLOYMENT).report(0, 1)

    answered = with_answer(report, StatusDelivery(told=is_told, attempts=1), AT)

    assert (answered.verdict, answered.reasons, answered.judged) == (verdict.status, verdict.reasons, None)
    assert answered.answer is not None
    assert (answered.answer.status, answered.answer.told) == (verdict.status, is_told)
