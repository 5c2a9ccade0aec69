"""CodeDeploy's rules for a hook's status: only the first counts, Succeeded or Failed, for existing ids."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest

from devkit.rehearsal.codedeploy_state import (
    Entry,
    Execution,
    Ledger,
    Record,
    ServiceError,
    new_deployment_id,
    new_execution_id,
)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def execution(ledger: Ledger) -> Execution:
    record = Record("d-ABCDEFGH1", "ecs", "shop", "web", "c", [Entry("AfterInstall")], dict)
    ledger.add(record)
    return ledger.open(record.id, "AfterInstall")


def code_of(ledger: Ledger, *arguments: Any) -> str:
    with pytest.raises(ServiceError) as caught:
        ledger.put(*arguments)
    return caught.value.code


def test_unknown_deployment_is_refused(ledger: Ledger) -> None:
    assert code_of(ledger, "d-ZZZZZZZZ9", "x", "Succeeded") == "DeploymentDoesNotExistException"


@pytest.mark.parametrize("wrong", ["d-short", "d-abcdefghi", "x", 7, "d-ABCDEFGH1\n"])
def test_malformed_deployment_id_is_refused(ledger: Ledger, wrong: Any) -> None:
    assert code_of(ledger, wrong, "x", "Succeeded") == "InvalidDeploymentIdException"


@pytest.mark.parametrize("missing", [None, ""])
def test_missing_deployment_id_is_refused(ledger: Ledger, missing: Any) -> None:
    assert code_of(ledger, missing, "x", "Succeeded") == "DeploymentIdRequiredException"


@pytest.mark.parametrize("wrong", ["", None, "made-up", 5])
def test_unknown_execution_is_refused(ledger: Ledger, execution: Execution, wrong: Any) -> None:
    assert (
        code_of(ledger, execution.deployment_id, wrong, "Succeeded") == "InvalidLifecycleEventHookExecutionIdException"
    )


def test_execution_of_another_deployment_is_refused(ledger: Ledger, execution: Execution) -> None:
    ledger.add(Record("d-ABCDEFGH2", "ecs", "shop", "web", "c", [], dict))
    assert code_of(ledger, "d-ABCDEFGH2", execution.id, "Succeeded") == "InvalidLifecycleEventHookExecutionIdException"


@pytest.mark.parametrize("wrong", ["Success", "succeeded", "Skipped", "InProgress", "", None])
def test_any_other_status_is_refused(ledger: Ledger, execution: Execution, wrong: Any) -> None:
    put = (execution.deployment_id, execution.id, wrong)
    assert code_of(ledger, *put) == "InvalidLifecycleEventHookExecutionStatusException"
    assert not execution.answered.is_set()


@pytest.mark.parametrize("second", ["Succeeded", "Failed"])
def test_the_first_status_counts_and_every_later_one_is_refused(
    ledger: Ledger, execution: Execution, second: str
) -> None:
    assert ledger.put(execution.deployment_id, execution.id, "Failed", caller="me") == execution.id
    assert code_of(ledger, execution.deployment_id, execution.id, second) == "LifecycleEventAlreadyCompletedException"
    assert (execution.status, execution.answered_by) == ("Failed", "me")


def test_closed_execution_accepts_no_status(ledger: Ledger, execution: Execution) -> None:
    ledger.close(execution)
    put = (execution.deployment_id, execution.id, "Succeeded")
    assert code_of(ledger, *put) == "LifecycleEventAlreadyCompletedException"
    assert execution.status == ""


def test_ids_have_the_form_of_codedeploys_ids() -> None:
    assert re.fullmatch(r"d-[A-Z0-9]{9}", new_deployment_id())
    token = json.loads(base64.b64decode(new_execution_id()))
    assert set(token) == {"encryptedData", "ivParameterSpec", "materialSetSerial"}
