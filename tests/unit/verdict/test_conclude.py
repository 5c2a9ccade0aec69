"""The verdict of a stage: the plan, and not the worker, decides which checks exist and which block."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from greenlight.core.deployment import Deployment, Platform
from greenlight.core.finding import Cause, ExcuseReason, Finding, OnInconclusive, Outcome, Severity
from greenlight.core.report import Clock, PlanSource
from greenlight.core.verdict import Status
from greenlight.plan.model import Check
from greenlight.verdict.conclude import apply_plan, build_report, decide_verdict


def check(name: str, severity: Severity = Severity.BLOCKING) -> Check:
    return Check(name=name, validator="http", params={}, severity=severity)


def finding(name: str, outcome: Outcome = Outcome.PASS, severity: Severity = Severity.BLOCKING) -> Finding:
    return Finding(name=name, outcome=outcome, message=f"{name} said so", severity=severity)


def test_a_stage_without_checks_and_findings_is_failed() -> None:
    assert decide_verdict((), ()).status is Status.FAILED


def test_a_check_without_a_finding_is_a_gate_error_beside_other_reasons() -> None:
    verdict = decide_verdict([check("a"), check("b"), check("c")], [finding("a"), finding("b", Outcome.FAIL)])

    assert verdict.status is Status.FAILED
    assert [(reason.check, reason.cause) for reason in verdict.reasons] == [
        ("b", Cause.RELEASE_FAILED),
        ("c", Cause.GATE_ERROR),
    ]


def test_an_advisory_check_without_a_finding_is_a_gate_error_too() -> None:
    assert decide_verdict([check("a"), check("b", Severity.ADVISORY)], [finding("a")]).status is Status.FAILED


def test_a_finding_of_an_unknown_check_is_not_evidence() -> None:
    verdict = decide_verdict([check("a", Severity.ADVISORY)], [finding("a"), finding("made up")])

    assert (verdict.status, verdict.reasons[0].cause) == (Status.FAILED, Cause.NO_EVIDENCE)


def test_a_finding_cannot_make_its_own_check_advisory() -> None:
    verdict = decide_verdict([check("a"), check("b")], [finding("a"), finding("b", Outcome.FAIL, Severity.ADVISORY)])

    assert (verdict.status, verdict.reasons[0].check) == (Status.FAILED, "b")


def test_a_finding_cannot_decide_that_it_is_excused_or_flaky() -> None:
    claims = {"excused": ExcuseReason.OVERRIDDEN, "flaky": True, "on_inconclusive": OnInconclusive.TOLERATE}
    findings = [
        msgspec.structs.replace(finding(name, Outcome.INCONCLUSIVE), **claims) for name in ("a", "b", "made up")
    ]
    planned = [
        check("a", Severity.REQUIRED_WITH_OVERRIDE),
        msgspec.structs.replace(check("b"), on_inconclusive=OnInconclusive.TOLERATE),
    ]

    completed = apply_plan(planned, findings)

    assert [
        (completed_finding.name, completed_finding.excused.value, completed_finding.flaky)
        for completed_finding in completed
    ] == [
        ("a", "", False),
        ("b", "tolerated", False),
    ]
    assert [completed_finding.excused.value for completed_finding in apply_plan(planned, findings, ["a", "b"])] == [
        "overridden",
        "tolerated",
    ]
    assert [reason.check for reason in decide_verdict(planned, findings).reasons] == ["a"]


def test_a_missing_finding_cannot_be_overridden() -> None:
    verdict = decide_verdict(
        [check("a", Severity.REQUIRED_WITH_OVERRIDE), check("b")], [finding("b")], overridden=["a", "b"]
    )

    assert (verdict.status, verdict.reasons[0].check) == (Status.FAILED, "a")


@pytest.mark.parametrize("outcomes", list(itertools.product(Outcome, repeat=2)), ids=str)
def test_two_findings_for_one_check_both_count(outcomes: tuple[Outcome, Outcome]) -> None:
    verdict = decide_verdict([check("a")], [finding("a", outcome) for outcome in outcomes])

    good = set(outcomes) <= {Outcome.PASS, Outcome.SKIPPED} and Outcome.PASS in outcomes
    assert verdict.status is (Status.SUCCEEDED if good else Status.FAILED)


def test_a_waived_plan_succeeds_without_a_reason() -> None:
    verdict = decide_verdict((), (), "this deployment is a rollback")

    assert (verdict.status, verdict.reasons) == (Status.SUCCEEDED, ())


def test_a_report_has_the_verdict_and_its_basis() -> None:
    findings = [finding("a", Outcome.FAIL)]
    verdict = decide_verdict([check("a")], findings)
    deployment = Deployment(id="d-1", platform=Platform.ECS, stage="AfterAllowTraffic")

    report = build_report(
        verdict, findings, deployment, PlanSource(uri="u"), 0.5, 12.34567, "printed", clock=Clock(prepared_ms=3.0)
    )

    assert (report.verdict, report.reasons, report.checks) == (Status.FAILED, verdict.reasons, tuple(findings))
    assert (report.started_at, report.duration_ms) == ("1970-01-01T00:00:00.500+00:00", 12.346)
    assert (report.deployment, report.plan.uri, report.output) == (deployment, "u", "printed")
    assert report.clock.prepared_ms == 3.0
