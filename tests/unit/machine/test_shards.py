"""Checks are divided so that each needs only its own shard or an earlier wave."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from greenlight.machine.shards import MANY_SHARDS, MAX_LEVELS, MAX_SHARD_CHECKS, SHARD_CHECKS, divide
from greenlight.plan.model import Check


def check(name: object, *needs: object) -> Check:
    return Check(name=str(name), validator="http", params={}, needs=tuple(map(str, needs)))


def test_few_checks_are_one_shard() -> None:
    assert divide([check("a"), check("b", "a")]) == ((("a", "b"),), ((0,),))


def test_independent_checks_fill_shards_of_fifty() -> None:
    division = divide([check(number) for number in range(120)])
    assert [len(shard) for shard in division.shards] == [SHARD_CHECKS, SHARD_CHECKS, 20]
    assert division.waves == ((0, 1, 2),)


def test_a_head_that_many_checks_need_runs_in_a_wave_of_its_own() -> None:
    division = divide([check("head"), *(check(number, "head") for number in range(399))])
    assert division.shards[0] == ("head",)
    assert division.waves == ((0,), tuple(range(1, 9)))


def test_a_chain_that_fits_stays_in_one_shard() -> None:
    chain = [check(0), *(check(number, number - 1) for number in range(1, 40))]
    division = divide([*chain, *(check(f"other {number}") for number in range(60))])
    assert set(map(str, range(40))) <= set(division.shards[0])
    assert len(division.waves) == 1


def test_a_long_chain_is_cut_in_the_plans_order() -> None:
    division = divide([check(0), *(check(number, number - 1) for number in range(1, 120))])
    assert [len(shard) for shard in division.shards] == [50, 50, 20]
    assert division.waves == ((0,), (1,), (2,))


def test_ten_thousand_checks_are_twenty_shards_and_divided_in_time_that_grows_with_their_number() -> None:
    checks = [check("head"), *(check(number, "head") for number in range(9_999))]
    began = time.process_time()
    division = divide(checks)
    assert time.process_time() - began < 5
    assert max(map(len, division.shards)) <= MAX_SHARD_CHECKS
    assert len(division.shards) <= MANY_SHARDS + 1


@given(st.lists(st.lists(st.integers(0, 200), max_size=3), max_size=200), st.integers(0, 60))
def test_every_check_is_in_one_shard_after_what_it_needs(needs: list[list[int]], alone: int) -> None:
    checks = [check(number, *{need for need in needed if need < number}) for number, needed in enumerate(needs)]
    checks += [check(f"alone {number}") for number in range(alone)]
    division = divide(checks)
    assert sorted(name for shard in division.shards for name in shard) == sorted(item.name for item in checks)
    assert sorted(number for wave in division.waves for number in wave) == list(range(len(division.shards)))
    wave_of = {
        name: (position, number)
        for position, wave in enumerate(division.waves)
        for number in wave
        for name in division.shards[number]
    }
    for item in checks:
        for need in item.needs:
            assert wave_of[need] == wave_of[item.name] or wave_of[need][0] < wave_of[item.name][0]


@pytest.mark.parametrize("depth", [MAX_LEVELS, MAX_LEVELS + 1])
def test_waves_stay_few(depth: int) -> None:
    chain = [check("c0"), *(check(f"c{number}", f"c{number - 1}") for number in range(1, depth + 1))]
    division = divide([*chain, *(check(number, f"c{depth}") for number in range(200))])
    assert len(division.waves) <= MAX_LEVELS + 2
