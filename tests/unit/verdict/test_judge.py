"""The judge: every combination of findings, compared with a table that is independent of the code."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.finding import Asked, Cause, ExcuseReason, Finding, OnInconclusive, Outcome, Severity
from greenlight.core.verdict import Status, Verdict
from greenlight.verdict.judge import can_be_overridden, excuse_for, failed_verdict, judge, shadow_verdict


class Kind(NamedTuple):
    """All that the judgement may look at in one finding, and whether an honoured override names its check."""

    outcome: Outcome
    severity: Severity = Severity.BLOCKING
    on_inconclusive: OnInconclusive = OnInconclusive.FAIL
    overridden: bool = False


KINDS = list(itertools.starmap(Kind, itertools.product(Outcome, Severity, OnInconclusive, (False, True))))

CAUSES = {"FAIL": "RELEASE_FAILED", "ERROR": "GATE_ERROR", "INCONCLUSIVE": "NO_EVIDENCE"}

COUNTS = {
    # severity, outcome: what it counts as, plainly; tolerated where the plan says so; overridden
    ("blocking", "PASS"): ("evidence", "evidence", "evidence"),
    ("blocking", "FAIL"): ("closes", "closes", "closes"),
    ("blocking", "ERROR"): ("closes", "closes", "closes"),
    ("blocking", "INCONCLUSIVE"): ("closes", "nothing", "closes"),
    ("blocking", "SKIPPED"): ("nothing", "nothing", "nothing"),
    ("required-with-override", "PASS"): ("evidence", "evidence", "evidence"),
    ("required-with-override", "FAIL"): ("closes", "closes", "nothing"),
    ("required-with-override", "ERROR"): ("closes", "closes", "nothing"),
    ("required-with-override", "INCONCLUSIVE"): ("closes", "nothing", "nothing"),
    ("required-with-override", "SKIPPED"): ("nothing", "nothing", "nothing"),
    **{("advisory", outcome.value): ("nothing", "nothing", "nothing") for outcome in Outcome},
}


def counts_as(kind: Kind) -> str:
    plain, tolerated, overridden = COUNTS[kind.severity.value, kind.outcome.value]
    ways = {plain}
    if kind.on_inconclusive.value == "tolerate":
        ways.add(tolerated)
    if kind.overridden:
        ways.add(overridden)
    return next(way for way in ("evidence", "nothing", "closes") if way in ways)


def findings_of(kinds: tuple[Kind, ...]) -> list[Finding]:
    return [
        Finding(
            name=f"check {number}",
            outcome=kind.outcome,
            severity=kind.severity,
            on_inconclusive=kind.on_inconclusive,
            message=f"said {number}",
            asked=Asked(green=1),
        )
        for number, kind in enumerate(kinds)
    ]


def verdict_of(kinds: tuple[Kind, ...]) -> Verdict:
    return judge(findings_of(kinds), [f"check {number}" for number, kind in enumerate(kinds) if kind.overridden])


def expected(kinds: tuple[Kind, ...]) -> tuple[str, list[str]]:
    """Return the verdict by the table: look up the effect of each finding."""
    ways = [counts_as(kind) for kind in kinds]
    if "closes" in ways:
        return "Failed", [CAUSES[kind.outcome.value] for kind, way in zip(kinds, ways, strict=True) if way == "closes"]
    return ("Succeeded", []) if "evidence" in ways else ("Failed", ["NO_EVIDENCE"])


def test_the_table_has_a_row_for_every_finding() -> None:
    assert len(COUNTS) == len(Outcome) * len(Severity)
    assert len(KINDS) == len(COUNTS) * len(OnInconclusive) * 2


@pytest.mark.parametrize("count", [0, 1, 2])
def test_every_combination_of_findings_has_the_verdict_of_the_table(count: int) -> None:
    for kinds in itertools.product(KINDS, repeat=count):
        verdict = verdict_of(kinds)
        assert (verdict.status.value, [reason.cause.value for reason in verdict.reasons]) == expected(kinds), kinds


def test_every_combination_of_three_outcomes_and_severities_has_the_verdict_of_the_table() -> None:
    plain = [kind for kind in KINDS if kind.on_inconclusive is OnInconclusive.FAIL and not kind.overridden]
    for kinds in itertools.product(plain, repeat=3):
        verdict = verdict_of(kinds)
        assert (verdict.status.value, [reason.cause.value for reason in verdict.reasons]) == expected(kinds), kinds


@pytest.mark.parametrize("count", [0, 1, 2])
def test_a_shadow_replaces_every_verdict_and_records_it(count: int) -> None:
    for kinds in itertools.product(KINDS, repeat=count):
        verdict = verdict_of(kinds)
        hidden = shadow_verdict(verdict, "2026-12-31", "getting to know it")
        assert hidden.shadow is not None
        assert (hidden.status, hidden.shadow.would_have_been) == (Status.SUCCEEDED, verdict.status)
        assert hidden.reasons == verdict.reasons


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind)))
def test_a_finding_is_excused_exactly_if_the_excuse_changes_its_effect(kind: Kind) -> None:
    (finding,) = findings_of((kind,))
    names = ["check 0"] if kind.overridden else []

    bare = counts_as(Kind(kind.outcome, kind.severity))
    assert bool(excuse_for(finding, names)) == (bare == "closes" and counts_as(kind) == "nothing")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: "-".join(map(str, kind)))
def test_a_finding_can_be_overridden_exactly_if_that_changes_its_effect(kind: Kind) -> None:
    (finding,) = findings_of((kind,))
    with_one, without = kind._replace(overridden=True), kind._replace(overridden=False)

    assert can_be_overridden(finding) == (counts_as(with_one) != counts_as(without))


def test_a_plain_blocking_check_cannot_be_overridden() -> None:
    fails = Finding(name="a", outcome=Outcome.FAIL, message="no")

    assert (
        judge([Finding(name="b", outcome=Outcome.PASS, message="", asked=Asked(green=1)), fails], ["a", "b"]).status
        is Status.FAILED
    )
    assert excuse_for(fails, ["a"]) is ExcuseReason.NONE


def test_an_overridden_check_is_not_evidence() -> None:
    (reason,) = verdict_of((Kind(Outcome.FAIL, Severity.REQUIRED_WITH_OVERRIDE, overridden=True),)).reasons

    assert reason.cause is Cause.NO_EVIDENCE
    assert reason.message.startswith("every blocking check was skipped, tolerated or overridden")


@pytest.mark.parametrize("name", ["Check", "check ", "chec", "check 1", "*", ""])
def test_an_override_names_its_check_exactly(name: str) -> None:
    fails = Finding(name="check", outcome=Outcome.FAIL, message="no", severity=Severity.REQUIRED_WITH_OVERRIDE)

    assert (
        judge([Finding(name="b", outcome=Outcome.PASS, message="", asked=Asked(green=1)), fails], [name]).status
        is Status.FAILED
    )


@pytest.mark.parametrize(
    ("change", "tolerated"),
    [
        ({}, True),
        ({"cause": Cause.NO_EVIDENCE}, True),
        ({"cause": Cause.RELEASE_FAILED}, False),
        ({"cause": Cause.GATE_ERROR}, False),
        ({"cause": Cause.DEADLINE}, False),
        ({"attempts": 0}, False),
        ({"outcome": Outcome.ERROR}, False),
        ({"outcome": Outcome.FAIL}, False),
    ],
    ids=str,
)
def test_only_a_measured_inconclusive_that_hides_nothing_is_tolerated(
    change: dict[str, object], tolerated: bool
) -> None:
    fields = {"outcome": Outcome.INCONCLUSIVE, "message": "", "on_inconclusive": OnInconclusive.TOLERATE, **change}

    assert (excuse_for(Finding(**fields)) is ExcuseReason.TOLERATED) is tolerated  # type: ignore[arg-type]


def test_a_stage_without_findings_has_no_evidence() -> None:
    verdict = judge([])

    assert verdict.status is Status.FAILED
    assert verdict.reasons[0].message == "there is no blocking check, so nothing shows that green works"


def test_skipped_checks_are_not_evidence() -> None:
    verdict = judge(findings_of((Kind(Outcome.SKIPPED),)))

    assert verdict.reasons[0].message == "every blocking check was skipped, so nothing shows that green works"


@pytest.mark.parametrize("outcome", ["FLAKY", "pass", "", None, True, 1])
def test_an_unknown_outcome_is_failed(outcome: object) -> None:
    good = Finding(outcome=Outcome.PASS, message="", asked=Asked(green=1))
    strange = Finding(outcome=outcome, message="")  # type: ignore[arg-type]

    verdict = judge([good, strange])

    assert (verdict.status, verdict.reasons[0].cause) == (Status.FAILED, Cause.GATE_ERROR)


def test_an_unknown_severity_is_blocking() -> None:
    strange = Finding(outcome=Outcome.FAIL, message="", severity="harmless")  # type: ignore[arg-type]

    assert judge([Finding(outcome=Outcome.PASS, message="", asked=Asked(green=1)), strange]).status is Status.FAILED


def test_a_findings_own_cause_is_kept() -> None:
    late = Finding(outcome=Outcome.ERROR, cause=Cause.DEADLINE, message="too late", name="slow")

    (reason,) = judge([late]).reasons

    assert (reason.cause, reason.check, reason.message) == (Cause.DEADLINE, "slow", "too late")


def test_a_gate_that_could_not_be_run_is_failed() -> None:
    verdict = failed_verdict(Cause.PLAN_ERROR, "the plan is wrong")

    assert (verdict.status, verdict.reasons[0].message) == (Status.FAILED, "the plan is wrong")


some_kinds = st.lists(st.sampled_from(KINDS), max_size=12).map(tuple)


@given(some_kinds, st.sampled_from([o for o in Outcome if o not in (Outcome.PASS, Outcome.SKIPPED)]))
def test_another_blocking_failure_never_improves_a_verdict(kinds: tuple[Kind, ...], outcome: Outcome) -> None:
    assert verdict_of((*kinds, Kind(outcome, overridden=True))).status is Status.FAILED


@given(some_kinds, st.randoms(use_true_random=False))
def test_order_does_not_matter(kinds: tuple[Kind, ...], random: object) -> None:
    overridden = [f"check {number}" for number, kind in enumerate(kinds) if kind.overridden]
    findings = findings_of(kinds)
    shuffled = sorted(findings, key=lambda _: random.random())  # type: ignore[attr-defined]

    one, other = judge(findings, overridden), judge(shuffled, overridden)

    assert one.status is other.status
    assert sorted(map(repr, one.reasons)) == sorted(map(repr, other.reasons))


@given(
    some_kinds, st.lists(st.sampled_from([kind for kind in KINDS if kind.severity is Severity.ADVISORY]), max_size=5)
)
def test_advisory_findings_never_matter(kinds: tuple[Kind, ...], advisory: list[Kind]) -> None:
    one, other = verdict_of((*kinds, *advisory)), verdict_of(kinds)

    assert (one.status, {reason.check for reason in one.reasons}) == (
        other.status,
        {reason.check for reason in other.reasons},
    )


@given(some_kinds)
def test_succeeded_requires_evidence_and_has_no_reasons(kinds: tuple[Kind, ...]) -> None:
    verdict = verdict_of(kinds)

    assert (verdict.status is Status.SUCCEEDED) == (verdict.reasons == ())
    if verdict.status is Status.SUCCEEDED:
        assert any(kind.outcome is Outcome.PASS and kind.severity is not Severity.ADVISORY for kind in kinds)
        for kind in kinds:
            if kind.severity is Severity.BLOCKING:
                assert kind.outcome not in (Outcome.FAIL, Outcome.ERROR)
            if kind.severity is Severity.REQUIRED_WITH_OVERRIDE and not kind.overridden:
                assert kind.outcome not in (Outcome.FAIL, Outcome.ERROR)


@given(some_kinds, st.integers(0, 11))
def test_removing_evidence_never_improves_a_verdict(kinds: tuple[Kind, ...], position: int) -> None:
    passes = [i for i, kind in enumerate(kinds) if counts_as(kind) == "evidence"]
    if passes and verdict_of(kinds).status is Status.FAILED:
        gone = passes[position % len(passes)]
        assert verdict_of(kinds[:gone] + kinds[gone + 1 :]).status is Status.FAILED


@given(some_kinds, st.integers(0, 11))
def test_removing_an_exception_never_improves_a_verdict(kinds: tuple[Kind, ...], position: int) -> None:
    if kinds and verdict_of(kinds).status is Status.FAILED:
        at = position % len(kinds)
        for less in ({"overridden": False}, {"on_inconclusive": OnInconclusive.FAIL}):
            assert verdict_of((*kinds[:at], kinds[at]._replace(**less), *kinds[at + 1 :])).status is Status.FAILED
