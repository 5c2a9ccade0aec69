"""Operations that moto lacks, called through boto3, whose models parse every answer."""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from devkit.rehearsal.aws import elbv2
from devkit.rehearsal.aws.codedeploy import CodeDeployApi
from devkit.rehearsal.aws.ecs import EcsApi, TaskSet
from devkit.rehearsal.aws.lambdas import LambdaApi
from devkit.rehearsal.aws.server import LocalAws
from devkit.rehearsal.codedeploy_state import CodeDeployState, DeploymentRecord, HookExecution, LifecycleEvent
from devkit.rehearsal.functions import LocalLambda

if TYPE_CHECKING:
    from collections.abc import Iterator


TARGET = {
    "deploymentTargetType": "LambdaTarget",
    "lambdaTarget": {
        "targetId": "f:live",
        "lambdaFunctionInfo": {
            "functionName": "f",
            "functionAlias": "live",
            "currentVersion": "1",
            "targetVersion": "2",
        },
    },
}


@dataclass
class Stand:
    """One deployment that waits for a hook's status."""

    aws: LocalAws
    codedeploy: CodeDeployApi
    record: DeploymentRecord
    execution: HookExecution
    client: Any


@pytest.fixture
def stand(aws: LocalAws) -> Iterator[Stand]:
    state = CodeDeployState()
    entries = [
        LifecycleEvent("BeforeAllowTraffic", "InProgress", started=1_700_000_000.5),
        LifecycleEvent("AllowTraffic"),
    ]
    target = {**TARGET, "lambdaTarget": dict(TARGET["lambdaTarget"])}  # type: ignore[call-overload]
    record = DeploymentRecord("d-ABCDEFGH1", "lambda", "shop", "web", "c", entries, lambda: target, status="InProgress")
    state.add(record)
    codedeploy = CodeDeployApi(state, alarms=("too slow",))
    aws.reset([codedeploy, LambdaApi(LocalLambda())])
    yield Stand(
        aws, codedeploy, record, state.open_execution(record.id, "BeforeAllowTraffic"), aws.client("codedeploy")
    )
    aws.reset()


