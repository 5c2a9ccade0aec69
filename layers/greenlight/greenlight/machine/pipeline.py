"""The Lambda action of CodePipeline: starts a gate, and passes on its verdict.

CodePipeline gives a function 20 minutes for an answer, and a gate may take longer. So the first job starts the guardian
and is answered with a continuation token, the name of its execution. CodePipeline then sends another job with this
token, until one is answered without it.
Source: https://docs.aws.amazon.com/codepipeline/latest/userguide/limits.html and
https://docs.aws.amazon.com/codepipeline/latest/userguide/actions-invoke-lambda-function.html
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from typing import TYPE_CHECKING, Any

import msgspec

from greenlight.aws.client import Aws
from greenlight.core.display import truncate
from greenlight.core.errors import AwsError, GreenlightError, SettingsError
from greenlight.core.frozen import FrozenStruct
from greenlight.core.json_decoding import InvalidJsonError, decode_json
from greenlight.machine.documents import MachineGate

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SUMMARY_LENGTH = 2048
"""Of `executionDetails.summary`; from the service model of CodePipeline."""

MAX_MESSAGE_LENGTH = 5000
"""Of `failureDetails.message`; from the service model of CodePipeline."""

REPEAT_S = 20.0
"""Time in which calls are repeated after transient errors; CodePipeline waits for 20 minutes."""

_KEYS = ("application", "group", "deployment", "stage")
_NAME_LENGTH = 40
_CLOSED = ("JobNotFoundException", "InvalidJobStateException")
"""Errors about a job that has an answer, or that CodePipeline no longer waits for."""


class JobError(GreenlightError):
    """The configuration or the event of an action is not valid."""


class GateFailedError(GreenlightError):
    """The gate of an action has failed, or has no verdict."""


class Job(FrozenStruct, frozen=True, kw_only=True):
    """One job of CodePipeline.

    Attributes:
        id: Its id, with which CodePipeline accepts an answer.
        parameters: The action's UserParameters.
        token: The continuation token of the answer to the job before; "" for the first job.
    """

    id: str
    parameters: str = ""
    token: str = ""

    @property
    def name(self) -> str:
        """Name of the gate's execution; a second delivery of the first job has the same name."""
        return self.token or hashlib.sha256(self.id.encode()).hexdigest()[:_NAME_LENGTH]


def handler(event: Any, _context: Any) -> dict[str, Any]:
    """Start a gate, or answer a job with the state of the gate that an earlier job started.

    Raises:
        JobError: The event has no job, so no answer is possible.
        AwsError: CodePipeline did not accept the answer; Lambda invokes the function again.
    """
    job = parse_job(event)
    # Every call may be repeated: an execution is started once by its name, and a job is answered once.
    return answer_job(Aws().repeating(time.monotonic() + REPEAT_S), job, os.environ.get("GREENLIGHT_MACHINE", ""))


def answer_job(aws: Aws, job: Job, machine: str) -> dict[str, Any]:
    """Answer a job with the state of its gate, which the first job starts.

    Args:
        aws: The account.
        job: The job.
        machine: ARN of the guardian state machine.

    Raises:
        AwsError: CodePipeline did not accept the answer.
    """
    try:
        verdict = _advance(aws, job, machine)
    except JobError as error:
        return _fail(aws, job, "ConfigurationError", str(error))
    except GreenlightError as error:
        return _fail(aws, job, "JobFailed", str(error))
    return _continue(aws, job) if verdict is None else _succeed(aws, job, verdict)


def parse_job(event: Any) -> Job:
    """Parse the event of a Lambda action.

    Raises:
        JobError: The event is not one of CodePipeline.
    """
    try:
        job = event["CodePipeline.job"]
        data = job["data"]
        configuration = data["actionConfiguration"]["configuration"]
        parameters, token = configuration.get("UserParameters", ""), data.get("continuationToken") or ""
        return msgspec.convert({"id": job["id"], "parameters": parameters, "token": token}, Job)
    except (KeyError, TypeError, AttributeError, msgspec.ValidationError) as error:
        raise JobError("the event has no job of CodePipeline, so no answer is possible") from error


def parse_gate(job: Job) -> MachineGate:
    """Parse the gate in the action's UserParameters.

    Raises:
        JobError: They are not a JSON object that names a deployment and a stage.
    """
    example = '{"application": "shop", "group": "web", "stage": "AfterAllowTraffic"}'
    if not job.parameters:
        raise JobError(f"the action has no UserParameters; write {example}")
    try:
        data = decode_json(job.parameters)
    except InvalidJsonError as error:
        raise JobError(f"UserParameters {error}; write {example}") from error
    if not isinstance(data, dict):
        raise JobError(f"UserParameters is not a JSON object; write {example}")
    if unknown := sorted(set(data) - set(_KEYS)):
        raise JobError(
            f"UserParameters has the unknown key {truncate(unknown[0], 60)!r}; the keys are {', '.join(_KEYS)}"
        )
    try:
        return msgspec.convert({**data, "name": job.name, "answer": "return"}, MachineGate)
    except msgspec.ValidationError as error:
        raise JobError(f"UserParameters is not valid: {error}; write {example}") from error


