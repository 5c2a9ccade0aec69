"""The state machine of a gate with a hold, run by moto: it waits, asks again, and is Failed without an approval."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

from tests.machine_campaign.stand import Gate, Stand, answer_of, states_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from devkit.rehearsal.aws.server import LocalAws

LONG_S = 60
WAIT_S = 30.0


@pytest.fixture
def stand(aws: LocalAws) -> Iterator[Stand]:
    stand = Stand(aws)
    yield stand
    stand.close()


def decide(aws: LocalAws, gate: Gate, *decisions: object) -> threading.Thread:
    """Send decisions one after another, each with the token of its round."""

    def send() -> None:
        for number, decision in enumerate(decisions):
            end = time.monotonic() + WAIT_S
            while len(gate.tokens) <= number and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(0.3)  # the machine waits for a decision after the function has returned
            client = aws.client("stepfunctions")
            client.send_task_success(taskToken=gate.tokens[number], output=json.dumps(decision))

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    return thread


def test_hold_that_is_not_decided_is_answered_failed_at_its_end(stand: Stand) -> None:
    gate = Gate(hold_s=2)
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Failed")
    assert gate.unanswered == "States.Timeout"
    assert states_of(stand, gate)[-6:] == ["Holds", "Ask", "Decide", "Holds", "Answer", "Publish"]


@pytest.mark.parametrize("failure", ["killed", "raised", "denied"])
def test_hold_that_cannot_be_asked_is_answered_failed(stand: Stand, failure: str) -> None:
    gate = Gate(hold_s=LONG_S, failures={"ask": [failure]})
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Failed")
    assert gate.unanswered not in ("", "States.Timeout")


@pytest.mark.parametrize("failure", ["killed", "raised", "denied"])
def test_approval_that_cannot_be_checked_is_answered_failed(stand: Stand, aws: LocalAws, failure: str) -> None:
    gate = Gate(hold_s=LONG_S, failures={"decide": [failure]})
    decide(aws, gate, "approve")
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Failed")
    assert states_of(stand, gate)[-2:] == ["AnswerFailed", "Publish"]


@pytest.mark.parametrize("failure", ["empty", "null", "large"])
def test_decision_that_breaks_the_machine_is_answered_for_by_the_guardian(
    stand: Stand, aws: LocalAws, failure: str
) -> None:
    gate = Gate(hold_s=LONG_S, failures={"decide": [failure]})
    decide(aws, gate, "approve")
    stand.run(gate)
    assert answer_of(gate) == ("guardian", "Failed")


def test_hold_that_is_ended_as_failed_from_outside_is_answered_failed(stand: Stand, aws: LocalAws) -> None:
    gate = Gate(hold_s=LONG_S)

    def fail() -> None:
        while not gate.tokens:
            time.sleep(0.05)
        time.sleep(0.3)
        aws.client("stepfunctions").send_task_failure(taskToken=gate.tokens[0], error="Approved")

    threading.Thread(target=fail, daemon=True).start()
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Failed")
    assert gate.unanswered == "Approved"


def test_decisions_that_do_not_count_change_nothing(stand: Stand, aws: LocalAws) -> None:
    gate = Gate(hold_s=LONG_S)
    decide(aws, gate, True, {"status": "Succeeded"}, "approve")
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Succeeded")
    assert len(set(gate.tokens)) == 3
    assert states_of(stand, gate).count("Ask") == 3


def test_token_of_an_earlier_round_is_refused(stand: Stand, aws: LocalAws) -> None:
    gate = Gate(hold_s=LONG_S)
    decide(aws, gate, "yes", "approve")
    stand.run(gate)
    with pytest.raises(ClientError):
        aws.client("stepfunctions").send_task_success(taskToken=gate.tokens[0], output='"approve"')
    assert gate.answers == ["Succeeded"]


def test_gate_without_a_hold_does_not_ask(stand: Stand) -> None:
    gate = Gate()
    stand.run(gate)
    assert answer_of(gate) == ("machine", "Succeeded")
    assert "Ask" not in states_of(stand, gate)


# ---- Callers other than CodeDeploy


def test_caller_gets_the_verdict_after_the_approval(stand: Stand, aws: LocalAws) -> None:
    gate = Gate(answer="return", hold_s=LONG_S)
    decide(aws, gate, "no", "approve")
    stand.run(gate)
    assert (stand.output(gate)["verdict"], gate.answers) == ("Succeeded", [])
    assert states_of(stand, gate)[-3:] == ["Decide", "Holds", "Publish"]


def test_caller_gets_failed_from_a_hold_that_is_not_decided(stand: Stand) -> None:
    gate = Gate(answer="return", hold_s=2)
    stand.run(gate)
    assert (stand.output(gate)["verdict"], gate.answers) == ("Failed", [])


@pytest.mark.parametrize("failure", ["killed", "denied", "empty", "null", "large"])
def test_caller_gets_failed_for_an_approval_that_cannot_be_checked(stand: Stand, aws: LocalAws, failure: str) -> None:
    gate = Gate(answer="return", hold_s=LONG_S, failures={"decide": [failure]})
    decide(aws, gate, "approve")
    stand.run(gate)
    assert (stand.output(gate)["verdict"], gate.answers) == ("Failed", [])
