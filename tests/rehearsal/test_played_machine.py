"""Played scenarios whose gates the state machine conducts, with the deployed functions."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest

from devkit.rehearsal.hooks import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from devkit.rehearsal.outcome import ScenarioOutcome

    Play = Callable[..., ScenarioOutcome]

SCENARIO = """
name: conducted by the state machine
platform: ecs
minute: 100ms
hour: 2m
users: {rate: 5}
blue: {command: "python service.py fine {port}"}
plan: a.plan.yaml
"""
FINE = 'green: {command: "python service.py fine {port}"}\n'
BROKEN = 'green: {command: "python service.py broken {port}"}\n'
MACHINE = "conductor: machine\n"
# Answers Failed for an event of Step Functions, as the deployed last resort does.
LAST_RESORT = """
import json, pathlib
from botocore.session import Session
def handler(event, context):
    pathlib.Path(__file__).with_name("event.json").write_text(json.dumps(event))
    document = json.loads(event["detail"]["input"])
    deployment, execution = document["gate"]["deployment"], document["execution"]
    Session().create_client("codedeploy").put_lifecycle_event_hook_execution_status(
        deploymentId=deployment, lifecycleEventHookExecutionId=execution, status="Failed"
    )
"""


def with_hour(hour: str) -> str:
    return SCENARIO.replace("hour: 2m", f"hour: {hour}")


def set_bake(folder: Path, bake: str) -> None:
    plan = folder / "a.plan.yaml"
    plan.write_text(plan.read_text().replace("    checks:", f"    bake: {bake}\n    checks:"))


def reasons_of(gate: dict[str, Any]) -> list[tuple[str, str]]:
    return [(reason["cause"], reason["message"]) for reason in gate["reasons"]]


def test_each_function_that_is_killed_fails_its_gate_with_a_report_that_says_so(play: Play) -> None:
    faults = ("prepare-killed", "probe-killed", "judge-killed")
    deployments = [f"  - {{{FINE.strip()}, faults: [{fault}], expect: {{status: Failed}}}}\n" for fault in faults]
    outcome = play(SCENARIO + MACHINE + "deployments:\n" + "".join(deployments))

    assert [deployment.answered_by for deployment in outcome.deployments] == [["machine"]] * 3
    prepare, probe, judge = (reasons_of(deployment.gates[0]) for deployment in outcome.deployments)
    assert prepare[0][0] == probe[0][0] == judge[0][0] == "GATE_ERROR"
    assert "the gate could not be prepared: Runtime.ExitError" in prepare[0][1]
    assert "the function that ran it ended early (Runtime.ExitError)" in probe[0][1]
    assert "the state machine could not decide the verdict" in judge[0][1]
    assert outcome.expected


def test_machine_that_times_out_is_answered_for_and_reported(play: Play) -> None:
    (deployment,) = play(with_hour("20s") + FINE + MACHINE + "faults: [machine-times-out]\n").deployments
    assert (deployment.record.error_code, deployment.answered_by) == ("HOOK_EXECUTION_FAILURE", ["guardian"])
    assert reasons_of(deployment.gates[0])[0][0] == "GATE_ERROR"
    runs = {run.machine: run.status for run in deployment.machine_runs}
    assert runs == {"greenlight-guardian": "SUCCEEDED", "greenlight-gate": "TIMED_OUT"}


@pytest.mark.parametrize("is_lost", [False, True])
def test_event_of_a_stopped_guardian_invokes_the_last_resort(play: Play, folder: Path, is_lost: bool) -> None:
    hooks = folder / "hooks"
    shutil.copytree(PROJECT / "hooks", hooks)
    (hooks / "last_resort.py").write_text(LAST_RESORT)
    scenario, faults = (with_hour("10s"), "guardian-stopped, event-lost") if is_lost else (SCENARIO, "guardian-stopped")
    (deployment,) = play(scenario + FINE + MACHINE + f"faults: [{faults}]\n", hooks).deployments
    assert deployment.record.status == "Failed"
    assert deployment.record.error_code == ("TIMEOUT" if is_lost else "HOOK_EXECUTION_FAILURE")
    assert deployment.answered_by == ([] if is_lost else ["last-resort"])
    assert (hooks / "event.json").exists() is not is_lost


def test_machine_that_cannot_be_started_is_answered_for_by_the_hook(play: Play) -> None:
    (deployment,) = play(SCENARIO + FINE + MACHINE + "faults: [start-refused]\n").deployments
    assert (deployment.record.status, deployment.answered_by) == ("Failed", ["hook"])
    assert "the state machine could not be started" in reasons_of(deployment.gates[0])[0][1]


def test_broken_release_is_stopped_by_the_machine(play: Play) -> None:
    (deployment,) = play(SCENARIO + BROKEN + MACHINE).deployments
    assert (deployment.record.status, deployment.answered_by) == ("Failed", ["machine"])
    assert reasons_of(deployment.gates[0])[0][0] == "RELEASE_FAILED"
    assert deployment.green_requests == 0


@pytest.mark.parametrize("fault", ["codedeploy-throttles", "answer-lost", "duplicate-invocation"])
def test_fault_that_the_machine_tolerates_does_not_stop_a_good_release(play: Play, fault: str) -> None:
    (deployment,) = play(SCENARIO + FINE + MACHINE + f"faults: [{fault}]\n").deployments
    assert (deployment.record.status, deployment.answered_by) == ("Succeeded", ["machine"])
    (gate,) = deployment.gates
    assert (gate["verdict"], gate["answer"]["told"]) == ("Succeeded", True)


def test_long_bake_is_left_to_the_machine_and_takes_scaled_time(play: Play, folder: Path) -> None:
    set_bake(folder, "40m")
    (deployment,) = play(SCENARIO + FINE + "conductor: auto\nhook_timeout: 10m\n").deployments
    assert (deployment.record.status, deployment.answered_by) == ("Succeeded", ["machine"])
    gate = next(run for run in deployment.machine_runs if run.machine == "greenlight-gate")
    assert "Bake" in gate.states


def test_short_plan_is_left_to_the_hook(play: Play) -> None:
    (deployment,) = play(SCENARIO + FINE + "conductor: auto\nhook_timeout: 10m\n").deployments
    assert (deployment.record.status, deployment.answered_by) == ("Succeeded", ["hook"])
    assert deployment.machine_runs == []
