"""Played scenarios with a hold: deployed functions, the state machine, and people who decide as the command does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from devkit.rehearsal.aws.identities import person_arn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devkit.rehearsal.outcome import DeploymentOutcome, ScenarioOutcome

    Play = Callable[..., ScenarioOutcome]

GREEN = 'green: {command: "python service.py fine {port}"}\n'
SCENARIO = """
name: held for an approval
platform: ecs
conductor: auto
hook_timeout: 10m
minute: 100ms
hour: 2m
users: {rate: 5}
blue: {command: "python service.py fine {port}"}
plan: a.plan.yaml
"""


@pytest.fixture
def hold(folder: Path) -> Callable[[str], None]:
    def write(hold: str) -> None:
        plan = folder / "a.plan.yaml"
        plan.write_text(plan.read_text().replace("    checks:", f"    hold: {hold}\n    checks:"))

    return write


def play_one(play: Play, approvals: str) -> tuple[DeploymentOutcome, dict[str, Any], list[str]]:
    """Play a deployment with these decisions; return it, its gate that waited, and the notes of the people."""
    outcome = play(f"{SCENARIO}{GREEN}approvals: [{approvals}]\n")
    assert not outcome.problem
    (deployment,) = outcome.deployments
    gate = next(gate for gate in deployment.gates if gate["hold"])
    return deployment, gate, [note for note in outcome.notes if " sent " in note]


def test_hold_that_is_not_decided_fails_the_deployment(play: Play, hold: Callable[[str], None]) -> None:
    hold("{within: 30m, ask: release managers}")
    deployment, gate, notes = play_one(play, "")
    assert (deployment.record.status, deployment.answered_by) == ("Failed", ["machine"])
    assert gate["reasons"][0]["message"] == "not approved within 30m; asked: release managers"
    assert (gate["hold"]["decision"], notes) == ("unanswered", [])


def test_approval_that_comes_late_fails_the_deployment(play: Play, hold: Callable[[str], None]) -> None:
    hold("{within: 1m, ask: release managers}")
    # The time for the approval is ten seconds here, the shortest; the decision comes during the second deployment.
    late = "approvals: [{by: alice, why: it works, after: 130m}]"
    green = GREEN.removeprefix("green: ").strip()
    deployments = f"deployments:\n  - {{green: {green}, {late}}}\n  - {{green: {green}}}\n"
    outcome = play(SCENARIO + deployments)
    assert [deployment.record.status for deployment in outcome.deployments] == ["Failed", "Failed"]
    (note,) = (note for note in outcome.notes if " sent " in note)
    assert f"{outcome.deployments[0].record.id} at AfterAllowTestTraffic is no longer waiting" in note


def test_approval_by_the_deployer_does_not_count_and_another_one_does(play: Play, hold: Callable[[str], None]) -> None:
    hold("{within: 45m, ask: release managers, not: deployer}")
    approvals = "{by: deployer, why: trust me}, {by: alice, why: the checkout works, after: 80m}"
    deployment, gate, notes = play_one(play, approvals)
    assert (deployment.record.status, gate["hold"]["who"]) == ("Succeeded", person_arn("alice"))
    assert "created this deployment, and the plan says `not: deployer`" in gate["hold"]["rejected"][0]["message"]
    assert any(note.startswith("deployer sent approve: this decision does not count") for note in notes)


def test_refusal_fails_the_deployment_and_a_second_decision_changes_nothing(
    play: Play, hold: Callable[[str], None]
) -> None:
    hold("{within: 45m, ask: release managers}")
    approvals = "{by: alice, why: the logo is missing, decision: refuse}, {by: bob, why: it works, after: 60m}"
    deployment, gate, notes = play_one(play, approvals)
    assert (deployment.record.status, deployment.record.error_code) == ("Failed", "HOOK_EXECUTION_FAILURE")
    (reason,) = gate["reasons"]
    assert reason["cause"] == "NOT_APPROVED"
    assert reason["message"] == f"{person_arn('alice')} refused the release: the logo is missing"
    assert any(f"was refused by {person_arn('alice')}" in note for note in notes)


def test_approval_lets_the_deployment_go_on(play: Play, hold: Callable[[str], None]) -> None:
    hold("{within: 45m, ask: [release managers, the owner]}")
    deployment, gate, _ = play_one(play, "{by: alice, why: the checkout works, after: 5m}")
    assert (deployment.record.status, deployment.answered_by) == ("Succeeded", ["machine"])
    assert (gate["hold"]["reason"], gate["hold"]["asked"]) == ("the checkout works", ["release managers", "the owner"])
    (run,) = (run for run in deployment.machine_runs if run.machine == "greenlight-gate")
    assert run.states[-5:] == ("Ask", "Decide", "Holds", "Answer", "Publish")
