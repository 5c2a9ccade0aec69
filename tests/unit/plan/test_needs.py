"""`needs`: unmet needs, repeated names, and needs of checks with rows."""

from __future__ import annotations

import pytest

from greenlight.plan.model import Check
from greenlight.plan.needs import expand_needs, find_need_mistakes
from tests.support.plan_samples import GOOD, refused


def test_a_wrong_check_is_not_reported_as_missing_by_checks_that_need_it() -> None:
    text = GOOD.replace("      - name: green answers\n", "      - name: green answers\n        severity: never\n")

    (problem,) = refused(text).problems

    assert problem.path.endswith("checks[0].severity")


def check(name: str, *needs: str, rows_of: str = "", index: int = 0) -> Check:
    path = ("stages", "AfterAllowTraffic", "checks", index)
    return Check(name=name, validator="http", params={}, needs=needs, rows_of=rows_of, path=path)


@pytest.mark.parametrize(
    ("checks", "message"),
    [
        ([check("a", "b")], "no check of this stage has the name 'b'"),
        ([check("a", "a")], "a check cannot need itself"),
        ([check("a", "b"), check("b")], "'b' must come before the check that needs it"),
        ([check("a"), check("a")], "another check of this stage has the name 'a'; names must be unique"),
        ([check("a [1]", rows_of="a"), check("b"), check("a [2]", rows_of="a")], "another check of this stage"),
    ],
    ids=["unknown", "itself", "later", "same name", "name of a check with rows"],
)
def test_a_need_that_cannot_be_met_and_a_repeated_name_are_problems(checks: list[Check], message: str) -> None:
    ((_, actual),) = find_need_mistakes(checks, [item.name for item in checks])

    assert message in actual


def test_rows_of_one_check_share_its_name() -> None:
    assert find_need_mistakes([check("a [1]", rows_of="a"), check("a [2]", rows_of="a"), check("b", "a")], ["a"]) == []


def test_a_need_of_a_check_with_rows_is_replaced_by_its_rows() -> None:
    *_, last = expand_needs([check("a [1]", rows_of="a"), check("a [2]", rows_of="a"), check("b", "a", "c")])

    assert last.needs == ("a [1]", "a [2]", "c")
