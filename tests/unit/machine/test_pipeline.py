"""The Lambda action of CodePipeline: every job is answered, and with success only for the verdict Succeeded."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any

import pytest

from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError
from greenlight.machine.pipeline import (
    MAX_MESSAGE_LENGTH,
    MAX_SUMMARY_LENGTH,
    JobError,
    answer_job,
    handler,
    parse_job,
)
from tests.support.account import Account

if TYPE_CHECKING:
    from collections.abc import Mapping

MACHINE = "arn:aws:states:mars-west-1:111122223333:stateMachine:greenlight-Guardian"
JOB, NEXT_JOB = "11111111-2222-4333-8444-555555555555", "66666666-7777-4888-8999-000000000000"
PARAMETERS = {"application": "shop", "group": "web", "stage": "AfterAllowTraffic"}
STARTED_AT = datetime.datetime(2026, 3, 1, tzinfo=datetime.UTC)
SUCCESS, FAILURE = "codepipeline.put_job_success_result", "codepipeline.put_job_failure_result"
START, DESCRIBE = "stepfunctions.start_execution", "stepfunctions.describe_execution"


def event(parameters: Any = PARAMETERS, token: str | None = None, job: str = JOB) -> dict[str, Any]:
    text = parameters if isinstance(parameters, str) else json.dumps(parameters)
    data: dict[str, Any] = {
        "actionConfiguration": {"configuration": {"FunctionName": "action", "UserParameters": text}},
        "inputArtifacts": [],
        "outputArtifacts": [],
    }
    if token is not None:
        data["continuationToken"] = token
    return {"CodePipeline.job": {"id": job, "accountId": "111122223333", "data": data}}


def account(**table: Any) -> Account:
    started = {"executionArn": "x", "startDate": STARTED_AT}
    defaults: dict[str, Any] = {START: started, SUCCESS: {}, FAILURE: {}}
    return Account(defaults | {name.replace("__", "."): response for name, response in table.items()})


def run(services: Account, given: Any, machine: str = MACHINE) -> dict[str, Any]:
    return answer_job(Aws(services), parse_job(given), machine)


def answers(services: Account) -> list[tuple[str, dict[str, Any]]]:
    return [call for call in services.calls if call[0] in (SUCCESS, FAILURE)]


def failure_of(services: Account) -> Mapping[str, Any]:
    """Return the details of the only answer, which must be a failure."""
    ((name, parameters),) = answers(services)
    assert name == FAILURE
    details: dict[str, Any] = parameters["failureDetails"]
    return details


def start() -> tuple[str, str]:
    """Start a gate; return the continuation token, and the input of its execution."""
    services = account()
    assert run(services, event()) == {"job": "continued"}
    ((_, started), (_, answer)) = services.calls
    return answer["continuationToken"], started["input"]


def execution(status: str, output: Any = None, **more: Any) -> dict[str, Any]:
    text = output if isinstance(output, str) else json.dumps(output)
    _, given = start()
    return {
        "executionArn": "x",
        "stateMachineArn": MACHINE,
        "status": status,
        "startDate": STARTED_AT,
        "input": given,
        **({} if output is None else {"output": text}),
        **more,
    }


# ---- Failures


@pytest.mark.parametrize(
    "given",
    [
        None,
        [],
        "text",
        {},
        {"CodePipeline.job": None},
        {"CodePipeline.job": {"id": JOB}},
        {"CodePipeline.job": {"id": 7, "data": {"actionConfiguration": {"configuration": {}}}}},
        {"DeploymentId": "d-ABCDEF123", "LifecycleEventHookExecutionId": "x"},
    ],
)
def test_event_without_a_job_is_an_error(given: Any) -> None:
    with pytest.raises(JobError, match="no job of CodePipeline"):
        handler(given, None)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("", "has no UserParameters; write {"),
        ("shop", "is not valid JSON"),
        ("[" * 2000, "UserParameters"),
        ('{"stage": "AfterAllowTraffic", "stage": "BeforeInstall"}', "'stage' twice"),
        ([PARAMETERS], "is not a JSON object"),
        ("null", "is not a JSON object"),
        ({**PARAMETERS, "answer": ""}, "the unknown key 'answer'"),
        ({**PARAMETERS, "name": "other"}, "the unknown key 'name'"),
        ({**PARAMETERS, "Stage": "x"}, "the unknown key 'Stage'; the keys are application, group, deployment, stage"),
        ({"application": "shop", "group": "web"}, "missing required field `stage`"),
        ({**PARAMETERS, "stage": "AllowTraffic"}, "'AllowTraffic' is not a stage; write one of BeforeInstall"),
        ({**PARAMETERS, "stage": None}, r"Expected `str`, got `null`"),
        ({"stage": "AfterAllowTraffic"}, "name either the deployment, or the application and its deployment group"),
        ({"application": "shop", "stage": "AfterAllowTraffic"}, "name either the deployment"),
        ({**PARAMETERS, "deployment": "d-ABCDEF123"}, "name either the deployment"),
        ({"application": "shop", "deployment": "d-ABCDEF123", "stage": "AfterAllowTraffic"}, "name either the"),
        ({"deployment": "#{Deploy.Id}", "stage": "AfterAllowTraffic"}, "deployment"),
        ({"deployment": "d-1\n", "stage": "AfterAllowTraffic"}, "deployment"),
        ({**PARAMETERS, "group": "g" * 101}, "length <= 100"),
    ],
)
def test_wrong_parameters_fail_the_job_with_a_sentence_and_start_nothing(parameters: Any, message: str) -> None:
    services = account()
    assert run(services, event(parameters)) == {"job": "failed"}
    details = failure_of(services)
    assert details["type"] == "ConfigurationError"
    assert message in details["message"]
    assert START not in services.names()


def test_gate_that_cannot_be_started_fails_the_job() -> None:
    services = account(stepfunctions__start_execution="AccessDeniedException")
    run(services, event())
    assert "the gate could not be started: " in failure_of(services)["message"]


def test_installation_without_a_state_machine_fails_the_job() -> None:
    services = account()
    run(services, event(), machine="")
    assert "GREENLIGHT_MACHINE is empty" in failure_of(services)["message"]


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED", "PENDING_REDRIVE", "NEW"])
def test_gate_whose_guardian_did_not_succeed_fails_the_job(status: str) -> None:
    token, _ = start()
    output = {"verdict": "Succeeded", "report": "s3://reports/r.json", "reasons": []}
    services = account(stepfunctions__describe_execution=execution(status, output))
    run(services, event(token=token, job=NEXT_JOB))
    assert f"ended as {status}" in failure_of(services)["message"]


@pytest.mark.parametrize(
    "output",
    [
        None,
        "",
        "{",
        "null",
        [],
        {},
        {"verdict": None},
        {"verdict": True},
        {"verdict": ""},
        {"verdict": "succeeded"},
        {"verdict": "Failed"},
        {"Verdict": "Succeeded"},
        {"output": {"verdict": "Succeeded"}},
        {"verdict": "Succeeded", "reasons": None},
    ],
)
def test_output_that_is_not_the_verdict_succeeded_fails_the_job(output: Any) -> None:
    token, _ = start()
    services = account(stepfunctions__describe_execution=execution("SUCCEEDED", output))
    assert run(services, event(token=token, job=NEXT_JOB)) == {"job": "failed"}
    assert failure_of(services)["type"] == "JobFailed"


def test_failed_gate_fails_the_job_with_its_reasons_and_its_report() -> None:
    token, _ = start()
    reasons = [
        {"cause": "RELEASE_FAILED", "check": "home", "message": "status is 500"},
        {"cause": "GATE_ERROR", "check": "", "message": "a function ended early"},
    ]
    output = {"verdict": "Failed", "report": "s3://reports/r.json", "reasons": reasons}
    services = account(stepfunctions__describe_execution=execution("SUCCEEDED", output))
    run(services, event(token=token, job=NEXT_JOB))
    assert failure_of(services) == {
        "type": "JobFailed",
        "message": "Failed: home: status is 500; a function ended early. s3://reports/r.json",
        "externalExecutionId": token,
    }


def test_long_reasons_are_truncated_to_the_limit_of_codepipeline() -> None:
    token, _ = start()
    output = {"verdict": "Failed", "reasons": [{"cause": "GATE_ERROR", "check": "", "message": "x" * 9000}]}
    services = account(stepfunctions__describe_execution=execution("SUCCEEDED", output))
    run(services, event(token=token, job=NEXT_JOB))
    assert len(failure_of(services)["message"]) <= MAX_MESSAGE_LENGTH


def test_token_of_another_gate_fails_the_job() -> None:
    token, _ = start()
    output = {"verdict": "Succeeded", "report": "", "reasons": []}
    services = account(stepfunctions__describe_execution=execution("SUCCEEDED", output))
    run(services, event({**PARAMETERS, "group": "other"}, token=token, job=NEXT_JOB))
    assert "is not the gate of this action" in failure_of(services)["message"]


@pytest.mark.parametrize("token", ["../x", "a:b", "x" * 81])
def test_token_that_is_not_a_name_fails_the_job(token: str) -> None:
    services = account()
    run(services, event(token=token))
    assert failure_of(services)["type"] == "ConfigurationError"


def test_gate_that_no_longer_exists_fails_the_job() -> None:
    token, _ = start()
    services = account(stepfunctions__describe_execution="ExecutionDoesNotExist")
    run(services, event(token=token, job=NEXT_JOB))
    assert failure_of(services)["type"] == "JobFailed"


@pytest.mark.parametrize("code", ["JobNotFoundException", "InvalidJobStateException"])
@pytest.mark.parametrize("given", [event(), event("")], ids=["first job", "wrong parameters"])
def test_job_that_is_closed_needs_no_answer(code: str, given: Any) -> None:
    services = account(codepipeline__put_job_success_result=code, codepipeline__put_job_failure_result=code)
    assert run(services, given)["closed"] is True
    assert len(answers(services)) == 1


def test_answer_that_codepipeline_does_not_accept_is_an_error_so_that_lambda_invokes_again() -> None:
    services = account(codepipeline__put_job_success_result="AccessDeniedException")
    with pytest.raises(AwsError, match="PutJobSuccessResult"):
        run(services, event())


# ---- Verdicts


def test_first_job_starts_the_guardian_and_is_continued() -> None:
    services = account()
    assert run(services, event()) == {"job": "continued"}
    (_, started), (answer, parameters) = services.calls
    assert started["stateMachineArn"] == MACHINE
    assert json.loads(started["input"]) == {"gate": {**PARAMETERS, "name": started["name"], "answer": "return"}}
    assert (answer, parameters) == (SUCCESS, {"jobId": JOB, "continuationToken": started["name"]})


def test_job_that_is_delivered_twice_starts_the_same_execution() -> None:
    services = account(
        stepfunctions__start_execution=[{"executionArn": "x", "startDate": STARTED_AT}, "ExecutionAlreadyExists"],
        codepipeline__put_job_success_result=[{}, "InvalidJobStateException"],
    )
    assert run(services, event()) == {"job": "continued"}
    assert run(services, event()) == {"job": "continued", "closed": True}
    first, second = [parameters for name, parameters in services.calls if name == START]
    assert first == second


def test_job_of_a_gate_that_runs_is_continued_with_the_same_token() -> None:
    token, _ = start()
    services = account(stepfunctions__describe_execution=execution("RUNNING"))
    assert run(services, event(token=token, job=NEXT_JOB)) == {"job": "continued"}
    assert answers(services) == [(SUCCESS, {"jobId": NEXT_JOB, "continuationToken": token})]
    assert START not in services.names()


def test_succeeded_gate_succeeds_the_job_with_the_place_of_its_report() -> None:
    token, _ = start()
    report = "s3://reports/" + "r" * 3000
    output = {"verdict": "Succeeded", "report": report, "reasons": []}
    services = account(stepfunctions__describe_execution=execution("SUCCEEDED", output))
    assert run(services, event(token=token, job=NEXT_JOB)) == {"job": "succeeded"}
    ((name, parameters),) = answers(services)
    assert (name, parameters["jobId"]) == (SUCCESS, NEXT_JOB)
    assert "continuationToken" not in parameters
    assert parameters["outputVariables"] == {"report": report}
    assert len(parameters["executionDetails"]["summary"]) <= MAX_SUMMARY_LENGTH
