"""The deployment of a gate that a caller other than CodeDeploy starts: the latest, and one that has not failed."""

from __future__ import annotations

from typing import Any

import pytest

from greenlight.aws.client import Aws
from greenlight.core.errors import AwsError, DeploymentEndedError, DiscoveryError
from greenlight.machine.callers import check_current, find_latest
from tests.support.account import Account
from tests.support.deployment_accounts import ID, info

OTHER = "d-OTHER1234"


def group(last: str = "") -> dict[str, Any]:
    attempt = {"lastAttemptedDeployment": {"deploymentId": last}} if last else {}
    return {"deploymentGroupInfo": {"deploymentGroupName": "web", **attempt}}


def account(running: Any = (), last: str = "", **table: Any) -> Aws:
    responses: dict[str, Any] = {
        "codedeploy.list_deployments": running if isinstance(running, str) else {"deployments": list(running)},
        "codedeploy.get_deployment_group": group(last),
        "codedeploy.get_deployment": info("Lambda", **table),
    }
    return Aws(Account(responses))


@pytest.mark.parametrize("code", ["ApplicationDoesNotExistException", "DeploymentGroupDoesNotExistException"])
def test_group_that_does_not_exist_is_an_error(code: str) -> None:
    with pytest.raises(DiscoveryError, match="no deployment group shop/web"):
        find_latest(account(code), "shop", "web")


def test_group_without_a_deployment_is_an_error() -> None:
    with pytest.raises(DiscoveryError, match="has no deployment yet"):
        find_latest(account(), "shop", "web")


def test_several_running_deployments_are_an_error_with_their_names() -> None:
    with pytest.raises(DiscoveryError, match=f"{ID}, {OTHER}.*name one of them"):
        find_latest(account([OTHER, ID]), "shop", "web")


def test_denied_call_is_an_error() -> None:
    with pytest.raises(AwsError, match="codedeploy:ListDeployments"):
        find_latest(account("AccessDeniedException"), "shop", "web")


def test_response_without_a_list_is_not_a_group_in_which_nothing_runs() -> None:
    services = Account({"codedeploy.list_deployments": {}, "codedeploy.get_deployment_group": group(ID)})
    with pytest.raises(AwsError, match="lacks deployments"):
        find_latest(Aws(services), "shop", "web")


def test_running_deployment_is_the_latest_and_else_the_last_attempt() -> None:
    assert find_latest(account([ID], last=OTHER), "shop", "web") == ID
    assert find_latest(account(last=OTHER), "shop", "web") == OTHER


@pytest.mark.parametrize("status", ["Failed", "Stopped"])
def test_deployment_that_has_failed_is_not_current(status: str) -> None:
    with pytest.raises(DeploymentEndedError, match=f"is {status}"):
        check_current(account(last=ID, status=status), ID)


@pytest.mark.parametrize(("running", "last"), [([OTHER], ID), ([], OTHER)])
def test_deployment_that_another_has_followed_is_not_current(running: list[str], last: str) -> None:
    with pytest.raises(DeploymentEndedError, match=f"{OTHER} has followed {ID}"):
        check_current(account(running, last, status="Succeeded"), ID)


@pytest.mark.parametrize("status", ["Succeeded", "InProgress", "Ready", "Baking"])
def test_latest_deployment_is_current(status: str) -> None:
    check_current(account(last=ID, status=status), ID)
