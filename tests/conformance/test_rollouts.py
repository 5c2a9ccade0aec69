"""Cases of Argo Rollouts for repeated measurements; greenlight is stricter if no measurement was successful."""

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
def test_measurements_have_the_outcome_of_the_table(case: dict[str, Any]) -> None:
    outcomes = [LETTERS[letter] for letter in case["seen"]]
    outcome = decide_outcome(Repeat(count=case["count"], **case["limits"]), outcomes)

    assert (outcome.value if outcome else "running").upper() == case["here"].upper()


def test_every_difference_from_argo_is_stricter() -> None:
    assert {(case["theirs"], case["here"] == "PASS") for case in CASES if "theirs" in case} == {("PASS", False)}
