"""moto's interpreter of state machines, corrected where it differs from AWS Step Functions.

Importing this module takes two seconds, because moto's parser is large; import it only when a machine starts.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError
from moto.core.config import default_user_config
from moto.stepfunctions.parser.api import HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.retry.jitter_strategy_decl import JitterStrategyDecl
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSecondsPath
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.lambda_eval_utils import (
    LambdaFunctionErrorException,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_aws_sdk import (
    StateTaskServiceAwsSdk,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_factory import (
    state_task_service_for,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_lambda import (
    StateTaskServiceLambda,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sfn import (
    StateTaskServiceSfn,
)
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction

from greenlight.core.clock import SYSTEM_CLOCK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_POLL_S = 0.05
_MIN_TIMEOUT_S = 10
"""Shortest scaled time-out: the function of the state runs in real time."""
_SERVICE_NAMES = {"codedeploy": "CodeDeploy"}
_NEVER_CAUGHT_BY_ALL = ("States.Runtime", "States.DataLimitExceeded")
"""Errors that States.ALL does not catch.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
"""


class TimeScales(NamedTuple):
    """Factors for the waits of state machines.

    Attributes:
        states: Factors for waits and for time-outs by path, by the name of the state; 1 for others.
        retries: Factor for the waits before repeated tasks.
    """

    states: Mapping[str, float]
    retries: float


@contextlib.contextmanager
def corrected_interpreter(client: Callable[[str, str], Any], scales: TimeScales) -> Iterator[None]:
    """Run state machines in moto, with corrections, until the end of the context.

    Five attributes of moto are replaced, and restored at the end. There is no other way in: moto builds the parts of a
    machine from a grammar, without a parameter for their classes.

    Args:
        client: Returns the client of a service with the role of a state machine, by the machine's name.
        scales: Factors for waits.
    """
    create_task = state_task_service_for
    jitter = JitterStrategyDecl._eval_body  # noqa: SLF001 - the original, which the replacement calls
    timeout = TimeoutSecondsPath._eval_seconds  # noqa: SLF001 - the same

    def create_corrected_task(service_name: str) -> Any:
        if service_name not in _TASKS:
            return create_task(service_name)
        task = _TASKS[service_name]()
        task.client = client
        return task

    def wait(_function: Any, env: Any, wait_seconds: float) -> None:
        scale = scales.states.get(env.states.context_object.context_object_data["State"]["Name"], 1.0)
        end = time.monotonic() + wait_seconds * scale
        while env.is_running() and (remaining_s := end - time.monotonic()) > 0:
            env.program_state_event.wait(remaining_s)

    def evaluate_timeout(path: Any, env: Any) -> int:
        timeout_s: int = timeout(path, env)
        scale = scales.states.get(env.states.context_object.context_object_data["State"]["Name"], 1.0)
        return timeout_s if scale == 1 else max(_MIN_TIMEOUT_S, math.ceil(timeout_s * scale))

    def add_jitter(declaration: Any, env: Any) -> None:
        jitter(declaration, env)
        env.stack.append(env.stack.pop() * scales.retries)

    replaced = (
        (state_task_factory, "state_task_service_for", create_corrected_task),
        (WaitFunction, "_wait_interval", wait),
        (JitterStrategyDecl, "_eval_body", add_jitter),
        (TimeoutSecondsPath, "_eval_seconds", evaluate_timeout),
        (ErrorEqualsDecl, "_eval_body", _matches_error),
    )
    original = [(owner, name, getattr(owner, name)) for owner, name, _ in replaced]
    config, logger = default_user_config["stepfunctions"], logging.getLogger("moto.stepfunctions")
    level = logger.level
    try:
        for owner, name, replacement in replaced:
            setattr(owner, name, replacement)
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        logger.setLevel(logging.CRITICAL)  # it logs every error that a machine catches
        yield
    finally:
        for owner, name, value in original:
            setattr(owner, name, value)
        default_user_config["stepfunctions"] = config
        logger.setLevel(level)


def _matches_error(declaration: Any, env: Any) -> None:
    """Match an error as moto does, except that States.ALL does not match the errors that it cannot catch on AWS."""
    error_name = env.stack[-1]
    if getattr(error_name, "error_name", error_name) in _NEVER_CAUGHT_BY_ALL:
        env.stack.pop()
        env.stack.append(error_name in declaration.error_names)
    else:
        _MATCH_ERROR(declaration, env)


_MATCH_ERROR = ErrorEqualsDecl._eval_body  # noqa: SLF001 - the original, which the replacement calls


def _call(task: Any, env: Any, parameters: dict[str, Any]) -> None:
    """Call an operation with the parameters of a state, which are PascalCase whatever the service's API uses."""
    client = task.client(task._get_boto_service_name(), _machine_name(env))  # noqa: SLF001 - no public name
    action = task._get_boto_service_action()  # noqa: SLF001
    operation = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[action])
    task._to_boto_request(parameters, operation.input_shape)  # noqa: SLF001
    response = getattr(client, action)(**parameters)
    response.pop("ResponseMetadata", None)
    if not response:  # botocore accepts a response that ends too early; AWS's client does not
        raise ConnectionClosedError(endpoint_url=client.meta.endpoint_url)
    task._from_boto_response(response, operation.output_shape)  # noqa: SLF001
    env.stack.append(response)