class Conclusion(FrozenStruct, frozen=True, kw_only=True):
    """The output of the guardian: the verdict of a gate."""

    verdict: str
    report: str = ""
    reasons: tuple[dict[str, str], ...] = ()


def _advance(aws: Aws, job: Job, machine: str) -> Conclusion | None:
    """Start the gate of a first job; return the verdict of a gate that has succeeded, None for one that runs.

    Raises:
        JobError: The configuration is not valid.
        GateFailedError: The gate has failed, or has no verdict.
        AwsError: Step Functions denied a call or did not respond.
    """
    gate = parse_gate(job)
    if not machine:
        raise SettingsError("GREENLIGHT_MACHINE is empty; the action needs the state machine of the installation")
    # A second delivery has to send the same text: Step Functions compares it while the first execution runs.
    text = json.dumps({"gate": _non_empty(gate)}, sort_keys=True)
    if not job.token:
        _start(aws, machine, job.name, text)
        return None
    return _read_verdict(aws, machine, job.name, text)


def _non_empty(gate: MachineGate) -> dict[str, str]:
    return {key: value for key, value in msgspec.to_builtins(gate).items() if value}


def _start(aws: Aws, machine: str, name: str, text: str) -> None:
    try:
        aws.call("stepfunctions", "start_execution", stateMachineArn=machine, name=name, input=text)
    except AwsError as error:
        if error.code != "ExecutionAlreadyExists":
            raise AwsError(f"the gate could not be started: {error}", error.code) from error


def _read_verdict(aws: Aws, machine: str, name: str, text: str) -> Conclusion | None:
    """Return the verdict of a gate that has succeeded, None for one that runs.

    Raises:
        GateFailedError: The gate has failed, has no verdict, or is not the one that the action names.
        AwsError: Step Functions denied the call or did not respond.
    """
    arn = f"{machine.replace(':stateMachine:', ':execution:')}:{name}"
    execution = aws.call_for("stepfunctions", "describe_execution", "status", executionArn=arn)
    if execution.get("input") != text:
        raise GateFailedError(
            f"the execution {name} is not the gate of this action; was the action changed while its gate ran?"
        )
    if execution["status"] == "RUNNING":
        return None
    if execution["status"] != "SUCCEEDED":
        raise GateFailedError(f"the gate has no verdict: its execution {name} ended as {execution['status']}")
    try:
        conclusion = msgspec.json.decode(execution.get("output") or "", type=Conclusion)
    except (msgspec.MsgspecError, ValueError) as error:
        raise GateFailedError(f"the gate has no verdict: the output of its execution {name} is not valid") from error
    if conclusion.verdict != "Succeeded":
        reasons = "; ".join(filter(None, map(_describe_reason, conclusion.reasons)))
        raise GateFailedError(f"{conclusion.verdict}: {reasons or 'no reason is known'}. {conclusion.report}".strip())
    return conclusion


def _describe_reason(reason: dict[str, str]) -> str:
    check = reason.get("check", "")
    return f"{check}: {reason.get('message', '')}" if check else reason.get("message", "")


def _continue(aws: Aws, job: Job) -> dict[str, Any]:
    return _answer(
        "continued",
        lambda: aws.call("codepipeline", "put_job_success_result", jobId=job.id, continuationToken=job.name),
    )


def _succeed(aws: Aws, job: Job, conclusion: Conclusion) -> dict[str, Any]:
    details = {
        "summary": truncate(f"Succeeded: {conclusion.report}", MAX_SUMMARY_LENGTH),
        "externalExecutionId": job.name,
        "percentComplete": 100,
    }
    variables = {"report": conclusion.report}
    return _answer(
        "succeeded",
        lambda: aws.call(
            "codepipeline",
            "put_job_success_result",
            jobId=job.id,
            executionDetails=details,
            outputVariables=variables,
        ),
    )


def _fail(aws: Aws, job: Job, kind: str, message: str) -> dict[str, Any]:
    details = {"type": kind, "message": truncate(message, MAX_MESSAGE_LENGTH), "externalExecutionId": job.name}
    return _answer(
        "failed",
        lambda: aws.call("codepipeline", "put_job_failure_result", jobId=job.id, failureDetails=details),
    )


def _answer(status: str, put: Callable[[], Any]) -> dict[str, Any]:
    """Answer a job, and return its status; a job that is closed needs no answer."""
    result: dict[str, Any] = {"job": status}
    try:
        put()
    except AwsError as error:
        if error.code not in _CLOSED:
            raise
        return {**result, "closed": True}
    return result
