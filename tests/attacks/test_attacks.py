"""A slice of the attack cases: no wrong Succeeded, no secret in any outlet, no crash, no memory without bound."""

from __future__ import annotations

import pytest

from tests.attacks.attack import Attack, plan_of
from tests.attacks.campaign import FAMILIES, build_attack
from tests.attacks.greens import GOOD, answering_always
from tests.attacks.judge import run_attack
from tests.support.outlets import OUTLETS

pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")


def test_succeeded_is_a_violation() -> None:
    plan = plan_of({"name": "c", "http": {"get": "/", "expect": {"status": 200}}})
    attack = Attack("good green", plan, answering_always(GOOD))
    assert run_attack(attack).violations == ("the verdict is Succeeded",)


def test_shown_canary_and_wrong_cause_are_violations() -> None:
    plan = plan_of({"name": "c", "http": {"get": "/shown", "expect": {"status": 418}}})
    attack = Attack("shown", plan, answering_always(GOOD), canaries=("/shown",), causes=frozenset())
    violations = run_attack(attack).violations
    assert violations[0].startswith("the cause is RELEASE_FAILED: GET /shown: status is 200")
    assert {violation.split(" ")[0] for violation in violations[1:]} == set(OUTLETS)


def test_case_follows_from_seed_and_number() -> None:
    (family, attack), (again, same) = build_attack(7, 3), build_attack(7, 3)
    assert (family, attack.title, attack.plan) == (again, same.title, same.plan)
    assert attack.title != build_attack(8, 3)[1].title


@pytest.mark.parametrize("number", range(2))
@pytest.mark.parametrize("family", FAMILIES)
def test_attack_closes_the_gate_and_reveals_nothing(family: str, number: int) -> None:
    _, attack = build_attack(1, number, family)
    assert run_attack(attack).violations == (), attack.title
