"""The event about a guardian that ended without an answer, as the last resort reads it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from greenlight.core.deployment import Deployment, Platform
from greenlight.core.report import PlanSource, Report
from greenlight.core.verdict import Status, StatusDelivery
from greenlight.gate.codedeploy import EventError, parse
from greenlight.gate.last_resort import build_report, read_failure
from greenlight.gate.machine_event import build_record, is_called_gate, is_machine_event
from hooks.last_resort import handler
from tests.support.sam_template import ROOT

FOLDER = ROOT / "events" / "last_resort"


def load(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return event


def test_event_whose_input_was_left_out_is_rejected_with_the_next_step() -> None:
    with pytest.raises(EventError, match=r"execution:greenlight-Guardian:\w+ does not have .* stopped by hand"):
        build_record(load("malformed_machine_input_left_out"))


@pytest.mark.parametrize("text", ["", "[]", "1", '"gate"', '{"gate": []}', '{"gate": null}', "[" * 100_000])
def test_input_that_no_hook_has_written_is_rejected(text: str) -> None:
    event = load("good_machine_failed")
    event["detail"]["input"] = text

    with pytest.raises(EventError, match="was not started by a hook"):
        build_record(event)


@pytest.mark.parametrize("gate", [{}, {"answer": ""}, {"answer": None}, {"answer": "Return"}])
def test_gate_without_the_answer_return_is_one_for_which_codedeploy_waits(gate: dict[str, Any]) -> None:
    event = load("good_machine_failed")
    event["detail"]["input"] = json.dumps({"gate": gate})

    assert not is_called_gate(event)
    assert not is_called_gate(load("good_machine_failed"))
    assert not is_called_gate(load("malformed_machine_input_left_out"))


def test_gate_with_the_answer_return_needs_no_answer() -> None:
    event = load("good_machine_failed")
    event["detail"]["input"] = json.dumps({"gate": {"answer": "return"}})

    assert is_called_gate(event)
    assert handler(event, None) == {"told": False}


def test_message_about_an_event_has_no_execution_id() -> None:
    event = load("good_machine_failed")
    execution = json.loads(event["detail"]["input"])["execution"]
    event["detail"]["input"] = json.dumps({"gate": None, "execution": execution})

    with pytest.raises(EventError) as raised:
        build_record(event)

    assert execution not in str(raised.value)


@pytest.mark.parametrize("event", [None, [], "text", {}, {"requestPayload": {}}, {"detail-type": "AWS API Call"}])
def test_other_events_are_not_about_a_state_machine(event: Any) -> None:
    assert not is_machine_event(event)


@pytest.mark.parametrize("name", ["good_machine_aborted", "good_machine_failed", "good_machine_timed_out"])
def test_record_has_the_ids_of_the_gate_and_the_reason_of_its_end(name: str) -> None:
    event = load(name)
    gate = json.loads(event["detail"]["input"])["gate"]

    record = build_record(event)

    assert is_machine_event(event)
    assert parse(record["requestPayload"]).deployment_id == gate["deployment"]
    assert record["stage"] == gate["stage"]
    assert record["requestContext"]["functionArn"].endswith("stateMachine:greenlight-Guardian")
    assert record["responsePayload"]["errorMessage"]


def test_report_of_the_last_resort_says_that_the_state_machine_had_no_answer_and_names_its_execution() -> None:
    event = load("good_machine_failed")
    record = build_record(event)
    failure = read_failure(record, parse(record["requestPayload"]))
    base = Report(
        verdict=Status.FAILED,
        reasons=(),
        checks=(),
        deployment=Deployment(id="d-1", platform=Platform.ECS, stage=failure.stage),
        plan=PlanSource(),
        started_at=event["time"],
        duration_ms=0.0,
        greenlight="0",
    )

    report = build_report(base, failure, StatusDelivery(told=True), is_judged=False)

    assert failure.stage == "AfterAllowTestTraffic"
    assert report.reasons[0].message == (
        "the state machine ended without an answer: Access to CodeDeploy was denied; "
        f"read the execution {event['detail']['name']} of the state machine"
    )
