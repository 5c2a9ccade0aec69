"""The state machine conducts what a hook cannot, and is started once for each execution."""

from __future__ import annotations

import datetime
import json
import time

import pytest

from greenlight.aws.client import Aws
from greenlight.core.deployment import Deployment, Platform
from greenlight.core.errors import AwsError, SettingsError
from greenlight.core.settings import Settings
from greenlight.gate.codedeploy import Execution
from greenlight.gate.conductor import MAX_INLINE_CHECKS, choose_machine, execution_name, is_started, start_machine
from greenlight.gate.prepare import Prepared
from greenlight.plan.model import Plan
from greenlight.plan.parser import parse
from tests.support.account import Account

EXECUTION = Execution(deployment_id="d-ABCDEF123", execution_id="canary-execution")
ARN = "arn:aws:states:mars-west-1:111122223333:stateMachine:greenlight-guardian"
SETTINGS = Settings(machine=ARN)
STARTED = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)


def chosen(plan: str, settings: Settings = SETTINGS, timeout_s: float = 600) -> str:
    deployment = Deployment(id="d-ABCDEF123", platform=Platform.ECS, stage="AfterAllowTestTraffic")
    return choose_machine(Prepared(deployment=deployment, plan=parse(f"version: 1\n{plan}")), settings, timeout_s)


def stage(checks: str, more: str = "") -> str:
    return f"stages: {{AfterAllowTestTraffic: {{{more}checks: [{checks}]}}}}\n"


CHECK = "{name: c, http: {get: /, expect: {status: 200}}}"


def test_a_hook_conducts_what_it_has_time_for() -> None:
    assert chosen(stage(CHECK)) == ""
    assert chosen(stage(CHECK, "bake: 8m, ")) == ""


@pytest.mark.parametrize(
    ("plan", "reason"),
    [
        (stage(CHECK, "bake: 9m, "), "its checks may take 550 s, and a hook has 600 s, of which it needs 60 s itself"),
        (
            stage("{name: c, repeat: {count: 11, interval: 1m}, http: {get: /, expect: {status: 200}}}"),
            "may take 710 s",
        ),
        (stage(CHECK) + "network: vpc\n", "its plan says network: vpc"),
    ],
)
def test_the_state_machine_conducts_what_a_hook_cannot(plan: str, reason: str) -> None:
    assert reason in chosen(plan)


def test_the_state_machine_conducts_more_checks_than_one_process_should_run() -> None:
    checks = ", ".join(f"{{name: c{number}, timeout: 1ms, tcp: {{}}}}" for number in range(MAX_INLINE_CHECKS + 1))
    assert chosen(stage(checks)) == "it has 501 checks, and a hook runs at most 500"


def test_a_hook_conducts_everything_without_a_state_machine_and_what_is_waived() -> None:
    assert chosen(stage(CHECK, "bake: 9m, "), Settings()) == ""
    deployment = Deployment(id="d-ABCDEF123", platform=Platform.ECS, stage="AfterAllowTestTraffic")
    waived = Prepared(deployment=deployment, plan=Plan(stages={}, waived="a rollback"))
    assert choose_machine(waived, SETTINGS, 600) == ""


def test_the_execution_has_the_digest_as_its_name_and_the_same_input_each_time() -> None:
    account = Account({"stepfunctions.start_execution": {"executionArn": "x", "startDate": STARTED}})
    for _ in range(2):
        started = start_machine(Aws(account), ARN, EXECUTION, "AfterInstall", "it is long")
    (_, first), (_, second) = account.calls
    assert first == second
    assert (first["name"], first["stateMachineArn"]) == (execution_name(EXECUTION), ARN)
    assert json.loads(first["input"]) == {
        "gate": {"name": started.name, "deployment": "d-ABCDEF123", "stage": "AfterInstall"},
        "execution": "canary-execution",
    }
    assert "canary" not in started.name


def test_a_machine_that_was_started_before_is_as_good() -> None:
    account = Account({"stepfunctions.start_execution": "ExecutionAlreadyExists"})
    assert start_machine(Aws(account), ARN, EXECUTION, "AfterInstall", "it is long").name


def test_a_machine_that_cannot_be_started_is_an_error() -> None:
    account = Account({"stepfunctions.start_execution": "AccessDeniedException"})
    with pytest.raises(AwsError, match=r"could not be started: states:StartExecution was denied"):
        start_machine(Aws(account), ARN, EXECUTION, "AfterInstall", "it is long")


def test_a_start_that_was_throttled_or_lost_is_repeated() -> None:
    good = {"executionArn": "x", "startDate": STARTED}
    account = Account({"stepfunctions.start_execution": ["ThrottlingException", "InternalFailure", good]})
    aws = Aws(account).repeating(time.monotonic() + 30)
    assert start_machine(aws, ARN, EXECUTION, "AfterInstall", "it is long").name
    assert len(account.calls) == 3


@pytest.mark.parametrize(
    ("response", "started"),
    [({"status": "RUNNING"}, True), ({"status": "FAILED"}, True), ("ExecutionDoesNotExist", False)],
)
def test_a_machine_that_was_started_answers_whatever_became_of_it(response: object, started: bool) -> None:
    execution = {"executionArn": "x", "stateMachineArn": "y", "startDate": STARTED}
    answer = {**execution, **response} if isinstance(response, dict) else response
    account = Account({"stepfunctions.describe_execution": answer})
    assert is_started(Aws(account), ARN, EXECUTION) is started
    ((_, parameters),) = account.calls
    assert parameters["executionArn"] == (
        f"arn:aws:states:mars-west-1:111122223333:execution:greenlight-guardian:{execution_name(EXECUTION)}"
    )


HOLD = "hold: {within: 30m, ask: release managers}, "


def test_the_state_machine_conducts_a_gate_that_waits_for_an_approval() -> None:
    assert chosen(stage(CHECK, HOLD)) == "it waits for an approval"


def test_a_hold_without_a_state_machine_is_an_error_and_never_passes_unasked() -> None:
    with pytest.raises(SettingsError, match="has no state machine that could wait"):
        chosen(stage(CHECK, HOLD), Settings())
