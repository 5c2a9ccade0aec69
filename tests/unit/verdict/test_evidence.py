"""Succeeded needs a passed check that asked green, wherever green can be asked and the plan accepts no less."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.deployment import STAGES, Deployment, Platform, Side
from greenlight.core.finding import Asked, Cause, EvidenceKind, Finding, Outcome, Severity
from greenlight.core.report import DEFAULT_CHECKS, PlanSource
from greenlight.core.verdict import Status
from greenlight.plan.model import Plan, Stage
from greenlight.plan.schema import Accepts
from greenlight.verdict.evidence import EvidenceRule, evidence_kind, evidence_rule
from greenlight.verdict.judge import judge

WITH_URL = Side(url="http://green.test")


def finding(outcome: Outcome = Outcome.PASS, severity: Severity = Severity.BLOCKING, **asked: int) -> Finding:
    return Finding(outcome=outcome, message="", severity=severity, asked=Asked(**asked))


def deployment(stage: str, platform: Platform = Platform.ECS, green: Side = Side()) -> Deployment:  # noqa: B008
    return Deployment(id="d-1", platform=platform, stage=stage, green=green)


def plan(stage: str, accepts: str = "", *, is_default: bool = False) -> Plan:
    weaker = Accepts(evidence=accepts, why="a queue") if accepts else None  # type: ignore[arg-type]
    source = PlanSource(uri=DEFAULT_CHECKS if is_default else "file:plan.yaml")
    return Plan(stages={stage: Stage(checks=(), accepts=weaker)}, source=source)


# ---- Findings that are not evidence


@pytest.mark.parametrize(
    ("findings", "message"),
    [
        ([finding(blue=3)], "1 check passed and none of them asked green: 1 asked blue"),
        ([finding(other=1)], "1 check passed and none of them asked green: 1 asked another host"),
        (
            [finding(blue=1), finding(other=2), finding(blue=4, aws=1)],
            "3 checks passed and none of them asked green: 2 asked blue, 1 asked another host",
        ),
        ([finding(aws=1)], "1 check passed and none of them asked green: 1 asked AWS about something else"),
        ([finding(green_resource=1)], "1 check passed and none of them asked green: 1 read the state of green"),
        ([finding(green_metrics=1)], "1 check passed and none of them asked green: 1 read green's metrics"),
        (
            [finding()],
            "1 check passed and none of them asked green: 1 asked through connections of its own, or not at all",
        ),
    ],
)
def test_pass_that_did_not_ask_green_is_not_evidence_and_the_reason_says_whom_it_asked(
    findings: list[Finding], message: str
) -> None:
    verdict = judge(findings)

    (reason,) = verdict.reasons
    assert (verdict.status, reason.cause) == (Status.FAILED, Cause.NO_EVIDENCE)
    assert reason.message == f"{message}, so nothing shows that green works"


def test_advisory_check_and_failed_check_that_asked_green_are_not_evidence() -> None:
    blue = finding(blue=1)

    assert judge([blue, finding(severity=Severity.ADVISORY, green=1)]).status is Status.FAILED
    assert judge([blue, finding(Outcome.SKIPPED, green=1)]).status is Status.FAILED


def test_one_blocking_pass_that_asked_green_suffices() -> None:
    assert judge([finding(blue=1), finding(green=1)]).status is Status.SUCCEEDED


# ---- Kinds and rules


@pytest.mark.parametrize(
    ("asked", "before_shift", "after_shift"),
    [
        ({"green": 1, "blue": 9, "aws": 9}, EvidenceKind.ASKED, EvidenceKind.ASKED),
        ({"green_metrics": 1}, EvidenceKind.ENVIRONMENT, EvidenceKind.OBSERVED),
        ({"green_metrics": 1, "green_resource": 1}, EvidenceKind.READINESS, EvidenceKind.OBSERVED),
        ({"green_resource": 1, "blue": 1}, EvidenceKind.READINESS, EvidenceKind.READINESS),
        ({"blue": 1, "other": 1, "aws": 1}, EvidenceKind.ENVIRONMENT, EvidenceKind.ENVIRONMENT),
        ({}, EvidenceKind.ENVIRONMENT, EvidenceKind.ENVIRONMENT),
        ({"green": -1}, EvidenceKind.ENVIRONMENT, EvidenceKind.ENVIRONMENT),
    ],
)
def test_kind_of_a_finding(asked: dict[str, int], before_shift: EvidenceKind, after_shift: EvidenceKind) -> None:
    for stage in STAGES[:-1]:
        assert evidence_kind(finding(**asked), stage) is before_shift
    assert evidence_kind(finding(**asked), "AfterAllowTraffic") is after_shift


@pytest.mark.parametrize(
    ("gate", "its_plan", "least"),
    [
        (deployment("AfterAllowTestTraffic", green=WITH_URL), {}, "observed"),
        (deployment("AfterAllowTraffic", green=WITH_URL), {}, "observed"),
        (deployment("AfterAllowTraffic", green=WITH_URL), {"is_default": True}, "observed"),
        (deployment("AfterAllowTestTraffic"), {}, "readiness"),
        (deployment("AfterInstall"), {}, "readiness"),
        (deployment("BeforeInstall"), {}, "environment"),
        (deployment("BeforeInstall", green=WITH_URL), {}, "observed"),
        (deployment("BeforeAllowTraffic", Platform.LAMBDA), {}, "observed"),
        (deployment("BeforeAllowTraffic", Platform.LAMBDA), {"is_default": True}, "readiness"),
        (deployment("AfterAllowTraffic", green=WITH_URL), {"accepts": "readiness"}, "readiness"),
        (deployment("AfterAllowTraffic", green=WITH_URL), {"accepts": "environment"}, "environment"),
        (deployment("AfterInstall"), {"accepts": "environment"}, "environment"),
        (deployment("BeforeInstall"), {"accepts": "readiness"}, "environment"),
    ],
)
def test_weakest_evidence_that_suffices_at_a_gate(gate: Deployment, its_plan: dict[str, Any], least: str) -> None:
    rule = evidence_rule(gate, plan(gate.stage, **its_plan))

    assert (rule.least.value, rule.stage) == (least, gate.stage)


def test_the_plan_of_another_stage_accepts_nothing_here() -> None:
    rule = evidence_rule(deployment("AfterAllowTraffic", green=WITH_URL), plan("AfterInstall", "environment"))

    assert rule == EvidenceRule(stage="AfterAllowTraffic")


def test_readiness_suffices_where_green_cannot_be_asked_and_the_environment_does_not() -> None:
    rule = EvidenceRule(stage="AfterInstall", least=EvidenceKind.READINESS)

    assert judge([finding(green_resource=1)], rule=rule).status is Status.SUCCEEDED
    (reason,) = judge([finding(aws=1)], rule=rule).reasons
    assert reason.message.startswith("1 check passed and none of them asked green or read its state: 1 asked AWS")


# ---- No plan whose checks never reach green is Succeeded

COUNTS = st.integers(0, 3)
ASKED_ELSEWHERE = st.builds(Asked, blue=COUNTS, other=COUNTS, green_resource=COUNTS, green_metrics=COUNTS, aws=COUNTS)
FINDINGS = st.lists(
    st.builds(
        Finding,
        outcome=st.sampled_from(Outcome),
        severity=st.sampled_from(Severity),
        message=st.just(""),
        name=st.sampled_from(["a", "b"]),
        attempts=st.integers(0, 2),
        asked=ASKED_ELSEWHERE,
    ),
    max_size=8,
)


@given(FINDINGS, st.sampled_from(STAGES[:-1]), st.sampled_from(Platform), st.lists(st.sampled_from(["a", "b"])))
def test_gate_whose_checks_never_reach_green_is_failed(
    findings: list[Finding], stage: str, platform: Platform, overridden: list[str]
) -> None:
    rule = evidence_rule(deployment(stage, platform, WITH_URL), plan(stage))

    assert judge(findings, overridden, rule).status is Status.FAILED


@given(FINDINGS)
def test_after_the_shift_only_greens_own_metrics_stand_in_for_asking_it(findings: list[Finding]) -> None:
    rule = evidence_rule(deployment("AfterAllowTraffic", green=WITH_URL), plan("AfterAllowTraffic"))

    verdict = judge(findings, rule=rule)

    if verdict.status is Status.SUCCEEDED:
        blocking = [item for item in findings if item.severity is not Severity.ADVISORY]
        assert any(item.outcome is Outcome.PASS and item.asked.green_metrics for item in blocking)
