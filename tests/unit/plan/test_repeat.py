"""`repeat`: the outcome of several measurements, in every case."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.core.finding import Outcome
from greenlight.plan.decoder import convert
from greenlight.plan.repeat import Repeat, decide_outcome

P, F, E, I = Outcome.PASS, Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE  # noqa: E741 - one letter, one measurement


@pytest.mark.parametrize(
    ("limits", "outcomes", "expected"),
    [
        ({}, [F], F),
        ({"failure_limit": 1}, [F], None),
        ({"failure_limit": 1}, [F, P, F], F),
        ({"failure_limit": 1}, [F, P, P], P),
        ({}, [I], I),
        ({"inconclusive_limit": 1}, [I, P, P], P),
        ({"consecutive_error_limit": 1}, [E], None),
        ({"consecutive_error_limit": 1}, [E, E], E),
        ({"consecutive_error_limit": 1}, [E, P, E], P),
        ({}, [E, E, E], E),
        ({"failure_limit": 1, "inconclusive_limit": 2}, [I, I, F], F),
        ({"inconclusive_limit": 3}, [I, I, I], I),
        ({"consecutive_success_limit": 2}, [P, P], P),
        ({"consecutive_success_limit": 2, "failure_limit": 1}, [P, F, P], I),
        ({"failure_limit": 1}, [F, F, I], F),
        ({}, [P, P], None),
        ({}, [], None),
        ({}, [P, P, P], P),
    ],
)
def test_limits_decide_the_outcome(limits: dict[str, int], outcomes: list[Outcome], expected: Outcome | None) -> None:
    assert decide_outcome(Repeat(count=3, **limits), outcomes) is expected


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ({}, "count"),
        ({"count": 0}, ""),
        ({"count": 3, "failure_limit": 3}, "nothing could fail"),
        ({"count": 3, "consecutive_success_limit": 4}, "cannot have"),
        ({"count": 3, "interval": "10"}, "not a valid duration"),
        ({"count": 3, "failurelimit": 1}, "did you mean 'failure_limit'"),
    ],
)
def test_impossible_limits_are_rejected(raw: dict[str, object], message: str) -> None:
    value, mistakes = convert(raw, Repeat)

    assert value is None
    assert any(message in message for _, message in mistakes)


REPEATS = st.builds(
    Repeat,
    count=st.just(4),
    failure_limit=st.integers(0, 3),
    inconclusive_limit=st.integers(0, 4),
    consecutive_error_limit=st.integers(0, 5),
    consecutive_success_limit=st.integers(0, 4),
)


@given(REPEATS)
def test_a_success_needs_a_pass_and_not_too_many_failures(repeat: Repeat) -> None:
    for outcomes in itertools.product((P, F, E, I), repeat=4):
        if decide_outcome(repeat, outcomes) is P:
            assert P in outcomes
            assert outcomes.count(F) <= repeat.failure_limit


@given(REPEATS)
def test_a_complete_run_always_has_an_outcome(repeat: Repeat) -> None:
    assert all(decide_outcome(repeat, outcomes) is not None for outcomes in itertools.product((P, F, E, I), repeat=4))


@given(REPEATS, st.lists(st.sampled_from((P, F, E, I)), min_size=4, max_size=4), st.integers(0, 3))
def test_turning_a_pass_into_a_failure_never_makes_a_success(repeat: Repeat, outcomes: list[Outcome], at: int) -> None:
    worse = [*outcomes[:at], F, *outcomes[at + 1 :]]

    if decide_outcome(repeat, worse) is P and outcomes[at] is P:
        assert decide_outcome(repeat, outcomes) is P
