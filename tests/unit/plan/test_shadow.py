"""`shadow`: its days, its notices, and rejected shadows."""

from __future__ import annotations

import datetime

import pytest

from greenlight.core.errors import PlanError
from greenlight.plan.parser import parse
from greenlight.plan.shadow import Shadow
from tests.support.plan_samples import GOOD, refused

TODAY = datetime.date(2026, 11, 23)


def shadow(until: str) -> Shadow:
    return Shadow(until=until, why="getting to know it")


@pytest.mark.parametrize(
    ("until", "in_force", "refused_today", "notice"),
    [
        ("2026-11-22", False, False, "the shadow ended on 2026-11-22"),
        ("2026-11-23", True, False, "in 0 days"),
        ("2026-11-24", True, False, "in 1 day;"),
        ("2026-12-07", True, False, "in 14 days"),
        ("2026-12-08", True, False, ""),
        ("2027-02-21", True, False, ""),
        ("2027-02-22", False, True, ""),
        ("9999-12-31", False, True, ""),
        ("0001-01-01", False, False, "the shadow ended"),
    ],
)
def test_a_shadow_is_in_force_to_the_end_of_its_last_day_and_never_far_ahead(
    until: str, in_force: bool, refused_today: bool, notice: str
) -> None:
    parsed = shadow(until)

    assert (parsed.in_force(TODAY), bool(parsed.mistake(TODAY))) == (in_force, refused_today)
    assert notice in parsed.notice(TODAY)
    assert bool(notice) == bool(parsed.notice(TODAY))


def test_a_shadow_too_far_ahead_is_rejected_at_its_place() -> None:
    text = GOOD.replace("version: 1\n", "version: 1\nshadow: {until: 2027-02-22, why: getting to know it}\n")

    with pytest.raises(PlanError) as caught:
        parse(text, today=TODAY)

    (problem,) = caught.value.problems
    assert (problem.path, problem.line) == ("shadow.until", 2)
    assert problem.message == "2027-02-22 is more than 90 days ahead; a shadow must end on 2027-02-21 at the latest"
    assert parse(text.replace("02-22", "02-21"), today=TODAY).shadow == shadow("2027-02-21")


@pytest.mark.parametrize("why", ["' '", "''", '"\\t"', "[a]"])
def test_a_shadow_without_a_reason_is_rejected(why: str) -> None:
    text = GOOD.replace("version: 1\n", f"version: 1\nshadow: {{until: 2026-12-31, why: {why}}}\n")

    assert refused(text).problems[0].path == "shadow.why"
