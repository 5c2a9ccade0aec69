"""The state transitions of a gate are counted as machine/gate.asl.json makes them."""

from __future__ import annotations

import pytest

from devkit.lint.conductors import count_transitions
from greenlight.core.units import Duration
from greenlight.plan.model import Check, Stage
from greenlight.plan.repeat import Repeat
from tests.support.check_run import retried


def check(name: object, *needs: str, **control: object) -> Check:
    return Check(name=str(name), validator="tcp", params={}, needs=needs, **control)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("checks", "bake_s", "transitions"),
    [
        ((check("a"),), 0, 13),
        ((check("a"),), 5, 14),
        ((check("a", repeat=Repeat(count=5, interval=Duration(300))),), 0, 25),
        ((check("a", repeat=Repeat(count=5, interval=Duration(30))),), 0, 13),
        ((check("a", retry=retried(3, 90)),), 0, 19),
    ],
    ids=["one check", "a bake", "long waits", "short waits", "long retries"],
)
def test_each_wave_shard_and_wait_has_three_transitions(
    checks: tuple[Check, ...], bake_s: float, transitions: int
) -> None:
    assert count_transitions(Stage(checks=checks, bake_s=bake_s)) == transitions


def test_four_hundred_checks_that_need_one_take_at_most_forty_transitions() -> None:
    stage = Stage(checks=(check("head"), *(check(number, "head") for number in range(399))))
    assert count_transitions(stage) <= 40
