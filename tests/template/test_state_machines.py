"""The state machines of template.yaml: their functions, their times, their logs, and the rule behind them."""

from __future__ import annotations

import json
import re
import uuid
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from greenlight.gate.conductor import MACHINE_CHECKS_S
from greenlight.machine.documents import FOLDER, MachineGate
from greenlight.machine.pipeline import Job, parse_gate
from greenlight.machine.step import RESERVE_S
from greenlight.machine.watch import ROUND_S
from tests.support.deployed_template import ACCOUNT, REGION, Deployed
from tests.support.sam_template import ROOT, STAGES, of_type, raw_template, transformed

if TYPE_CHECKING:
    from tests.support.sam_template import Json

GATE: Json = json.loads((ROOT / "machine" / "gate.asl.json").read_text())
GUARDIAN: Json = json.loads((ROOT / "machine" / "guardian.asl.json").read_text())
WATCH: Json = json.loads((ROOT / "machine" / "watch.asl.json").read_text())
CODEDEPLOY_WAITS_S = 3600
DEPLOYED = Deployed(ProbeSubnetIds="subnet-1", ProbeSecurityGroupIds="sg-1")


def tasks(definition: Json) -> dict[str, Json]:
    """Return the tasks of a definition by name, those inside a Map included."""
    states = dict(definition["States"])
    for state in definition["States"].values():
        states |= state.get("ItemProcessor", {}).get("States", {})
    return {name: state for name, state in states.items() if state["Type"] == "Task"}


@pytest.mark.parametrize(
    ("definition", "task", "function"),
    [
        (GATE, "Prepare", "PrepareFunction"),
        (GATE, "Probe", "ProbeFunction"),
        (GATE, "Probe", "VpcProbeFunction"),
        (GATE, "Judge", "ConcludeFunction"),
        (GATE, "Publish", "ConcludeFunction"),
        (GUARDIAN, "Record", "ConcludeFunction"),
        (WATCH, "Look", "ConcludeFunction"),
        (WATCH, "Prepare", "PrepareFunction"),
        (WATCH, "Probe", "ProbeFunction"),
        (WATCH, "Probe", "VpcProbeFunction"),
        (WATCH, "Watched", "ConcludeFunction"),
    ],
)
def test_function_times_out_before_its_step(definition: Json, task: str, function: str) -> None:
    timeout_s = DEPLOYED.properties(function)["Timeout"]

    assert timeout_s < tasks(definition)[task]["TimeoutSeconds"] <= timeout_s + 60


def test_every_task_has_a_time_limit() -> None:
    assert not [
        name
        for d in (GATE, GUARDIAN, WATCH)
        for name, task in tasks(d).items()
        if task.keys().isdisjoint({"TimeoutSeconds", "TimeoutSecondsPath"})
    ]


def test_checks_the_gate_and_the_guardian_end_one_after_another_within_the_hour_that_codedeploy_waits() -> None:
    gate_s, wait_s, guardian_s = (
        GATE["TimeoutSeconds"],
        GUARDIAN["States"]["Gate"]["TimeoutSeconds"],
        GUARDIAN["TimeoutSeconds"],
    )
    judge_s, answer_s, record_s = (
        GATE["States"]["Judge"]["TimeoutSeconds"],
        GATE["States"]["Answer"]["TimeoutSeconds"],
        GUARDIAN["States"]["Record"]["TimeoutSeconds"],
    )

    assert MACHINE_CHECKS_S + judge_s + answer_s <= gate_s
    assert gate_s < wait_s
    assert gate_s + answer_s + record_s <= guardian_s < CODEDEPLOY_WAITS_S


@pytest.mark.parametrize(("machine", "definition"), [("Gate", GATE), ("Guardian", GUARDIAN), ("Watch", WATCH)])
def test_every_placeholder_of_a_definition_has_a_value(machine: str, definition: Json) -> None:
    properties = raw_template()["Resources"][f"{machine}Machine"]["Properties"]

    assert json.loads((ROOT / properties["DefinitionUri"]).read_text()) == definition
    assert set(re.findall(r"\$\{(\w+)\}", json.dumps(definition))) == set(properties["DefinitionSubstitutions"])


@pytest.mark.parametrize("machine", ["Gate", "Guardian", "Watch"])
def test_log_of_a_state_machine_has_no_data_and_there_are_no_traces(machine: str) -> None:
    properties = transformed()["Resources"][f"{machine}Machine"]["Properties"]

    assert properties["LoggingConfiguration"]["IncludeExecutionData"] is False
    assert properties["LoggingConfiguration"]["Level"] == "ALL"
    assert properties["LoggingConfiguration"]["Destinations"] == [
        {"CloudWatchLogsLogGroup": {"LogGroupArn": {"Fn::GetAtt": ["MachineLogGroup", "Arn"]}}}
    ]
    assert properties["TracingConfiguration"] == {"Enabled": False}
    assert properties.get("StateMachineType", "STANDARD") == "STANDARD"


def test_log_group_of_the_state_machines_is_covered_by_the_one_resource_policy_of_the_account() -> None:
    assert DEPLOYED.properties("MachineLogGroup")["LogGroupName"].startswith("/aws/vendedlogs/")


