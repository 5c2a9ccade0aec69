"""Start of the watcher of a shift: only after an accepted Succeeded, once, and never at the cost of the answer."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import AwsError
from greenlight.core.settings import Settings
from greenlight.core.verdict import Status, StatusDelivery
from greenlight.gate.run_state import RunState
from greenlight.gate.telemetry import GateLog
from greenlight.gate.watcher import watch_after_answer, watch_name
from greenlight.machine.documents import MachineGate

MACHINE = "arn:aws:states:eu-west-1:111122223333:stateMachine:watch"
TOLD = StatusDelivery(told=True, attempts=1)
ID = "d-ABCDEF123"


class StepFunctions:
    """Account that records what it starts, or raises an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.started: list[dict[str, Any]] = []

    def repeating(self, _until: float) -> StepFunctions:
        return self

    def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        assert (service, operation) == ("stepfunctions", "start_execution")
        self.started.append(parameters)
        if self.error is not None:
            raise self.error
        return {}


def gate(aws: StepFunctions, stage: str = "BeforeAllowTraffic", machine: str = MACHINE) -> RunState:
    deployment = Deployment(id=ID, platform=Platform.LAMBDA, stage=stage)
    settings = Settings(watch_machine=machine)
    return RunState(deployment, 0.0, settings=settings, aws=aws, is_watched=True)  # type: ignore[arg-type]


def start(state: RunState, status: Status = Status.SUCCEEDED, delivery: StatusDelivery = TOLD) -> str:
    log = GateLog(MachineGate(name="name", deployment=ID, stage="BeforeAllowTraffic"), "BeforeAllowTraffic")
    return watch_after_answer(log, state, status, delivery, time.monotonic() + 10)


@pytest.mark.parametrize(
    ("status", "delivery"),
    [(Status.FAILED, TOLD), (Status.SUCCEEDED, StatusDelivery(told=False, error="denied"))],
)
def test_gate_that_did_not_open_starts_nothing(status: Status, delivery: StatusDelivery) -> None:
    aws = StepFunctions()

    assert start(gate(aws), status, delivery) == ""
    assert aws.started == []


@pytest.mark.parametrize("stage", ["AfterInstall", "AfterAllowTestTraffic", "AfterAllowTraffic"])
def test_gate_of_another_stage_starts_nothing(stage: str) -> None:
    aws = StepFunctions()

    assert start(gate(aws, stage)) == ""
    assert aws.started == []


def test_plan_without_the_stage_starts_nothing() -> None:
    aws = StepFunctions()
    state = gate(aws)
    state.is_watched = False

    assert start(state) == ""
    assert aws.started == []


@pytest.mark.parametrize("error", [AwsError("denied", "AccessDeniedException"), RuntimeError("a bug")])
def test_start_that_fails_is_a_note_and_a_metric(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    note = start(gate(StepFunctions(error)))

    assert note == f"the shift of the traffic is not watched, because its watcher could not be started: {error}"
    assert '"WatchNotStarted":[1.0]' in capsys.readouterr().out


def test_installation_without_a_watcher_is_a_note() -> None:
    assert "this installation cannot watch a shift" in start(gate(StepFunctions(), machine=""))


def test_start_that_hangs_ends_before_the_report_is_due() -> None:
    class Hanging(StepFunctions):
        def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
            time.sleep(3.0)
            return {}

    log = GateLog(MachineGate(name="name", deployment=ID, stage="BeforeAllowTraffic"), "BeforeAllowTraffic")

    note = watch_after_answer(log, gate(Hanging()), Status.SUCCEEDED, TOLD, time.monotonic() + 0.4)

    assert "Step Functions did not answer" in note


@pytest.mark.parametrize("error", [None, AwsError("it runs", "ExecutionAlreadyExists")])
def test_watcher_is_started_once_for_a_deployment(error: Exception | None) -> None:
    aws = StepFunctions(error)

    assert (start(gate(aws)), start(gate(aws))) == ("", "")
    assert aws.started[0] == aws.started[1]
    assert (aws.started[0]["stateMachineArn"], aws.started[0]["name"]) == (MACHINE, watch_name(ID))
    gate_of_watch = {"name": watch_name(ID), "deployment": ID, "stage": "AllowTraffic"}
    assert json.loads(aws.started[0]["input"]) == {"gate": gate_of_watch}