def code_of(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    return str(caught.value.response["Error"]["Code"])


def test_wrong_status_is_refused_with_codedeploys_error(stand: Stand) -> None:
    put = stand.client.put_lifecycle_event_hook_execution_status
    ids = {"deploymentId": stand.record.id, "lifecycleEventHookExecutionId": stand.execution.id}
    assert code_of(put, **ids, status="Skipped") == "InvalidLifecycleEventHookExecutionStatusException"
    assert code_of(put, **ids | {"deploymentId": "d-AAAAAAAAA"}, status="Failed") == "DeploymentDoesNotExistException"
    unknown_execution = ids | {"lifecycleEventHookExecutionId": "x"}
    assert code_of(put, **unknown_execution, status="Failed") == "InvalidLifecycleEventHookExecutionIdException"
    assert put(**ids, status="Failed")["lifecycleEventHookExecutionId"] == stand.execution.id
    assert code_of(put, **ids, status="Failed") == "LifecycleEventAlreadyCompletedException"


def test_deployment_and_its_target_can_be_read(stand: Stand) -> None:
    info = stand.client.get_deployment(deploymentId=stand.record.id)["deploymentInfo"]
    assert (info["computePlatform"], info["status"], info["creator"]) == ("Lambda", "InProgress", "user")
    target_ids = stand.client.list_deployment_targets(deploymentId=stand.record.id)["targetIds"]
    (target,) = stand.client.batch_get_deployment_targets(deploymentId=stand.record.id, targetIds=target_ids)[
        "deploymentTargets"
    ]
    event, waiting = target["lambdaTarget"]["lifecycleEvents"]
    assert (event["lifecycleEventName"], event["status"]) == ("BeforeAllowTraffic", "InProgress")
    assert event["startTime"].year == 2023
    assert waiting["status"] == "Pending"
    single = stand.client.get_deployment_target(deploymentId=stand.record.id, targetId=target_ids[0])[
        "deploymentTarget"
    ]
    assert single == target
    assert (
        code_of(stand.client.get_deployment_target, deploymentId=stand.record.id, targetId="other")
        == "DeploymentTargetDoesNotExistException"
    )


def test_running_event_can_be_shown_late(stand: Stand) -> None:
    stand.codedeploy.late_s = 1e9
    arguments = {"deploymentId": stand.record.id, "targetIds": ["f:live"]}
    (target,) = stand.client.batch_get_deployment_targets(**arguments)["deploymentTargets"]
    assert [event["status"] for event in target["lambdaTarget"]["lifecycleEvents"]] == ["Pending", "Pending"]


def test_deployment_can_be_stopped_until_it_has_ended(stand: Stand) -> None:
    assert stand.client.stop_deployment(deploymentId=stand.record.id)["status"] == "Pending"
    assert stand.record.stop_requested
    stand.record.completed = 1.0
    stand.record.status = "Succeeded"
    assert code_of(stand.client.stop_deployment, deploymentId=stand.record.id) == "DeploymentAlreadyCompletedException"


def test_deployment_group_lists_its_alarms(stand: Stand) -> None:
    stand.client.create_application(applicationName="shop", computePlatform="Lambda")
    stand.client.create_deployment_group(applicationName="shop", deploymentGroupName="web", serviceRoleArn="arn:x")
    group = stand.client.get_deployment_group(applicationName="shop", deploymentGroupName="web")["deploymentGroupInfo"]
    assert group["alarmConfiguration"]["alarms"] == [{"name": "too slow"}]
    assert (
        code_of(stand.client.get_deployment_group, applicationName="shop", deploymentGroupName="other")
        == "DeploymentGroupDoesNotExistException"
    )


def test_unknown_function_and_concurrency_are_not_found(stand: Stand) -> None:
    client = stand.aws.client("lambda")
    assert code_of(client.invoke, FunctionName="nobody", Qualifier="2") == "ResourceNotFoundException"
    function = {"FunctionName": "f", "Qualifier": "2"}
    assert (
        code_of(client.get_provisioned_concurrency_config, **function)
        == "ProvisionedConcurrencyConfigNotFoundException"
    )


def test_exception_in_a_service_is_an_internal_failure_without_a_traceback(
    stand: Stand, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_arguments: Any) -> None:
        raise KeyError("a mistake in the rehearsal")

    stand.aws.reset([broken])
    assert code_of(stand.client.get_deployment, deploymentId=stand.record.id) == "InternalFailure"
    assert "Traceback" not in capfd.readouterr().err


def test_service_lists_its_task_sets(aws: LocalAws) -> None:
    task_set = TaskSet("ecs-svc/1", "c", "web", "arn:task:2", "arn:group", "web", 8080, external_id="d-ABCDEFGH1")
    aws.reset([EcsApi([task_set])])
    client = aws.client("ecs")
    client.create_cluster(clusterName="c")
    client.create_service(cluster="c", serviceName="web", desiredCount=1, deploymentController={"type": "CODE_DEPLOY"})
    (service,) = client.describe_services(cluster="c", services=["web"])["services"]
    (described,) = service["taskSets"]
    assert (described["externalId"], described["taskDefinition"], described["status"]) == (
        "d-ABCDEFGH1",
        "arn:task:2",
        "ACTIVE",
    )
    assert described["loadBalancers"][0]["targetGroupArn"] == "arn:group"


@pytest.mark.parametrize(
    ("codes", "status", "healthy"), [("200", 200, True), ("200,301", 302, False), ("200-299", 204, True)]
)
def test_matcher_accepts_the_code_lists_of_aws(codes: str, status: int, healthy: bool) -> None:
    assert elbv2.matches(codes, status) is healthy


def test_target_without_a_listening_process_is_unhealthy() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    group = SimpleNamespace(health_check_protocol="HTTP", health_check_path="/", matcher={"HttpCode": "200"})
    health = elbv2.probe(group, "127.0.0.1", port)
    assert (health.state, health.reason) == ("unhealthy", "Target.FailedHealthChecks")


def test_aws_settings_of_this_machine_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_PROFILE", "nobody"), ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), ("AWS_REGION", "mars")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    local = LocalAws()
    local.start()
    try:
        assert local.client("s3").list_buckets()["Buckets"] == []
    finally:
        local.stop()
    assert os.environ["AWS_PROFILE"] == "nobody"
