"""A slice of the campaign of `python -m tests.machine_campaign`, and gates that it must call wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.machine_campaign import played
from tests.machine_campaign.campaign import RandomGate, mistakes_of, random_gate, run
from tests.machine_campaign.stand import Gate

if TYPE_CHECKING:
    from pathlib import Path

    from devkit.rehearsal.aws.server import LocalAws


@pytest.mark.parametrize(
    ("answers", "may_succeed", "mistake"),
    [
        (["Succeeded"], False, "CodeDeploy got a wrong Succeeded"),
        (["Failed"], True, "CodeDeploy got a wrong Failed"),
        ([], True, "CodeDeploy got no answer"),
        (["Failed", "Failed"], False, "CodeDeploy accepted 2 answers: Failed, Failed"),
    ],
)
def test_wrong_answer_is_a_mistake(answers: list[str], may_succeed: bool, mistake: str) -> None:
    gate = Gate(answers=answers)
    gate.execution.status = answers[0] if answers else ""
    item = RandomGate("1:0", gate, 1, may_succeed, may_be_unanswered=False, may_be_superseded=False)
    assert list(mistakes_of(item)) == [mistake]


def test_seed_returns_the_same_gate_again() -> None:
    first, second = random_gate("7:3"), random_gate("7:3")
    assert (first.gate.waves, first.gate.failures) == (second.gate.waves, second.gate.failures)


def test_random_gates_get_one_answer_each_and_no_wrong_succeeded(aws: LocalAws) -> None:
    outcome = run(aws, runs=16, seed=20)
    assert outcome.mistakes == []
    assert sum(outcome.answers.values()) == 16


def test_random_deployments_with_the_deployed_functions_get_the_right_answers(aws: LocalAws, tmp_path: Path) -> None:
    outcome = played.play(aws, tmp_path, runs=3, seed=2)
    assert outcome.mistakes == []
    assert sum(outcome.answers.values()) == 3
