"""Argo Rollouts' cases of what measurements come to; ours are the same, or stricter where theirs let nothing pass for a success."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from greenlight.core.finding import Outcome
from greenlight.plan.repeat import Repeat, decide_outcome

CASES = yaml.safe_load((Path(__file__).parent / "rollouts.yaml").read_text(encoding="utf-8"))["cases"]
LETTERS = {"p": Outcome.PASS, "f": Outcome.FAIL, "e": Outcome.ERROR, "i": Outcome.INCONCLUSIVE}


def name(case: dict[str, Any]) -> str:
    return f"{case['of']}-{case['seen'] or 'nothing'}-of-{case['count']}-{case['limits']}"


@pytest.mark.parametrize("case", CASES, ids=name)
def test_measurements_come_to_what_they_come_to_there(case: dict[str, Any]) -> None:
    found = decide_outcome(Repeat(count=case["count"], **case["limits"]), [LETTERS[each] for each in case["seen"]])

    assert (found.value if found else "running").upper() == case["here"].upper()


def test_where_the_two_differ_ours_is_the_stricter() -> None:
    assert {(case["theirs"], case["here"] == "PASS") for case in CASES if "theirs" in case} == {("PASS", False)}
