"""A hold has a possible time and people to ask."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.core.units import Duration
from greenlight.plan.decoder import convert
from greenlight.plan.hold import Hold


def read(**keys: Any) -> tuple[Hold | None, list[str]]:
    hold, problems = convert({"within": "30m", "ask": "release managers", **keys}, Hold)
    return hold, [f"{'.'.join(map(str, path))}: {message}" for path, message in problems]


@pytest.mark.parametrize("within", ["59s", "46m", "2h"])
def test_a_time_that_no_person_or_no_deployment_has_is_rejected(within: str) -> None:
    hold, (problem,) = read(within=within)
    assert hold is None
    assert problem.startswith("within: ")
    assert "write from 60s to 45m" in problem


@pytest.mark.parametrize("ask", ["", " ", [], ["release managers", "\u2800"], ["x"] * 21, "x" * 201])
def test_a_hold_that_asks_no_one_is_rejected(ask: Any) -> None:
    assert read(ask=ask)[0] is None


def test_only_the_deployer_can_be_excluded() -> None:
    assert read(**{"not": "me"})[0] is None
    assert read(not_="deployer")[0] is None


def test_one_person_is_a_list_of_one() -> None:
    hold, problems = read()
    assert (hold, problems) == (Hold(within=Duration(1800), ask="release managers"), [])
    assert hold is not None
    assert (hold.people, hold.needs_other) == (("release managers",), False)


def test_a_hold_may_exclude_the_deployer() -> None:
    hold, _ = read(**{"not": "deployer"}, ask=["a", "b"])
    assert hold is not None
    assert (hold.people, hold.needs_other) == (("a", "b"), True)
