"""Verdict on a gate: the plan decides which checks exist and which of them block, whatever the worker sends."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import msgspec
import pytest

from greenlight.core.finding import Asked, Cause, ExcuseReason, Finding, OnInconclusive, Outcome, Severity
from greenlight.core.verdict import Status, Verdict
from greenlight.plan.model import Check
from greenlight.verdict.conclude import apply_plan, decide_verdict, with_excuses

if TYPE_CHECKING:
    from collections.abc import Container, Sequence


def check(name: str, severity: Severity = Severity.BLOCKING) -> Check:
    return Check(name=name, validator="http", params={}, severity=severity)


def finding(name: str, outcome: Outcome = Outcome.PASS, severity: Severity = Severity.BLOCKING) -> Finding:
    return Finding(name=name, outcome=outcome, message=f"message of {name}", severity=severity, asked=Asked(green=1))


def decide(checks: Sequence[Check], findings: Sequence[Finding], overridden: Container[str] = ()) -> Verdict:
    return decide_verdict(checks, apply_plan(checks, findings), overridden)


def test_no_checks_and_no_findings_are_failed() -> None:
    assert decide((), ()).status is Status.FAILED


def test_a_check_without_a_finding_is_a_gate_error_beside_other_reasons() -> None:
    verdict = decide([check("a"), check("b"), check("c")], [finding("a"), finding("b", Outcome.FAIL)])

    assert verdict.status is Status.FAILED
    assert [(reason.check, reason.cause) for reason in verdict.reasons] == [
        ("b", Cause.RELEASE_FAILED),
        ("c", Cause.GATE_ERROR),
    ]


def test_an_advisory_check_without_a_finding_is_a_gate_error_too() -> None:
    assert decide([check("a"), check("b", Severity.ADVISORY)], [finding("a")]).status is Status.FAILED


def test_a_finding_for_an_unknown_check_is_not_evidence() -> None:
    verdict = decide([check("a", Severity.ADVISORY)], [finding("a"), finding("made up")])

    assert (verdict.status, verdict.reasons[0].cause) == (Status.FAILED, Cause.NO_EVIDENCE)


def test_a_finding_cannot_make_its_own_check_advisory() -> None:
    verdict = decide([check("a"), check("b")], [finding("a"), finding("b", Outcome.FAIL, Severity.ADVISORY)])

    assert (verdict.status, verdict.reasons[0].check) == (Status.FAILED, "b")


def test_excuses_and_flakiness_come_from_the_plan_and_not_from_the_finding() -> None:
    claims = {"excused": ExcuseReason.OVERRIDDEN, "flaky": True, "on_inconclusive": OnInconclusive.TOLERATE}
    findings = [
        msgspec.structs.replace(finding(name, Outcome.INCONCLUSIVE), **claims) for name in ("a", "b", "made up")
    ]
    checks = [
        check("a", Severity.REQUIRED_WITH_OVERRIDE),
        msgspec.structs.replace(check("b"), on_inconclusive=OnInconclusive.TOLERATE),
    ]

    planned = apply_plan(checks, findings)

    assert [(item.name, item.excused.value, item.flaky) for item in planned] == [("a", "", False), ("b", "", False)]
    assert [item.excused.value for item in with_excuses(planned)] == ["", "tolerated"]
    assert [item.excused.value for item in with_excuses(planned, ["a", "b"])] == ["overridden", "tolerated"]
    assert [reason.check for reason in decide(checks, findings).reasons] == ["a"]


def test_a_missing_finding_cannot_be_overridden() -> None:
    checks = [check("a", Severity.REQUIRED_WITH_OVERRIDE), check("b")]

    verdict = decide(checks, [finding("b")], overridden=["a", "b"])

    assert (verdict.status, verdict.reasons[0].check) == (Status.FAILED, "a")


@pytest.mark.parametrize("outcomes", list(itertools.product(Outcome, repeat=2)), ids=str)
def test_two_findings_for_one_check_both_count(outcomes: tuple[Outcome, Outcome]) -> None:
    verdict = decide([check("a")], [finding("a", outcome) for outcome in outcomes])

    good = set(outcomes) <= {Outcome.PASS, Outcome.SKIPPED} and Outcome.PASS in outcomes
    assert verdict.status is (Status.SUCCEEDED if good else Status.FAILED)
