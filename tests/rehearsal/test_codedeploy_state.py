"""CodeDeploy's rules for a hook's status: only the first counts, Succeeded or Failed, for existing ids."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from devkit.rehearsal.codedeploy_state import (
    CodeDeployState,
    DeploymentRecord,
    HookExecution,
    LifecycleEvent,
    ServiceError,
    create_deployment_id,
    create_execution_id,
)


@pytest.fixture
def state() -> CodeDeployState:
    return CodeDeployState()


@pytest.fixture
def execution(state: CodeDeployState) -> HookExecution:
    record = DeploymentRecord("d-ABCDEFGH1", "ecs", "shop", "web", "c", [LifecycleEvent("AfterInstall")], dict)
    state.add(record)
    return state.open_execution(record.id, "AfterInstall")


def code_of(state: CodeDeployState, *arguments: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        state.put_status(*arguments)
    return caught.value.code


def test_unknown_deployment_is_refused(state: CodeDeployState) -> None:
    assert code_of(state, "d-ZZZZZZZZ9", "x", "Succeeded") == "DeploymentDoesNotExistException"


@pytest.mark.parametrize("wrong", ["d-short", "d-abcdefghi", "x", 7, "d-ABCDEFGH1\n"])
def test_malformed_deployment_id_is_refused(state: CodeDeployState, wrong: Any) -> None:
    assert code_of(state, wrong, "x", "Succeeded") == "InvalidDeploymentIdException"


@pytest.mark.parametrize("missing", [None, ""])
def test_missing_deployment_id_is_refused(state: CodeDeployState, missing: Any) -> None:
    assert code_of(state, missing, "x", "Succeeded") == "DeploymentIdRequiredException"


@pytest.mark.parametrize("wrong", ["", None, "made-up", 5])
def test_unknown_execution_is_refused(state: CodeDeployState, execution: HookExecution, wrong: Any) -> None:
    assert (
        code_of(state, execution.deployment_id, wrong, "Succeeded") == "InvalidLifecycleEventHookExecutionIdException"
    )


def test_execution_of_another_deployment_is_refused(state: CodeDeployState, execution: HookExecution) -> None:
    state.add(DeploymentRecord("d-ABCDEFGH2", "ecs", "shop", "web", "c", [], dict))
    assert code_of(state, "d-ABCDEFGH2", execution.id, "Succeeded") == "InvalidLifecycleEventHookExecutionIdException"


@pytest.mark.parametrize("wrong", ["Success", "succeeded", "Skipped", "InProgress", "", None])
def test_any_other_status_is_refused(state: CodeDeployState, execution: HookExecution, wrong: Any) -> None:
    put = (execution.deployment_id, execution.id, wrong)
    assert code_of(state, *put) == "InvalidLifecycleEventHookExecutionStatusException"
    assert not execution.answered.is_set()


@pytest.mark.parametrize("second", ["Succeeded", "Failed"])
def test_the_first_status_counts_and_every_later_one_is_refused(
    state: CodeDeployState, execution: HookExecution, second: str
) -> None:
    assert state.put_status(execution.deployment_id, execution.id, "Failed", caller="me") == execution.id
    assert code_of(state, execution.deployment_id, execution.id, second) == "LifecycleEventAlreadyCompletedException"
    assert (execution.status, execution.answered_by) == ("Failed", "me")


def test_closed_execution_accepts_no_status(state: CodeDeployState, execution: HookExecution) -> None:
    state.close_execution(execution)
    put = (execution.deployment_id, execution.id, "Succeeded")
    assert code_of(state, *put) == "LifecycleEventAlreadyCompletedException"
    assert execution.status == ""


def test_ids_have_the_form_of_codedeploys_ids() -> None:
    assert re.fullmatch(r"d-[A-Z0-9]{9}", create_deployment_id())
    token = json.loads(base64.b64decode(create_execution_id()))
    assert set(token) == {"encryptedData", "ivParameterSpec", "materialSetSerial"}
