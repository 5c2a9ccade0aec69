"""Discovery of a deployment from its id."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from greenlight.aws.client import Aws
from greenlight.core.deployment import ROLLBACK_CREATORS, Platform
from greenlight.core.errors import AwsError, DeploymentEndedError, DiscoveryError
from greenlight.discovery.deployment import discover, is_answered
from tests.support.deployment_accounts import (
    ID,
    EcsAccount,
    discover_at_once,
    events,
    info,
    lambda_account,
)


def test_lambda_deployment_has_function_and_two_versions() -> None:
    discovered = discover_at_once(lambda_account())
    deployment = discovered.deployment
    assert (deployment.platform, deployment.application, deployment.group, deployment.creator) == (
        Platform.LAMBDA,
        "shop",
        "web",
        "user",
    )
    assert (deployment.function, deployment.alias) == ("orders", "live")
    assert (deployment.blue.version, deployment.green.version, deployment.region) == ("7", "8", "mars-west-1")
    assert "lambda_invoke" in deployment.green.no_url
    assert discovered.tags == {"greenlight:plan": "file:a.yaml"}
    assert deployment.notes == ()


def test_tags_are_read_in_the_groups_partition_to_the_last_page() -> None:
    pages: list[Any] = [
        {"Tags": [{"Key": "a", "Value": "1"}], "NextToken": "more"},
        {"Tags": [{"Key": "greenlight:plan", "Value": "ssm:/x"}]},
    ]
    account = lambda_account(codedeploy__list_tags_for_resource=pages)
    assert discover_at_once(account).tags == {"a": "1", "greenlight:plan": "ssm:/x"}
    calls = [parameters for name, parameters in account.calls if name == "codedeploy.list_tags_for_resource"]
    arn = "arn:aws-cn:codedeploy:mars-west-1:111122223333:deploymentgroup:shop/web"
    assert calls == [{"ResourceArn": arn}, {"ResourceArn": arn, "NextToken": "more"}]


@pytest.mark.parametrize("pages", [{}, [{"Tags": [], "NextToken": "more"}, {}]])
def test_a_response_without_a_list_of_tags_is_not_a_group_without_tags(pages: Any) -> None:
    """A tag may name a stricter plan than the one at the conventional place."""
    account = lambda_account(codedeploy__list_tags_for_resource=pages)
    with pytest.raises(AwsError, match="response to codedeploy:ListTagsForResource lacks Tags"):
        discover_at_once(account)


def test_a_group_without_content_is_not_a_group_that_does_not_exist() -> None:
    account = lambda_account(codedeploy__get_deployment_group={"deploymentGroupInfo": {}})
    with pytest.raises(AwsError, match="response to codedeploy:GetDeploymentGroup lacks deploymentGroupInfo"):
        discover_at_once(account)


@pytest.mark.parametrize("missing", ["functionName", "targetVersion"])
def test_target_without_function_or_version_is_an_error(missing: str) -> None:
    account = lambda_account()
    target: Any = account.table["codedeploy.batch_get_deployment_targets"]
    del target["deploymentTargets"][0]["lambdaTarget"]["lambdaFunctionInfo"][missing]
    with pytest.raises(DiscoveryError, match="which function and version"):
        discover_at_once(account)


def test_rollback_creators_are_those_of_codedeploys_model() -> None:
    model = botocore.session.get_session().get_service_model("codedeploy")
    creators = model.shape_for("DeploymentCreator").enum
    assert {name for name in creators if "rollback" in name.lower()} == set(ROLLBACK_CREATORS)


@pytest.mark.parametrize("creator", ROLLBACK_CREATORS)
def test_rollback_needs_no_further_call(creator: str) -> None:
    account = lambda_account(codedeploy__get_deployment=info("ECS", creator=creator))
    assert discover_at_once(account).deployment.creator == creator
    assert account.names() == ["codedeploy.get_deployment"]


@pytest.mark.parametrize("creator", ROLLBACK_CREATORS)
def test_rollback_that_is_checked_has_its_target(creator: str) -> None:
    account = lambda_account(codedeploy__get_deployment=info("Lambda", creator=creator))
    deployment = discover(Aws(account), ID, "BeforeAllowTraffic", rollback_target=True).deployment
    assert (deployment.function, deployment.green.version, deployment.is_rollback) == ("orders", "8", True)


@pytest.mark.parametrize("creator", ["user", "autoscaling", "CloudFormation", "CodeDeploy", "CodeDeployAutoUpdate", ""])
def test_deployment_of_another_creator_is_not_a_rollback(creator: str) -> None:
    account = lambda_account(codedeploy__get_deployment=info("Lambda", creator=creator))
    assert not discover_at_once(account).deployment.is_rollback


@pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped"])
def test_ended_deployment_is_reported(status: str) -> None:
    with pytest.raises(DeploymentEndedError, match=f"already {status}"):
        discover_at_once(lambda_account(codedeploy__get_deployment=info("ECS", status=status)))


@pytest.mark.parametrize("status", ["Created", "Queued", "InProgress", "Baking", "Ready"])
def test_every_other_status_is_a_running_deployment(status: str) -> None:
    assert (
        discover_at_once(lambda_account(codedeploy__get_deployment=info("Lambda", status=status))).deployment.id == ID
    )


@pytest.mark.parametrize("platform", ["Server", "Kubernetes"])
def test_unsupported_platform_is_an_error(platform: str) -> None:
    with pytest.raises(DiscoveryError, match=f"compute platform is {platform}"):
        discover_at_once(lambda_account(codedeploy__get_deployment=info(platform)))


def test_missing_target_is_waited_for() -> None:
    pauses: list[float] = []
    responses: list[Any] = ["DeploymentNotStartedException", {"targetIds": []}, {"targetIds": ["orders:live"]}]
    account = lambda_account(codedeploy__list_deployment_targets=responses)
    assert discover(Aws(account), ID, "BeforeAllowTraffic", pauses.append).deployment.function == "orders"
    assert pauses == [0.5, 1.0]


@pytest.mark.parametrize("response", ["DeploymentNotStartedException", {"targetIds": []}])
def test_wait_for_a_missing_target_is_limited(response: Any) -> None:
    pauses: list[float] = []
    account = lambda_account(codedeploy__list_deployment_targets=response)
    with pytest.raises((DiscoveryError, AwsError)):
        discover(Aws(account), ID, "BeforeAllowTraffic", pauses.append)
    assert sum(pauses) < 5


def test_stage_that_is_not_in_progress_yet_is_noted() -> None:
    account = lambda_account()
    target: Any = account.table["codedeploy.batch_get_deployment_targets"]
    target["deploymentTargets"][0]["lambdaTarget"]["lifecycleEvents"] = events(
        BeforeAllowTraffic="Pending", AfterAllowTraffic="Pending"
    )
    assert discover_at_once(account).deployment.notes == (
        "CodeDeploy did not show BeforeAllowTraffic as in progress yet",
    )


@pytest.mark.parametrize(
    ("states", "state"),
    [
        ({"BeforeAllowTraffic": "Succeeded", "AfterAllowTraffic": "InProgress"}, "AfterAllowTraffic is in progress"),
        ({"BeforeAllowTraffic": "Pending", "AfterAllowTraffic": "InProgress"}, "AfterAllowTraffic is in progress"),
        (
            {"BeforeAllowTraffic": "Succeeded", "AfterAllowTraffic": "Pending"},
            "BeforeAllowTraffic is already Succeeded",
        ),
        ({"BeforeAllowTraffic": "Failed"}, "BeforeAllowTraffic is already Failed"),
    ],
)
def test_hook_of_another_stage_is_an_error(states: dict[str, str], state: str) -> None:
    account = lambda_account()
    target: Any = account.table["codedeploy.batch_get_deployment_targets"]
    target["deploymentTargets"][0]["lambdaTarget"]["lifecycleEvents"] = events(**states)
    with pytest.raises(
        DiscoveryError, match=rf"this is the hook for BeforeAllowTraffic, but CodeDeploy reports that {state}"
    ):
        discover_at_once(account)


def test_cloudformation_deployment_needs_a_target_in_the_plan() -> None:
    target = {
        "deploymentTargetType": "CloudFormationTarget",
        "cloudFormationTarget": {"targetId": "x", "lifecycleEvents": []},
    }
    account = lambda_account(
        codedeploy__get_deployment=info("ECS", externalId="arn:stack"),
        codedeploy__batch_get_deployment_targets={"deploymentTargets": [target]},
        codedeploy__get_deployment_group="DeploymentGroupDoesNotExistException",
    )
    deployment = discover_at_once(account, "AfterAllowTestTraffic").deployment
    assert "target: {url: …}" in deployment.green.no_url
    assert any("no deployment group" in note for note in deployment.notes)


def test_unsupported_target_type_is_an_error() -> None:
    target = {"deploymentTargetType": "InstanceTarget", "instanceTarget": {}}
    with pytest.raises(DiscoveryError, match="InstanceTarget"):
        discover_at_once(lambda_account(codedeploy__batch_get_deployment_targets={"deploymentTargets": [target]}))


@pytest.mark.parametrize(
    ("operation", "action"),
    [
        ("codedeploy.get_deployment", "codedeploy:GetDeployment"),
        ("codedeploy.list_deployment_targets", "codedeploy:ListDeploymentTargets"),
        ("codedeploy.batch_get_deployment_targets", "codedeploy:BatchGetDeploymentTargets"),
        ("codedeploy.get_deployment_group", "codedeploy:GetDeploymentGroup"),
        ("codedeploy.list_tags_for_resource", "codedeploy:ListTagsForResource"),
        ("ecs.describe_services", "ecs:DescribeServices"),
        ("elbv2.describe_target_groups", "elasticloadbalancing:DescribeTargetGroups"),
    ],
)
def test_denied_call_names_the_missing_permission(operation: str, action: str) -> None:
    ecs = EcsAccount(**{operation.replace(".", "__"): "AccessDeniedException"})
    with pytest.raises(AwsError, match=rf"{action} was denied; you need that permission") as refused:
        ecs.discover()
    assert refused.value.code == "AccessDeniedException"


@pytest.mark.parametrize(("current", "first"), [("7", False), ("$LATEST", False), ("", True)])
def test_lambda_deployment_without_a_current_version_is_first(current: str, first: bool) -> None:
    account = lambda_account()
    target = account.table["codedeploy.batch_get_deployment_targets"]["deploymentTargets"][0]
    target["lambdaTarget"]["lambdaFunctionInfo"]["currentVersion"] = current

    assert discover_at_once(account).deployment.first is first


def test_throttled_call_is_reported() -> None:
    with pytest.raises(AwsError, match="codedeploy:GetDeployment failed with ThrottlingException"):
        discover_at_once(lambda_account(codedeploy__get_deployment="ThrottlingException"))


def target_with(**states: str) -> dict[str, Any]:
    """Return the response of BatchGetDeploymentTargets with these lifecycle events."""
    target = {"deploymentTargetType": "LambdaTarget", "lambdaTarget": {"lifecycleEvents": events(**states)}}
    return {"deploymentTargets": [target]}


@pytest.mark.parametrize("error", ["ThrottlingException", "AccessDeniedException", "DeploymentNotStartedException"])
def test_whether_a_stage_is_answered_is_unknown_after_an_error(error: str) -> None:
    account = lambda_account(codedeploy__batch_get_deployment_targets=error)
    with pytest.raises(AwsError, match=error):
        is_answered(Aws(account), ID, "BeforeAllowTraffic")


def test_a_response_without_targets_does_not_say_that_a_stage_is_open() -> None:
    account = lambda_account(codedeploy__batch_get_deployment_targets={})
    with pytest.raises(AwsError, match="lacks deploymentTargets"):
        is_answered(Aws(account), ID, "BeforeAllowTraffic")


@pytest.mark.parametrize("state", ["Pending", "InProgress", "Skipped", "Unknown", "Ready"])
def test_a_stage_is_open_until_it_has_succeeded_or_failed(state: str) -> None:
    states = {"BeforeAllowTraffic": state, "AfterAllowTraffic": "Failed"}
    account = lambda_account(codedeploy__batch_get_deployment_targets=target_with(**states))
    assert not is_answered(Aws(account), ID, "BeforeAllowTraffic")


@pytest.mark.parametrize("state", ["Succeeded", "Failed"])
def test_a_stage_that_has_ended_is_answered(state: str) -> None:
    account = lambda_account(codedeploy__batch_get_deployment_targets=target_with(BeforeAllowTraffic=state))
    assert is_answered(Aws(account), ID, "BeforeAllowTraffic")


@pytest.mark.parametrize("status", ["Succeeded", "Failed", "Stopped"])
def test_no_stage_of_an_ended_deployment_waits_for_an_answer(status: str) -> None:
    assert is_answered(
        Aws(lambda_account(codedeploy__get_deployment=info("Lambda", status=status))), ID, "AfterInstall"
    )
