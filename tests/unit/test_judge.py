"""The verdict: every combination of up to three findings against a table written apart from the code."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from greenlight.judge import failed, judge
from greenlight.model import Cause, Finding, Outcome, Severity, Status
from hypothesis import given
from hypothesis import strategies as st

KINDS = list(itertools.product(Outcome, Severity))

CAUSES = {"FAIL": "RELEASE_FAILED", "ERROR": "GATE_ERROR", "INCONCLUSIVE": "NO_EVIDENCE"}


def findings_of(kinds: tuple[tuple[Outcome, Severity], ...]) -> list[Finding]:
    return [
        Finding(name=f"check {number}", outcome=outcome, severity=severity, message=f"said {number}")
        for number, (outcome, severity) in enumerate(kinds)
    ]


def expected(kinds: tuple[tuple[Outcome, Severity], ...]) -> tuple[str, list[str]]:
    """The rule in its own words: count the blocking outcomes and look the verdict up."""
    blocking = Counter(outcome.value for outcome, severity in kinds if severity.value == "blocking")
    wrong = [CAUSES[o.value] for o, severity in kinds if severity.value == "blocking" and o.value in CAUSES]
    if wrong:
        return "Failed", wrong
    return ("Succeeded", []) if blocking["PASS"] else ("Failed", ["NO_EVIDENCE"])


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_every_combination_of_findings_has_the_verdict_of_the_table(count: int) -> None:
    for kinds in itertools.product(KINDS, repeat=count):
        verdict = judge(findings_of(kinds))
        assert (verdict.status.value, [reason.cause.value for reason in verdict.reasons]) == expected(kinds), kinds


def test_no_findings_are_no_evidence() -> None:
    verdict = judge([])

    assert verdict.status is Status.FAILED
    assert verdict.reasons[0].message == "there is no blocking check, so nothing shows that green works"


def test_checks_that_were_all_skipped_are_no_evidence() -> None:
    verdict = judge(findings_of(((Outcome.SKIPPED, Severity.BLOCKING),)))

    assert verdict.reasons[0].message == "every blocking check was skipped, so nothing shows that green works"


@pytest.mark.parametrize("outcome", ["FLAKY", "pass", "", None, True, 1])
def test_an_outcome_nobody_has_heard_of_is_failed(outcome: object) -> None:
    good = Finding(outcome=Outcome.PASS, message="")
    strange = Finding(outcome=outcome, message="")  # type: ignore[arg-type]

    verdict = judge([good, strange])

    assert (verdict.status, verdict.reasons[0].cause) == (Status.FAILED, Cause.GATE_ERROR)


def test_a_severity_nobody_has_heard_of_is_blocking() -> None:
    strange = Finding(outcome=Outcome.FAIL, message="", severity="harmless")  # type: ignore[arg-type]

    assert judge([Finding(outcome=Outcome.PASS, message=""), strange]).status is Status.FAILED


def test_a_findings_own_cause_is_kept() -> None:
    late = Finding(outcome=Outcome.ERROR, cause=Cause.DEADLINE, message="too late", name="slow")

    (reason,) = judge([late]).reasons

    assert (reason.cause, reason.check, reason.message) == (Cause.DEADLINE, "slow", "too late")


def test_a_gate_that_could_not_be_run_is_failed() -> None:
    verdict = failed(Cause.PLAN_ERROR, "the plan is wrong")

    assert (verdict.status, verdict.reasons[0].message) == (Status.FAILED, "the plan is wrong")


some_kinds = st.lists(st.sampled_from(KINDS), max_size=12).map(tuple)


@given(some_kinds, st.sampled_from([o for o in Outcome if o not in (Outcome.PASS, Outcome.SKIPPED)]))
def test_another_blocking_failure_never_improves_a_verdict(
    kinds: tuple[tuple[Outcome, Severity], ...], outcome: Outcome
) -> None:
    assert judge(findings_of((*kinds, (outcome, Severity.BLOCKING)))).status is Status.FAILED


@given(some_kinds, st.randoms(use_true_random=False))
def test_order_does_not_matter(kinds: tuple[tuple[Outcome, Severity], ...], random: object) -> None:
    findings = findings_of(kinds)
    shuffled = sorted(findings, key=lambda _: random.random())  # type: ignore[attr-defined]

    one, other = judge(findings), judge(shuffled)

    assert one.status is other.status
    assert sorted(map(repr, one.reasons)) == sorted(map(repr, other.reasons))


@given(some_kinds, st.lists(st.sampled_from(list(Outcome)), max_size=5))
def test_advisory_findings_never_matter(kinds: tuple[tuple[Outcome, Severity], ...], advisory: list[Outcome]) -> None:
    more = (*kinds, *((outcome, Severity.ADVISORY) for outcome in advisory))

    assert judge(findings_of(more)) == judge(findings_of(kinds))


@given(some_kinds)
def test_succeeded_means_a_blocking_pass_and_no_reason(kinds: tuple[tuple[Outcome, Severity], ...]) -> None:
    verdict = judge(findings_of(kinds))

    assert (verdict.status is Status.SUCCEEDED) == (verdict.reasons == ())
    if verdict.status is Status.SUCCEEDED:
        assert (Outcome.PASS, Severity.BLOCKING) in kinds


@given(some_kinds, st.integers(0, 11))
def test_evidence_taken_away_never_improves_a_verdict(
    kinds: tuple[tuple[Outcome, Severity], ...], position: int
) -> None:
    passes = [i for i, kind in enumerate(kinds) if kind == (Outcome.PASS, Severity.BLOCKING)]
    if passes and judge(findings_of(kinds)).status is Status.FAILED:
        gone = passes[position % len(passes)]
        assert judge(findings_of(kinds[:gone] + kinds[gone + 1 :])).status is Status.FAILED