def test_names_of_state_machines_are_not_too_long() -> None:
    deployed = Deployed(InstallationName="a" * 24)
    names = [deployed.properties(f"{machine}Machine")["StateMachineName"] for machine in ("Gate", "Guardian", "Watch")]

    assert all(len(name) <= 80 for name in names)


def test_settings_name_the_guardian_and_the_probes_that_are_created() -> None:
    variables = DEPLOYED.properties(f"{STAGES[0]}Function")["Environment"]["Variables"]
    guardian = DEPLOYED.properties("GuardianMachine")["StateMachineName"]

    assert variables["GREENLIGHT_MACHINE"] == f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{guardian}"
    watch = DEPLOYED.properties("WatchMachine")["StateMachineName"]
    assert variables["GREENLIGHT_WATCH_MACHINE"] == f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{watch}"
    assert variables["GREENLIGHT_PROBE_FUNCTION"] == DEPLOYED.properties("ProbeFunction")["FunctionName"]
    assert variables["GREENLIGHT_VPC_PROBE_FUNCTION"] == DEPLOYED.properties("VpcProbeFunction")["FunctionName"]


@pytest.mark.parametrize("function", ["PrepareFunction", "ProbeFunction", "ConcludeFunction"])
def test_steps_have_the_memory_of_a_hook(function: str) -> None:
    assert Deployed(MemorySize="2048").properties(function)["MemorySize"] == "2048"


def test_guide_starts_the_guardian_with_a_valid_gate_and_goes_on_for_succeeded_alone() -> None:
    guide = (ROOT / "docs" / "machine.md").read_text().partition("## Other callers")[2]
    blocks = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)]
    example, _, states, parameters = blocks
    task, choice = states["Gate"], states["Verdict"]
    called = {**task["Parameters"]["Input"]["gate"], "name": str(uuid.uuid4())}

    assert msgspec.convert(example["gate"], MachineGate).is_called
    assert msgspec.convert({key: called[key] for key in called if key != "name.$"}, MachineGate).is_called
    assert parse_gate(Job(id="1", parameters=json.dumps(parameters))).is_called
    assert task["Resource"] == GUARDIAN["States"]["Gate"]["Resource"].replace("${Partition}", "aws")
    assert task["TimeoutSeconds"] > GUARDIAN["TimeoutSeconds"]
    assert choice["Choices"] == [{"Variable": "$.Output.verdict", "StringEquals": "Succeeded", "Next": "Continue"}]
    assert choice["Default"] == task["Catch"][0]["Next"] == "Stop"


def test_gate_and_guardian_return_the_verdict_wherever_they_end() -> None:
    keys = {"verdict", "report", "reasons"}
    ends = [
        GATE["States"]["Publish"],
        GATE["States"]["Unpublished"],
        *map(GUARDIAN["States"].get, ("Record", "Unrecorded")),
    ]
    shapes = [end.get("ResultSelector") or end["Parameters"] for end in ends]

    assert all({key.removesuffix(".$") for key in shape} == keys for shape in shapes)
    assert {shape["verdict"] for shape in shapes if "verdict" in shape} == {"Failed"}
    assert GUARDIAN["States"]["Gate"]["OutputPath"] == "$.Output"


def test_watch_lasts_longer_than_the_wait_and_the_shift_of_codedeploy() -> None:
    two_days_s = 2 * 24 * 3600

    assert WATCH["TimeoutSeconds"] > 2 * two_days_s


def test_round_ends_before_its_function() -> None:
    assert DEPLOYED.properties("ProbeFunction")["Timeout"] - RESERVE_S > ROUND_S


def test_end_of_the_guardian_without_an_answer_invokes_the_last_resort() -> None:
    (rule,) = of_type(transformed(), "AWS::Events::Rule").values()
    (permission,) = of_type(transformed(), "AWS::Lambda::Permission").values()
    (target,) = rule["Targets"]

    assert rule["EventPattern"] == {
        "source": ["aws.states"],
        "detail-type": ["Step Functions Execution Status Change"],
        "detail": {"stateMachineArn": [{"Ref": "GuardianMachine"}], "status": ["FAILED", "TIMED_OUT", "ABORTED"]},
    }
    assert target["Arn"] == {"Fn::GetAtt": ["LastResortFunction", "Arn"]}
    assert target["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["UnansweredQueue", "Arn"]}}
    assert permission["FunctionName"] == {"Ref": "LastResortFunction"}
    assert permission["Principal"] == "events.amazonaws.com"
    assert permission["SourceArn"] == {"Fn::GetAtt": ["GuardianFailedRule", "Arn"]}


def test_documents_of_gates_expire_after_a_week_and_their_old_versions_a_day_later() -> None:
    rules: list[dict[str, Any]] = DEPLOYED.properties("ReportBucket")["LifecycleConfiguration"]["Rules"]
    (rule,) = [rule for rule in rules if rule.get("Prefix") == FOLDER]

    assert (rule["Status"], rule["ExpirationInDays"]) == ("Enabled", 7)
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 1}
