"""`greenlight approve` and `greenlight refuse` end a hold once, and say whether the gate has accepted the decision."""

from __future__ import annotations

import argparse
import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest

from devkit.cli.main import main
from devkit.reports import approval
from greenlight.aws.client import Aws
from tests.support.held_gate import ALICE, BOB, HOLD, NOT_DEPLOYER, STAGE, HeldGate, States, held_gate
from tests.support.machine_run import BUCKET

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.identity_fakes import Caller


@pytest.fixture
def gate(no_aws_account: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[HeldGate]:
    with held_gate(monkeypatch, tmp_path) as held:
        yield held


@pytest.fixture
def states(gate: HeldGate, monkeypatch: pytest.MonkeyPatch) -> Iterator[States]:
    with States(gate) as fake:
        for name in ("SFN", "STEPFUNCTIONS"):
            monkeypatch.setenv(f"AWS_ENDPOINT_URL_{name}", fake.url)
        yield fake


class Decider:
    """Runs the commands as a principal and keeps what they print."""

    def __init__(self, gate: HeldGate, capsys: pytest.CaptureFixture[str]) -> None:
        self._gate, self._capsys = gate, capsys

    def run(self, command: str, *options: str, caller: Caller = ALICE, why: str = "the checkout works") -> int:
        """Run a command; `output` then has what it printed."""
        arguments = [command, self._gate.deployment, "--why", why, "--bucket", BUCKET, *options]
        self._capsys.readouterr()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in caller.environment().items():
                patch.setenv(name, value)
            status = main(arguments)
        self.output, self.error = self._capsys.readouterr()
        return status


@pytest.fixture
def decider(gate: HeldGate, states: States, capsys: pytest.CaptureFixture[str]) -> Decider:
    return Decider(gate, capsys)


def test_a_deployment_that_does_not_wait_is_an_error(decider: Decider) -> None:
    assert decider.run("approve") == 1
    assert "does not wait for an approval: s3://reports has no hold of it" in decider.error


def test_a_stage_that_does_not_wait_is_an_error(gate: HeldGate, decider: Decider) -> None:
    gate.begin()
    assert decider.run("approve", "--stage", "AfterAllowTraffic") == 1
    assert "does not wait for an approval at AfterAllowTraffic" in decider.error


@pytest.mark.parametrize("why", ["", " \u2800", "x" * 1001])
def test_a_reason_that_no_gate_accepts_is_not_sent(gate: HeldGate, states: States, decider: Decider, why: str) -> None:
    gate.begin()
    assert decider.run("approve", why=why) == 2
    assert states.sent == []


def test_another_text_than_a_deployment_id_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["approve", "../d-1", "--why", "x", "--bucket", BUCKET]) == 2
    assert "is not a deployment id" in capsys.readouterr().err


def test_a_second_decision_changes_nothing_and_names_the_first(gate: HeldGate, decider: Decider) -> None:
    gate.begin()
    assert decider.run("refuse", caller=BOB, why="the logo is missing") == 0
    assert decider.run("approve") == 1
    assert f"was refused by {BOB.arn}" in decider.error
    assert gate.work["judged"]["status"] == "Failed"


def test_a_decision_that_another_one_overtakes_does_not_count(gate: HeldGate, states: States, decider: Decider) -> None:
    gate.begin()
    stale = gate.record()
    gate.decide(gate.sign(BOB, "refuse"))
    # The record that the command reads first is the one from before the refusal.
    record = gate.record()
    key = f"holds/{gate.deployment}/{STAGE}/hold.json"
    gate.run.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps({**stale, "token": "used"}).encode())
    states.on_send = lambda: gate.run.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(record).encode())
    assert decider.run("approve") == 1
    assert f"this decision does not count: {gate.deployment} at {STAGE} was refused by {BOB.arn}" in decider.error