def _machine_name(env: Any) -> str:
    return str(env.states.context_object.context_object_data["StateMachine"]["Name"])


class _AwsSdkTask(StateTaskServiceAwsSdk):
    """Task `aws-sdk:SERVICE:OPERATION`."""

    client: Callable[[str, str], Any]

    def _eval_service_task(self, env: Any, *_arguments: Any, **keywords: Any) -> None:
        _call(self, env, keywords["normalised_parameters"])

    def _from_error(self, env: Any, ex: Exception) -> Any:
        service = _SERVICE_NAMES.get(self.resource.api_name, self.resource.api_name)
        if isinstance(ex, ClientError):
            code = ex.response["Error"]["Code"]
            return self._get_task_failure_event(
                env, f"{service}.{code.removesuffix('Exception')}Exception", ex.response["Error"]["Message"]
            )
        if isinstance(ex, BotoCoreError):
            return self._get_task_failure_event(env, f"{service}.SdkClientException", str(ex))
        return super()._from_error(env=env, ex=ex)


class _LambdaTask(StateTaskServiceLambda):
    """Task `lambda:invoke`."""

    client: Callable[[str, str], Any]

    def _eval_service_task(self, env: Any, *_arguments: Any, **keywords: Any) -> None:
        response = self.client("lambda", _machine_name(env)).invoke(**keywords["normalised_parameters"])
        payload = json.loads(response["Payload"].read())
        if error := response.get("FunctionError"):
            raise LambdaFunctionErrorException(error, json.dumps(payload))
        env.stack.append({"StatusCode": response["StatusCode"], "Payload": payload})

    def _from_error(self, env: Any, ex: Exception) -> Any:
        if isinstance(ex, BotoCoreError):
            response = {"Error": {"Code": "SdkClientException", "Message": str(ex)}, "ResponseMetadata": _NO_METADATA}
            ex = ClientError(response, "Invoke")  # type: ignore[arg-type]
        return super()._from_error(env=env, ex=ex)


_NO_METADATA = {"HTTPStatusCode": 0, "RequestId": ""}


class _ExecutionTask(StateTaskServiceSfn):
    """Task `states:startExecution.sync:2`, which waits for the end of the execution that it starts."""

    client: Callable[[str, str], Any]

    def _eval_service_task(self, env: Any, *_arguments: Any, **keywords: Any) -> None:
        _call(self, env, keywords["normalised_parameters"])

    def _build_sync2_resolver(self, env: Any, *_arguments: Any, **_keywords: Any) -> Callable[[], Any]:
        client = self.client("stepfunctions", _machine_name(env))
        execution = env.stack.pop()["ExecutionArn"]

        def wait_for_end() -> Any:
            while env.is_running():
                description = client.describe_execution(executionArn=execution)
                if description["status"] == "SUCCEEDED":
                    output = json.loads(description["output"])
                    return {"Status": "SUCCEEDED", "ExecutionArn": execution, "Output": output}
                if description["status"] != "RUNNING":
                    raise FailureEventException(self._failure(env, description["status"]))
                SYSTEM_CLOCK.sleep(_POLL_S)
            return None

        return wait_for_end

    def _failure(self, env: Any, status: str) -> Any:
        error = StatesErrorNameType.StatesTaskFailed
        details: Any = {
            "taskFailedEventDetails": {
                "error": error.to_name(),
                "cause": f"the execution ended with status {status}",
                "resource": self._get_sfn_resource(),
                "resourceType": self._get_sfn_resource_type(),
            }
        }
        return FailureEvent(
            env=env,
            error_name=StatesErrorName(typ=error),
            event_type=HistoryEventType.TaskFailed,
            event_details=details,
        )


_TASKS: Mapping[str, Callable[[], Any]] = {
    "aws-sdk": _AwsSdkTask,
    "lambda": _LambdaTask,
    "states": _ExecutionTask,
}
