"""A gate that a caller other than CodeDeploy starts waits for an approval like any other, and is Failed without one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.held_gate import ALICE, HeldGate, held_gate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HeldGate]:
    with held_gate(monkeypatch, tmp_path) as held:
        held.run.gate["answer"] = "return"
        held.run.codedeploy.deployments[held.deployment]["status"] = "Ready"
        yield held


def test_approved_gate_is_returned_as_succeeded_with_its_hold(gate: HeldGate) -> None:
    assert gate.begin()["status"] == "Failed"
    assert gate.decide(gate.sign(ALICE))["status"] == "Succeeded"
    report = gate.publish()
    assert (report["verdict"], report["hold"]["decision"], report["written_by"]) == ("Succeeded", "approved", "caller")
    assert gate.run.codedeploy.answers == []


def test_refused_gate_is_returned_as_failed(gate: HeldGate) -> None:
    gate.begin()
    assert gate.decide(gate.sign(ALICE, "refuse"))["status"] == "Failed"
    assert gate.publish()["verdict"] == "Failed"


def test_gate_that_is_not_decided_is_returned_as_failed(gate: HeldGate) -> None:
    gate.begin()
    assert gate.time_out()["status"] == "Failed"
    assert gate.publish()["reasons"][0]["cause"] == "NOT_APPROVED"


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_deployment_that_fails_while_its_gate_waits_is_returned_as_failed_despite_the_approval(
    gate: HeldGate, status: str
) -> None:
    gate.begin()
    gate.run.codedeploy.deployments[gate.deployment]["status"] = status
    assert gate.decide(gate.sign(ALICE))["status"] == "Failed"
    report = gate.publish()
    assert f"is {status}" in report["reasons"][0]["message"]
    assert report["hold"]["decision"] == "approved"


def test_gate_whose_decision_could_not_be_checked_is_returned_as_failed(gate: HeldGate) -> None:
    gate.begin()
    assert gate.publish()["verdict"] == "Failed"