def test_a_hold_whose_time_is_over_is_an_error(gate: HeldGate, states: States, decider: Decider) -> None:
    gate.begin()
    record = gate.record()
    record["hold"]["until"] = "2026-01-01T00:00:00+00:00"
    key = f"holds/{gate.deployment}/{STAGE}/hold.json"
    gate.run.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(record).encode())
    assert decider.run("approve") == 1
    assert "is no longer waiting: its time ended at 2026-01-01T00:00:00+00:00" in decider.error
    assert states.sent == []


def test_an_unanswered_hold_is_an_error_afterwards(gate: HeldGate, decider: Decider) -> None:
    gate.begin()
    gate.time_out()
    assert decider.run("approve") == 1
    assert "is no longer waiting" in decider.error


def test_several_stages_that_wait_need_a_name(gate: HeldGate, states: States, decider: Decider) -> None:
    gate.begin()
    record = gate.record() | {"stage": "AfterAllowTraffic"}
    key = f"holds/{gate.deployment}/AfterAllowTraffic/hold.json"
    gate.run.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(record).encode())
    assert decider.run("approve") == 2
    assert f"waits at several stages (AfterAllowTraffic, {STAGE}); name one with --stage" in decider.error
    assert decider.run("approve", "--stage", STAGE) == 0


def test_an_object_that_is_not_a_hold_is_an_error(gate: HeldGate, decider: Decider) -> None:
    key = f"holds/{gate.deployment}/{STAGE}/hold.json"
    gate.run.s3.put_object(Bucket=BUCKET, Key=key, Body=b"{}")
    assert decider.run("approve") == 2
    assert "is not a valid hold" in decider.error


def test_the_hold_of_another_deployment_in_its_place_is_not_signed(
    gate: HeldGate, states: States, decider: Decider
) -> None:
    gate.begin()
    record = gate.record() | {"deployment": "d-OTHER0001"}
    key = f"holds/{gate.deployment}/{STAGE}/hold.json"
    gate.run.s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(record).encode())
    assert decider.run("approve") == 2
    assert "is the hold of d-OTHER0001" in decider.error
    assert states.sent == []


def test_the_deployer_is_told_that_the_approval_does_not_count(gate: HeldGate, decider: Decider) -> None:
    gate.begin(NOT_DEPLOYER)
    gate.trail.add_deployment(gate.deployment, BOB)
    assert decider.run("approve", caller=BOB) == 1
    assert "and the plan says `not: deployer`" in decider.error
    assert "still waits until" in decider.error
    assert decider.run("approve") == 0


def test_a_gate_that_does_not_answer_is_not_known(gate: HeldGate, states: States, capsys: Any) -> None:
    gate.begin()
    states.is_slow = True
    arguments = argparse.Namespace(
        command="approve",
        deployment=gate.deployment,
        why="it works",
        stage="",
        bucket=BUCKET,
        installation="greenlight",
        format="text",
    )
    assert approval.run(arguments, Aws(), "approve", QuickClock()) == 3
    assert "has not confirmed it" in capsys.readouterr().err


class QuickClock:
    """A clock whose waits take no time."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def monotonic(self) -> float:
        """Return the time that was waited."""
        return self._now_s

    def sleep(self, seconds: float) -> None:
        """Return at once."""
        self._now_s += seconds

    def now_utc(self) -> datetime.datetime:
        """Return the time of the system."""
        return datetime.datetime.now(datetime.UTC)


def test_an_approval_lets_the_deployment_go_on(gate: HeldGate, decider: Decider) -> None:
    gate.begin(HOLD)
    assert decider.run("approve") == 0
    assert f"was approved by {ALICE.arn}" in decider.output
    assert gate.work["judged"]["status"] == "Succeeded"


def test_the_result_as_json(gate: HeldGate, decider: Decider) -> None:
    gate.begin()
    assert decider.run("refuse", "--format", "json") == 0
    document = json.loads(decider.output[decider.output.index("{\n") :])  # after the log of the gate
    assert (document["counted"], document["decision"], document["hold"]["who"]) == (True, "refuse", ALICE.arn)
