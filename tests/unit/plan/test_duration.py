"""The time that a stage takes, at least and at most, as the runner schedules its checks."""

from __future__ import annotations

from greenlight.core.units import Duration
from greenlight.plan.duration import longest_duration_s, shortest_duration_s
from greenlight.plan.model import Check, Stage
from greenlight.plan.repeat import Repeat


def check(name: str, timeout_s: float = 10, **control: object) -> Check:
    return Check(name=name, validator="tcp", params={}, timeout_s=timeout_s, **control)  # type: ignore[arg-type]


def test_a_stage_without_checks_takes_its_bake() -> None:
    stage = Stage(checks=(), bake_s=30)
    assert (shortest_duration_s(stage), longest_duration_s(stage, 4)) == (30, 30)


def test_checks_run_beside_each_other_up_to_the_concurrency() -> None:
    stage = Stage(checks=tuple(check(f"c{number}") for number in range(5)))
    assert [longest_duration_s(stage, concurrency) for concurrency in (1, 2, 5)] == [50, 30, 10]


def test_a_check_comes_after_those_that_it_needs() -> None:
    repeat = Repeat(count=3, interval=Duration(20))
    stage = Stage(checks=(check("a", repeat=repeat), check("b", needs=("a",))))
    assert (shortest_duration_s(stage), longest_duration_s(stage, 4)) == (40, 80)
